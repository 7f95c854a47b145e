"""Every route of the application, asked by somebody else: it shows and changes nothing of alice's.

A new route needs a row in `ASKED`, also one that the OpenAPI document leaves out, or in `SOCKETS` with a test of its
own here; without one a test fails.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from litestar.routes import HTTPRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chatkeep.api.page import BESIDE as PAGE_FILES
from chatkeep.app.routes import routes_of
from chatkeep.app.service import Service
from chatkeep.settings import read_settings
from tests.api.conftest import Keyed, key_of
from tests.server import DEADLINE_S, eventually

SECRET = "xyzzy-of-alice"
CHAT = "chat-of-alice"
LIVE = "live-of-alice"

Row = tuple[set[int], dict[str, Any]]
"""The statuses that bob may get, and what he sends: `params`, `json`. `{run}` and `{message}` are alice's ids."""

ASKED: dict[tuple[str, str], Row] = {
    ("get", "/"): ({200}, {}),
    ("get", "/health"): ({200}, {}),
    ("get", "/health/ready"): ({200}, {}),
    ("get", "/metrics"): ({200}, {}),
    ("post", "/login"): ({401}, {"json": {"key": "{run}"}}),
    ("get", "/login"): ({200}, {}),
    ("post", "/logout"): ({200}, {}),
    ("post", "/chat"): ({200}, {"json": {"message": "mine now?", "chat_id": CHAT}}),
    ("post", "/chat/continue/{chat_id}"): ({404}, {"json": {}}),
    ("post", "/chat/regenerate/{chat_id}"): ({404}, {"json": {}}),
    ("post", "/chat/edit/{chat_id}"): ({404}, {"json": {"message_id": "{message}", "message": "mine now?"}}),
    ("post", "/chat/branch/{chat_id}"): ({404}, {"json": {"message_id": "{message}"}}),
    ("post", "/chat/fork/{chat_id}"): ({404}, {"json": {"message_id": "{message}"}}),
    ("patch", "/chat/rename/{chat_id}"): ({404}, {"json": {"title": "mine"}}),
    ("patch", "/chat/system-prompt/{chat_id}"): ({404}, {"json": {"system_prompt": "mine"}}),
    ("get", "/chat/history"): ({200}, {}),
    ("get", "/chat/history/{chat_id}"): ({404}, {"params": {"before": "{message}"}}),
    ("delete", "/chat/delete/{chat_id}"): ({404}, {"params": {"purge": "true"}}),
    ("post", "/chat/restore/{chat_id}"): ({404}, {"json": {}}),
    ("get", "/chat/generations/{chat_id}"): ({404}, {}),
    ("get", "/chat/trash"): ({200}, {}),
    ("get", "/chat/export/{chat_id}"): ({404}, {"params": {"format": "md"}}),
    ("post", "/chat/import"): ({200}, {"json": {"messages": [], "chat_id": CHAT}}),
    ("get", "/runs"): ({200}, {}),
    ("get", "/runs/{run_id}"): ({404}, {}),
    ("get", "/runs/{run_id}/events"): ({404}, {}),
    ("post", "/runs/{run_id}/stop"): ({404}, {}),
    ("post", "/stream"): ({200}, {"json": {"prompt": "mine"}}),
    ("get", "/history"): ({200}, {"params": {"limit": 100}}),
    ("get", "/search"): ({200}, {"params": {"query": SECRET}}),
    ("get", "/history/{run_id}"): ({404}, {}),
    ("get", "/api/llm/providers"): ({200}, {}),
    ("get", "/api/llm/models"): ({200}, {}),
    ("get", "/api/llm/health"): ({200}, {}),
    ("post", "/api/llm/generate"): ({200}, {"json": {"prompt": "mine"}}),
    ("post", "/api/llm/stream"): ({200}, {"json": {"prompt": "mine"}}),
    ("get", "/api/v1/health"): ({200}, {}),
    ("get", "/api/v1/help"): ({200}, {}),
    ("post", "/api/v1/chat"): ({200}, {"json": {"message": "mine now?", "chat_id": CHAT}}),
    ("get", "/admin/audit"): ({403}, {}),
    ("get", "/admin/runs"): ({403}, {}),
    ("post", "/admin/runs/{run_id}/stop"): ({403}, {}),
    ("get", "/admin/chats"): ({403}, {"params": {"owner": "alice"}}),
    ("get", "/admin/chats/{chat_id}"): ({403}, {"params": {"owner": "alice"}}),
    ("get", "/openapi.json"): ({200}, {}),
    ("get", "/docs"): ({200}, {}),
    ("get", "/redoc"): ({200}, {}),
    ("get", "/docs/assets/{name}"): ({404}, {}),
    **{("get", f"/{name}"): ({200, 404}, {}) for name in PAGE_FILES},  # 404 where the page was not built
    ("get", "/assets/{name}"): ({404}, {}),
    ("get", "/doctor"): ({200}, {}),
    ("get", "/doctor/assets/{name}"): ({404}, {}),
    ("get", "/doctor/request"): ({200}, {}),
    ("get", "/doctor/stream"): ({200}, {"params": {"count": 1}}),
    ("post", "/doctor/stream"): ({200}, {"params": {"count": 1}}),
    ("post", "/doctor/body"): ({200}, {}),
    ("post", "/doctor/report"): ({200}, {"json": {"url": "http://127.0.0.1"}}),
}

SOCKETS = ["/api/llm/ws/status", "/doctor/socket"]

OPEN = ("/", "/health", "/health/ready", "/api/v1/health", "/logout", "/openapi.json", "/docs", "/redoc", "/doctor")
"""What says nothing of anybody, besides the files of pages and `POST /login`."""

DESCRIBED_ELSEWHERE = {"/openapi.json", "/docs", "/redoc", "/docs/assets/{name}"}
DESCRIBED_ELSEWHERE |= {"/assets/{name}", *(f"/{name}" for name in PAGE_FILES)}
DESCRIBED_ELSEWHERE |= {path for _, path in ASKED if path.startswith("/doctor")}
"""What the OpenAPI document does not describe: itself, the pages that show it, the web page, and the doctor's."""

MAKING = ("/chat", "/chat/import", "/api/v1/chat")
"""What makes a chat of bob's own under the name of alice's."""


class Alices(NamedTuple):
    """What bob would like to have: a chat with a reply, and a run that is going in another."""

    run_id: str
    message_id: str
    live_id: str


@pytest.fixture(scope="module")
def alices(keyed: Keyed) -> Iterator[Alices]:
    sent = keyed.alice.send(f"I am {SECRET}", CHAT).json()
    live = keyed.alice.begin(f"{SECRET} [[tokens 1000]] [[delay 1]]", LIVE)
    yield Alices(sent["run_id"], sent["message_id"], live)
    keyed.alice.http.post(f"/runs/{live}/stop")


def test_every_route_of_the_document_is_asked_by_a_second_user(keyed: Keyed) -> None:
    paths: dict[str, dict[str, Any]] = keyed.nobody.http.get("/openapi.json").json()["paths"]
    described = {(method, path) for path, operations in paths.items() for method in operations}

    assert described == {row for row in ASKED if row[1] not in DESCRIBED_ELSEWHERE}


@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")  # of the views, since 2.25
def test_every_route_that_is_served_is_asked_by_a_second_user_described_or_not(tmp_path: Path) -> None:
    routes = routes_of(Service(read_settings(tmp_path / "no.env", chats_dir=tmp_path / "chats"))).routes
    served = {
        (method.lower(), route.path_format or "/")
        for route in routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS"}  # made by Litestar: says what methods there are
    }

    assert served == set(ASKED)
    assert [route.path_format for route in routes if not isinstance(route, HTTPRoute)] == SOCKETS


def test_a_second_user_sees_and_changes_nothing(keyed: Keyed, alices: Alices) -> None:
    """Rules 1 to 4: ownership of every id, in path, query and body, on every route; somebody else's is 404."""
    before = keyed.alice.history(CHAT)
    listed = keyed.alice.chats().keys()
    for run_id in (alices.run_id, alices.live_id):
        # What makes a chat of bob's own comes last.
        for method, path in sorted(ASKED, key=lambda route: (route[1] in MAKING, route)):
            statuses, request = ASKED[method, path]
            filled = path.format(chat_id=CHAT, run_id=run_id, id=run_id, provider="echo", name="x")
            sent = json.loads(json.dumps(request).replace("{run}", run_id).replace("{message}", alices.message_id))

            response = keyed.bob.http.request(method, filled, **sent)

            assert response.status_code in statuses, (method, path, response.status_code, response.text)
            assert SECRET not in response.text, (method, path)
            assert alices.live_id not in response.text.replace(run_id, ""), (method, path)
        keyed.bob.http.delete(f"/chat/delete/{CHAT}", params={"purge": "true"})

    assert keyed.alice.history(CHAT) == before
    assert keyed.alice.chats().keys() == listed
    assert eventually(lambda: keyed.alice.run(alices.live_id)["state"]) == "running"


def test_without_a_key_every_route_but_the_open_ones_is_401(keyed: Keyed, alices: Alices) -> None:
    """Rule 15: all routes are closed by default."""
    is_open = {("post", "/login"), *(("get", f"/{name}") for name in PAGE_FILES)}
    is_open |= {(method, path) for method, path in ASKED if path in OPEN or path.endswith("/assets/{name}")}
    for method, path in sorted(set(ASKED) - is_open):
        filled = path.format(chat_id=CHAT, run_id=alices.run_id, id=alices.run_id, provider="echo", name="x")

        response = keyed.nobody.http.request(method, filled)

        assert response.status_code == 401, (method, path)
        assert SECRET not in response.text


def test_what_the_doctor_sends_back_is_only_what_was_sent_on_the_same_socket(keyed: Keyed) -> None:
    address = keyed.server.base_url.replace("http", "ws") + "/doctor/socket"
    with (
        connect(address, additional_headers={"X-API-Key": key_of(keyed.alice)}) as hers,
        connect(address, additional_headers={"X-API-Key": key_of(keyed.bob)}) as his,
    ):
        hers.send(SECRET)
        his.send("mine")

        assert (his.recv(DEADLINE_S), hers.recv(DEADLINE_S)) == ("mine", SECRET)


def test_a_second_users_socket_tells_nothing_of_anothers_runs(keyed: Keyed, alices: Alices) -> None:
    """Rule 1: frames of a WebSocket go through the same owner."""
    address = keyed.server.base_url.replace("http", "ws") + "/api/llm/ws/status"
    with (
        connect(address, additional_headers={"X-API-Key": key_of(keyed.alice)}) as hers,
        connect(address, additional_headers={"Authorization": f"Bearer {key_of(keyed.bob)}"}) as his,
    ):
        his_run = keyed.bob.begin("[[tokens 1000]] [[delay 1]]")
        seen_by_her = _runs_seen(hers, alices.live_id)
        seen_by_him = _runs_seen(his, his_run)
        keyed.bob.http.post(f"/runs/{his_run}/stop")

    assert his_run not in seen_by_her
    assert seen_by_him == {his_run}


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"Cookie": "chatkeep_session=wrong"}])
def test_a_socket_without_a_valid_key_is_refused_before_it_opens(
    keyed: Keyed, headers: dict[str, str], path: str
) -> None:
    address = keyed.server.base_url.replace("http", "ws") + path

    with pytest.raises(InvalidStatus) as refused:
        connect(address, additional_headers=headers)

    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["code"] == "unauthorized"


def _runs_seen(socket: ClientConnection, until: str) -> set[str]:
    """The runs that the socket tells of, up to the third time that it tells of `until`."""
    seen: list[str] = []
    while seen.count(until) < 3:
        message = json.loads(socket.recv(DEADLINE_S))
        if message["type"] == "generation_stats":
            seen.append(message["run_id"])
    return set(seen)
