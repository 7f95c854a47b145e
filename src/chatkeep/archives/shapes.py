"""Looking into JSON that may be of any shape: what is not as expected is as good as not there."""

import msgspec

from chatkeep.archives.elements import Json


def text_in(value: Json, key: str) -> str:
    """The text at `key`, empty when there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def list_in(value: Json, key: str) -> list[Json]:
    """The list at `key`, empty when there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def dict_in(value: Json, key: str) -> dict[str, Json]:
    """The object at `key`, empty when there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def at(value: Json, key: str) -> Json:
    """What is at `key`, None when nothing is."""
    return value.get(key) if isinstance(value, dict) else None


def arguments_of(value: Json) -> str:
    """The arguments of a call as JSON text: an object as it is, anything else within one."""
    if isinstance(value, str):
        try:
            if isinstance(msgspec.json.decode(value), dict):
                return value
        except (msgspec.DecodeError, RecursionError):
            pass
        return msgspec.json.encode({"input": value}).decode()
    return msgspec.json.encode(value if isinstance(value, dict) else {"input": value}).decode()


def file_name(value: Json) -> str:
    """How a file is named, by whatever says it."""
    keys = ("file_name", "filename", "name", "asset_pointer", "path", "url", "file_id", "id", "type")
    return next((found for key in keys if (found := text_in(value, key))), "without a name")
