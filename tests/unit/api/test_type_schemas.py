from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chatkeep.api.type_schemas import schemas_of


class Part(msgspec.Struct):
    name: str = ""


class Omitting(msgspec.Struct, omit_defaults=True):
    always: str
    text: str | None = None
    either: int | str | None = None
    count: Annotated[int | None, Meta(description="Of parts.")] = None
    parts: list[Part] = []


class Whole(msgspec.Struct):
    text: str | None = None
    parts: list[Part] = []
    unset: str | UnsetType = UNSET
    sometimes: Annotated[str | UnsetType, Meta(description="Not always.")] = UNSET


class Tagged(msgspec.Struct, tag="tagged", tag_field="type"):
    named: str | UnsetType


class Taken(msgspec.Struct):
    chat_id: str | None = None
    part: Part | None = None


def required(schema: dict[str, Any]) -> set[str]:
    return set(schema["required"])


def test_what_is_given_says_what_is_always_there_and_what_may_be_left_out_is_never_null() -> None:
    found = schemas_of([], [Omitting, Whole, Tagged])

    assert {name: required(schema) for name, schema in found.items()} == {
        "Omitting": {"always"},
        "Part": {"name"},
        "Tagged": {"type"},
        "Whole": {"text", "parts"},
    }
    assert found["Omitting"]["properties"]["text"] == {"type": "string"}
    assert found["Omitting"]["properties"]["count"] == {"type": "integer", "description": "Of parts."}
    assert found["Omitting"]["properties"]["either"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert found["Whole"]["properties"]["text"]["anyOf"] == [{"type": "string"}, {"type": "null"}]


def test_what_is_taken_keeps_its_defaults_also_where_it_is_given_too() -> None:
    found = schemas_of([Taken], [Whole])

    assert found["Part"]["properties"]["name"]["default"] == ""
    assert required(found["Part"]) == set()
    assert found["Taken"]["properties"]["chat_id"]["anyOf"][0]["pattern"]
