"""What models cost and how much they read at once, by the public price lists of services. Pure.

The lists are those of the package genai-prices, as price_child.py writes them down.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

import msgspec

from chatkeep.chat.model import Usage

LISTS = {
    "anthropic": "anthropic",
    "deepseek": "deepseek",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "together": "together",
    "xai": "x-ai",
}
"""Of each service that has a list: its name here, and its name there."""

_MOST_FOUND = 5000  # names that are remembered: users may make them up
_MTOK = 1_000_000
_DIGITS = 10  # of a dollar; the cheapest tokens cost 3e-9


class Rates(msgspec.Struct, frozen=True):
    """US dollars for a million tokens, when the prompt has more than `above` of them."""

    above: int
    prompt: float
    cached: float
    completion: float


class Period(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rates that hold from a day on, or between two times of the day, or always; in UTC. `above` rises, from -1."""

    rates: list[Rates]
    since: date | None = None
    hours: tuple[time, time] | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it holds then. Hours may go past midnight."""
        if self.since is not None:
            return at.date() >= self.since
        if self.hours is not None:
            start, end = self.hours
            moment = at.time()
            return start <= moment < end if start <= end else moment >= start or moment < end
        return True


class ListedModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model, called by one of `names`, or by what `pattern` finds; both in lower case.

    The last one of `periods` that holds counts, else the first one; without any its price is not known.
    """

    names: list[str]
    pattern: str = ""
    context_tokens: int | None = None
    periods: list[Period] = []

    def rates(self, at: datetime, prompt_tokens: int = 0) -> Rates | None:
        """What it costs then, None when that is not known."""
        if not self.periods:
            return None
        period = next((period for period in reversed(self.periods) if period.holds(at)), self.periods[0])
        return next(rates for rates in reversed(period.rates) if prompt_tokens > rates.above)


class PriceList:
    """Prices of services; empty until it is filled. `services` are the names, in `LISTS`, that it is made for."""

    def __init__(self, services: Sequence[str] = ()) -> None:
        self._lists = {name: LISTS[name] for name in services}
        self._models: dict[str, _Models] = {}
        self._found: dict[tuple[str, str], ListedModel | None] = {}

    @property
    def wanted(self) -> list[str]:
        """The names of the lists it takes."""
        return list(self._lists.values())

    def fill(self, lists: Mapping[str, Sequence[ListedModel]]) -> None:
        """Take over the lists, by their names."""
        self._models = {name: _Models(lists[list_]) for name, list_ in self._lists.items() if list_ in lists}
        self._found = {}

    def context_tokens(self, service: str, model: str) -> int | None:
        """The model's window, None when it is not known."""
        found = self._find(service, model)
        return found.context_tokens if found else None

    def rates(self, service: str, model: str) -> Rates | None:
        """What the model costs now, with a short prompt; None when that is not known."""
        found = self._find(service, model)
        return found.rates(datetime.now(UTC)) if found else None

    def cost_usd(self, service: str, model: str, usage: Usage, at: datetime) -> float | None:
        """What `usage` cost then, in US dollars, None when that is not known."""
        found = self._find(service, model)
        prompt = max(0, usage.prompt_tokens)
        rates = found.rates(at, prompt) if found else None
        if rates is None:
            return None
        cached = usage.cached_tokens if isinstance(usage.cached_tokens, int) else 0
        cached = max(0, min(cached, prompt))
        completion = max(0, usage.completion_tokens)
        total = (prompt - cached) * rates.prompt + cached * rates.cached + completion * rates.completion
        return round(total / _MTOK, _DIGITS)

    def _find(self, service: str, model: str) -> ListedModel | None:
        if service not in self._models:
            return None
        key = (service, model)
        if key not in self._found:
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            self._found[key] = self._models[service].find(model.lower())
        return self._found[key]


class _Models:
    """One list, in its order. Who has a name comes first, unless a pattern before it finds that name too."""

    def __init__(self, models: Sequence[ListedModel]) -> None:
        self._models = models
        self._places: dict[str, int] = {}
        for place, model in enumerate(models):
            for name in model.names:
                self._places.setdefault(name, place)
        self._patterns = [(place, re.compile(model.pattern)) for place, model in enumerate(models) if model.pattern]

    def find(self, name: str) -> ListedModel | None:
        named = self._places.get(name, len(self._models))
        found = (place for place, pattern in self._patterns if place < named and pattern.search(name))
        place = next(found, named)
        return self._models[place] if place < len(self._models) else None
