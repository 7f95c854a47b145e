"""ChatInterface: the one door to chats and runs, for every view."""

import asyncio
from collections.abc import Callable

import structlog

from chatkeep.chat.begin import Beginnings
from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.continuation import ContinueRequest
from chatkeep.chat.deleting import Deleting
from chatkeep.chat.editing import Editing, ForkRequest
from chatkeep.chat.exchanges import Exchange, Exchanges
from chatkeep.chat.followers import Followers
from chatkeep.chat.guard import Limits
from chatkeep.chat.idempotency import IdempotencyKeys
from chatkeep.chat.messages import History, SendRequest
from chatkeep.chat.model import Chat, ChatKey, Idempotency, check_chat_id
from chatkeep.chat.observe import Observers
from chatkeep.chat.ports import (
    ChatStore,
    ChatSummary,
    DeletedChat,
    Generation,
    Providers,
    RunLog,
    SearchPage,
)
from chatkeep.chat.query import parse_query
from chatkeep.chat.reading import Reading
from chatkeep.chat.recover import recover
from chatkeep.chat.replay import replay
from chatkeep.chat.restoring import Restoring
from chatkeep.chat.rewriting import RewriteRequest
from chatkeep.chat.run import Ending, Run
from chatkeep.chat.seal import load_or_none
from chatkeep.chat.transfer import Taken, Transfers
from chatkeep.chat.turn import Turns
from chatkeep.chat.unstored import GenerateRequest, Unstored
from chatkeep.errors import (
    RunNotFound,
    ShuttingDown,
)

_logger = structlog.get_logger("chatkeep.chat")

_ENDING_S = 30.0  # how long runs that were told to end may take, with a slow disk
_FINISHED_KEPT_S = 120.0  # how long a finished run stays in memory; then its journal answers


class ChatInterface:
    """Everything a caller can do with chats and runs. Every method takes the owner it acts for.

    `system_prompt` gives the prompt of new chats; `context_tokens` replaces every model's window. Left out, `checks`
    are none. Who follows a run says so to `followers`.
    """

    def __init__(
        self,
        *,
        store: ChatStore,
        log: RunLog,
        providers: Providers,
        limits: Limits,
        system_prompt: Callable[[], str],
        context_tokens: int | None = None,
        observers: Observers | None = None,
        checks: Checks | None = None,
    ) -> None:
        self._store = store
        self._log = log
        self._system_prompt = system_prompt
        self._runs: dict[str, Run] = {}
        self._keys = IdempotencyKeys(store)
        self.followers = Followers(lambda run: self._stop(run, Ending.STOP))
        observers = observers or Observers()
        self._checks = checks or Checks()
        self._unstored = Unstored(
            providers=providers,
            limits=limits,
            context_tokens=context_tokens,
            ended=self._run_ended,
            observers=observers,
            checks=self._checks,
        )
        self._exchanges = Exchanges(store, self.live_runs)
        self._turns = Turns(
            store=store,
            log=log,
            providers=providers,
            limits=limits,
            system_prompt=system_prompt,
            context_tokens=context_tokens,
            ended=self._run_ended,
            observers=observers,
            checks=self._checks,
        )
        self._beginnings = Beginnings(
            store=store, providers=providers, turns=self._turns, unstored=self._unstored, runs=self._runs
        )
        self._reading = Reading(store, self._turns, system_prompt)
        self._deleting = Deleting(store, self._turns, self._runs)
        self._editing = Editing(store, self._turns.has_unsettled, self._reading.begun)
        self._restoring = Restoring(store, self._turns)
        self._transfers = Transfers(store, self._turns.has_unsettled)

    @property
    def accepting(self) -> bool:
        """Whether runs are begun: after `start`, and until `drain`."""
        return self._beginnings.accepting

    async def start(self) -> None:
        """Seal what a crash left open, then accept runs. Raises: StorageFailed."""
        self._turns.start()
        await recover(self._store, self._log, self._turns.recorder, self._turns.guardrails, self._system_prompt)
        self._beginnings.accepting = True

    async def drain(self, grace_s: float) -> None:
        """Accept no more runs, let those going end within `grace_s` seconds, then interrupt the rest. Twice is once."""
        self._beginnings.accepting = False
        try:
            async with asyncio.timeout(grace_s):
                await self._all_ended()
        except TimeoutError:
            await self._interrupt_all()

    async def _interrupt_all(self) -> None:
        try:
            async with asyncio.timeout(_ENDING_S):
                await asyncio.gather(*(self._stop(run, Ending.SHUTDOWN) for run in self.live_runs(None)))
                await self._all_ended()
        except TimeoutError:
            # Their journals have what there is: the next start seals them.
            _logger.error("runs_left_open", run_ids=[run.run_id for run in self.live_runs(None)])

    async def aclose(self) -> None:
        """Interrupt what is going and stop working."""
        await self.drain(0)
        await self.followers.aclose()
        await self._turns.aclose()
        await self._checks.aclose()

    async def send(self, owner: str, request: SendRequest, idempotency: Idempotency | None = None) -> Run:
        """Take `request` and return its run. On return the message is on disk and the run goes on by itself.

        With `idempotency` the same key and body give the same run again. Raises: InvalidRequest,
        ProviderNotFound, ProviderNotConfigured, ChatBusy, IdempotencyMismatch, ContextTooLong, ContentDenied of a
        system prompt, ShuttingDown, StorageFailed; then nothing was written.
        """
        return await self._keys.once(
            owner,
            idempotency,
            lambda: self._beginnings.send(owner, request, idempotency),
            lambda earlier: self.run(owner, earlier),
        )

    async def continue_reply(self, owner: str, request: ContinueRequest, idempotency: Idempotency | None = None) -> Run:
        """Go on with the chat's last reply, which did not come to its end, and return the run, as `send` does.

        Raises: Conflict when there is nothing to continue, ChatBusy, ChatNotFound, InvalidRequest, and what `send`
        raises; then nothing was written.
        """
        return await self._keys.once(
            owner,
            idempotency,
            lambda: self._beginnings.continuation(owner, request, idempotency),
            lambda earlier: self.run(owner, earlier),
        )

    async def rewrite(self, owner: str, request: RewriteRequest, idempotency: Idempotency | None = None) -> Run:
        """Make a reply anew, or edit a message and ask it, on a branch of its own; return the run, as `send` does.

        Raises: Conflict when there is nothing to ask again, RevisionConflict, ChatBusy, ChatNotFound, InvalidRequest,
        and what `send` raises; then nothing was written.
        """
        return await self._keys.once(
            owner,
            idempotency,
            lambda: self._beginnings.rewriting(owner, request, idempotency),
            lambda earlier: self.run(owner, earlier),
        )

    async def rename(self, owner: str, chat_id: str, title: str, *, revision: int | None = None) -> Chat:
        """Give the chat another title, and return it.

        Raises: ChatNotFound, RevisionConflict, InvalidRequest, StorageFailed.
        """
        return await self._editing.rename(ChatKey(owner, check_chat_id(chat_id)), title, revision)

    async def set_system_prompt(self, owner: str, chat_id: str, text: str, *, revision: int | None = None) -> Chat:
        """Give the chat another system prompt, none when `text` is blank, and return it.

        Runs that have begun to generate keep theirs. Raises: ChatNotFound, RevisionConflict, ContentDenied,
        InvalidRequest, StorageFailed.
        """
        key = ChatKey(owner, check_chat_id(chat_id))
        await self._turns.guardrails.admit_instructions(text)
        return await self._editing.set_system_prompt(key, text, revision)

    async def switch_branch(self, owner: str, chat_id: str, message_id: str, *, revision: int | None = None) -> Chat:
        """Make the newest path through that message the active one, and return the chat.

        Raises: ChatBusy while a run is going in it, ChatNotFound, RevisionConflict, InvalidRequest, StorageFailed.
        """
        return await self._editing.switch_branch(ChatKey(owner, check_chat_id(chat_id)), message_id, revision)

    async def fork(self, owner: str, request: ForkRequest, idempotency: Idempotency | None = None) -> Chat:
        """Make a chat of the path to a message of another one, and return it. With `idempotency` once.

        Raises: ChatNotFound, RevisionConflict, InvalidRequest, Conflict when the id is taken, IdempotencyMismatch,
        StorageFailed.
        """
        return await self._editing.fork(owner, request, idempotency)

    async def generate(self, owner: str, request: GenerateRequest, idempotency: Idempotency | None = None) -> Run:
        """Ask a model outside any chat, and return the run, which goes on by itself. It is kept nowhere.

        With `idempotency` the same key and body give the same run, while it is in memory. Raises: InvalidRequest,
        ProviderNotFound, ProviderNotConfigured, IdempotencyMismatch, ContextTooLong, ContentDenied
        of a tool, RateLimited, ShuttingDown.
        """
        return await self._keys.once(
            owner,
            idempotency,
            lambda: self._beginnings.unstored(owner, request),
            lambda earlier: self.run(owner, earlier),
        )

    async def run(self, owner: str, run_id: str) -> Run:
        """The run, live or finished. Raises: RunNotFound, StorageFailed."""
        run = self._runs.get(run_id) or await self._kept_run(run_id)
        if run.record.owner != owner:
            raise RunNotFound(f"There is no run {run_id}.")
        return run

    def live_runs(self, owner: str | None) -> list[Run]:
        """The owner's runs that are going or waiting, in the order they were taken; None is everybody's."""
        live = [run for runs in (self._turns.lanes, self._unstored) for run in runs]
        return sorted((run for run in live if owner is None or run.record.owner == owner), key=lambda run: run.run_id)

    @property
    def journal_waiting(self) -> int:
        """How many runs have events that are not in their journal yet."""
        return self._turns.recorder.waiting

    async def stop(self, owner: str, run_id: str) -> Run:
        """End the run and return it; its upstream connection is closed. A finished run stays as it is."""
        run = await self.run(owner, run_id)
        await self._stop(run, Ending.STOP)
        return run

    async def exchanges(self, owner: str, *, limit: int, offset: int) -> list[Exchange]:
        """A page of the owner's prompts and replies over all chats, newest first. Raises: StorageFailed."""
        return await self._exchanges.page(owner, limit=limit, offset=offset)

    async def exchange(self, owner: str, run_id: str) -> Exchange:
        """The prompt and the reply of that run. Raises: RunNotFound, StorageFailed."""
        return await self._exchanges.one(owner, run_id)

    async def history(
        self, owner: str, chat_id: str, *, before: str | None = None, limit: int | None = None
    ) -> History:
        """The chat's messages, oldest first: the last `limit` of those before message `before`.

        Raises: ChatNotFound, InvalidRequest when `before` is no message of the chat, StorageFailed.
        """
        return await self._reading.history(ChatKey(owner, check_chat_id(chat_id)), before=before, limit=limit)

    async def chats(
        self, owner: str, *, limit: int, cursor: str | None
    ) -> tuple[list[tuple[ChatSummary, str | None]], str | None]:
        """A page of the owner's chats with the id of the run going in each, newest first, and the next cursor."""
        return await self._reading.chats(owner, limit=limit, cursor=cursor)

    async def search(self, owner: str, text: str, *, limit: int, offset: int) -> SearchPage:
        """The owner's stored messages that match the query `text` (query.py), best first; a live turn is not stored.

        Raises: InvalidRequest, whose message names the character that is wrong, SearchTimedOut, StorageFailed.
        """
        return await self._store.search(owner, parse_query(text), limit=limit, offset=offset)

    async def delete(self, owner: str, chat_id: str, *, purge: bool, revision: int | None = None) -> None:
        """Stop the chat's runs, then move it to the trash, or with `purge` remove it for good.

        `revision` is what it must have before they are stopped. Raises: ChatNotFound, RevisionConflict, StorageFailed.
        """
        key = ChatKey(owner, check_chat_id(chat_id))
        await self._forget_runs(key, await self._deleting.delete(key, purge=purge, revision=revision))

    async def restore(
        self, owner: str, chat_id: str, *, generation: int | None = None, revision: int | None = None
    ) -> Chat:
        """Bring a deleted chat back, or with `generation` the chat as it was at that revision, and return it.

        `revision` is what the chat, or the deleted one, must have. Raises: ChatBusy, ChatNotFound, GenerationNotFound,
        Conflict when there is a chat where a deleted one is to come back, RevisionConflict, StorageFailed.
        """
        key = ChatKey(owner, check_chat_id(chat_id))
        chat, gone = await self._restoring.restore(key, generation, revision)
        await self._forget_runs(key, gone)
        return chat

    async def generations(self, owner: str, chat_id: str) -> list[Generation]:
        """What is kept of what the chat was before, newest first. Raises: ChatNotFound, StorageFailed."""
        return await self._store.generations(ChatKey(owner, check_chat_id(chat_id)))

    async def deleted(self, owner: str, *, limit: int, cursor: str | None) -> tuple[list[DeletedChat], str | None]:
        """A page of the owner's deleted chats, newest first, and the next cursor.

        Raises: InvalidRequest, StorageFailed.
        """
        return await self._store.deleted(owner, limit=limit, before=cursor)

    async def export(self, owner: str, chat_id: str) -> bytes:
        """The chat's file as it stands, without a turn that is going. Raises: ChatNotFound, StorageFailed."""
        return await self._store.read_file(ChatKey(owner, check_chat_id(chat_id)))

    async def exported(self, owner: str, chat_id: str) -> Chat:
        """The chat as it is stored, without a turn that is going. Raises: ChatNotFound, StorageFailed."""
        return await self._store.load(ChatKey(owner, check_chat_id(chat_id)))

    async def import_file(self, owner: str, data: bytes, chat_id: str | None = None) -> Taken:
        """Take a chat's file, byte for byte. Without `chat_id` its own id counts, else one made of its content.

        Twice is once. Raises: InvalidRequest when it is no chat, InvalidChatId, StorageFailed.
        """
        return await self._transfers.take_file(owner, data, chat_id)

    async def import_chat(self, owner: str, chat: Chat) -> Taken:
        """Take a chat that was made of another program's. Twice is once. Raises: InvalidChatId, StorageFailed."""
        return await self._transfers.take_chat(owner, chat)

    async def check_ready(self) -> None:
        """Return when a message would be accepted now. Raises: ShuttingDown, StorageFailed."""
        if not self.accepting:
            raise ShuttingDown("The server is starting or stopping.")
        await self._store.check_writable()

    async def _stop(self, run: Run, ending: Ending) -> None:
        if run.record.chat_id:
            await self._turns.stop(run, ending)
        else:
            await self._unstored.stop(run, ending)

    async def _kept_run(self, run_id: str) -> Run:
        kept = await self._log.read(run_id)
        if kept is not None and kept[1] and kept[1][-1].is_last:
            run = Run(kept[0])
            run.resume(kept[1])
            return run
        stored = await self._store.find_run(run_id)
        chat = await load_or_none(self._store, stored.key) if stored else None
        if stored is None or chat is None:
            raise RunNotFound(f"There is no run {run_id}.")
        return replay(stored, chat)

    async def _forget_runs(self, key: ChatKey, run_ids: set[str]) -> None:
        """The replies of these runs are in the chat no more.

        Any file may name any run: another chat's are spared, and one that is going: its journal is all there is.
        """
        known = (self._runs.get(run_id) for run_id in run_ids)
        gone = run_ids - {run.run_id for run in known if run is not None and (run.record.key != key or not run.ended)}
        for run_id in gone:
            self._runs.pop(run_id, None)
        await self._log.discard(gone)

    async def _all_ended(self) -> None:
        for run in self.live_runs(None):
            await run.wait_ended()

    def _run_ended(self, run: Run) -> None:
        asyncio.get_running_loop().call_later(_FINISHED_KEPT_S, self._forget, run)

    def _forget(self, run: Run) -> None:
        """Leave `run` to its journal and its chat, once it is in there."""
        if self._turns.is_settled(run):
            self._runs.pop(run.run_id, None)
        else:
            self._run_ended(run)
