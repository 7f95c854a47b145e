"""Keys by their names (UI Events, KeyboardEvent key values), as Input.dispatchKeyEvent wants them."""

from typing import Any

_MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}
_NAMED = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Escape": ("Escape", 27, ""),
    "Backspace": ("Backspace", 8, ""),
    "Delete": ("Delete", 46, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "Home": ("Home", 36, ""),
    "End": ("End", 35, ""),
    "PageUp": ("PageUp", 33, ""),
    "PageDown": ("PageDown", 34, ""),
    "Space": ("Space", 32, " "),
    **{f"F{number}": (f"F{number}", 111 + number, "") for number in range(1, 13)},
}
_MARKS = {"/": ("Slash", 191), "?": ("Slash", 191), ".": ("Period", 190), ",": ("Comma", 188), "-": ("Minus", 189)}


def strokes(chord: str) -> list[dict[str, Any]]:
    """The events of a chord like `Control+Shift+K`: down, then up."""
    *held, name = chord.split("+") if chord != "+" else [chord]
    modifiers = sum(_MODIFIERS[each] for each in held)
    key, code, number, text = _of(name, is_shifted="Shift" in held)
    makes_text = bool(text) and not modifiers & ~_MODIFIERS["Shift"]
    same = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
    down = {"type": "keyDown", "text": text, **same} if makes_text else {"type": "rawKeyDown", **same}
    return [down, {"type": "keyUp", **same}]


def _of(name: str, *, is_shifted: bool) -> tuple[str, str, int, str]:
    if name in _NAMED:
        code, number, text = _NAMED[name]
        return " " if name == "Space" else name, code, number, text
    if name in _MARKS:
        code, number = _MARKS[name]
        return name, code, number, name
    character = name.upper() if is_shifted else name
    code = f"Digit{name}" if name.isdigit() else f"Key{name.upper()}"
    return character, code, ord(name.upper()), character
