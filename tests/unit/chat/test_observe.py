"""Who watches runs."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chatkeep.chat.messages import SendRequest
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.run import Run
from tests.puppet import heart

pytestmark = pytest.mark.anyio


class Broken(RunObserver):
    """Breaks at the start of a run, and leaves the rest out."""

    def run_taken(self, run: Run) -> None:
        raise ValueError("no")


class Noting(RunObserver):
    """Notes the ends of runs, and leaves the rest out."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def run_ended(self, run: Run) -> None:
        self.ended.append(run.run_id)


async def test_an_observer_that_breaks_is_logged_and_harms_neither_the_run_nor_the_others(tmp_path: Path) -> None:
    noting = Noting()
    async with heart(tmp_path) as h:
        h.observers.add(Broken())
        h.observers.add(noting)
        with capture_logs() as logged:
            run = await h.chat.send("", SendRequest("hi"))
            (await h.puppet.call(0)).finish("yes")
            await run.wait_ended()

    assert run.reply.text == "yes"
    assert noting.ended == [run.run_id]
    assert [entry["event"] for entry in logged].count("observer_crashed") == 1
