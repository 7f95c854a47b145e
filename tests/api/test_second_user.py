"""Every route of the OpenAPI document, asked by somebody else: it shows and changes nothing of alice's.

A new route needs a row in `ASKED`; without one the test fails.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.api.conftest import Keyed
from tests.server import eventually

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
    ("get", "/chat/history"): ({200}, {}),
    ("get", "/chat/history/{chat_id}"): ({404}, {"params": {"before": "{message}"}}),
    ("delete", "/chat/delete/{chat_id}"): ({404}, {"params": {"purge": "true"}}),
    ("get", "/runs/{run_id}"): ({404}, {}),
    ("get", "/runs/{run_id}/events"): ({404}, {}),
    ("post", "/runs/{run_id}/stop"): ({404}, {}),
    ("get", "/admin/audit"): ({403}, {}),
    ("get", "/admin/runs"): ({403}, {}),
    ("get", "/admin/chats"): ({403}, {"params": {"owner": "alice"}}),
    ("get", "/admin/chats/{chat_id}"): ({403}, {"params": {"owner": "alice"}}),
}


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


def _routes(keyed: Keyed) -> list[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = keyed.nobody.http.get("/openapi.json").json()["paths"]
    return [(method, path) for path, operations in paths.items() for method in operations]


def test_every_route_of_the_document_is_asked_by_a_second_user(keyed: Keyed) -> None:
    assert sorted(ASKED) == sorted(_routes(keyed))


def test_a_second_user_sees_and_changes_nothing(keyed: Keyed, alices: Alices) -> None:
    """Rules 1 to 4: ownership of every id, in path, query and body, on every route; somebody else's is 404."""
    before = keyed.alice.history(CHAT)
    listed = keyed.alice.chats().keys()
    for run_id in (alices.run_id, alices.live_id):
        # Last what makes a chat of bob's own under the same name.
        for method, path in sorted(ASKED, key=lambda route: (route == ("post", "/chat"), route)):
            statuses, request = ASKED[method, path]
            filled = path.format(chat_id=CHAT, run_id=run_id, id=run_id, provider="echo", name="x")
            sent = json.loads(json.dumps(request).replace("{run}", run_id).replace("{message}", alices.message_id))

            response = keyed.bob.http.request(method, filled, **sent)

            assert response.status_code in statuses, (method, path, response.status_code, response.text)
            assert SECRET not in response.text, (method, path)
            assert alices.live_id not in response.text.replace(run_id, ""), (method, path)
        keyed.bob.http.delete(f"/chat/delete/{CHAT}")

    assert keyed.alice.history(CHAT) == before
    assert keyed.alice.chats().keys() == listed
    assert eventually(lambda: keyed.alice.run(alices.live_id)["state"]) == "running"


def test_without_a_key_every_route_but_the_open_ones_is_401(keyed: Keyed, alices: Alices) -> None:
    """Rule 15: all routes are closed by default."""
    is_open = {("get", "/"), ("get", "/health"), ("get", "/health/ready"), ("post", "/login"), ("post", "/logout")}
    for method, path in sorted(set(ASKED) - is_open):
        filled = path.format(chat_id=CHAT, run_id=alices.run_id, id=alices.run_id, provider="echo", name="x")

        response = keyed.nobody.http.request(method, filled)

        assert response.status_code == 401, (method, path)
        assert SECRET not in response.text
