"""Export a chat, and import chats: ours as they stand, other programs' as far as they can be mapped."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Annotated, Literal, assert_never

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from msgspec import UNSET, Meta, UnsetType

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.caller import Caller
from chatkeep.api.openapi import BODY
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.archives import backup
from chatkeep.archives.formats import Format
from chatkeep.archives.reading import format_of, records_of
from chatkeep.archives.record import Bounds, Record, Stored, Unmapped
from chatkeep.chat.model import Chat, Role
from chatkeep.chat.transcript import markdown, plain_text
from chatkeep.chat.transfer import Taken
from chatkeep.errors import InvalidRequest

_MOST_CHATS = 1000  # of one request: each is a file that is synced
_UNPACKED_BYTES = 64 * 1024 * 1024  # of a zip that is sent
_READ_HERE = {Format.CHATGPT, Format.CLAUDE, Format.OPENWEBUI, Format.LIBRECHAT, Format.CHATKEEP}

ExportFormat = Literal["json", "md", "txt"]
_MEDIA_TYPES: dict[ExportFormat, str] = {
    "json": "application/json",
    "md": "text/markdown",
    "txt": "text/plain",
}


class ChatFileMessage(msgspec.Struct, frozen=True):
    """A message in a chat's file; it may have more members. `content` may be a list of parts in OpenAI's form."""

    role: Role
    content: str | list[dict[str, msgspec.Raw]]
    id: str | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET


class ChatFile(msgspec.Struct, frozen=True):
    """The file of a chat, as docs/format.md describes it; it may have more members."""

    messages: list[ChatFileMessage]
    format: Literal[1] | UnsetType = UNSET
    chat_id: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    created_at: str | UnsetType = UNSET
    last_updated: str | UnsetType = UNSET


class Skipped(msgspec.Struct, frozen=True):
    """A chat that was not imported, by the id it came with."""

    chat_id: str
    reason: Annotated[
        Literal["already_there", "differs", "id_taken"],
        Meta(
            description="It is there with all its messages; it is there and lacks some of them, and was left as it is;"
            " or another chat has its id."
        ),
    ]


class Finding(msgspec.Struct, frozen=True):
    """Something of the archive that is in no chat: where it is there, and what it is."""

    where: str
    what: str


class ImportAnswer(msgspec.Struct, frozen=True):
    """What became of an archive: the ids of the chats it made, those that were not made, and what was left out."""

    imported: list[str]
    skipped: list[Skipped]
    findings: list[Finding]
    success: bool


@get(
    "/chat/export/{chat_id:str}",
    opt=needs(Action.READ, "text/markdown", "text/plain"),
    summary="Export a chat",
    responses={
        200: ResponseSpec(ChatFile, description="The file, or its active path as text.", generate_examples=False),
        **documented(404, 422, 500),
    },
)
async def export(
    caller: Caller,
    chat_id: str,
    format: Annotated[  # noqa: A002 - what the contract calls it
        ExportFormat,
        QueryParameter(description="The chat's file byte for byte, or its active path as Markdown or plain text."),
    ] = "json",
) -> Response[bytes]:
    """The chat as it is stored, to be saved as a file. A turn that is still going is not in it."""
    match format:
        case "json":
            data = await caller.chat.export(caller.owner, chat_id)
        case "md":
            data = markdown(await caller.chat.exported(caller.owner, chat_id)).encode()
        case "txt":
            data = plain_text(await caller.chat.exported(caller.owner, chat_id)).encode()
        case _:
            assert_never(format)
    # A chat id is letters, digits, hyphens and underscores: a file name that no system minds, and no header.
    named = {"Content-Disposition": f'attachment; filename="{chat_id}.{format}"'}
    return Response(data, media_type=_MEDIA_TYPES[format], headers=named)


@post(
    "/chat/import",
    opt={**needs(Action.CHANGE), BODY: ChatFile | list[dict[str, msgspec.Raw]]},
    status_code=200,
    summary="Import chats",
    responses=documented(413, 422, 500, 507),
)
async def take(
    request: AnyRequest,
    caller: Caller,
    chat_id: Annotated[
        str | None, QueryParameter(description="The id of the chat whose file the body is. Left out, its own.")
    ] = None,
    source: Annotated[
        Literal["chatgpt", "claude", "openwebui", "librechat", "chatkeep"] | None,
        QueryParameter(description="What the body is. Left out, it is found out by its beginning."),
    ] = None,
) -> ImportAnswer:
    """The body is the file of a chat, kept byte for byte, or another program's export, as JSON or in its zip.

    No chat is ever overwritten, and importing twice imports nothing twice, so an Idempotency-Key changes nothing.
    """
    data = await request.body()
    found = Format(source) if source else await asyncio.to_thread(format_of, BytesIO(data), "The body")
    if found not in _READ_HERE or data.startswith(backup.MAGIC):
        raise InvalidRequest("A backup, a folder and a log of llm are read by the command `chatkeep import`.")
    answer = ImportAnswer([], [], [], success=True)
    if found is Format.CHATKEEP:
        _note(await caller.chat.import_file(caller.owner, data, chat_id), answer)
        return answer
    async for record in _records(data, found):
        match record:
            case Unmapped(where, what):
                answer.findings.append(Finding(where, what))
            case Stored():
                raise AssertionError("only our own archives have files of chats")
            case Chat():
                _note(await caller.chat.import_chat(caller.owner, record), answer)
            case _:
                assert_never(record)
    return answer


HANDLERS = [export, take]


async def _records(data: bytes, found: Format) -> AsyncIterator[Record]:
    """What is in the body, each piece parsed in a thread."""
    records = records_of(BytesIO(data), len(data), found, "The body", Bounds(unpacked_bytes=_UNPACKED_BYTES))
    count = 0
    while (record := await asyncio.to_thread(next, records, None)) is not None:
        count += not isinstance(record, Unmapped)
        if count > _MOST_CHATS:
            yield Unmapped(f"after {_MOST_CHATS} chats", "more than one request takes; use the command chatkeep import")
            return
        yield record


def _note(became: Taken, answer: ImportAnswer) -> None:
    if became.outcome == "imported":
        answer.imported.append(became.chat_id)
    else:
        answer.skipped.append(Skipped(became.chat_id, became.outcome))
