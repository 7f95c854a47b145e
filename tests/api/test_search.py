"""Search over HTTP. What a query finds: the contract of ChatStore."""

import httpx
import pytest

from tests.server import Client, Server

MARK_START, MARK_END = "\ue000", "\ue001"


def search(client: Client, query: str, **more: int) -> dict[str, object]:
    response = client.http.get("/search", params=httpx.QueryParams({"query": query, **more}))
    assert response.status_code == 200, response.text
    decoded: dict[str, object] = response.json()
    return decoded


def test_a_message_is_found_with_every_field_of_the_contract(client: Client) -> None:
    client.send("the zeppelin flies", "search-fields")

    answer = search(client, "zeppelin")

    assert answer.keys() == {"results", "total", "incomplete"}
    assert (answer["total"], answer["incomplete"]) == (2, False)
    results = answer["results"]
    assert isinstance(results, list)
    stored = {m["id"]: m for m in client.history("search-fields")["history"]["messages"] if "id" in m}
    for result in results:
        assert result.keys() == {"chat_id", "title", "message_id", "role", "snippet", "score", "timestamp"}
        assert (result["chat_id"], result["title"]) == ("search-fields", "the zeppelin flies")
        message = stored[result["message_id"]]
        assert (result["role"], result["timestamp"]) == (message["role"], message["timestamp"])
        assert result["snippet"] == f"the {MARK_START}zeppelin{MARK_END} flies"
        assert result["score"] > 0
    assert {result["role"] for result in results} == {"user", "assistant"}


def test_every_reply_that_was_answered_is_found_at_once(client: Client) -> None:
    for number in range(10):
        client.send(f"quokka{number}", "search-at-once")
        assert search(client, f"quokka{number}")["total"] == 2


def test_results_are_paged(client: Client) -> None:
    for _ in range(3):
        client.send("capybara", "search-paged")

    pages = [search(client, "capybara", limit=2, offset=offset)["results"] for offset in (0, 2, 4, 6)]

    ids = [result["message_id"] for page in pages if isinstance(page, list) for result in page]
    assert len(ids) == len(set(ids)) == 6


def test_a_deleted_chat_is_not_found(client: Client) -> None:
    client.send("wombat", "search-deleted")
    client.http.delete("/chat/delete/search-deleted")

    assert search(client, "wombat") == {"results": [], "total": 0, "incomplete": False}


def test_a_chat_edited_by_hand_is_found_by_its_new_text(client: Client, server: Server) -> None:
    client.send("narwhal", "search-edited")
    path = server.chat_file("search-edited")
    path.with_suffix(".new").write_text(path.read_text().replace("narwhal", "axolotl"))
    path.with_suffix(".new").replace(path)

    assert search(client, "axolotl")["total"] == 2
    assert search(client, "narwhal")["total"] == 0


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("", 1),
        ("   ", 1),
        ("\0", 1),
        ("-", 1),
        ("-moon", 1),
        ('moon "red', 6),
        ("moon or -red", 6),
        ("x" * 10_000, 1001),
        ("a " * 100, 65),
    ],
)
def test_a_syntax_error_names_its_character(client: Client, query: str, place: int) -> None:
    response = client.http.get("/search", params={"query": query})

    assert response.status_code == 422
    problem = response.json()
    assert problem["code"] == "invalid_request"
    (error,) = problem["errors"]
    assert error["path"] == "query"
    assert error["message"].endswith(f"(character {place})")


@pytest.mark.parametrize(
    "query",
    [
        "NEAR(a b, 2)",
        "body:moon*",
        "^moon",
        "{a b}:c",
        "a AND NOT b",
        "'; DROP TABLE words;--",
        "a + b",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "%%%",
        "e\u0301\u0301",
    ],
)
def test_operators_of_the_index_are_plain_text(client: Client, query: str) -> None:
    assert client.http.get("/search", params={"query": query}).status_code == 200


def test_bytes_that_are_no_text_are_answered(client: Client) -> None:
    assert client.http.get("/search?query=%ff%fe%00moon").status_code == 200


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "query=a&limit=0",
        "query=a&limit=-1",
        "query=a&limit=101",
        "query=a&limit=1e9",
        "query=a&offset=-1",
        "query=a&offset=10001",
        "query=a&offset=x",
    ],
)
def test_a_wrong_parameter_is_refused(client: Client, parameters: str) -> None:
    response = client.http.get(f"/search?{parameters}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
