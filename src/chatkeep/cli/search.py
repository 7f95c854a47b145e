"""`chatkeep search`: messages that match, best first."""

import msgspec
from rich.text import Text

from chatkeep.chat.ports import MARK_END, MARK_START, SearchHit, SearchPage
from chatkeep.cli.client import Client, Query
from chatkeep.cli.connection import connected
from chatkeep.cli.printing import console, in_a_line, is_terminal, print_json, print_rows, say, shown_time, styled
from chatkeep.cli.target import Target

_PAGE = 100  # the most that a server gives at once
_UNMARKED = str.maketrans("", "", MARK_START + MARK_END)


def show(target: Target, query: str, *, limit: int, as_json: bool) -> None:
    """Print the `limit` best. Raises: CliError."""
    with connected(target) as client:
        found = _best(client, query, limit)
    if as_json:
        print_json(found)
        return
    if is_terminal():
        for hit in found.results:
            _print_hit(hit)
    else:
        rows = ((hit.chat_id, hit.message_id, hit.role, hit.timestamp, _plain(hit)) for hit in found.results)
        print_rows(("CHAT", "MESSAGE", "ROLE", "TIME", "TEXT"), rows, to_fit=4)
    _say_how_many(found)


def _best(client: Client, query: str, limit: int) -> SearchPage:
    """Page on until there are `limit` or no more."""
    results: list[SearchHit] = []
    while True:
        asked: Query = {"query": query, "limit": min(_PAGE, limit - len(results)), "offset": len(results)}
        page = client.get("/search", SearchPage, asked)
        results += page.results
        if not page.results or len(results) >= min(limit, page.total):
            return msgspec.structs.replace(page, results=results)


def _print_hit(hit: SearchHit) -> None:
    head = styled(hit.chat_id, "bold")
    head.append_text(styled(f"  {hit.role}  {shown_time(hit.timestamp)}", "dim"))
    text = Text("  ")
    before, *marked = in_a_line(hit.snippet).split(MARK_START)
    text.append(before)
    for piece in marked:
        match, _, after = piece.partition(MARK_END)
        text.append(match, style="bold yellow")
        text.append(after)
    console().print(head, text, sep="\n")


def _plain(hit: SearchHit) -> str:
    return hit.snippet.translate(_UNMARKED)


def _say_how_many(found: SearchPage) -> None:
    shown = len(found.results)
    if not found.results:
        say("Nothing matches.")
    elif shown < found.total or found.incomplete:
        more = " or more" if found.incomplete else ""
        say(f"{shown} of {found.total}{more}; --limit shows more.")
