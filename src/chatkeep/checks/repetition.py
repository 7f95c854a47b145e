"""Replies that say the same again and again, too loosely or too seldom for the guard that stops loops."""

import re

from chatkeep.chat.model import Message

# Measured: what a small model says when it is stuck has a share from 0.92 on, nearly always 1; of 3,356 pieces of
# documentation and prose four had more than 0.6, besides licences that are printed several times in a row.
_SHARE = 0.6
_RUN = 16  # words that must have stood before in this order
_LATEST = 500  # words at the end that are judged
_LEAST = 50  # words in all, below which nothing is said
_MOST_CHARS = 20_000  # at the end that are read: a look takes a millisecond

_ONE_BY_ONE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts without spaces: a character counts as a word
_WORD = re.compile(rf"[{_ONE_BY_ONE}]|[^\W\d_{_ONE_BY_ONE}]+")
_CODE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,1000}>")


def repetition(reply: Message) -> str | None:
    """Whether most of the reply's latest words stood in it before. Code, tags and numbers do not count."""
    share = repeated_share(reply.text)
    return f"{share:.0%} of its latest words stood in it before, in the same order." if share > _SHARE else None


def repeated_share(text: str) -> float:
    """The share of the latest words of `text` that belong to a run of words which stood before; 0 when it is short."""
    if len(text) < _LEAST:
        return 0.0
    words = _WORD.findall(_TAG.sub(" ", _CODE.sub("", text[-_MOST_CHARS:])).casefold())
    if len(words) < _LEAST:
        return 0.0
    upto = begin = max(0, len(words) - _LATEST)
    seen: set[tuple[str, ...]] = set()
    repeated = 0
    for place in range(len(words) - _RUN + 1):
        run = tuple(words[place : place + _RUN])
        end = place + _RUN
        if run in seen and end > upto:
            repeated += end - max(place, upto)
            upto = end
        seen.add(run)
    return repeated / (len(words) - begin)
