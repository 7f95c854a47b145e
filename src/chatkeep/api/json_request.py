"""A request whose body is JSON and not too large, or is refused as what it is."""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import SerializationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from chatkeep.api.local import is_local

MAX_BODY_BYTES = "max_body_bytes"
"""In the `opt` of the application, or of a route that takes more: the most that a body may have, in bytes."""


class JsonRequest(Request[object, object, State]):
    """Litestar's request, with the two ways that a decoder has to fail besides its own error.

    Bodies are bounded by MAX_BODY_BYTES; those of local requests by Litestar's own limit alone.
    """

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body, piece by piece."""
        if is_local(self.scope):
            async for piece in super().stream():
                yield piece
            return
        limit, taken = int(self.route_handler.opt[MAX_BODY_BYTES]), 0
        if (self.content_length or 0) > limit:  # Why: before anything is read
            raise RequestEntityTooLarge
        async for piece in super().stream():
            taken += len(piece)
            if taken > limit:
                raise RequestEntityTooLarge
            yield piece

    async def json(self) -> Any:
        try:
            return await super().json()
        except UnicodeDecodeError as exc:
            raise SerializationException("The body is not UTF-8.") from exc
        except RecursionError as exc:
            raise SerializationException("The body is nested too deeply.") from exc
