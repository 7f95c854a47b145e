"""JSON Schemas of the types that views take and give, by their names. What is said of routes: openapi.py.

What is taken has its defaults. What is given has none: a member is always there, or it may be left out and is never
null, so that clients in typed languages know which.
"""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_type_hints

import msgspec

REFERENCE = "#/components/schemas/"
CHAT_ID = "^[A-Za-z0-9_-]{1,128}$"


def schemas_of(taken: Iterable[type], given: Iterable[type]) -> dict[str, Any]:
    """The schemas of these structs, and of those in them. One that is given too is described as it is taken."""
    answers = _with_parts(given)
    found = _components(answers)
    for struct in answers:
        _complete_given(struct, found[struct.__name__])
    found |= _components(_with_parts(taken))
    for schema in found.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
        for name in {"chat_id"} & schema.get("properties", {}).keys():
            _first_string(schema["properties"][name])["pattern"] = CHAT_ID
    return dict(sorted(found.items()))


def structs_in(annotation: Any) -> Iterator[type]:
    """The structs that an annotation names, without what is in them."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for part in get_args(annotation):
        yield from structs_in(part)


def _components(types: Iterable[type]) -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(list(types), ref_template=REFERENCE + "{name}")
    return schemas


def _with_parts(types: Iterable[type]) -> list[type]:
    """The structs and all that their members are made of, each once."""
    found: dict[type, None] = {}
    waiting = list(types)
    while waiting:
        struct = waiting.pop()
        if struct not in found:
            found[struct] = None
            waiting += [part for hint in get_type_hints(struct).values() for part in structs_in(hint)]
    return list(found)


def _complete_given(struct: Any, schema: dict[str, Any]) -> None:
    """Say which members are always there."""
    omits = struct.__struct_config__.omit_defaults
    hints = get_type_hints(struct)
    always = []
    for field in msgspec.structs.fields(struct):
        said = schema["properties"][field.encode_name]
        said.pop("default", None)
        if msgspec.UnsetType in get_args(hints[field.name]):
            continue
        if field.required or not omits:
            always.append(field.encode_name)
        elif field.default is None:
            schema["properties"][field.encode_name] = _without_null(said)
    tag = struct.__struct_config__.tag_field
    schema["required"] = [tag, *always] if tag else always


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    parts = [part for part in schema["anyOf"] if part != {"type": "null"}]
    if len(parts) > 1:
        return {**schema, "anyOf": parts}
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **parts[0]}


def _first_string(schema: dict[str, Any]) -> dict[str, Any]:
    """The part of a schema that is for text, without null."""
    parts: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return next(part for part in parts if part.get("type") == "string")
