"""A service at its own address, through a proxy and with a certificate as the environment says; and what it costs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.certificates import Authority
from tests.forward_proxy import ForwardProxy, forward_proxy
from tests.llm_service import LlmService, llm_service
from tests.server import Server, eventually, refusal, serving

HOST = "api.openai.com"
MODEL = "gpt-4o-mini"  # 0.15, 0.075 and 0.60 dollars for a million tokens: asked, asked again, answered
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 400}}


class Known(NamedTuple):
    """A server that calls `service` for OpenAI, through `proxy`."""

    server: Server
    service: LlmService
    proxy: ForwardProxy

    def models(self, provider: str = "openai") -> list[dict[str, Any]]:
        """What it says about models."""
        answer = self.server.client.http.get("/api/llm/models", params={"provider": provider}).json()
        rows: list[dict[str, Any]] = answer["models"]
        return rows


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    folder = tmp_path_factory.mktemp("known")
    authority = Authority(folder)
    with llm_service(tls=authority.context_of(HOST)) as service, forward_proxy(service.port) as proxy:
        service.models = ["gpt-4o-mini", "of-tomorrow"]
        environment = {
            "OPENAI_API_KEY": "sk-test",
            "HTTPS_PROXY": proxy.url,
            "SSL_CERT_FILE": str(authority.file),
            "CHATKEEP_PROVIDER": "openai",
        }
        with serving(folder / "chats", environment=environment) as server:
            case = Known(server, service, proxy)
            eventually(lambda: len(case.models()) == 2 and case.models()[0]["input_usd_per_mtok"] is not None)
            yield case


def test_a_service_is_reached_through_the_proxy_and_trusted_by_the_certificates_of_the_environment(
    known: Known,
) -> None:
    assert known.server.client.send("hello", "through").json()["response"] == "all is well"
    assert known.proxy.lines() == {f"CONNECT {HOST}:443 HTTP/1.1"}
    assert "sk-test" not in "".join(known.proxy.asked)


def test_models_are_listed_with_windows_and_prices_as_far_as_they_are_known(known: Known) -> None:
    assert known.models() == [
        {
            "id": "openai/gpt-4o-mini",
            "provider": "openai",
            "model": "gpt-4o-mini",
            "context_tokens": 128_000,
            "input_usd_per_mtok": 0.15,
            "output_usd_per_mtok": 0.6,
            "can_prefill": False,
            "can_see": None,
        },
        {
            "id": "openai/of-tomorrow",
            "provider": "openai",
            "model": "of-tomorrow",
            "context_tokens": None,
            "input_usd_per_mtok": None,
            "output_usd_per_mtok": None,
            "can_prefill": False,
            "can_see": None,
        },
    ]


def test_a_turn_tells_its_cost_in_the_answer_the_event_the_file_and_the_metrics(known: Known) -> None:
    known.service.usage = USAGE
    client = known.server.client
    before = _metric(known)
    answer = client.send("hello", "cost").json()
    done = client.follow(answer["run_id"])[-1].fields
    generated = client.http.post("/api/llm/generate", json={"prompt": "hello"}).json()

    cached = answer["usage"].get("cached_tokens", 0)
    cost = ((1000 - cached) * 0.15 + cached * 0.075 + 500 * 0.6) / 1e6
    assert answer["stats"]["cost_usd"] == pytest.approx(cost)
    assert done["stats"]["cost_usd"] == answer["stats"]["cost_usd"]
    assert known.server.stored_messages("cost")[-1]["stats"]["cost_usd"] == answer["stats"]["cost_usd"]
    assert generated["stats"]["cost_usd"] == answer["stats"]["cost_usd"]
    assert _metric(known) - before == pytest.approx(2 * cost)


def test_an_estimated_usage_has_a_cost_too_and_an_unknown_model_has_none(known: Known) -> None:
    known.service.usage = None
    estimated = known.server.client.send("hello", "estimated").json()
    unknown = known.server.client.send("hello", "unknown", model="of-tomorrow").json()

    assert estimated["usage"]["estimated"] is True
    assert 0 < estimated["stats"]["cost_usd"] < 1e-4
    assert "cost_usd" not in unknown["stats"]
    assert "cost_usd" not in json.dumps(known.server.stored("unknown"))


def _metric(known: Known) -> float:
    page = known.server.client.http.get("/metrics").text
    start = 'chatkeep_cost_usd_total{provider="openai"} '
    return next((float(line.removeprefix(start)) for line in page.splitlines() if line.startswith(start)), 0.0)


def test_without_its_authority_a_service_is_not_trusted_and_gets_no_key(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with llm_service(tls=authority.context_of(HOST)) as service, forward_proxy(service.port) as proxy:
        environment = {"OPENAI_API_KEY": "sk-test", "OPENAI_MODEL": MODEL, "https_proxy": proxy.url}
        with serving(tmp_path / "chats", environment=environment) as server:
            answer = server.client.send("hello", "a", provider="openai")

    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert "certificate" in answer.json()["detail"]
    assert (service.calls, service.lists) == (0, 0)


def test_a_service_is_called_directly_when_no_proxy_names_it_while_another_goes_through_one(tmp_path: Path) -> None:
    with llm_service("127.0.0.2") as near, llm_service() as far, forward_proxy(far.port) as proxy:
        environment = {
            "ACME_BASE_URL": near.url,
            "ACME_MODEL": "m",
            "OTHER_BASE_URL": "http://llm.test/v1",
            "OTHER_MODEL": "m",
            "HTTP_PROXY": proxy.url,
            "NO_PROXY": "example.org,127.0.0.2",
        }
        with serving(tmp_path / "chats", environment=environment) as server:
            answers = [server.client.send("hello", name, provider=name).json() for name in ("acme", "other")]

    assert [answer["response"] for answer in answers] == ["all is well"] * 2
    assert (near.calls, far.calls) == (1, 1)
    assert all(line.split()[1].startswith("http://llm.test/") for line in proxy.lines())


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_stop_the_start_in_one_line(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)

    code, said = refusal(tmp_path / "chats", environment={"SSL_CERT_FILE": str(file)})

    assert code == 1
    assert "SSL_CERT_FILE: its certificates cannot be read" in said
    assert "Traceback" not in said


def test_a_service_without_tls_is_asked_of_the_proxy_by_its_whole_address(tmp_path: Path) -> None:
    with llm_service() as service, forward_proxy(service.port) as proxy:
        with_password = proxy.url.replace("http://", "user:pass%40word@")  # as curl takes it too
        environment = {"ACME_BASE_URL": "http://llm.test/v1", "ACME_MODEL": "m", "HTTP_PROXY": with_password}
        with serving(tmp_path / "chats", environment=environment) as server:
            answer = server.client.send("hello", "a", provider="acme").json()

    assert answer["response"] == "all is well"
    assert proxy.lines() <= {
        f"{method} http://llm.test/v1/{path} HTTP/1.1"
        for method, path in (("GET", "models"), ("POST", "chat/completions"))
    }
    assert all("Proxy-Authorization: Basic dXNlcjpwYXNzQHdvcmQ=" in head for head in proxy.asked)


@pytest.mark.parametrize(
    "proxy", ["socks5://user:hunter2@127.0.0.1:1080", "ftp://user:hunter2@x", "::hunter2::", "http://"]
)
def test_a_proxy_that_is_no_http_proxy_stops_the_start_in_one_line_that_shows_no_password(
    tmp_path: Path, proxy: str
) -> None:
    environment = {"ACME_BASE_URL": "http://llm.test/v1", "ACME_MODEL": "m", "HTTP_PROXY": proxy}

    code, said = refusal(tmp_path / "chats", environment=environment)

    assert code == 1
    assert "HTTP_PROXY: it must be the address of an HTTP proxy" in said
    assert "hunter2" not in said
    assert "Traceback" not in said


def test_a_proxy_that_is_of_no_use_here_stops_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", environment={"HTTP_PROXY": "socks5://127.0.0.1:1080"}) as server:
        assert server.client.send("hello").status_code == 200


def test_a_proxy_that_is_not_there_is_an_error_that_shows_no_password(tmp_path: Path) -> None:
    environment = {
        "ACME_BASE_URL": "http://llm.test/v1",
        "ACME_MODEL": "m",
        "HTTP_PROXY": "http://user:hunter2@127.0.0.1:9",
    }
    with serving(tmp_path / "chats", environment=environment) as server:
        answer = server.client.send("hello", "a", provider="acme")
        log = server.log

    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert "hunter2" not in answer.text + log


_HOSTS = ("base_url", "api_base", "host", "endpoint", "url", "api_key", "headers")


def test_no_field_of_a_request_chooses_a_host(tmp_path: Path) -> None:
    with llm_service() as service, llm_service() as elsewhere:
        environment = {"ACME_BASE_URL": service.url, "ACME_MODEL": "m", "CHATKEEP_PROVIDER": "acme"}
        with serving(tmp_path / "chats", environment=environment) as server:
            http = server.client.http
            bodies = {"/chat": {"message": "a"}, "/stream": {"prompt": "a"}, "/api/llm/generate": {"prompt": "a"}}
            for path, body in bodies.items():
                for field in _HOSTS:
                    assert http.post(path, json={**body, field: elsewhere.url}).status_code == 422
                assert http.post(path, json={**body, "provider": elsewhere.url}).status_code == 404
                for model in (elsewhere.url, f"//{elsewhere.url}", "../../models", f"acme/{elsewhere.url}/x?y=#z"):
                    assert http.post(path, json={**body, "model": model}).status_code == 200
                    assert service.last_call["model"] == model.removeprefix("acme/")
            for query in (f"?base_url={elsewhere.url}", f"?provider=acme&host={elsewhere.url}"):
                http.get(f"/api/llm/health{query}&check=true")

    assert (elsewhere.calls, elsewhere.lists) == (0, 0)
