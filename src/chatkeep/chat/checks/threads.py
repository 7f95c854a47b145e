"""Where checks run before a reply is stored: in threads beside the event loop, for a bounded time."""

import asyncio
import threading
from collections.abc import Sequence

from chatkeep.chat.checks.check import Check, Checked, Stage, no_opinion, opinion_of
from chatkeep.chat.model import CheckResult

_DEADLINE_S = 1.0  # a turn waits this long for its checks, at each of the two stages
_CLOSING_S = 1.0  # how long a thread may take to end; it is a daemon, so that one that hangs holds up nobody


class Checks:
    """All checks of a server. Those of one group share a thread, so that one that hangs costs only its group."""

    def __init__(self, *groups: Sequence[Check], deadline_s: float = _DEADLINE_S) -> None:
        self._threads = [CheckThread(group, deadline_s) for group in groups]
        self._stages = {stage for group in groups for check in group for stage in check.stages}
        self.later = [check for group in groups for check in group if "later" in check.stages]

    def has(self, stage: Stage) -> bool:
        """Whether any check is made at that stage."""
        return stage in self._stages

    async def of(self, checked: Checked) -> list[CheckResult]:
        """What the checks of this stage say, in their order; of one that fails, that it is unknown."""
        asked = [thread for thread in self._threads if thread.checks_at(checked.stage)]
        if len(asked) == 1:  # Why: the usual case, and a task for each costs as much again.
            return await asked[0].of(checked)
        answers = await asyncio.gather(*(thread.of(checked) for thread in asked))
        return [result for results in answers for result in results]

    async def aclose(self) -> None:
        """End the threads that can be ended."""
        await asyncio.gather(*(thread.aclose() for thread in self._threads))


class CheckThread:
    """A thread with an event loop of its own for some checks. It is begun when it is first needed.

    `deadline_s` bounds all of them together.
    """

    def __init__(self, checks: Sequence[Check], deadline_s: float) -> None:
        self._checks = checks
        self._deadline_s = deadline_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended = asyncio.Event()
        self._is_stuck = False

    def checks_at(self, stage: Stage) -> list[Check]:
        """The thread's checks of that stage."""
        return [check for check in self._checks if stage in check.stages]

    async def of(self, checked: Checked) -> list[CheckResult]:
        """What the thread's checks of this stage say. Raises nothing but CancelledError."""
        checks = self.checks_at(checked.stage)
        if self._is_stuck:
            return [no_opinion(check, "It is still busy with an earlier message.") for check in checks]
        here, there = asyncio.get_running_loop(), self._running()
        question = _Question(checks, checked, here)
        there.call_soon_threadsafe(question.ask)
        timer = here.call_later(self._deadline_s, question.settle)
        try:
            await question.settled
        except asyncio.CancelledError:
            there.call_soon_threadsafe(question.give_up)
            raise
        finally:
            timer.cancel()
        answers = list(question.answers)
        if len(answers) < len(checks):
            self._is_stuck = True
            there.call_soon_threadsafe(self._come_back, question)
        late = [
            no_opinion(check, f"It gave no answer within {self._deadline_s:g} s.") for check in checks[len(answers) :]
        ]
        return [answer for answer in answers if answer is not None] + late

    async def aclose(self) -> None:
        """End the thread; one that does not listen is left to the end of the process."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._ended.set)
        await asyncio.to_thread(self._thread.join, _CLOSING_S)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            # Why this kind: the server's own is several times as fast as the usual one.
            self._loop = type(asyncio.get_running_loop())()
            name = "checks-" + "-".join(check.name for check in self._checks)
            self._thread = threading.Thread(target=self._work, args=(self._loop,), name=name, daemon=True)
            self._thread.start()
        return self._loop

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._ended.wait())

    def _come_back(self, question: "_Question") -> None:
        """Runs in the thread, when nothing holds it up: give up the question that nobody waits for."""
        question.give_up()
        self._is_stuck = False


class _Question:
    """One message for a thread's checks. `settled` belongs to the loop `here`, on which who asks waits.

    Why not asyncio.run_coroutine_threadsafe: its two futures that follow each other double the cost of the way.
    """

    def __init__(self, checks: Sequence[Check], checked: Checked, here: asyncio.AbstractEventLoop) -> None:
        self.answers: list[CheckResult | None] = []
        self.settled: asyncio.Future[None] = here.create_future()
        self._checks = checks
        self._checked = checked
        self._here = here
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Runs in the thread."""
        self._task = asyncio.create_task(self._ask())
        self._task.add_done_callback(lambda _task: self._here.call_soon_threadsafe(self.settle))

    def give_up(self) -> None:
        """Runs in the thread, after `ask`."""
        if self._task is not None:
            self._task.cancel()

    def settle(self) -> None:
        """Let who asks go on."""
        if not self.settled.done():
            self.settled.set_result(None)

    async def _ask(self) -> None:
        for check in self._checks:
            answer = await opinion_of(check, self._checked)
            self.answers.append(answer)
