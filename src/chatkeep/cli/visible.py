"""What may reach a terminal: text without the characters that a terminal obeys.

Models, tools and other people write what the commands print. Escape sequences in it could set the clipboard, the
title or the colours, hide what stands above, or make some terminals answer as if somebody typed (ECMA-48, sections
5.3 and 5.4, names the characters that begin one). Nothing is lost: they are shown by stand-ins.
"""

_PICTURES = 0x2400  # "Control Pictures", in the order of C0: Unicode, U+2400 to U+2421
_DELETE = 0x7F
_C1 = range(0x80, 0xA0)

_SHOWN: dict[int, int | None] = {
    **{code: _PICTURES + code for code in range(0x20) if chr(code) not in "\n\t"},
    ord("\r"): None,  # Why: before a newline it means nothing, and elsewhere it would hide what stands in the line
    _DELETE: _PICTURES + 0x21,
    **dict.fromkeys(_C1, ord("\N{REPLACEMENT CHARACTER}")),
}
_ESCAPED = {code: f"\\u{code:04x}" for code in (_DELETE, *_C1)}


def visible(text: str) -> str:
    """`text` with a stand-in for every control character but newline and tab; carriage returns are left out.

    It looks at each character alone, so the pieces of a stream may be cut anywhere.
    """
    return text.translate(_SHOWN)


def visible_json(payload: bytes) -> bytes:
    """The same JSON, where characters that a terminal obeys are escaped; encoders leave DEL and C1 as they are."""
    return payload if payload.isascii() and b"\x7f" not in payload else payload.decode().translate(_ESCAPED).encode()
