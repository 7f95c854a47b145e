"""The models of a service that lists them with their windows. What stands in a list: the wire formats."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import urlencode

from chatkeep.providers.http import Service

_MAX_PAGES = 10  # Limit: of 1,000 models; a service whose list has no end must not be asked for ever.


class Listed(Protocol):
    """What a service tells of a model."""

    @property
    def id(self) -> str:
        """What a request calls it."""
        ...

    @property
    def context_tokens(self) -> int | None:
        """Its window in tokens, None when the service does not tell."""
        ...


M = TypeVar("M", bound=Listed)


class Hints(NamedTuple):
    """What is known of a service's models from elsewhere.

    `default_model` leads its list when it is given; `context_tokens` tells the window, in tokens, of a model of which
    the service itself tells none.
    """

    default_model: str | None = None
    context_tokens: Callable[[str], int | None] = lambda _: None


NO_HINTS = Hints()


class Catalog(Generic[M]):
    """The models of one service, as of its last list; none before the first. `fetch` asks for that list."""

    def __init__(self, fetch: Callable[[], Awaitable[list[M]]], hints: Hints) -> None:
        self._fetch = fetch
        self._hints = hints
        self._listed: dict[str, M] = {}

    async def renew(self) -> list[str]:
        """Ask for the list and give its ids in its order, behind the default one. Raises: what `fetch` does."""
        self._listed = {model.id: model for model in await self._fetch()}
        return led_by(self._hints.default_model, self._listed)

    def find(self, model: str) -> M | None:
        """What the service told of that model."""
        return self._listed.get(model)

    def context_tokens(self, model: str) -> int | None:
        """The window that the service told, else what is known from elsewhere."""
        listed = self.find(model)
        return (listed and listed.context_tokens) or self._hints.context_tokens(model)


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
