"""A request whose body is JSON, or is refused as what it is."""

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import SerializationException


class JsonRequest(Request[object, object, State]):
    """Litestar's request, with the two ways that a decoder has to fail besides its own error."""

    async def json(self) -> Any:
        try:
            return await super().json()
        except UnicodeDecodeError as exc:
            raise SerializationException("The body is not UTF-8.") from exc
        except RecursionError as exc:
            raise SerializationException("The body is nested too deeply.") from exc
