"""`chatkeep rename`: give a chat another title."""

from chatkeep.api.schemas import ChangedAnswer
from chatkeep.cli.answers import path_of
from chatkeep.cli.connection import connected
from chatkeep.cli.printing import print_json, say
from chatkeep.cli.target import Target


def rename(target: Target, chat_id: str, title: str, *, as_json: bool) -> None:
    """Rename the chat. Raises: CliError."""
    with connected(target) as client:
        answer = client.patch(path_of("/chat/rename/{}", chat_id), {"title": title}, ChangedAnswer)
    if as_json:
        print_json(answer)
    else:
        say(f"{chat_id} is now called {answer.title!r}.")
