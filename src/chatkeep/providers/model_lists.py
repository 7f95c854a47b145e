"""Lists of models as services give them, page by page. What stands in a page: the wire formats."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode

from chatkeep.providers.http import Service

_MAX_PAGES = 10  # Limit: of 1,000 models; a service whose list has no end must not be asked for ever.

M = TypeVar("M")


class Paging(NamedTuple):
    """How a service is asked for a page: the parameters for its size, and for where it begins."""

    path: str
    size: str
    begins: str


async def all_pages(service: Service, paging: Paging, decode: Callable[[bytes], tuple[list[M], str | None]]) -> list[M]:
    """The models of all pages. `decode` gives those of one, and where the next one begins. Raises: ProviderFailed."""
    listed: list[M] = []
    query = {paging.size: "1000"}
    for _ in range(_MAX_PAGES):
        models, following = await service.fetch(f"{paging.path}?{urlencode(query)}", decode)
        listed += models
        if not following:
            break
        query[paging.begins] = following
    return listed


def led_by(default_model: str | None, ids: Iterable[str]) -> list[str]:
    """`ids` in their order, behind the default one when there is one, each once."""
    first = [default_model] if default_model else []
    return list(dict.fromkeys([*first, *ids]))
