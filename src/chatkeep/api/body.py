"""What every body that asks a model has in common: no NUL in its text, and maybe an Idempotency-Key beside it."""

from typing import Annotated

import msgspec
from litestar.params import HeaderParameter

from chatkeep.chat.messages import OnLeave
from chatkeep.chat.model import Idempotency, digest
from chatkeep.errors import InvalidRequest

_KEY_CHARS = 255  # of an Idempotency-Key at most

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key", required=False, description="The same key and body give the same run, for 24 hours."
    ),
]

UnkeptIdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        required=False,
        description="The same key and body give the same run, until two minutes after its end.",
    ),
]
"""That of a run which is kept nowhere: the key holds as long as the run is in memory."""


def refuse_nul(body: msgspec.Struct) -> None:
    """JSON allows NUL in text; tools that people use on their files do not. Raises: InvalidRequest."""
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if isinstance(value, str) and "\0" in value:
            raise InvalidRequest("Text cannot hold the character NUL.", errors=((f"$.{name}", "holds NUL"),))


def refuse_absent(*, background: bool, on_leave: OnLeave) -> None:
    """Nobody follows a run in the background, so nobody can leave it. Raises: InvalidRequest."""
    if background and on_leave == "cancel":
        raise InvalidRequest(
            "A run in the background has no client whose leaving could end it.",
            errors=(("$.on_leave", "cannot be `cancel` with `background`"),),
        )


def idempotency_of(key: str | None, body: msgspec.Struct, *places: str) -> Idempotency | None:
    """The digests of an Idempotency-Key and of `body`, None without a key. Raises: InvalidRequest.

    `places` are what the request says in its path.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= _KEY_CHARS:
        raise InvalidRequest(
            f"An Idempotency-Key has 1 to {_KEY_CHARS} characters.", errors=(("Idempotency-Key", "wrong length"),)
        )
    said = msgspec.json.encode([body, *places] if places else body)
    return Idempotency(digest(key), digest(said.decode()))
