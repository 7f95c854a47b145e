"""One turn: wait for its place, generate, seal it into the chat, and end the run exactly once."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import structlog

from chatkeep.chat.attempt import attempt
from chatkeep.chat.branch import path_before
from chatkeep.chat.calls import Calls
from chatkeep.chat.checks.guardrails import Guardrails
from chatkeep.chat.checks.later import LaterChecks
from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.context import check_fits, fit
from chatkeep.chat.continuation import check_last
from chatkeep.chat.ending import conclude, last_event, log_end
from chatkeep.chat.events import RunEvent
from chatkeep.chat.guard import Limits
from chatkeep.chat.images import images_in, unseen
from chatkeep.chat.lanes import Lanes
from chatkeep.chat.model import Chat, ChatKey, Message
from chatkeep.chat.observe import Observers
from chatkeep.chat.ports import ChatStore, Provider, ProviderRequest, Providers, RunLog
from chatkeep.chat.recorder import Recorder
from chatkeep.chat.run import Ending, Run, RunState
from chatkeep.chat.seal import load_or_none, seal, system_prompt_of
from chatkeep.errors import ChatkeepError, Conflict, InvalidRequest, StorageFailed

_logger = structlog.get_logger("chatkeep.turn")

_RESEAL_S = 1.0  # how often turns that the disk refused are tried again


class Turns:
    """Drives every run from its place in its chat's lane to its last event.

    `system_prompt` gives the prompt of a new chat; `context_tokens` replaces every model's window, None
    keeps it; `ended` is called once a run, after its last event was revealed, and before `observers` are told.
    """

    def __init__(  # noqa: PLR0913 - the parts of a server, each by its name
        self,
        *,
        store: ChatStore,
        log: RunLog,
        providers: Providers,
        limits: Limits,
        system_prompt: Callable[[], str],
        context_tokens: int | None,
        ended: Callable[[Run], None],
        observers: Observers,
        checks: Checks,
    ) -> None:
        self._store = store
        self._log = log
        self._providers = providers
        self._calls = Calls(providers, limits)
        self._system_prompt = system_prompt
        self._context_tokens = context_tokens
        self._ended = ended
        self._observers = observers
        self.guardrails = Guardrails(checks, observers)
        self._later = LaterChecks(checks, store, observers)
        self.lanes = Lanes()
        self.recorder = Recorder(log, self._journal_lost)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancellable: set[str] = set()
        self._lost: dict[str, StorageFailed] = {}
        self._unsealed: dict[ChatKey, list[Run]] = {}
        self._unwritten: list[Run] = []
        self._resealing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work. Call once, within the event loop."""
        self.recorder.start()
        self._resealing = asyncio.create_task(self._reseal_forever(), name="reseal")

    async def aclose(self) -> None:
        """Stop working; every run has ended."""
        if self._resealing is not None:
            self._resealing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._resealing
        await self._later.aclose()
        await self.recorder.aclose()

    async def begin(self, run: Run) -> None:
        """Make the journal of `run`, with its first event. Raises: StorageFull, StorageFailed."""
        run.begin()
        lines, count = run.unwritten()
        await self._log.create(run.record, b"".join(lines))
        run.reveal(count)
        self._observers.run_taken(run)

    def drive(self, run: Run, provider: Provider, after: Run | None) -> None:
        """Let `run`, which is in its lane and has its journal, go as soon as `after` has ended."""
        self._tasks[run.run_id] = asyncio.create_task(self._drive(run, provider, after), name=run.run_id)

    def abandon(self, run: Run, error: ChatkeepError) -> None:
        """End `run`, which is in its lane but could not get a journal. Nothing of it is kept, and no observer told."""
        conclude(run, error)
        run.take(last_event(run))
        run.reveal_all()
        self._close(run)

    async def stop(self, run: Run, ending: Ending) -> None:
        """End `run`. One that is going has ended on return; one that waits ends when its place comes, unasked."""
        if run.ended or (run.state.is_final and run.ending is None):
            return
        if run.ending is None:
            run.ending = ending
            if run.run_id in self._cancellable:
                self._tasks[run.run_id].cancel()
        if self.lanes.first(run.record.key) is run:
            await run.wait_ended()
        elif ending is not Ending.SHUTDOWN:
            run.state = RunState.STOPPED

    async def settle(self, key: ChatKey) -> None:
        """Put turns into this chat that the disk refused before. Raises: StorageFailed."""
        while runs := self._unsealed.get(key):
            run = runs[0]
            await seal(self._store, run, self._system_prompt())
            # Race: another task may have settled it, or forgotten the chat, meanwhile.
            if run in runs:
                runs.remove(run)
                run.release()
                self.recorder.publish(run)
            if not runs:
                self._unsealed.pop(key, None)

    def is_settled(self, run: Run) -> bool:
        """Whether nothing of `run`, which has ended, waits for the disk."""
        return run not in self._unsealed.get(run.record.key, ())

    def unsealed(self, key: ChatKey) -> list[Run]:
        """The chat's turns that the disk refused so far, oldest first."""
        return list(self._unsealed.get(key, ()))

    def has_unsettled(self, key: ChatKey) -> bool:
        """Whether a turn will yet come into the chat: one that goes or waits, or that the disk refused so far."""
        return key in self._unsealed or any(not run.ended for run in self.lanes[key])

    def forget(self, key: ChatKey) -> None:
        """The chat was deleted: turns that the disk refused go with it."""
        self._unsealed.pop(key, None)

    def check_fits(self, run: Run, provider: Provider, chat: Chat | None) -> None:
        """Return when the run's question fits the model. Raises: ContextTooLong; InvalidRequest for images that it
        cannot see.
        """
        record = run.record
        before = path_before(chat, record.parent_id)
        check_fits(
            before,
            system_prompt_of(record, before if chat else None, self._system_prompt()),
            record.user,
            window=self._window(provider, record.model),
            max_tokens=record.max_tokens,
            continues=record.continues,
        )
        if provider.can_see(record.model) is False:
            self._check_unseen(run, provider, chat, before)

    def _check_unseen(self, run: Run, provider: Provider, chat: Chat | None, before: Sequence[Message]) -> None:
        """Return when nothing with an image would be sent to a model that takes none. Raises: InvalidRequest."""
        user = run.record.user
        if not (isinstance(user.content, list) or any([isinstance(message.content, list) for message in before])):  # noqa: C419 - twice as fast
            return
        if not run.record.asks_again and images_in(user.content):
            raise unseen(provider.name, run.record.model)
        sent = self._request(run, provider, run.record.model, chat).messages
        if any(images_in(message.content) for message in sent):
            raise InvalidRequest(
                f"The chat has images, and {run.record.model} of {provider.name} takes text alone: ask another model.",
                errors=(("$.model", "takes no images"),),
            )

    def _window(self, provider: Provider, model: str) -> int | None:
        return self._context_tokens or provider.context_tokens(model)

    def _request(self, run: Run, provider: Provider, model: str, chat: Chat | None) -> ProviderRequest:
        """What that provider's model is asked in this run. Raises: ContextTooLong."""
        record = run.record
        before = path_before(chat, record.parent_id)
        messages, run.reply.prompt_tokens = fit(
            before,
            system_prompt_of(record, before if chat else None, self._system_prompt()),
            record.user,
            window=self._window(provider, model),
            max_tokens=record.max_tokens,
            continues=record.continues,
        )
        return ProviderRequest(model, messages, record.temperature, record.max_tokens)

    async def _drive(self, run: Run, provider: Provider, after: Run | None) -> None:
        structlog.contextvars.bind_contextvars(chat_id=run.record.chat_id, run_id=run.run_id)
        if after is not None:
            await after.wait_ended()
        # Race: until here a stop only sets `ending`, for a task cancelled before its first step would never
        # run, and one that does not wait for its place would put its turn before earlier ones.
        self._cancellable.add(run.run_id)
        failure = await attempt(
            run, lambda: self._generate(run, provider), self._providers, lambda: self._lost.pop(run.run_id, None)
        )
        self._cancellable.discard(run.run_id)
        await self._end(run, failure)

    async def _generate(self, run: Run, provider: Provider) -> None:
        record = run.record
        # Why: a stop must not part a save from what the store notes of it.
        await asyncio.shield(self.settle(record.key))
        # Race: whoever changes the path of a chat looks first that no run is in its lane, and then holds it until the
        # change is saved: what is read here is on the path that the turn will be put on.
        async with self._store.editing(record.key):
            chat = await load_or_none(self._store, record.key)
        run.begins_chat = chat is None
        run.state = RunState.RUNNING
        self._check_goes_on(run, chat)
        await self.guardrails.admit(run, chat)
        self._observers.run_generating(run)
        await self._calls.answer(
            run, provider, lambda asked, model: self._request(run, asked, model, chat), self._publish
        )

    def _check_goes_on(self, run: Run, chat: Chat | None) -> None:
        """Return when the reply that `run` goes on with is still the last one. Raises: Conflict."""
        try:
            check_last(chat, run.record)
        except Conflict:
            # Why as if it were dropped: nothing was said, and nothing of it belongs into the chat.
            run.ending = Ending.ROLLBACK
            raise

    async def _end(self, run: Run, failure: ChatkeepError | None) -> None:
        """Seal the turn, then publish the last event: `done` means that the reply is on disk. Never fails."""
        try:
            conclude(run, failure)
            if run.ending is not Ending.ROLLBACK:
                await self.guardrails.mark_turn(run, lambda: load_or_none(self._store, run.record.key))
                await self.settle(run.record.key)
                await seal(self._store, run, self._system_prompt())
            self._publish(run, last_event(run))
        except StorageFailed as exc:
            self._end_unsealed(run, exc)
            return
        except Exception as exc:
            _logger.exception("turn_not_saved")
            self._end_unsealed(run, StorageFailed(f"The turn was not saved: an unexpected {type(exc).__name__}."))
            return
        await run.wait_ended()
        self._close(run)
        self._observers.run_ended(run)
        self._later.consider(run)

    def _end_unsealed(self, run: Run, error: StorageFailed) -> None:
        """Tell the followers and keep the journal open: the turn is sealed later, or at the next start."""
        _logger.error("turn_not_saved", code=error.code, detail=error.detail)
        conclude(run, error)
        # Why held: a journal with an end counts as sealed.
        run.take(last_event(run), held=True)
        run.reveal_all()
        self._unsealed.setdefault(run.record.key, []).append(run)
        self._close(run)
        self._observers.run_ended(run)

    def _publish(self, run: Run, event: RunEvent) -> None:
        run.take(event)
        self.recorder.publish(run)

    def _close(self, run: Run) -> None:
        self.lanes.leave(run)
        self._tasks.pop(run.run_id, None)
        self._ended(run)
        log_end(run)

    def _journal_lost(self, run: Run, error: StorageFailed) -> None:
        """The journal took nothing of the run's last events: end it, or if it has ended, show the end."""
        _logger.error("journal_not_written", run_id=run.run_id, code=error.code, detail=error.detail)
        if run.closed:
            run.reveal_all()
            self._unwritten.append(run)
        elif run.run_id in self._cancellable:
            self._lost[run.run_id] = error
            self._tasks[run.run_id].cancel()

    async def _reseal_forever(self) -> None:
        while True:
            await asyncio.sleep(_RESEAL_S)
            unwritten, self._unwritten = self._unwritten, []
            for run in unwritten:
                self.recorder.publish(run)
            for key in list(self._unsealed):
                try:
                    await self.settle(key)
                except StorageFailed:
                    continue
                except Exception:
                    _logger.exception("turn_not_saved")
