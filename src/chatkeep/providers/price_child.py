"""Run as a process: write down the price lists that are named, as JSON by their names. Who reads that: price_reader.py.

Why a process: the package takes 0.3 s to load and 6 MB that are never given back, of which 0.1 MB are wanted.
Its data ships in its wheel; nothing here asks the network.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, time
from decimal import Decimal

import msgspec
from genai_prices import types
from genai_prices.data import providers

from chatkeep.providers.prices import ListedModel, Period, Rates


def lists(names: Iterable[str]) -> dict[str, list[ListedModel]]:
    """The lists of these names; one that is not there is left out."""
    return {listed.id: [_model(model) for model in listed.models] for listed in providers if listed.id in names}


def _model(model: types.ModelInfo) -> ListedModel:
    alternatives = model.match.or_ if isinstance(model.match, types.ClauseOr) else [model.match]
    names = [clause.equals.lower() for clause in alternatives if isinstance(clause, types.ClauseEquals)]
    others = [_pattern(clause) for clause in alternatives if not isinstance(clause, types.ClauseEquals)]
    prices = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    periods = [_period(price) for price in prices if price.prices.input_mtok is not None]
    return ListedModel(names, "|".join(others), model.context_window, periods)


def _pattern(clause: types.MatchLogic) -> str:
    """The regular expression that finds what `clause` matches."""
    match clause:
        case types.ClauseEquals(equals=text):
            return rf"\A{re.escape(text.lower())}\Z"
        case types.ClauseStartsWith(starts_with=text):
            return rf"\A{re.escape(text.lower())}"
        case types.ClauseEndsWith(ends_with=text):
            return rf"{re.escape(text.lower())}\Z"
        case types.ClauseContains(contains=text):
            return re.escape(text.lower())
        case types.ClauseRegex(regex=text):
            return f"(?:{text})"
        case types.ClauseOr(or_=parts):
            return f"(?:{'|'.join(map(_pattern, parts))})"
        case types.ClauseAnd(and_=parts):
            return r"\A" + "".join(rf"(?=[\s\S]*?{_pattern(part)})" for part in parts)


def _period(price: types.ConditionalPrice) -> Period:
    rates = _rates(price.prices)
    match price.constraint:
        case types.StartDateConstraint(start_date=since):
            return Period(rates, since=since)
        case types.TimeOfDateConstraint(start_time=start, end_time=end):
            return Period(rates, hours=(_utc(start), _utc(end)))
        case None:
            return Period(rates)


def _utc(moment: time) -> time:
    assert moment.tzinfo in (None, UTC), "the package gives times of the day in UTC"
    return moment.replace(tzinfo=None)


def _rates(prices: types.ModelPrice) -> list[Rates]:
    """One for each length of a prompt at which some price changes."""
    prompt, completion = prices.input_mtok, prices.output_mtok
    cached = prompt if prices.cache_read_mtok is None else prices.cache_read_mtok
    all_prices = (prompt, cached, completion)
    tiers = (tier.start for price in all_prices if isinstance(price, types.TieredPrices) for tier in price.tiers)
    return [Rates(start, *(_at(price, start) for price in all_prices)) for start in sorted({-1, *tiers})]


def _at(price: Decimal | types.TieredPrices | None, above: int) -> float:
    """What `price` is for a prompt of more than `above` tokens."""
    if isinstance(price, types.TieredPrices):
        return float(next((tier.price for tier in reversed(price.tiers) if above >= tier.start), price.base))
    return float(price or 0)


def main(names: Sequence[str]) -> None:
    """Write the lists of these names to standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(lists(names)))


if __name__ == "__main__":
    main(sys.argv[1:])
