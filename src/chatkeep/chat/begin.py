"""How runs begin: find who answers, make way in the chat, fix what the run is, and let it go."""

import asyncio
import uuid

from chatkeep.chat.continuation import ContinueRequest, continued, record_of_continuation
from chatkeep.chat.images import check_images, unseen
from chatkeep.chat.messages import IfBusy, SendRequest, record_of
from chatkeep.chat.model import Chat, ChatKey, Idempotency, Message, check_chat_id
from chatkeep.chat.ports import ChatStore, Provider, Providers, RunRecord
from chatkeep.chat.restoring import check_stored_revision
from chatkeep.chat.rewriting import RewriteRequest, edited_content, question_of, record_of_rewriting
from chatkeep.chat.run import Ending, Run
from chatkeep.chat.seal import load_or_none
from chatkeep.chat.turn import Turns
from chatkeep.chat.unstored import GenerateRequest, Unstored, unstored_run
from chatkeep.errors import ChatBusy, ChatkeepError, ProviderNotConfigured, ProviderNotFound, ShuttingDown

_MOST_WAITING = 100  # runs of one chat at once: each holds a file and memory


class Beginnings:
    """Begins runs while it is `accepting`, and enters them in `runs`, by their ids."""

    def __init__(
        self, *, store: ChatStore, providers: Providers, turns: Turns, unstored: Unstored, runs: dict[str, Run]
    ) -> None:
        self._store = store
        self._providers = providers
        self._turns = turns
        self._unstored = unstored
        self._runs = runs
        self.accepting = False

    async def send(self, owner: str, request: SendRequest, idempotency: Idempotency | None) -> Run:
        """The run that answers a message. What it raises: interface.py."""
        self._check_accepting()
        key = ChatKey(owner, check_chat_id(request.chat_id) if request.chat_id is not None else str(uuid.uuid4()))
        provider, model = await self._providers.resolve(request.provider, request.model)
        run = Run(record_of(key, request, provider.name, model, idempotency))
        # Why now: a file that cannot be read, or a message too long, then costs nothing.
        chat = await load_or_none(self._store, key)
        run.begins_chat = chat is None
        self._turns.check_fits(run, provider, chat)
        await self._turns.guardrails.admit_instructions(run.record.system_prompt, run.record.tools)
        await self._make_way(key, request.if_busy)
        return await self._take(run, provider)

    async def continuation(self, owner: str, request: ContinueRequest, idempotency: Idempotency | None) -> Run:
        """The run that goes on with a reply. What it raises: interface.py."""
        key = ChatKey(owner, check_chat_id(request.chat_id))
        chat = await self._quiet_chat(key, request)
        provider, model = await self._resolve_again(request, continued(chat, request.message_id))
        record = record_of_continuation(key, request, chat, provider, model, idempotency)
        return await self._begin_in(chat, record, provider)

    async def rewriting(self, owner: str, request: RewriteRequest, idempotency: Idempotency | None) -> Run:
        """The run that asks again. What it raises: interface.py."""
        key = ChatKey(owner, check_chat_id(request.chat_id))
        await self._check_images(request)
        # Why first: what is refused must cost no reply that is going, and what a stopped one leaves is nobody's change.
        await check_stored_revision(self._store, key, request.revision, is_begun=self._turns.has_unsettled(key))
        await self._check_question(key, request)
        asked = question_of(chat := await self._quiet_chat(key, request), request)
        provider, model = await self._resolve_again(request, asked.answered_by)
        record = record_of_rewriting(key, request, asked, provider.name, model, idempotency)
        await self._turns.guardrails.admit_instructions(record.system_prompt)
        return await self._begin_in(chat, record, provider)

    async def unstored(self, owner: str, request: GenerateRequest) -> Run:
        """The run that is kept nowhere. What it raises: interface.py."""
        self._check_accepting()
        provider, model = await self._providers.resolve(request.provider, request.model)
        run = unstored_run(owner, request, provider.name, model)
        await self._turns.guardrails.admit_instructions(run.record.system_prompt, run.record.tools)
        self._check_accepting()
        self._unstored.begin(run, provider)
        self._runs[run.run_id] = run
        return run

    async def _quiet_chat(self, key: ChatKey, request: ContinueRequest | RewriteRequest) -> Chat:
        """The chat when no run is going in it any more."""
        self._check_accepting()
        if request.provider or request.model:  # Why here already: a wrong name must cost no reply that is going
            await self._providers.resolve(request.provider, request.model)
        await self._make_way(key, request.if_busy)
        for run in self._turns.lanes[key]:
            await run.wait_ended()
        # Why: the reply that is meant may be one that the disk refused. A stop must not part a save from its note.
        await asyncio.shield(self._turns.settle(key))
        return await self._store.load(key)

    async def _check_question(self, key: ChatKey, request: RewriteRequest) -> None:
        """Return when what is to be asked is there, or a turn's that is going. Raises: InvalidRequest, Conflict."""
        questions = {run.record.user.id: run.record.user for run in self._turns.lanes[key]}
        coming = {*questions, *(run.record.message_id for run in self._turns.lanes[key])}
        if request.message is not None and request.message_id in questions:
            edited_content(questions[request.message_id], request.message, request.images)
        if coming and request.message_id is not None and request.message_id not in coming:
            chat = await load_or_none(self._store, key)
            if chat is not None:
                question_of(chat, request)

    async def _check_images(self, request: RewriteRequest) -> None:
        """Return when the images of an edit may come, and who is asked does not refuse any. Raises: InvalidRequest."""
        if not request.images:
            return
        check_images(request.images)
        provider, model = await self._resolve_again(request, None)
        if provider.can_see(model) is False:
            raise unseen(provider.name, model)

    async def _begin_in(self, chat: Chat, record: RunRecord, provider: Provider) -> Run:
        run = Run(record)
        self._turns.check_fits(run, provider, chat)
        # Race: somebody may have sent a message since; what it makes of the chat is not known yet.
        await self._make_way(record.key, "reject")
        return await self._take(run, provider)

    async def _resolve_again(
        self, request: ContinueRequest | RewriteRequest, reply: Message | None
    ) -> tuple[Provider, str]:
        """Who is to answer: who is asked for, else who made `reply`, else the default."""
        if request.provider or request.model or reply is None or not reply.provider:
            return await self._providers.resolve(request.provider, request.model)
        try:
            self._providers.get(reply.provider)
        except (ProviderNotFound, ProviderNotConfigured):
            return await self._providers.resolve(None, None)
        return await self._providers.resolve(reply.provider, reply.model)

    async def _take(self, run: Run, provider: Provider) -> Run:
        """Let `run` into its lane, journal it, and let it go."""
        self._check_accepting()
        after = self._turns.lanes.enter(run)
        self._runs[run.run_id] = run
        try:
            await self._turns.begin(run)
        except BaseException as exc:
            self._turns.abandon(run, exc if isinstance(exc, ChatkeepError) else ChatkeepError("The run was not begun."))
            raise
        self._turns.drive(run, provider, after)
        return run

    def _check_accepting(self) -> None:
        if not self.accepting:
            raise ShuttingDown("The server is stopping and takes no new messages.")

    async def _make_way(self, key: ChatKey, if_busy: IfBusy) -> None:
        going = [run for run in self._turns.lanes[key] if not run.ended]
        if not going:
            return
        if if_busy == "reject" or len(going) >= _MOST_WAITING:
            raise ChatBusy(f"Run {going[0].run_id} is going in chat {key.chat_id}.")
        if if_busy == "enqueue":
            return
        ending = Ending.ROLLBACK if if_busy == "rollback" else Ending.STOP
        for run in going:
            await self._turns.stop(run, ending)
