"""What the heart needs of the world: a place for chats, a journal for runs, and providers.

Each Protocol's docstring is its contract; `tests/contract/` checks it over every implementation.
"""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

import msgspec

from chatkeep.chat.events import JournalLine, ProviderEvent
from chatkeep.chat.model import Chat, ChatKey, Idempotency, Message, ToolCall, Usage
from chatkeep.chat.query import Query
from chatkeep.errors import StorageFailed

MOST_FOUND = 1000  # matches of one search that are counted and ranked
MARK_START, MARK_END = "\ue000", "\ue001"  # around a hit in a snippet; for private use, and never in its text


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function that a model may call. `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str = ""
    parameters: msgspec.Raw = msgspec.Raw(b'{"type":"object","properties":{}}')


class RunRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run is, fixed when it is made; the first line of its journal.

    `user` is the message that asks, already with its id and time; `message_id` is the id the reply
    will have. `provider` and `model` are those asked first; who answers may be a fallback. `system_prompt` is the
    one asked for with this turn, None for the chat's own. `parent_id` names the message that the turn follows, START
    for none; None is the end of the active path when the turn's place comes. With `asks_again` `user` stands in the
    chat already, on the path to there. `continues` is the id of the reply that this one goes on with; with `prefill`
    the provider does so by itself. `cancel_on_leave` says that the run is stopped when its last follower leaves.
    """

    run_id: str
    owner: str
    chat_id: str
    message_id: str
    user: Message
    provider: str
    model: str
    created_at: str
    system_prompt: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    idempotency: Idempotency | None = None
    tools: list[Tool] = []
    parent_id: str | None = None
    asks_again: bool = False
    continues: str | None = None
    prefill: bool = False
    cancel_on_leave: bool = False

    @property
    def key(self) -> ChatKey:
        """The chat this run belongs to."""
        return ChatKey(self.owner, self.chat_id)


class ChatSummary(msgspec.Struct, frozen=True):
    """What a list shows of a chat, read from the index alone."""

    chat_id: str
    created_at: str
    last_updated: str
    message_count: int
    title: str
    provider: str | None
    model: str | None


class Generation(msgspec.Struct, frozen=True):
    """What a chat was before. `number` is the revision it had then; messages of the system are not counted."""

    number: int
    title: str
    last_updated: str
    message_count: int
    size_bytes: int


class DeletedChat(msgspec.Struct, frozen=True):
    """A chat in the trash. One that cannot be read has no title and no messages."""

    chat_id: str
    title: str
    deleted_at: str
    message_count: int


class StoredRun(msgspec.Struct, frozen=True):
    """Where a finished run's reply stands."""

    key: ChatKey
    run_id: str
    message_id: str


class StoredTurn(msgspec.Struct, frozen=True):
    """Where a prompt and its reply stand. `created_at` is the prompt's time."""

    chat_id: str
    run_id: str
    created_at: str


class SearchHit(msgspec.Struct, frozen=True):
    """A message that matches. `score` is 0 or more, higher is better, and means nothing beyond its search.

    `snippet` is plain text, about 200 characters in one line, with each hit between MARK_START and MARK_END.
    `title` is the chat's. `timestamp` is None when the message has none.
    """

    chat_id: str
    title: str
    message_id: str
    role: str
    snippet: str
    score: float
    timestamp: str | None


class SearchPage(msgspec.Struct, frozen=True):
    """Some of the matches, best first. `total` counts all, to MOST_FOUND.

    `incomplete`: the counting ended before all was looked at, there or at what one search may read, and there may
    be more. Without it `total` is exact.
    """

    results: list[SearchHit]
    total: int
    incomplete: bool = False


class ChatStore(Protocol):
    """Keeps chats. A read sees every write that returned before it."""

    async def load(self, key: ChatKey) -> Chat:
        """Return the chat as it stands. Raises: ChatNotFound, ChatUnreadable, StorageFailed."""
        ...

    async def save(self, key: ChatKey, chat: Chat) -> None:
        """Put `chat` in place of what is there, which becomes a generation. After return it survives a power cut.

        Its revision is one above that of what is there; where nothing is, it may have any. If it raises, the old chat
        is still whole. A generation that cannot be kept is no reason not to save. The caller holds `editing(key)`.
        Raises: RevisionConflict, ChatUnreadable when what is there is no chat, StorageFull, StorageFailed.
        """
        ...

    async def read_file(self, key: ChatKey) -> bytes:
        """The chat's file as it stands, even if it is no chat. Raises: ChatNotFound, ChatUnreadable, StorageFailed."""
        ...

    async def add(self, key: ChatKey, data: bytes) -> Chat:
        """Make the chat `key` of `data`, a chat's file, which is kept byte for byte, and return the chat.

        After return it survives a power cut. If it raises, there is no such chat. The caller holds `editing(key)`.
        Raises: Conflict when there is one, InvalidRequest when `data` is no chat, StorageFull, StorageFailed.
        """
        ...

    def editing(self, key: ChatKey) -> AbstractAsyncContextManager[None]:
        """Hold this chat alone, from reading it to saving it."""
        ...

    async def delete(self, key: ChatKey, *, purge: bool) -> None:
        """Move the chat and its generations to the trash, or with `purge` remove all of them for good.

        Raises: ChatNotFound, StorageFailed.
        """
        ...

    async def generations(self, key: ChatKey) -> list[Generation]:
        """What is kept of what the chat was before its last five writes, newest first.

        Raises: ChatNotFound, ChatUnreadable, StorageFailed.
        """
        ...

    async def restore(self, key: ChatKey, generation: int | None, *, revision: int | None = None) -> Chat:
        """Bring the chat back as it was, and return it. After return that survives a power cut.

        A number makes that generation the chat's next revision, so that the present becomes a generation: when that
        cannot be kept, nothing is changed. None brings back from the trash what was deleted last, with its
        generations, as it was. `revision` is what the chat, or the deleted one, must have. The caller holds
        `editing(key)`.
        Raises: ChatNotFound, GenerationNotFound, Conflict when a chat of that id stands in the way of the one in the
        trash, RevisionConflict, ChatUnreadable, StorageFull, StorageFailed.
        """
        ...

    async def deleted(self, owner: str, *, limit: int, before: str | None) -> tuple[list[DeletedChat], str | None]:
        """One page of what is in the owner's trash, newest first, and the cursor of the next page, None at the end.

        Raises: InvalidRequest when `before` is not a cursor of ours, StorageFailed.
        """
        ...

    async def summaries(self, owner: str, *, limit: int, before: str | None) -> tuple[list[ChatSummary], str | None]:
        """One page of the owner's chats, newest first, and the cursor of the next page, None at the end.

        Raises: InvalidRequest when `before` is not a cursor of ours.
        """
        ...

    async def newest_turns(self, owner: str, *, limit: int) -> list[StoredTurn]:
        """The owner's newest turns that a run made, newest first by the time of their prompt; at most `limit`, from 1.

        Its cost grows with `limit`, not with the number of chats. Raises: StorageFailed.
        """
        ...

    async def search(self, owner: str, query: Query, *, limit: int, offset: int) -> SearchPage:
        """The owner's messages but the system's that match, best first, and equals newest first, from `offset` on.

        Case, accents and width of letters do not matter. A word is found as a word, and from three characters on
        inside a longer one, which ranks lower; a phrase by whole words with any punctuation between; Chinese,
        Japanese and Korean text from one character on. An exclusion leaves out whole words. Of very many matches
        the newest MOST_FOUND are ranked and counted, and of very long ones what one search may read, the newest
        first; what was not read stands behind, with a score of 0.
        Raises: SearchTimedOut, StorageFailed.
        """
        ...

    async def find_run(self, run_id: str) -> StoredRun | None:
        """Where the reply of `run_id` stands, None when no chat has it."""
        ...

    async def find_idempotent(self, owner: str, key_digest: str) -> tuple[StoredRun, Idempotency] | None:
        """The run that this idempotency key made in the last 24 hours."""
        ...

    async def check_writable(self) -> None:
        """Return when a chat could be saved now. Raises: StorageFull, StorageFailed."""
        ...


class RunLog(Protocol):
    """Keeps the events of runs in the order they were appended."""

    async def create(self, record: RunRecord, lines: bytes) -> None:
        """Begin a run's journal with its first lines. After return they, and the user's message, survive a power cut.

        Raises: StorageFull, StorageFailed; then there is no journal.
        """
        ...

    async def append(self, lines: Mapping[str, bytes], last: Collection[str]) -> dict[str, StorageFailed]:
        """Append whole lines to the journals of several runs. After return they survive the end of this process.

        Runs in `last` have their last event among the lines: what is held for writing is released, and
        their events stay readable for a while. Returns the runs whose lines could not be written, with
        the reason: StorageFull or StorageFailed; of those lines nothing was kept.
        """
        ...

    async def read(self, run_id: str) -> tuple[RunRecord, list[JournalLine]] | None:
        """A run and its events as kept, in order; None when they are not kept. Raises: StorageFailed."""
        ...

    async def unfinished(self) -> Sequence[tuple[RunRecord, list[JournalLine]]]:
        """Runs of an earlier process that have no last event, oldest first, ready to be appended to."""
        ...

    async def discard(self, run_ids: Collection[str]) -> None:
        """Forget these runs and their events; unknown ones are passed over."""
        ...


class ChatMessage(msgspec.Struct, frozen=True):
    """A message as a provider gets it. `content` is text or a list of parts in OpenAI's form.

    `tool_calls` are an assistant's; `tool_call_id` names the one that a message with the role `tool` answers.
    """

    role: str
    content: str | list[msgspec.Raw]
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None


class ProviderRequest(msgspec.Struct, frozen=True):
    """One call of a model. `messages` are in order and fit the context; None leaves it to the provider.

    When the last message is the assistant's, the reply goes on where it ends; only for models that can prefill.
    `temperature` is 0 to 2, `max_tokens` bounds the reply. What a provider cannot take of it, it refuses.
    """

    model: str
    messages: list[ChatMessage]
    temperature: float | None = None
    max_tokens: int | None = None
    tools: list[Tool] = []

    @property
    def is_prefilled(self) -> bool:
        """Whether the reply is to go on with the last message."""
        return bool(self.messages) and self.messages[-1].role == "assistant"


class ProviderState(StrEnum):
    """What is known of a provider from its last check or call."""

    NOT_CONFIGURED = "NOT_CONFIGURED"
    UNHEALTHY = "UNHEALTHY"
    HEALTHY = "HEALTHY"


class ProviderInfo(msgspec.Struct, frozen=True):
    """What is shown of a provider. `models` are as of `last_checked`, the default one first; None: never checked.

    `error` is for people; it names no key. Of a provider that is not configured it says what to set. `retry_at` is
    when it is tried again, while it has failed so often that it is not called; else None.
    """

    name: str
    state: ProviderState
    error: str | None
    models: list[str]
    last_checked: str | None
    retry_at: str | None = None


class OfferedModel(msgspec.Struct, frozen=True):
    """A model that a provider lists. `id` is what names it in any request: `provider/model`.

    The window is in tokens, the prices are the list prices of a million tokens of a short prompt, and of a reply.
    `can_see` says that it takes images. None: not known. `can_prefill` says that it goes on with a reply that was
    begun.
    """

    id: str
    provider: str
    model: str
    context_tokens: int | None
    input_usd_per_mtok: float | None
    output_usd_per_mtok: float | None
    can_prefill: bool
    can_see: bool | None


class Provider(Protocol):
    """A service that answers. One instance serves all runs at once."""

    @property
    def name(self) -> str:
        """What clients call it: lower case letters, digits, `-` and `_`."""
        ...

    async def models(self) -> list[str]:
        """The models it offers, the default one first. Raises: ProviderFailed."""
        ...

    async def check(self) -> None:
        """Return when it would answer now; costs no tokens. Raises: ProviderFailed."""
        ...

    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong.
        """
        ...

    def context_tokens(self, model: str) -> int | None:
        """The model's context window in tokens, None when unknown."""
        ...

    def can_prefill(self, model: str) -> bool:
        """Whether the model goes on with a reply that was begun, word by word where it ends."""
        ...

    def can_see(self, model: str) -> bool | None:
        """Whether the model takes images, by what the service tells; None when it does not. Never asks anybody."""
        ...


class Providers(Protocol):
    """The configured providers."""

    async def resolve(self, provider: str | None, model: str | None) -> tuple[Provider, str]:
        """The provider and model that a request means; None is the default, `model` may be `provider/model`.

        Raises: ProviderNotFound, ProviderNotConfigured, ProviderUnavailable.
        """
        ...

    def get(self, name: str) -> Provider:
        """The provider of that name. Raises: ProviderNotFound, ProviderNotConfigured."""
        ...

    def fallbacks(self, name: str, model: str) -> list[tuple[Provider, str]]:
        """Who is asked when `model` of the provider `name` does not answer, in order, without that one itself."""
        ...

    def admit(self, name: str) -> None:
        """Return when the provider may be called now; tell then by `report` how that went.

        Raises: ProviderUnavailable while it has failed so often that calling it is no use.
        """
        ...

    def report(self, name: str, error: Exception | None) -> None:
        """Tell how a real call went; None is success."""
        ...

    def cost_usd(self, name: str, model: str, usage: Usage) -> float | None:
        """What `usage` costs by the list price of that provider's model, None when no price is known."""
        ...

    def states(self) -> dict[str, ProviderState]:
        """Every known provider's state by name."""
        ...

    def infos(self) -> list[ProviderInfo]:
        """What is known of every known provider, the configured ones first. Asks nobody."""
        ...

    def models(self, name: str | None) -> list[OfferedModel]:
        """What the provider of that name offers, or all of them do, as of their last checks and in their order.

        Asks nobody. Raises: ProviderNotFound.
        """
        ...

    @property
    def default_name(self) -> str | None:
        """The provider of a request that names none, as far as is known now; None while none can be used."""
        ...

    async def check(self, name: str) -> ProviderInfo:
        """Ask the provider of that name now, for at most 3 s, and say what is known then. Those who ask at the
        same time share one call; one that is not configured is not asked. Raises: ProviderNotFound.
        """
        ...
