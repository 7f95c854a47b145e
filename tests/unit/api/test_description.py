"""What a server says of itself is made beside what else it does."""

import asyncio
import threading

import pytest
from litestar import Litestar, get
from litestar.openapi import OpenAPIConfig

from chatkeep.api.description import description_of

pytestmark = pytest.mark.anyio

DEADLINE_S = 20


@get("/thing", summary="A thing")
async def thing() -> str:
    return "thing"


async def test_others_are_served_while_the_description_is_made_and_it_is_made_once() -> None:
    begun, others_served, waited = asyncio.Event(), threading.Event(), list[bool]()
    loop = asyncio.get_running_loop()

    def slow_name(*_: object) -> str:
        loop.call_soon_threadsafe(begun.set)
        waited.append(others_served.wait(DEADLINE_S))
        return "thing"

    config = OpenAPIConfig(title="t", version="1", operation_id_creator=slow_name)
    app = Litestar([thing], openapi_config=config, logging_config=None)
    asked = [asyncio.create_task(description_of(app)) for _ in range(2)]
    await begun.wait()
    others_served.set()
    first, second = await asyncio.gather(*asked)

    assert waited == [True]
    assert first is second
    assert "/thing" in {row.path for row in first.endpoints}
