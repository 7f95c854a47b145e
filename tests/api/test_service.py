"""The rest: what this server is, and how it is."""

import chatkeep
from tests.server import Client


def test_the_root_names_every_endpoint(client: Client) -> None:
    answer = client.http.get("/").json()

    assert (answer["app_name"], answer["version"]) == ("chatkeep", chatkeep.__version__)
    endpoints = {(row["method"], row["path"]) for row in answer["endpoints"]}
    assert {
        ("POST", "/chat"),
        ("GET", "/chat/history"),
        ("POST", "/runs/{run_id}/stop"),
        ("GET", "/health"),
    } <= endpoints
    assert all(row["description"] for row in answer["endpoints"])


def test_health_tells_the_state_of_each_provider(client: Client) -> None:
    client.send("a call that succeeds")
    answer = client.http.get("/health").json()

    assert (answer["status"], answer["response_code"], answer["version"]) == ("ok", 200, chatkeep.__version__)
    assert answer["state"] in ("healthy", "degraded")
    assert answer["providers"]["echo"] == "HEALTHY"
    assert answer["timestamp"].endswith("Z")


def test_ready_is_200_while_messages_are_accepted(client: Client) -> None:
    assert client.http.get("/health/ready").json() == {"status": "ready", "success": True}


def test_the_openapi_document_describes_every_route(client: Client) -> None:
    document = client.http.get("/openapi.json").json()

    assert document["openapi"].startswith("3.")
    endpoints = client.http.get("/").json()["endpoints"]
    described = {(m.upper(), path) for path, operations in document["paths"].items() for m in operations}
    assert {(row["method"], row["path"]) for row in endpoints} - described == {
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/redoc"),
        ("GET", "/doctor"),
        ("WS", "/api/llm/ws/status"),
        ("WS", "/doctor/socket"),
    }
    assert described <= {(row["method"], row["path"]) for row in endpoints}
    assert [row["path"] for row in endpoints] == sorted(row["path"] for row in endpoints)
    assert document["paths"]["/chat"]["post"]["requestBody"]
