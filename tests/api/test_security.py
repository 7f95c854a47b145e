"""A test for each lesson of other servers' holes that applies here, named after it.

Rules 1 to 4, ownership on every route: test_second_user.py. Rule 17, the embedded model's process:
tests/contract/test_provider_embedded.py and tests/unit/providers/test_llama_process.py. Not here: what no route
takes (uploads, shares, addresses to fetch), and what is the page's.
"""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from litestar import Litestar, get
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.envelope import Envelope
from chatkeep.app.routes import routes_of
from chatkeep.app.service import Service
from chatkeep.settings import read_settings
from tests.api.conftest import Keyed
from tests.server import DEADLINE_S, Client, refusal, serving

ROOT = Path(__file__).parents[2]


def _key(keyed: Keyed, name: str = "alice") -> str:
    key: str = getattr(keyed, name).http.headers["X-API-Key"]
    return key


def test_rule_2_another_users_chat_id_in_a_body_is_a_chat_of_ones_own(keyed: Keyed) -> None:
    keyed.alice.send("first of alice", "rule-2")
    keyed.bob.send("first of bob", "rule-2")

    assert [m["content"] for m in keyed.bob.history("rule-2")["history"]["messages"][1:]] == ["first of bob"] * 2


def test_rule_3_only_an_admin_lists_everybodys_runs_and_only_by_a_route_of_its_own(keyed: Keyed) -> None:
    run_id = keyed.alice.begin("[[tokens 100]] [[delay 1]]", "rule-3")

    assert keyed.alice.http.get("/admin/runs").status_code == 403
    listed = keyed.admin.http.get("/admin/runs").json()["runs"]
    assert (run_id, "alice") in [(row["run_id"], row["owner"]) for row in listed]
    assert keyed.admin.http.get(f"/runs/{run_id}").status_code == 404
    assert keyed.admin.http.get("/chat/history/rule-3").status_code == 404
    keyed.alice.http.post(f"/runs/{run_id}/stop")


def test_rule_3_an_admins_look_at_somebodys_chat_is_explicit_and_noted(keyed: Keyed) -> None:
    keyed.alice.send("look at me", "rule-3-look")

    found = keyed.admin.http.get("/admin/chats/rule-3-look?owner=alice")
    assert found.json()["history"]["title"] == "look at me"
    assert "rule-3-look" in keyed.admin.http.get("/admin/chats?owner=alice").json()["chats"]

    entries = keyed.admin.http.get("/admin/audit?limit=20").json()["entries"]
    (noted,) = [entry for entry in entries if entry.get("chat_id") == "rule-3-look" and entry["who"] == "admin"]
    assert (noted["owner"], noted["what"], noted["outcome"]) == ("alice", "GET /admin/chats/{chat_id}", 200)


def test_the_audit_log_says_who_did_what_in_which_chat_and_request_and_holds_no_text(keyed: Keyed) -> None:
    sent = keyed.alice.send("plugh-is-a-secret-word", "audited", headers={"X-Request-ID": "audited-1"}).json()
    keyed.alice.http.delete("/chat/delete/audited")
    keyed.reader.http.delete("/chat/delete/audited")

    text = (keyed.server.folder / ".chatkeep" / "audit.jsonl").read_text()
    assert "plugh" not in text
    entries = [e for e in keyed.admin.http.get("/admin/audit").json()["entries"] if e.get("chat_id") == "audited"]
    assert [(e["who"], e["what"], e.get("outcome")) for e in reversed(entries)] == [
        ("alice", "talk", None),
        ("alice", "DELETE /chat/delete/{chat_id}", 200),
        ("reader", "DELETE /chat/delete/{chat_id}", 403),
    ]
    assert (entries[-1]["run_id"], entries[-1]["request_id"]) == (sent["run_id"], "audited-1")


def test_a_message_in_the_audit_log_has_its_address_and_no_path_text_gets_in(keyed: Keyed) -> None:
    keyed.alice.send("hi", "addressed")
    keyed.alice.http.delete("/chat/delete/" + "plugh%20" * 100)
    keyed.alice.http.delete("/chat/delete/unknown", headers={"X-Forwarded-For": "xyzzy" * 100})

    text = (keyed.server.folder / ".chatkeep" / "audit.jsonl").read_text()
    assert "plugh" not in text
    assert "xyzzyxyzzy" not in text
    entries = keyed.admin.http.get("/admin/audit").json()["entries"]
    assert [entry["address"] for entry in entries if entry.get("chat_id") == "addressed"] == ["127.0.0.1"]


def test_an_admin_stops_anybodys_run(keyed: Keyed) -> None:
    run_id = keyed.alice.begin("[[tokens 1000]] [[delay 1]]")

    assert keyed.bob.http.post(f"/admin/runs/{run_id}/stop").status_code == 403
    assert keyed.admin.http.post(f"/admin/runs/{run_id}/stop").json()["state"] == "stopped"
    assert keyed.alice.run(run_id)["state"] == "stopped"
    assert keyed.admin.http.post(f"/admin/runs/{run_id}/stop").json()["code"] == "run_not_found"


def test_what_is_open_stays_open_to_who_sends_a_wrong_key_again_and_again(tmp_path: Path) -> None:
    environment = {"CHATKEEP_API_KEY": "the-right-key-of-this", "CHATKEEP_RATE_LIMIT_ENABLED": "true"}
    with serving(tmp_path / "chats", environment=environment) as server:
        wrong = server.client_of("wrong")
        found = [wrong.http.get("/chat/history").status_code for _ in range(22)]
        assert (found[0], found[-1]) == (401, 429)
        for path in ("/health", "/health/ready", "/docs", "/openapi.json", "/"):
            assert wrong.http.get(path).status_code == 200
        assert server.client_of("the-right-key-of-this").http.get("/chat/history").status_code == 200


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_rule_5_a_role_holds_whatever_header_the_key_came_in(keyed: Keyed, header: str) -> None:
    value = _key(keyed, "reader") if header == "X-API-Key" else f"Bearer {_key(keyed, 'reader')}"

    response = keyed.nobody.http.post("/chat", json={"message": "hi"}, headers={header: value})

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("evil", ["' OR '1'='1", '"; DROP TABLE chats; --', "%00", "\\", "*", "ck_' UNION SELECT 1 --"])
def test_rule_6_a_key_is_never_part_of_a_query(keyed: Keyed, evil: str) -> None:
    assert keyed.nobody.http.get("/chat/history", headers={"X-API-Key": evil}).status_code == 401


def test_rule_6_no_sql_is_made_of_a_format_string_with_values() -> None:
    """Ruff's S608 watches the sources; here it is asked to, so that a change of its settings is noticed."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "S608", str(ROOT / "src")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_rule_7_keys_with_the_same_beginning_are_told_apart(keyed: Keyed) -> None:
    alice = _key(keyed)
    assert keyed.alice.http.get("/login").json()["name"] == "alice"

    for length in (20, 32, len(alice) - 1):
        forged = alice[:length] + "A" * (len(alice) - length)
        assert forged == alice or keyed.nobody.http.get("/login", headers={"X-API-Key": forged}).status_code == 401


def test_rule_8_a_kept_digest_is_no_key_and_stands_in_no_answer_and_no_log(keyed: Keyed) -> None:
    kept = (keyed.server.folder / ".chatkeep" / "keys.json").read_text()
    digests = re.findall(r'"digest": "([0-9a-f]{64})"', kept)
    assert len(digests) == 4
    keys = [_key(keyed, name) for name in ("alice", "bob", "reader", "admin")]
    keyed.nobody.http.get("/chat/history", headers={"X-API-Key": keys[0] + "x"})
    answers = [
        client.http.request(method, path).text
        for client in (keyed.admin, keyed.alice, keyed.nobody)
        for method, path in (
            *(("GET", path) for path in ("/login", "/admin/audit", "/admin/runs", "/health", "/", "/nowhere")),
            ("POST", "/chat"),
        )
    ]

    for digest in digests:
        assert keyed.nobody.http.get("/login", headers={"X-API-Key": digest}).status_code == 401
    for secret in (*digests, *keys, *(key[:20] for key in keys)):
        assert secret not in "".join(answers)
        assert secret not in keyed.server.log


def test_rule_9_no_route_makes_keys_or_changes_settings(keyed: Keyed) -> None:
    paths = keyed.nobody.http.get("/openapi.json").json()["paths"]
    changing = {path for path, operations in paths.items() if set(operations) - {"get"}}

    assert not [path for path in changing if re.search("key|config|setting|role", path)]


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")  # of the views, since 2.25
async def test_rule_9_a_route_that_names_no_action_is_closed(tmp_path: Path) -> None:
    """Deny by default: also to the admin that everybody is on a server without keys."""

    @get("/forgotten")
    async def forgotten() -> str:
        return "shown"

    @get("/remembered", opt=needs(Action.READ))
    async def remembered() -> str:
        return "shown"

    routes = _routes_in(tmp_path)
    routes.register(forgotten)
    routes.register(remembered)
    transport = httpx.ASGITransport(Envelope(routes))  # type: ignore[arg-type] # ASGI, in narrower types
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        closed, opened = await client.get("/forgotten"), await client.get("/remembered")

    assert (closed.status_code, closed.json()["code"]) == (403, "forbidden")
    assert (opened.status_code, opened.text) == (200, "shown")


def _routes_in(folder: Path) -> Litestar:
    return routes_of(Service(read_settings(folder / "no.env", chats_dir=folder / "chats")))


@pytest.mark.parametrize("field", ["api_base", "base_url", "api_key", "host", "path", "owner", "headers"])
def test_rule_10_and_12_no_field_of_a_request_names_a_host_a_key_a_path_or_an_owner(keyed: Keyed, field: str) -> None:
    response = keyed.alice.http.post("/chat", json={"message": "hi", field: "http://evil.example"})

    assert response.status_code == 422


@pytest.mark.parametrize(
    "chat_id", ["../../etc/passwd", "..%2f..%2fetc", "@bob/x", ".chatkeep", "a/b", "%00", "index.json"]
)
def test_rule_12_no_id_becomes_a_path(keyed: Keyed, chat_id: str) -> None:
    for response in (
        keyed.alice.http.get(f"/chat/history/{chat_id}"),
        keyed.alice.http.delete(f"/chat/delete/{chat_id}"),
        keyed.alice.send("hi", chat_id),
    ):
        assert response.status_code in (404, 405, 422)


def test_rule_15_a_body_too_large_is_refused_before_it_is_read_whole(keyed: Keyed) -> None:
    def endless() -> object:
        while True:
            yield b" " * 65536

    response = keyed.alice.http.post("/chat", content=endless())  # type: ignore[arg-type]

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_rule_15_holds_on_every_route_that_takes_a_body_said_to_be_large_or_found_to_be(keyed: Keyed) -> None:
    large = b" " * 1_048_577
    paths = keyed.nobody.http.get("/openapi.json").json()["paths"]
    routes = [(method, path) for path, each in paths.items() for method, one in each.items() if "requestBody" in one]
    routes += [("post", "/doctor/body"), ("post", "/doctor/report")]
    answered = {
        (method, path, is_said): keyed.admin.http.request(
            method, re.sub(r"{.*?}", "some", path), content=large if is_said else iter([large])
        ).status_code
        for method, path in routes
        for is_said in (True, False)
    }

    assert len(routes) > 10
    assert {route for route, status in answered.items() if status != 413} == set()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"\xff", b'{"message":', b"[" * 100_000, b'"' + b"\\" * 999]
)
def test_rule_15_no_body_ends_the_process(keyed: Keyed, body: bytes) -> None:
    assert keyed.alice.http.post("/chat", content=body).status_code == 422
    assert keyed.server.is_running


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
def test_rule_16_a_name_that_dns_rebinding_could_use_is_refused(keyed: Keyed, host: str) -> None:
    for path in ("/health", "/chat/history", "/openapi.json"):
        response = keyed.alice.http.get(path, headers={"Host": host})
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_rule_16_another_page_can_neither_post_nor_read(keyed: Keyed) -> None:
    page = {"Origin": "https://evil.example"}

    posted = keyed.alice.http.post("/chat", json={"message": "hi"}, headers=page)
    read = keyed.alice.http.get("/chat/history", headers=page)

    assert (posted.status_code, posted.json()["code"]) == (403, "forbidden")
    assert not [name for name in {*posted.headers, *read.headers} if name.startswith("access-control")]


def test_rule_16_only_a_page_in_the_list_may_use_the_server(tmp_path: Path) -> None:
    page = "https://chat.example.org"
    with serving(tmp_path / "chats", environment={"CHATKEEP_CORS_ORIGINS": page}) as server:
        preflight = server.client.http.options(
            "/chat",
            headers={
                "Origin": page,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-api-key, content-type",
            },
        )
        posted = server.client.send("hi", headers={"Origin": page})
        refused = server.client.send("hi", headers={"Origin": "https://evil.example"})

        assert preflight.status_code < 300
        assert preflight.headers["access-control-allow-origin"] == page
        assert posted.headers["access-control-allow-origin"] == page
        assert posted.status_code == 200
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("wrong", ["*", "https://*.example", "chat.example.org", "https://a.example/path"])
def test_rule_16_a_wildcard_is_no_origin(tmp_path: Path, wrong: str) -> None:
    code, said = refusal(tmp_path / "chats", environment={"CHATKEEP_CORS_ORIGINS": wrong})

    assert code == 1
    assert "CHATKEEP_CORS_ORIGINS" in said


def test_rule_16_without_a_key_a_proxy_here_brings_nobody_in_from_elsewhere(client: Client) -> None:
    for path in ("/chat/history", "/login", "/runs"):
        response = client.http.get(path, headers={"X-Forwarded-For": "203.0.113.9"})
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert client.http.get("/health", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200


def test_rule_16_without_keys_nobody_is_an_admin(client: Client) -> None:
    assert client.http.get("/login").json()["role"] == "user"
    assert client.http.get("/admin/chats?owner=alice").status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_rule_16_without_a_key_it_does_not_start_where_other_machines_reach_it(tmp_path: Path, host: str) -> None:
    code, said = refusal(tmp_path / "chats", "--host", host)

    assert code == 1
    assert "chatkeep keys add" in said
    assert "CHATKEEP_ALLOW_ANONYMOUS" in said


def test_rule_16_with_a_key_or_when_told_to_it_starts_anywhere(tmp_path: Path) -> None:
    for environment in ({"CHATKEEP_API_KEY": "some-key"}, {"CHATKEEP_ALLOW_ANONYMOUS": "true"}):
        with serving(tmp_path / "chats", environment={"CHATKEEP_HOST": "0.0.0.0", **environment}) as server:
            port = server.base_url.rpartition(":")[2]
            client = server.client_of("some-key")
            assert client.http.get(f"http://127.0.0.1:{port}/chat/history").status_code == 200


def test_rule_18_the_first_key_is_random_printed_once_and_kept_nowhere(tmp_path: Path) -> None:
    environment = {"CHATKEEP_HOST": "0.0.0.0"}
    with serving(tmp_path / "chats", start=False, environment=environment, options=("--first-key",)) as server:
        server.launch()
        key = server.read_line().decode().rpartition(" ")[2].strip()
        server.wait_ready()

        assert re.fullmatch(r"ck_[A-Za-z0-9_-]{43}", key)
        assert server.client.http.get("/chat/history").status_code == 401
        assert server.client_of(key).http.get("/login").json()["role"] == "admin"
        kept = [path.read_bytes() for path in server.folder.rglob("*") if path.is_file()]
        assert not [data for data in kept if key.encode() in data]
        assert key not in server.log

        server.start()  # and no second one, as the line that says ready comes first


def test_rule_19_no_key_stands_in_the_log_also_when_a_request_crashes(keyed: Keyed) -> None:
    keyed.alice.http.post("/chat", content=b"{", headers={"Authorization": f"Bearer {_key(keyed)}"})
    keyed.nobody.http.get(f"/nowhere?api_key={_key(keyed)}")

    assert _key(keyed) not in keyed.server.log


def test_rule_20_every_lock_pins_by_hash() -> None:
    for lock in (ROOT / "requirements.lock", *(ROOT / ".ci/locks").glob("*.lock")):
        lines = lock.read_text().splitlines()
        pins = [line for line in lines if re.match(r"[a-z0-9]", line)]
        assert pins
        assert all("==" in pin and pin.endswith("\\") for pin in pins), lock.name


def test_rule_21_a_revoked_keys_next_request_fails_and_so_does_its_session(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        alice_key = server.add_key("alice")
        server.start()
        alice = server.client_of(alice_key)
        assert alice.http.post("/login", json={"key": alice_key}).status_code == 200
        with server.client_of("").http as browser:
            del browser.headers["X-API-Key"]
            assert browser.post("/login", json={"key": alice_key}).status_code == 200

            server.keys("revoke", "alice")

            assert alice.http.get("/login").status_code == 401
            assert browser.get("/login").status_code == 401


def test_rule_21_open_streams_and_sockets_of_a_revoked_key_end_and_its_run_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        key, other = server.add_key("alice"), server.add_key("phone", "--owner", "alice")
        server.start()
        alice, phone = server.client_of(key), server.client_of(other)
        socket_address = server.base_url.replace("http", "ws") + "/api/llm/ws/status"
        with (
            alice.stream("[[tokens 5000]] [[delay 0.05]]", "long") as stream,
            connect(socket_address, additional_headers={"X-API-Key": key}) as socket,
        ):
            stream.until(3)
            run_id = stream.seen[0].fields["run_id"]
            server.keys("revoke", "alice")
            events = stream.rest()  # it ends, well before the run does
            with pytest.raises(ConnectionClosed) as closed:
                _drain(socket)

        assert events[-1].event == "delta"
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert phone.run(run_id)["state"] == "running"
        phone.http.post(f"/runs/{run_id}/stop")
        assert phone.follow(run_id)[: len(events)] == events


def _drain(socket: ClientConnection) -> None:
    while True:
        socket.recv(DEADLINE_S)


def test_rule_22_no_client_writes_an_assistants_words(keyed: Keyed) -> None:
    for field in ("messages", "role", "response", "history", "partial"):
        sent = keyed.alice.http.post("/chat", json={"message": "hi", "chat_id": "rule-22", field: "assistant"})
        assert sent.status_code == 422
    assert keyed.alice.http.get("/chat/history/rule-22").status_code == 404


@pytest.mark.parametrize(
    ("evil", "answer"),
    [
        ("a\r\nX-Evil: 1", rb"200 OK a"),  # two headers, and nothing else: the second is nobody's
        ("a\tb", rb"200 OK req_[0-9a-f]{30}"),
        ("a\xffb", rb"200 OK req_[0-9a-f]{30}"),
        ("a\nb", rb"400 Bad Request req_[0-9a-f]{30}"),
        ("a\rb", rb"400 Bad Request req_[0-9a-f]{30}"),
        ("a\x7fb", rb"400 Bad Request req_[0-9a-f]{30}"),
        ("a\0b", rb"400 Bad Request req_[0-9a-f]{30}"),
    ],
)
def test_a_request_id_with_a_line_break_makes_no_header_and_no_log_line(keyed: Keyed, evil: str, answer: bytes) -> None:
    host, _, port = keyed.server.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        request = f"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {evil}\r\nConnection: close\r\n\r\n"
        raw.sendall(request.encode("latin-1"))
        received = b"".join(iter(lambda: raw.recv(65536), b""))

    first, *headers = received.partition(b"\r\n\r\n")[0].split(b"\r\n")
    names = [line.partition(b": ")[0].lower() for line in headers]
    ids = [line.partition(b": ")[2] for line in headers if line.lower().startswith(b"x-request-id")]
    assert re.fullmatch(rb"HTTP/1\.1 " + answer, b" ".join([first, *(ids or [b""])]))
    assert b"x-evil" not in names
    assert all(json.loads(line) for line in keyed.server.log.splitlines())
