"""The scripted provider `echo`: says back what it is told, and misbehaves on request. For demos and tests.

Without directives it repeats the last user message word by word. The models `echo` and
`echo-reasoning` (which first thinks aloud) are there; any other is ModelNotFound.

Directives in the last user message are followed, and taken out of the text; what is no
directive stays text. A place counts events from 0, reasoning included; one beyond the end
means after the last word.

    [[delay 0.05]]          seconds before each event but the first
    [[first-delay 2]]       seconds before the first event
    [[tokens 100]]          say `w0 w1 … w99` in place of the text
    [[loop]]                say the text again and again, without end
    [[reasoning Let me]]    think these words first
    [[tool NAME {"a": 1}]]  call this function at the end
    [[fail 5 CODE]]         raise the error with this code in place of event 5; 0 is before the first
    [[hang 3]]              be silent for ever in place of event 3
    [[cut 3]]               end without Finish in place of event 3

A request's max_tokens counts words of the text. Its tools are ignored: only directives call one.

When the last message is the assistant's, its words are not said again, no thinking comes before
what is left, and the directives whose place it has reached count as done.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator, Iterator

import msgspec

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import ToolCall, Usage, text_of
from chatkeep.chat.ports import ProviderRequest
from chatkeep.errors import (
    ChatkeepError,
    ContextTooLong,
    ModelNotFound,
    ProviderFailed,
    ProviderRateLimited,
    ProviderTimedOut,
    ProviderUnavailable,
)
from chatkeep.providers.text_only import check_no_images

CONTEXT_TOKENS = 8192
MODELS = ("echo", "echo-reasoning")

_DIRECTIVE = re.compile(
    r"""\[\[ (?:
        (?P<times> delay | first-delay ) \s+ (?P<seconds> \d{1,4} (?:\.\d{1,6})? )
      | (?P<places> hang | cut ) \s+ (?P<place> \d{1,6} )
      | tokens \s+ (?P<tokens> \d{1,6} )
      | fail \s+ (?P<fail_at> \d{1,6} ) (?: \s+ (?P<failure> \w+ ) )?
      | reasoning \s+ (?P<reasoning> [^\]]+ )
      | tool \s+ (?P<tool> [\w-]+ ) (?: \s+ (?P<arguments> \{.*?\} ) )?
      | (?P<loop> loop )
    ) \s* \]\]""",
    re.VERBOSE | re.DOTALL,
)
_FAILURES: dict[str, type[ChatkeepError]] = {
    kind.code: kind
    for kind in (
        ProviderFailed,
        ProviderRateLimited,
        ProviderUnavailable,
        ProviderTimedOut,
        ModelNotFound,
        ContextTooLong,
    )
}


class Script(msgspec.Struct, frozen=True):
    """What to say and where to go wrong. Times in seconds; places count events from 0, None is nowhere.

    `said` is the number of words of the text that were said before; None when the reply is a new one.
    """

    text: str = ""
    reasoning: str = ""
    tool: ToolCall | None = None
    delay_s: float = 0.0
    first_delay_s: float = 0.0
    max_tokens: int | None = None
    is_endless: bool = False
    fail_at: int | None = None
    failure: str = ProviderFailed.code
    hang_at: int | None = None
    cut_at: int | None = None
    said: int | None = None

    @property
    def begins_at(self) -> int:
        """The place of the first event."""
        return 0 if self.said is None else len(_words(self.reasoning)) + self.said

    def words(self) -> Iterator[ProviderEvent]:
        """The reasoning, then the text: an event a word, which keeps the space behind it."""
        if self.said is None:
            yield from (Reasoning(word) for word in _words(self.reasoning))
        text = _words(f"{self.text} " if self.is_endless else self.text)
        left = itertools.islice(itertools.cycle(text) if self.is_endless else text, self.said or 0, None)
        yield from (Delta(word) for word in itertools.islice(left, self.max_tokens))

    @property
    def is_shortened(self) -> bool:
        """Whether `max_tokens` leaves something out."""
        left = len(_words(self.text)) - (self.said or 0)
        return self.max_tokens is not None and (self.is_endless or left > self.max_tokens)

    def going_on(self) -> "Script":
        """This script from `begins_at` on, without what it did on the way there."""
        is_all_said = not self.is_endless and (self.said or 0) >= len(_words(self.text))
        places = {"fail_at": self.fail_at, "hang_at": self.hang_at, "cut_at": self.cut_at}
        done = {name for name, place in places.items() if is_all_said or (place or 0) <= self.begins_at}
        return msgspec.structs.replace(self, **dict.fromkeys(done))


def read_script(request: ProviderRequest) -> Script:
    """The script that a request asks for."""
    asked = next((text_of(message.content) for message in reversed(request.messages) if message.role == "user"), "")
    fields: dict[str, object] = {"max_tokens": request.max_tokens, "text": _DIRECTIVE.sub("", asked).strip()}
    if request.model == "echo-reasoning":
        fields["reasoning"] = "Let me repeat that. "
    for directive in _DIRECTIVE.finditer(asked):
        fields |= _fields_of({name: value for name, value in directive.groupdict().items() if value is not None})
    if not request.is_prefilled:
        return msgspec.convert(fields, Script, strict=False)
    fields["said"] = len(_words(text_of(request.messages[-1].content)))
    return msgspec.convert(fields, Script, strict=False).going_on()


def _fields_of(directive: dict[str, str]) -> dict[str, object]:
    """What one directive sets in a script."""
    match directive:
        case {"times": name, "seconds": seconds}:
            return {f"{name.replace('-', '_')}_s": seconds}
        case {"places": name, "place": place}:
            return {f"{name}_at": place}
        case {"tokens": count}:
            return {"text": " ".join(f"w{number}" for number in range(int(count)))}
        case {"fail_at": place}:
            return {"fail_at": place, "failure": directive.get("failure", ProviderFailed.code)}
        case {"reasoning": text}:
            return {"reasoning": text.strip() + " "}
        case {"tool": name}:
            return {"tool": ToolCall("call_0", name, directive.get("arguments", "{}"))}
        case _:
            return {"is_endless": True}


class EchoProvider:
    """Plays scripts. Costs nothing, keeps nothing, and is always there."""

    @property
    def name(self) -> str:
        """Always `echo`."""
        return "echo"

    async def models(self) -> list[str]:
        """All of them, `echo` first."""
        return list(MODELS)

    async def check(self) -> None:
        """Return at once."""

    def context_tokens(self, model: str) -> int | None:  # noqa: ARG002 - the port's; here they are all alike
        """The same for all."""
        return CONTEXT_TOKENS

    def can_prefill(self, model: str) -> bool:  # noqa: ARG002 - the port's; here they are all alike
        """Always."""
        return True

    def can_see(self, model: str) -> bool | None:  # noqa: ARG002 - the port's; here they are all alike
        """Never: it says back what it is told."""
        return False

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """Yield what the script says. Raises: what the script says; ModelNotFound; RequestRefused for images."""
        if request.model not in MODELS:
            raise ModelNotFound(f"echo has no model {request.model}; it has {', '.join(MODELS)}.")
        check_no_images(self.name, request)
        script = read_script(request)
        place = script.begins_at
        for event in script.words():
            if await self._stumbles(script, place):
                return
            yield event
            place += 1
        if any(at is not None and at >= place for at in (script.fail_at, script.hang_at, script.cut_at)):
            await self._stumbles(script, None)
            return
        for event in _ending(script, request, place - script.begins_at):
            yield event

    async def _stumbles(self, script: Script, place: int | None) -> bool:
        """Wait as long as the script says before the event at `place` (None: at the end); true when it is cut there."""
        await asyncio.sleep(script.delay_s if place != script.begins_at else script.first_delay_s)
        if script.fail_at is not None and place in (script.fail_at, None):
            kind = _FAILURES.get(script.failure, ProviderFailed)
            raise kind(f"echo was asked to fail with {script.failure}.")
        if script.hang_at is not None and place in (script.hang_at, None):
            await asyncio.Event().wait()
        return script.cut_at is not None and place in (script.cut_at, None)


def _ending(script: Script, request: ProviderRequest, said: int) -> Iterator[ProviderEvent]:
    """A word counts as a token, on both sides."""
    if script.tool is not None:
        yield script.tool
    prompt = sum(len(_words(text_of(message.content))) for message in request.messages)
    yield UsageReport(Usage(prompt, said, prompt + said))
    yield Finish("tool_calls" if script.tool else "length" if script.is_shortened else "stop")


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*", text)
