"""The prompt: several lines, history, completion, and a toolbar."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from chatkeep.cli.terminal.slash import COMMANDS


class SlashCompleter(Completer):
    """Completes commands, and their arguments by `arguments`: a command's name to what it may be given."""

    def __init__(self, arguments: Mapping[str, Callable[[], Iterable[str]]]) -> None:
        self._arguments = arguments

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002 - the toolkit's
        """What may follow before the cursor."""
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        name, space, argument = text[1:].partition(" ")
        if not space:
            for command in COMMANDS:
                if command.name.startswith(name):
                    yield Completion(command.name, -len(name), display_meta=command.meaning)
        elif name in self._arguments:
            for choice in self._arguments[name]():
                if argument in choice:
                    yield Completion(choice, -len(argument))


class Prompt:
    """Asks for one input at a time. `toolbar` is what stands at the bottom meanwhile."""

    def __init__(self, completer: Completer, toolbar: Callable[[], str]) -> None:
        self._completer = ThreadedCompleter(completer)
        self._toolbar = toolbar
        self._bindings = _bindings()

    def ask(self, mark: str, earlier: Iterable[str], draft: str = "") -> str:
        """What is typed behind `mark`; `earlier` inputs are the history, oldest first.

        Raises: EOFError at Ctrl-D, KeyboardInterrupt at Ctrl-C when nothing was typed.
        """
        session: PromptSession[str] = PromptSession(
            message=[("bold", mark)],
            multiline=True,
            prompt_continuation=" " * len(mark),
            history=InMemoryHistory(list(earlier)),
            completer=self._completer,
            complete_while_typing=Condition(_is_command),
            key_bindings=self._bindings,
            bottom_toolbar=self._bottom,
            enable_suspend=True,
        )
        return session.prompt(default=draft)

    def _bottom(self) -> StyleAndTextTuples:
        return [("", f" {self._toolbar()} ")]


def _is_command() -> bool:
    return get_app().current_buffer.text.startswith("/")


def _bindings() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None  # it was chosen, and is not sent yet
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    return keys
