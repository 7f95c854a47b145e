"""Patterns that no message may match."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from chatkeep.chat.checks.check import Checked
from chatkeep.chat.model import CheckResult, Message
from chatkeep.checks.patterns import Patterns, WrongPattern, patterns_in
from chatkeep.errors import StorageFailed
from tests.server import DEADLINE_S

pytestmark = pytest.mark.anyio

PASS = CheckResult("patterns", "pass")
ENDLESS = "(x+x+)+y"  # takes for ever on many x
MANY = "x" * 5000


class File:
    """A file that the test changes; gives its bytes once after each change."""

    def __init__(self, data: bytes) -> None:
        self.data: bytes | None = data
        self.error: StorageFailed | None = None

    def __call__(self) -> bytes | None:
        if self.error is not None:
            raise self.error
        data, self.data = self.data, None
        return data


def denied(line: int) -> CheckResult:
    return CheckResult("patterns", "deny", f"It matches line {line} of the denied patterns.")


def of(text: str) -> Checked:
    return Checked("input", Message(role="user", content=text), [])


def fixed(text: str) -> Callable[[], bytes]:
    return text.encode


async def test_a_message_that_matches_is_denied_with_the_line_and_without_the_pattern() -> None:
    patterns = Patterns(fixed("# names\n\n  project\\s+heron  \n\\d{3}-\\d{2}\n"))

    assert await patterns(of("what is project\n heron?")) == denied(3)
    assert await patterns(of("it is 123-45.")) == denied(4)
    assert await patterns(of("# names")) == PASS


async def test_a_pattern_heeds_case_unless_it_says_otherwise() -> None:
    patterns = Patterns(fixed("heron\n(?i)egret"))

    assert [await patterns(of(text)) for text in ("Heron", "Egret")] == [PASS, denied(2)]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n \n"])
async def test_a_file_without_patterns_denies_nothing(text: str) -> None:
    assert await Patterns(fixed(text))(of("anything")) == PASS


async def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_pattern() -> None:
    assert [line for line, _ in patterns_in(b"\xef\xbb\xbfheron\r\n\r\negret\r\n")] == [1, 3]
    assert await Patterns(lambda: b"\xef\xbb\xbfheron\r\n")(of("a heron")) == denied(1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"fine\n(unclosed", "line 2: missing )"),
        (b"#\n\n[a-", "line 3: "),
        (b"(" * 5000 + b")" * 5000, "line 1: maximum recursion depth"),
        (b"foo|", "line 1: it matches an empty text"),
        (b".*", "line 1: it matches an empty text"),
        (b"\xff\xfe", "it is not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(data: bytes, reason: str) -> None:
    with pytest.raises(WrongPattern, match=reason.replace(")", r"\)")):
        Patterns(lambda: data)


async def test_a_changed_file_holds_from_the_next_message_on() -> None:
    file = File(b"heron")
    patterns = Patterns(file)
    file.data = b"egret"

    assert [await patterns(of(text)) for text in ("heron", "egret")] == [PASS, denied(1)]


async def test_a_wrong_change_leaves_the_patterns_as_they_were_and_is_logged_once() -> None:
    file = File(b"heron")
    patterns = Patterns(file)
    with capture_logs() as logged:
        file.data = b"egret\n("
        first = await patterns(of("heron"))
        file.data = b"egret\n("
        again = await patterns(of("egret"))
        file.data = b"egret"
        mended = await patterns(of("egret"))

    assert (first, again, mended) == (denied(1), PASS, denied(1))
    assert [entry["event"] for entry in logged] == ["patterns_not_read", "patterns_read"]
    assert "line 2" in logged[0]["detail"]


async def test_a_file_that_is_gone_leaves_the_patterns_as_they_were() -> None:
    file = File(b"heron")
    patterns = Patterns(file)
    file.error = StorageFailed("it is gone")

    assert await patterns(of("heron")) == denied(1)


async def test_a_pattern_that_takes_too_long_is_given_up_and_the_others_hold() -> None:
    patterns = Patterns(fixed(f"{ENDLESS}\nheron"), all_s=DEADLINE_S)

    assert await patterns(of(MANY)) == CheckResult(
        "patterns", "unknown", "Line 1 of the denied patterns took too long."
    )
    assert await patterns(of(f"{MANY} heron")) == denied(2)


async def test_a_pattern_behind_many_slow_ones_has_its_turn_before_they_have_taken_all_the_time() -> None:
    patterns = Patterns(fixed(f"{ENDLESS}\n" * 40 + "heron"), all_s=3)  # 40 times 0.1 s are more

    assert await patterns(of(f"{MANY} heron")) == denied(41)


async def test_many_patterns_that_take_too_long_are_given_up_together() -> None:
    patterns = Patterns(fixed(f"{ENDLESS}\n" * 1000 + "heron"))

    assert (await patterns(of(f"{MANY} heron"))).verdict == "unknown"
