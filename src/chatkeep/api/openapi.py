"""The OpenAPI document: what Litestar knows of the routes, completed by what is the same for all of them.

Litestar gives paths, parameters and what a view documents. Added here: schemas as msgspec makes them (Litestar's lack
bounds of 0, descriptions and closed objects), problem documents with their codes, headers, keys, tags and examples.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ControllerRouterHandler

import chatkeep
from chatkeep.access.policy import Action
from chatkeep.api.examples import JSON, STREAMS
from chatkeep.api.problems import MEDIA_TYPE
from chatkeep.api.refusals import codes_of, problem_examples, statuses_of
from chatkeep.api.status_feed import ChatChange, GenerationStats, StateChange, StatusMessage
from chatkeep.api.type_schemas import CHAT_ID, REFERENCE, schemas_of, structs_in
from chatkeep.chat.events import Delta, Done, Problem, Reasoning, Retry, Start

BODY = "body"
"""In the `opt` of a route that reads its body by itself: the type that describes it."""

_JSON = "application/json"

_EVENTS = (Start, Retry, Delta, Reasoning, Done, Problem)  # with ToolCall and Usage, the data of a run's events
_MESSAGES = (StatusMessage, StateChange, GenerationStats, ChatChange)  # those of the WebSocket

_DESCRIPTION = """\
A chat server that keeps every conversation as a plain JSON file.

**Keys.** Send `X-API-Key: KEY` or `Authorization: Bearer KEY`; a browser may use the cookie that `POST /login` sets. A
server without keys takes everybody.

**Errors** are problem documents (RFC 9457). `code` is stable: programs should look at that. A path asked with another
method is 405 `method_not_allowed` with an `Allow` header, an unknown path is 404 `not_found`.

**Limits.** `X-RateLimit-Remaining` of `X-RateLimit-Limit` requests are left; `X-RateLimit-Reset` is in seconds.

**Streams** are server-sent events. Their `id` counts from 0; follow a run again with `GET /runs/{run_id}/events`.
The data of the events are the schemas `Start`, `Retry`, `Delta`, `Reasoning`, `ToolCall`, `Usage` and `Done`, of
`failed` it is `Problem`. `WS /api/llm/ws/status` sends `StatusMessage`, `StateChange`, `GenerationStats`, `ChatChange`.
"""

_TAGS = {
    "chat": ("Chats", "Send messages; list, read and delete chats."),
    "runs": ("Runs", "One reply in the making: look at it, follow its events, stop it."),
    "stream": ("Prompts", "One prompt and its reply at a time, and the search over all of them."),
    "history": ("Prompts", ""),
    "search": ("Prompts", ""),
    "api": ("Providers", "The services that answer."),
    "v1": ("OpenAI", "What OpenAI's clients expect."),
    "login": ("Access", "Sessions for browsers, and what admins see."),
    "logout": ("Access", ""),
    "admin": ("Access", ""),
}
_OTHER_TAG = ("Service", "What this server is, and how it is.")

_SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"bearer": []}, {"session": []}]
_SECURITY_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, or a JSON Web Token where they are taken."},
    "session": {"type": "apiKey", "in": "cookie", "name": "chatkeep_session", "description": "Set by `POST /login`."},
}

_COUNT = {"type": "integer", "minimum": 0}
_HEADERS = {
    "X-Request-ID": {
        "description": "Names the request in the log: the client's own when it sent a sane one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "X-RateLimit-Limit": {"description": "Requests of this kind allowed in a window.", "schema": _COUNT},
    "X-RateLimit-Remaining": {"description": "How many of them are left.", "schema": _COUNT},
    "X-RateLimit-Reset": {"description": "Seconds until one more is allowed.", "schema": _COUNT},
    "Retry-After": {"description": "Seconds to wait.", "schema": _COUNT},
    "X-Run-Id": {"description": "Names the run: follow it again, or stop it.", "schema": {"type": "string"}},
    "X-Chat-Id": {
        "description": "Names the run's chat. A generation outside any chat has none.",
        "schema": {"type": "string", "pattern": CHAT_ID},
    },
}
_OUTSIDE_CHATS = "/api/llm/"  # where the paths begin whose runs are in no chat
_RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_WAITING = {"429", "503"}  # statuses that may carry Retry-After


class _Nowhere(Router):
    """Where Litestar puts the routes it would serve the document with. Ours are in reference.py."""

    def register(self, value: ControllerRouterHandler) -> list[BaseRoute]:  # noqa: ARG002 - what is not wanted
        """Take none."""
        return []


def openapi_config() -> OpenAPIConfig:
    """Makes Litestar describe the routes, and serve nothing of that by itself."""
    return OpenAPIConfig(
        title="chatkeep",
        version=chatkeep.__version__,
        description=_DESCRIPTION,
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, _method, _path: _operation_id(handler),
        render_plugins=[JsonRenderPlugin()],
        openapi_router=_Nowhere("/openapi", route_handlers=[]),
    )


def openapi_document(app: Litestar) -> bytes:
    """The OpenAPI document of `app` as indented JSON with a trailing newline."""
    described = app.openapi_schema.to_schema()
    operations = list(_operations(app, described["paths"]))
    schemas = {**described["components"]["schemas"], **_schemas(handler for _, handler, _ in operations)}
    for path, handler, operation in operations:
        _complete(path, handler, operation, schemas)
    document = {
        "openapi": described["openapi"],
        "info": described["info"],
        "servers": described["servers"],
        "tags": _tags(described["paths"]),
        "paths": described["paths"],
        "components": {
            "schemas": schemas,
            "headers": _HEADERS,
            "examples": problem_examples(),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2) + b"\n"


def _operations(app: Litestar, paths: dict[str, Any]) -> Iterator[tuple[str, HTTPRouteHandler, dict[str, Any]]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            path = route.path_format or "/"
            for method, (handler, _) in route.route_handler_map.items():
                if method.lower() in paths.get(path, {}):
                    yield path, handler, paths[path][method.lower()]


def _operation_id(handler: HTTPRouteHandler) -> str:
    """Module and function, as `chatsSend`: what a generated client's methods are called."""
    module = handler.fn.__module__.rpartition(".")[2]
    first, *others = f"{module}_{handler.fn.__name__.strip('_')}".split("_")
    return first + "".join(other.title() for other in others)


def _schemas(handlers: Iterator[HTTPRouteHandler]) -> dict[str, Any]:
    """What the views take and give, and what is in it, by the name of its type."""
    taken: list[type] = []
    given: list[type] = [*_EVENTS, *_MESSAGES]
    for handler in handlers:
        signature = handler.parsed_fn_signature
        bodies = [field.annotation for name, field in signature.parameters.items() if name == "data"]
        bodies += [handler.opt[BODY]] if BODY in handler.opt else []
        answers = [signature.return_type.annotation]
        answers += [spec.data_container for spec in (handler.responses or {}).values()]
        taken += [found for body in bodies for found in structs_in(body)]
        given += [found for answer in answers for found in structs_in(answer)]
    return schemas_of(taken, given)


def _complete(path: str, handler: HTTPRouteHandler, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    action = Action(handler.opt.get("action", Action.AUDIT))
    for parameter in operation.get("parameters", ()):
        _tidy(parameter)
    operation.setdefault("tags", [_tag(path)[0]])
    operation.pop("deprecated", None)
    operation["security"] = [] if action in (Action.OPEN, Action.LOGIN) else _SECURITY
    if BODY in handler.opt:
        (schema,), _ = msgspec.json.schema_components([handler.opt[BODY]], ref_template=REFERENCE + "{name}")
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        _show_example(path, _JSON, media)
    _complete_successes(path, handler, operation["responses"], schemas)
    _complete_problems(operation, action, _marks(path, action, operation, schemas))
    headers = ["X-Request-ID", *(_RATE_HEADERS if action is not Action.OPEN else ())]
    for status, response in operation["responses"].items():
        named = [*headers, *(["Retry-After"] if status in _WAITING else []), *_run_headers(path, response)]
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _tidy(parameter: dict[str, Any]) -> None:
    """Leave out what says nothing. A parameter is text: it has no null, and no bound with a fraction."""
    for name in ("deprecated", "allowEmptyValue", "allowReserved"):
        if not parameter.get(name):
            parameter.pop(name, None)
    parts = [part for part in parameter["schema"].pop("oneOf", ()) if part != {"type": "null"}]
    schema = parameter["schema"] = {**parameter["schema"], **(parts[0] if parts else {})}
    schema.pop("description", None)
    for name in ("minimum", "maximum"):
        if schema.get("type") == "integer" and name in schema:
            schema[name] = int(schema[name])
    if (parameter["in"], parameter["name"]) == ("path", "chat_id"):
        schema["pattern"] = CHAT_ID


def _complete_successes(
    path: str, handler: HTTPRouteHandler, responses: dict[str, Any], schemas: dict[str, Any]
) -> None:
    for status, response in responses.items():
        content = response.get("content", {})
        if not status.startswith("2") or not content:
            continue
        for media_type in handler.opt.get("also", ()) if status == "200" else ():
            content.setdefault(media_type, {"schema": {"type": "string"}})
        for media_type, media in content.items():
            _show_example(path, media_type, media)
        named = _name_of(content.get(_JSON, {}).get("schema", {}))
        if status not in map(str, handler.responses or {}):
            response["description"] = schemas.get(named, {}).get("description", "What was asked for.")


def _show_example(path: str, media_type: str, media: dict[str, Any]) -> None:
    found = _example(path, media_type, media["schema"])
    if found is not None:
        media["example"] = found


def _example(path: str, media_type: str, schema: dict[str, Any]) -> Any:
    """What a person wrote for this body, None when nobody did."""
    if media_type != _JSON:
        return STREAMS.get(f"{path} {media_type}", STREAMS.get(media_type))
    if "items" in schema:
        item = _example(path, media_type, schema["items"])
        return None if item is None else [item]
    if "anyOf" in schema:
        return next((found for each in schema["anyOf"] if (found := _example(path, media_type, each))), None)
    return JSON.get(_name_of(schema))


def _name_of(schema: dict[str, Any]) -> str:
    """The name of a schema that stands in the components, empty for one that does not."""
    return str(schema.get("$ref", "")).removeprefix(REFERENCE)


def _complete_problems(operation: dict[str, Any], action: Action, marks: set[str]) -> None:
    responses = operation["responses"]
    # Workaround: Litestar documents a 400 of its own for every route with a parameter; ours is 422.
    responses.pop("400", None)
    general = statuses_of(
        action, has_body="requestBody" in operation, has_parameters=any(mark.startswith("query:") for mark in marks)
    )
    for status, meaning in general.items():
        responses.setdefault(str(status), {"description": meaning})
    for status, response in responses.items():
        if status >= "400":
            codes = codes_of(int(status), marks)
            response["description"] += f" `code`: {', '.join(f'`{code}`' for code in codes)}."
            examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
            media = {"schema": {"$ref": f"{REFERENCE}Problem"}, "examples": examples}
            response["content"] = {MEDIA_TYPE: media}


def _marks(path: str, action: Action, operation: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    """What the operation does and takes, in the words of refusals.py."""
    marks = {f"action:{action}", f"route:{path}"}
    marks |= {f"{parameter['in']}:{parameter['name']}" for parameter in operation.get("parameters", ())}
    body = operation.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema", {})
    return marks | {f"body:{name}" for name in schemas.get(_name_of(body), {}).get("properties", ())}


def _run_headers(path: str, response: dict[str, Any]) -> list[str]:
    """Those of an answer that may be a stream."""
    if "text/event-stream" not in response.get("content", {}):
        return []
    return ["X-Run-Id"] if path.startswith(_OUTSIDE_CHATS) else ["X-Run-Id", "X-Chat-Id"]


def _tag(path: str) -> tuple[str, str]:
    return _TAGS.get(path.split("/")[1], _OTHER_TAG)


def _tags(paths: dict[str, Any]) -> list[dict[str, str]]:
    """Those in use, in the order of the contract's sections."""
    used = {_tag(path)[0] for path in paths}
    described = {name: text for name, text in [*_TAGS.values(), _OTHER_TAG] if text and name in used}
    return [{"name": name, "description": text} for name, text in described.items()]
