"""Every error a caller of chatkeep can meet, and nothing else.

ChatkeepError
├── Unauthorized
├── Forbidden
├── RateLimited
├── InvalidRequest            InvalidChatId · ContextTooLong · ContentDenied
├── NotFound                  ChatNotFound · GenerationNotFound · RunNotFound · ProviderNotFound · ModelNotFound
├── Conflict                  ChatBusy · RevisionConflict · IdempotencyMismatch
├── RunExpired
├── ProviderFailed            ProviderRateLimited · ProviderUnavailable · ProviderTimedOut · ProviderNotConfigured
├── ShuttingDown
├── RunInterrupted
├── SearchTimedOut
└── StorageFailed             ChatUnreadable · StorageFull · FolderInUse

`status` is the member of that name of a problem document (RFC 9457, section 3.1.3): a
failed run stores its problem document with its events, so the number belongs to the error.
"""

from typing import ClassVar


class ChatkeepError(Exception):
    """Root of all; itself only for what should be impossible. `detail` is for people, `code` for programs."""

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong inside chatkeep"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


def error_of(code: str | None, detail: str) -> ChatkeepError:
    """The error that `code` names, itself the root when no class has it."""
    waiting: list[type[ChatkeepError]] = [ChatkeepError]
    while waiting:
        kind = waiting.pop()
        if kind.code == code:
            return kind(detail)
        waiting += kind.__subclasses__()
    return ChatkeepError(detail)


class Unauthorized(ChatkeepError):
    """The request carries no key, or not one that is valid: send `X-API-Key` or `Authorization: Bearer`."""

    code = "unauthorized"
    title = "A valid API key is needed"
    status = 401


class Forbidden(ChatkeepError):
    """The key is valid and its role does not allow this, or the request comes from where none is taken."""

    code = "forbidden"
    title = "That is not allowed"
    status = 403


class RateLimited(ChatkeepError):
    """Too many requests in a while: wait `retry_after_s` seconds. `limit` is how many there may be, 0 when unknown."""

    code = "rate_limited"
    title = "Too many requests"
    status = 429

    def __init__(self, detail: str, *, retry_after_s: float | None = None, limit: int = 0) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.limit = limit


class InvalidRequest(ChatkeepError):
    """The request can never succeed as it is: change it. `errors` are pairs of JSON path and message."""

    code = "invalid_request"
    title = "The request is not valid"
    status = 422

    def __init__(self, detail: str, *, errors: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class InvalidChatId(InvalidRequest):
    """A chat id is 1 to 128 of A-Z, a-z, 0-9, `_` and `-`."""

    code = "invalid_chat_id"
    title = "The chat id is not valid"


class ContextTooLong(InvalidRequest):
    """The message alone does not fit the model's context window: shorten it or use another model."""

    code = "context_too_long"
    title = "The message does not fit the model's context"


class ContentDenied(InvalidRequest):
    """A check that the operator set up does not let this message through: it was sent to no model."""

    code = "content_denied"
    title = "The message was not let through"


class NotFound(ChatkeepError):
    """The thing named does not exist, or is not the caller's."""

    code = "not_found"
    title = "Not found"
    status = 404


class ChatNotFound(NotFound):
    """No chat of this owner has that id."""

    code = "chat_not_found"
    title = "No such chat"


class GenerationNotFound(NotFound):
    """The chat has no earlier generation of that number, or not any more: the last five are kept."""

    code = "generation_not_found"
    title = "No such generation"


class RunNotFound(NotFound):
    """No run of this owner has that id, or it is gone with its chat."""

    code = "run_not_found"
    title = "No such run"


class ProviderNotFound(NotFound):
    """No provider has that name; the detail lists those there are."""

    code = "provider_not_found"
    title = "No such provider"


class ModelNotFound(NotFound):
    """The provider says it has no such model."""

    code = "model_not_found"
    title = "No such model"


class Conflict(ChatkeepError):
    """The request collides with the present state: look at it again, then decide."""

    code = "conflict"
    title = "Conflict"
    status = 409


class ChatBusy(Conflict):
    """A run is going in that chat and the caller asked not to wait: retry when it ended."""

    code = "chat_busy"
    title = "The chat is busy"


class RevisionConflict(Conflict):
    """Someone saved this chat since it was read: read again, then retry."""

    code = "revision_conflict"
    title = "The chat has changed"


class IdempotencyMismatch(Conflict):
    """The Idempotency-Key was used with another body: use a new key."""

    code = "idempotency_mismatch"
    title = "The idempotency key was used for something else"


class RunExpired(ChatkeepError):
    """That position of the run is no longer kept: read the chat instead."""

    code = "run_expired"
    title = "The run's events are no longer kept"
    status = 410


class ProviderFailed(ChatkeepError):
    """The provider answered with an error or with something that is no answer. The partial text is kept.

    `may_pass` says that the same call may succeed in a moment.
    """

    code = "provider_error"
    title = "The provider failed"
    status = 502
    may_pass: ClassVar[bool] = True


class ProviderRateLimited(ProviderFailed):
    """The provider asks to slow down: wait `retry_after_s` seconds, 10 when it did not say (`is_guessed`)."""

    code = "provider_rate_limited"
    title = "The provider is rate limiting"
    status = 503

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail, retry_after_s=10.0 if retry_after_s is None else retry_after_s)
        self.is_guessed = retry_after_s is None


class ProviderUnavailable(ProviderFailed):
    """The provider could not be reached, or says it is overloaded: retry later or use another."""

    code = "provider_unavailable"
    title = "The provider is not available"
    status = 503


class ProviderTimedOut(ProviderFailed):
    """The provider was silent for longer than a limit allows."""

    code = "provider_timeout"
    title = "The provider took too long"
    status = 504
    may_pass = False


class ProviderNotConfigured(ProviderFailed):
    """The provider is known but has no key or address; the detail names the variable to set."""

    code = "provider_not_configured"
    title = "The provider is not configured"
    status = 503
    may_pass = False


class ShuttingDown(ChatkeepError):
    """The server is stopping and takes no new runs: retry in a moment."""

    code = "shutting_down"
    title = "The server is stopping"
    status = 503


class RunInterrupted(ChatkeepError):
    """The server stopped or died while the run was going. The text it had is kept: send again, or continue."""

    code = "run_interrupted"
    title = "The run was interrupted"
    status = 503


class SearchTimedOut(ChatkeepError):
    """The search was given up after some seconds: use fewer or rarer words, or retry when the server is less busy."""

    code = "search_timeout"
    title = "The search took too long"
    status = 503


class StorageFailed(ChatkeepError):
    """The data folder could not be read or written. Nothing was torn: the old state is whole."""

    code = "storage_failed"
    title = "The data folder cannot be used"


class ChatUnreadable(StorageFailed):
    """The chat's file is not a chat. It is left as it is; mend or move it by hand."""

    code = "chat_unreadable"
    title = "The chat's file cannot be read"


class StorageFull(StorageFailed):
    """No space, no quota, or a read-only disk. Works again when that is mended."""

    code = "storage_full"
    title = "The disk is full or read-only"
    status = 507


class FolderInUse(StorageFailed):
    """Another server owns the data folder; the detail names its process id."""

    code = "folder_in_use"
    title = "Another server owns this data folder"
