"""What a server says of itself: the OpenAPI document, and the list of its endpoints.

Made when somebody asks first, and kept: it takes a tenth of a second, which neither the start nor other requests wait
for, and 3 MB, which a server that nobody asks does not hold.
"""

import asyncio
import inspect
from collections.abc import Iterator
from functools import lru_cache

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute, WebSocketRoute

from chatkeep.api.openapi import openapi_document
from chatkeep.api.schemas import EndpointRow


class Description(msgspec.Struct, frozen=True):
    """`document` is JSON. `endpoints` are in the order of their paths, and have more: the document's pages, sockets."""

    document: bytes
    endpoints: list[EndpointRow]


async def description_of(app: Litestar) -> Description:
    """The description of `app`; the same for all who ask."""
    return await asyncio.shield(_making(app))


@lru_cache(1)
def _making(app: Litestar) -> asyncio.Task[Description]:
    return asyncio.create_task(asyncio.to_thread(_made, app), name="description")


def _made(app: Litestar) -> Description:
    rows = [*_documented(app), *_pages(app), *_sockets(app)]
    return Description(openapi_document(app), sorted(rows, key=lambda row: row.path))


def _documented(app: Litestar) -> Iterator[EndpointRow]:
    for path, operations in app.openapi_schema.to_schema()["paths"].items():
        for method, operation in operations.items():
            yield EndpointRow(path, method.upper(), str(operation.get("summary", "")))


def _pages(app: Litestar) -> Iterator[EndpointRow]:
    """What is not in the document and has a summary all the same."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if not handler.include_in_schema and handler.summary:
                    yield EndpointRow(route.path_format, method, handler.summary)


def _sockets(app: Litestar) -> Iterator[EndpointRow]:
    """OpenAPI has no word for them."""
    for route in app.routes:
        if isinstance(route, WebSocketRoute):
            said = inspect.getdoc(route.route_handler.fn) or ""
            yield EndpointRow(route.path_format, "WS", said.partition("\n")[0])
