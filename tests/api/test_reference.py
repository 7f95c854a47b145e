"""The pages that show the API's description."""

import re
from pathlib import Path

import pytest

from tests.server import Client, serving

PAGES = ("/docs", "/redoc")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_names_no_other_host_and_runs_no_script_of_its_own(client: Client, path: str) -> None:
    page = client.http.get(path)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "//" not in page.text.replace('img[src^="https:"]', "")
    assert re.findall(r"<script(?! src=)", page.text) == []
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("path", PAGES)
def test_every_file_of_a_page_is_served_with_its_type_and_kept(client: Client, path: str) -> None:
    links = re.findall(r'(?:src|href)="(docs/[^"]+)"', client.http.get(path).text)

    assert len(links) >= 2
    for link in links:
        response = client.http.get(f"/{link}")

        kind = "text/css" if ".css" in link else "text/javascript"
        assert (response.status_code, response.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["x-content-type-options"] == "nosniff"
        again = client.http.get(f"/{link}", headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", response.headers["etag"])


def test_a_link_without_its_version_is_asked_for_again(client: Client) -> None:
    assert client.http.get("/docs/assets/swagger-init.js").headers["cache-control"] == "no-cache"
    assert client.http.get("/docs/assets/swagger-init.js?v=other").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["nothing.js", "favicon.png", "..%2f__init__.py", "%2e%2e%2fcore.py", "swagger-ui.css%00"]
)
def test_no_other_file_is_served(client: Client, name: str) -> None:
    response = client.http.get(f"/docs/assets/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_without_the_files_a_page_says_how_to_get_them_and_the_document_is_there(tmp_path: Path) -> None:
    empty = tmp_path / "packages" / "fastapi_offline"
    empty.mkdir(parents=True)
    (empty / "__init__.py").write_text("raise SystemExit('this package must not be imported')\n")

    with serving(tmp_path / "chats", environment={"PYTHONPATH": str(empty.parent)}) as server:
        for path in PAGES:
            page = server.client.http.get(path)
            assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
            assert "pip install --no-deps fastapi-offline==" in page.text
        assert server.client.http.get("/docs/assets/swagger-ui.css").json()["code"] == "not_found"
        assert server.client.http.get("/openapi.json").status_code == 200
