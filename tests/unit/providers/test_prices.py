import itertools
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import types
from genai_prices.data import providers
from structlog.testing import capture_logs

from chatkeep.chat.model import Usage
from chatkeep.providers import price_reader
from chatkeep.providers.price_child import lists
from chatkeep.providers.prices import LISTS, ListedModel, Period, PriceList, Rates

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PLAIN = Period([Rates(-1, 1.0, 0.25, 4.0)])


def filled(*models: ListedModel) -> PriceList:
    prices = PriceList(["openai"])
    prices.fill({"openai": list(models)})
    return prices


def cost(prices: PriceList, usage: Usage, at: datetime = NOON, model: str = "m") -> float | None:
    return prices.cost_usd("openai", model, usage, at)


def test_a_cached_token_costs_what_cached_ones_do() -> None:
    prices = filled(ListedModel(["m"], periods=[PLAIN]))
    assert cost(prices, Usage(1_000_000, 500_000, 1_500_000)) == 3.0
    assert cost(prices, Usage(1_000_000, 500_000, 1_500_000, cached_tokens=400_000)) == 2.7
    assert cost(prices, Usage(1_000_000, 500_000, 1_500_000, cached_tokens=0, reasoning_tokens=9)) == 3.0


def test_counts_that_cannot_be_cost_nothing_and_never_less() -> None:
    prices = filled(ListedModel(["m"], periods=[PLAIN]))
    assert cost(prices, Usage(-5, -7, -12, cached_tokens=-3)) == 0
    assert cost(prices, Usage(1_000_000, 0, 0, cached_tokens=2_000_000)) == 0.25
    assert cost(prices, Usage(0, 0, 0, cached_tokens=10)) == 0


def test_one_token_of_the_cheapest_model_is_not_rounded_away() -> None:
    prices = filled(ListedModel(["m"], periods=[Period([Rates(-1, 0.003, 0.003, 0.003)])]))
    assert cost(prices, Usage(1, 0, 1)) == 3e-9


def test_a_long_prompt_has_the_rates_of_its_length() -> None:
    prices = filled(ListedModel(["m"], periods=[Period([Rates(-1, 1.0, 1.0, 0.0), Rates(200_000, 2.0, 2.0, 0.0)])]))
    assert cost(prices, Usage(200_000, 1, 0)) == 0.2
    assert cost(prices, Usage(200_001, 1, 0)) == 0.400002


@pytest.mark.parametrize(
    ("at", "dollars"),
    [
        (NOON, 1.0),
        (NOON.replace(hour=23), 2.0),
        (NOON.replace(hour=1, minute=29), 2.0),
        (NOON.replace(hour=1, minute=30), 1.0),
        (datetime(2027, 1, 1, tzinfo=UTC), 3.0),
    ],
)
def test_the_last_price_that_holds_at_the_time_counts(at: datetime, dollars: float) -> None:
    night = Period([Rates(-1, 2.0, 2.0, 2.0)], hours=(time(22), time(1, 30)))
    later = Period([Rates(-1, 3.0, 3.0, 3.0)], since=date(2027, 1, 1))
    prices = filled(ListedModel(["m"], periods=[Period([Rates(-1, 1.0, 1.0, 1.0)]), night, later]))
    assert cost(prices, Usage(1_000_000, 0, 0), at) == dollars


def test_what_is_not_known_has_no_price_and_no_window() -> None:
    prices = filled(ListedModel(["m"], periods=[PLAIN]), ListedModel(["free"], context_tokens=8))
    for service, model in (("openai", "other"), ("acme", "m"), ("openai", "free"), ("openai", "")):
        assert prices.cost_usd(service, model, Usage(1, 1, 2), NOON) is None
        assert prices.rates(service, model) is None
    assert (prices.context_tokens("openai", "free"), prices.context_tokens("acme", "m")) == (8, None)
    assert PriceList(["openai"]).cost_usd("openai", "m", Usage(1, 1, 2), NOON) is None


def test_a_model_is_found_by_any_of_its_names_and_by_the_first_pattern_in_the_list() -> None:
    prices = filled(
        ListedModel(["a"], pattern=r"\Aa-", context_tokens=1),
        ListedModel(["a-x", "b", "b-0"], context_tokens=2),
        ListedModel(["c"], pattern=r"[0-9]\Z", context_tokens=3),
        ListedModel(["b", "b-1"], context_tokens=4),
    )
    windows = {name: prices.context_tokens("openai", name) for name in ("A", "a-x", "B", "b-0", "c", "b-1", "b-x")}
    assert windows == {"A": 1, "a-x": 1, "B": 2, "b-0": 2, "c": 3, "b-1": 3, "b-x": None}


def test_names_that_users_make_up_fill_no_memory() -> None:
    prices = filled(ListedModel(["m"], context_tokens=1))
    for number in range(12_000):
        prices.context_tokens("openai", f"made-up-{number}")
    assert len(prices._found) <= 5000
    assert prices.context_tokens("openai", "m") == 1


def _theirs() -> list[tuple[types.Provider, types.ModelInfo]]:
    return [(listed, model) for listed in providers if listed.id in LISTS.values() for model in listed.models]


def test_every_price_of_the_package_is_read_as_the_package_itself_does() -> None:
    ours = PriceList(list(LISTS))
    ours.fill(lists(LISTS.values()))
    names = {list_: name for name, list_ in LISTS.items()}
    moments = (NOON, datetime(2025, 1, 1, 2, 15, tzinfo=UTC))
    usages = ((1000, 100, 10), (250_000, 5000, 240_000))
    compared = 0
    for listed, model in _theirs():
        found = listed.find_model(model.id)
        assert ours.context_tokens(names[listed.id], model.id) == (found and found.context_window)
        for at, (prompt, completion, cached) in itertools.product(moments, usages):
            cost_usd = ours.cost_usd(names[listed.id], model.id, Usage(prompt, completion, 0, cached_tokens=cached), at)
            if cost_usd is None or found is None:
                continue
            prices = found.get_prices(at)
            asked = TheirUsage(input_tokens=prompt, output_tokens=completion, cache_read_tokens=cached)
            their_cost = types.ModelPrice(
                **{key: getattr(prices, key) for key in ("input_mtok", "cache_read_mtok", "output_mtok")}
            ).calc_price(asked)["total_price"]
            assert abs(Decimal(cost_usd) - their_cost) < Decimal("1e-9"), (listed.id, model.id, at)
            compared += 1
    assert compared > 3000


async def test_the_lists_are_read_in_another_process_and_only_those_that_are_wanted() -> None:
    prices = PriceList(["openai", "xai"])

    await price_reader.fill(prices)

    assert prices.context_tokens("openai", "gpt-4o-mini") == 128_000
    assert prices.rates("xai", "grok-3-mini") is not None
    assert prices.rates("deepseek", "deepseek-chat") is None


async def test_lists_that_cannot_be_read_leave_prices_unknown_and_say_why_in_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "genai_prices.py").write_text("raise RuntimeError('a broken package')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    prices = PriceList(["openai"])
    with capture_logs() as logs:
        await price_reader.fill(prices)
    assert prices.rates("openai", "gpt-4o-mini") is None
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("prices_unknown", "OSError: RuntimeError: a broken package")
    ]
