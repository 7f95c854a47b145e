"""What the server asks a model for itself."""

import asyncio

import pytest

from chatkeep.chat.asides import Asides
from chatkeep.chat.events import UsageReport
from chatkeep.chat.model import Usage
from chatkeep.chat.run import Run
from chatkeep.errors import ProviderFailed, ProviderUnavailable
from chatkeep.telemetry.instruments import Instruments
from tests.puppet import LIMITS, Puppet, Puppets

pytestmark = pytest.mark.anyio


class Priced(Puppets):
    """A token costs a dollar."""

    def cost_usd(self, name: str, model: str, usage: Usage) -> float | None:
        return float(usage.total_tokens)


async def test_an_answer_is_counted_with_its_tokens_and_its_price_and_as_no_run() -> None:
    puppet = Puppet()
    metrics = Instruments("1", log_requests=False, metrics=True, traces=False).metrics
    assert metrics is not None
    asides = Asides(Priced(puppet), LIMITS, metrics.runs.model_asked)
    asking = asyncio.create_task(asides.ask("puppet", "wood", "Well?", max_tokens=9, within_s=60))
    call = await puppet.call(0)
    call.queue.put_nowait(UsageReport(Usage(4, 3, 7)))
    call.finish("Well, ", "yes.")

    assert await asking == "Well, yes."

    page = metrics.page("")[0].decode()
    assert 'chatkeep_tokens_total{estimated="false",kind="prompt",provider="puppet"} 4.0' in page
    assert 'chatkeep_cost_usd_total{provider="puppet"} 7.0' in page
    assert "chatkeep_runs_total{" not in page
    assert (call.request.max_tokens, call.request.messages[0].content) == (9, "Well?")


async def test_who_takes_too_long_is_let_go_of_and_what_came_is_counted() -> None:
    puppet, told = Puppet(), list[Run]()
    asides = Asides(Puppets(puppet), LIMITS, told.append)
    asking = asyncio.create_task(asides.ask("puppet", "wood", "Well?", max_tokens=9, within_s=0.05))
    call = await puppet.call(0)
    call.say("We")

    with pytest.raises(TimeoutError):
        await asking

    assert call.closed
    assert puppet.reports == []
    assert [run.reply.text for run in told] == ["We"]


async def test_a_provider_that_fails_or_may_not_be_called_is_said_and_not_counted() -> None:
    puppet, told = Puppet(), list[Run]()
    providers = Puppets(puppet)
    asides = Asides(providers, LIMITS, told.append)
    asking = asyncio.create_task(asides.ask("puppet", "wood", "Well?", max_tokens=9, within_s=60))
    (await puppet.call(0)).fail(ProviderFailed("It broke."))
    with pytest.raises(ProviderFailed):
        await asking
    providers.closed.add("puppet")
    with pytest.raises(ProviderUnavailable):
        await asides.ask("puppet", "wood", "Well?", max_tokens=9, within_s=60)

    assert told == []
    assert len(puppet.calls) == 1
