"""The OpenAPI document: complete, and true. Every operation in it is asked for what it must not answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks

from tests.server import DEADLINE_S, Client, Server, serving

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_bytes())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
BARE = schemathesis.openapi.from_dict(DOCUMENT)  # the same without made-up keys, which would meet those of the test
BARE.config.generation.with_security_parameters = False
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)}
BARE_OPERATIONS = {result.ok().label: result.ok() for result in BARE.get_all_operations() if isinstance(result, Ok)}
REQUESTS_EACH = 50  # of those that fit the description; as many that do not, where there is anything to send
REQUESTS_AS_EACH = 6  # the same of each who asks a server with keys

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
]


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body of an operation: where it stands, its media type, and what is said of it."""
    yield from (("request", *item) for item in operation.get("requestBody", {}).get("content", {}).items())
    for status, response in operation["responses"].items():
        yield from ((status, *item) for item in response.get("content", {}).items())


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": DOCUMENT["components"]}


def checks_of(response: Response) -> list[Any]:
    """A stream's events have no schema: OpenAPI 3.1 knows it as one text."""
    is_stream = response.headers.get("content-type", [""])[0].startswith("text/event-stream")
    return CHECKS if is_stream else [*CHECKS, checks.response_schema_conformance]


def asked() -> Iterator[tuple[str, GenerationMode]]:
    for label, operation in described():
        yield label, GenerationMode.POSITIVE
        if "parameters" in operation or "requestBody" in operation:
            yield label, GenerationMode.NEGATIVE


@pytest.fixture
def known(client: Client) -> dict[str, str]:
    """Ids that exist, by the name of the parameter."""
    answer = client.send("one two").json()
    return {"chat_id": answer["chat_id"], "run_id": answer["run_id"]}


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


WHO = ["a user", "a reader", "nobody", "one with a wrong key", "one who asks too often"]


class Guarded(NamedTuple):
    """A server with keys and limits, ids of a user's things, and the headers of each in `WHO`."""

    server: Server
    known: dict[str, str]
    headers: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    environment = {"CHATKEEP_RATE_LIMIT_ENABLED": "true", "CHATKEEP_RATE_LIMIT_REQUESTS": "1000000"}
    with serving(tmp_path_factory.mktemp("guarded") / "chats", start=False, environment=environment) as running:
        keys = {
            "a user": running.add_key("alice"),
            "a reader": running.add_key("reader", "--role", "reader", "--owner", "alice"),
            "one who asks too often": running.add_key("often", "--rate", "1/99999"),
        }
        running.start()
        sent = running.client_of(keys["a user"]).send("one two").json()
        known = {"chat_id": sent["chat_id"], "run_id": sent["run_id"]}
        shown = {who: {"X-API-Key": key} for who, key in {**keys, "one with a wrong key": "ck_wrong"}.items()}
        yield Guarded(running, known, {**shown, "nobody": {}})


@pytest.mark.parametrize(("label", "mode"), list(asked()))
def test_no_operation_answers_with_what_is_not_described(
    label: str, mode: GenerationMode, server: Server, session: requests.Session, known: dict[str, str]
) -> None:
    ask_often(OPERATIONS[label], mode, REQUESTS_EACH, Asking(server, session, known, {}))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("label", BARE_OPERATIONS)
def test_no_refusal_is_one_that_is_not_described(
    label: str, who: str, guarded: Guarded, session: requests.Session
) -> None:
    asking = Asking(guarded.server, session, guarded.known, guarded.headers[who])

    seen = ask_often(BARE_OPERATIONS[label], GenerationMode.POSITIVE, REQUESTS_AS_EACH, asking)

    operation = dict(described())[label]
    if operation["security"]:
        assert_refused_as_promised(who, seen, label, "429" in operation["responses"])


def assert_refused_as_promised(who: str, seen: set[int], label: str, is_limited: bool) -> None:
    is_admins = "/admin" in label
    match who:
        case "a user":
            assert seen == {403} if is_admins else not seen & {401, 403, 429}
        case "a reader":
            assert seen == {403} if is_admins or not label.startswith("GET ") else not seen & {401, 403, 429}
        case "nobody":
            assert seen == {401}
        case "one with a wrong key":
            assert seen <= {401, 429}
        case _:
            assert (429 in seen) == (is_limited and label != "GET /metrics")  # its 429 is for wrong keys alone


class Asking(NamedTuple):
    """Where requests go, and what they carry."""

    server: Server
    session: requests.Session
    known: dict[str, str]
    headers: dict[str, str]


def ask_often(operation: Any, mode: GenerationMode, count: int, asking: Asking) -> set[int]:
    """Check the answers to `count` requests made from the document; their statuses."""
    load_all_checks()
    statuses = set[int]()
    known = asking.known

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def ask(case: Case[Any], of_known: bool) -> None:
        if of_known:
            case.path_parameters |= {name: known[name] for name in case.path_parameters.keys() & known.keys()}
        response = case.call(asking.server.base_url, asking.session, headers=asking.headers, timeout=DEADLINE_S)
        statuses.add(response.status_code)
        case.validate_response(response, checks_of(response))

    ask()
    return statuses


def test_the_document_that_is_served_is_the_one_in_docs(client: Client) -> None:
    response = client.http.get("/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT


def test_no_other_route_serves_a_description(client: Client) -> None:
    for path in ("/openapi", "/openapi/raw", "/openapi/openapi.json", "/schema"):
        assert client.http.get(path).status_code == 404


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_another_method_is_405_and_says_which_are_allowed(client: Client, path: str) -> None:
    methods = {method.upper() for method in DOCUMENT["paths"][path]}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
        response = client.http.request(method, re.sub(r"\{\w+\}", "x", path))

        assert response.status_code == 405, method
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "method_not_allowed"
        assert set(response.headers["allow"].split(", ")) - {"OPTIONS"} == methods


def test_every_operation_has_a_readable_name_of_its_own_a_tag_and_words() -> None:
    names = [operation["operationId"] for _, operation in described()]
    known = {tag["name"] for tag in DOCUMENT["tags"]}

    assert len(names) == len(set(names))
    for name, (label, operation) in zip(names, described(), strict=True):
        assert re.fullmatch(r"[a-z][A-Za-z0-9]+", name), name
        assert operation["summary"], label
        assert operation["description"], label
        assert set(operation["tags"]) <= known, label


def test_every_refusal_is_a_problem_document_with_its_codes_and_an_example_of_each() -> None:
    for label, operation in described():
        for status, response in operation["responses"].items():
            if status < "400":
                continue
            media = response["content"]["application/problem+json"]
            codes = re.findall(r"`(\w+)`", response["description"].partition("`code`:")[2])

            assert codes, (label, status)
            assert list(media["examples"]) == codes, (label, status)
            for code in codes:
                example = DOCUMENT["components"]["examples"][code]["value"]
                assert (example["code"], example["status"]) == (code, int(status)), label


def test_every_operation_describes_what_all_of_its_kind_can_answer() -> None:
    for label, operation in described():
        statuses = set(operation["responses"])

        assert {"403", "500"} <= statuses, label
        assert not operation["security"] or {"401"} <= statuses, label
        assert "requestBody" not in operation or {"413", "422"} <= statuses, label
        for status, response in operation["responses"].items():
            headers = set(response["headers"])
            limits = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
            assert "X-Request-ID" in headers, (label, status)
            assert limits <= headers if "429" in statuses else not limits & headers, (label, status)
            assert status != "429" or "Retry-After" in headers, label


def test_every_body_has_an_example_that_fits_its_schema() -> None:
    missing = set()
    for label, operation in described():
        for where, media_type, media in contents(operation):
            if "example" in media and media_type == "application/json":
                jsonschema_rs.validate(resolved(media["schema"]), media["example"])
            elif "example" not in media and "examples" not in media:
                missing.add(f"{label} {where} {media_type} {media['schema'].get('$ref', '').rpartition('/')[2]}")

    assert not missing, f"write examples into api/examples.py: {sorted(missing)}"
    for example in DOCUMENT["components"]["examples"].values():
        jsonschema_rs.validate(resolved({"$ref": "#/components/schemas/Problem"}), example["value"])


def test_every_reference_leads_to_something() -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT))):
        found = DOCUMENT
        for part in reference.split("/"):
            found = found[part]


def test_the_schemas_say_what_is_checked() -> None:
    body = DOCUMENT["components"]["schemas"]["SendBody"]

    assert body["additionalProperties"] is False
    assert body["properties"]["images"]["maxItems"] == 8
    assert DOCUMENT["components"]["schemas"]["PromptBody"]["properties"]["prompt"]["minLength"] == 1
    assert body["properties"]["temperature"]["anyOf"][0] == {"type": "number", "minimum": 0, "maximum": 2}
    assert body["properties"]["chat_id"]["anyOf"][0]["pattern"] == "^[A-Za-z0-9_-]{1,128}$"
    limit = DOCUMENT["paths"]["/chat/history"]["get"]["parameters"][0]["schema"]
    assert limit == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}


def test_an_idempotency_key_of_what_is_kept_nowhere_promises_no_day() -> None:
    said = {
        label: parameter["description"]
        for label, operation in described()
        for parameter in operation.get("parameters", ())
        if parameter["name"] == "Idempotency-Key"
    }

    of_unkept = {label for label, words in said.items() if "24 hours" not in words}
    assert of_unkept == {"POST /api/llm/generate", "POST /api/llm/stream"}
    assert all("two minutes" in said[label] for label in of_unkept)


def test_every_stream_names_its_run_and_its_chat_in_headers_when_it_has_one() -> None:
    streams = {
        label: {name for name in response["headers"] if name in ("X-Run-Id", "X-Chat-Id")}
        for label, operation in described()
        for response in operation["responses"].values()
        if "text/event-stream" in response.get("content", {})
    }

    assert streams.keys() >= {"POST /chat", "POST /stream", "POST /api/v1/chat", "GET /runs/{run_id}/events"}
    for label, names in streams.items():
        assert names == ({"X-Run-Id"} if "/api/llm/" in label else {"X-Run-Id", "X-Chat-Id"})


def test_what_a_page_reads_is_as_described(client: Client) -> None:
    client.send('Sure. [[reasoning Hm.]] [[tool add {"a": 1}]]', "described")
    client.http.post("/chat/regenerate/described", json={})
    run_id = client.begin("a [[hang 1]]", "described")
    client.send("[[fail 0]]", "failed")
    try:
        for path, params in (
            ("/chat/history", {}),
            ("/chat/history/{chat_id}", {}),
            ("/runs", {}),
            ("/runs/{run_id}", {}),
            ("/search", {"query": "sure"}),
            ("/history", {}),
            ("/api/llm/providers", {}),
            ("/api/llm/models", {}),
            ("/api/llm/health", {}),
            ("/chat/generations/{chat_id}", {}),
            ("/chat/trash", {}),
            ("/login", {}),
        ):
            answer = client.http.get(path.format(chat_id="described", run_id=run_id), params=params)
            schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

            assert answer.status_code == 200, path
            jsonschema_rs.validate(resolved(schema), answer.json())
    finally:
        client.http.post(f"/runs/{run_id}/stop")


def test_the_events_of_a_run_are_as_described(client: Client) -> None:
    named = {"start": "Start", "delta": "Delta", "reasoning": "Reasoning", "tool_call": "ToolCall", "usage": "Usage"}
    named |= {"done": "Done", "failed": "Problem"}
    seen = set()
    for message in ("a [[reasoning Hm.]] [[tool add]]", "a [[fail 1]]"):
        for event in client.follow(client.begin(message)):
            jsonschema_rs.validate(resolved({"$ref": f"#/components/schemas/{named[event.event]}"}), event.fields)
            seen.add(event.event)

    assert seen == named.keys()


def test_no_answer_that_a_page_reads_is_of_an_unknown_kind() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for member, said in schema.get("properties", {}).items():
            for part in said.get("anyOf", [said]):
                assert part.get("items") != {}, (name, member)
                assert part.keys() & {"type", "$ref", "enum", "const"}, (name, member)
