"""A query as FTS5 expressions, made of quoted strings alone, so that nothing a person types is an operator.

Two of them: in the word table everything is found as words and phrases, exactly. In the trigram table words are
found inside longer ones as well; that expression lets through more than it should, never less.
"""

from collections.abc import Sequence

from chatkeep.storage.folding import WORD, is_cjk, spread
from chatkeep.storage.matching import GRAM, Matcher, Term

_MOST_GRAMS = 4  # of one term: more cost more to go through than they save (measured with a million messages)
_MOST_GROUPS = 2  # of a query, for the same reason


def word_expression(matcher: Matcher) -> str | None:
    """What finds all messages that have the query's items as words; None when one of its groups is no words."""
    groups = [[words for term in group if (words := words_of(term))] for group in matcher.groups]
    if not all(groups):
        return None
    wanted = " AND ".join(f"({' OR '.join(group)})" for group in groups)
    # Others are told apart by reading the text: to leave out `c++` is not to leave out `c`.
    excluded = [words_of(term) for term in matcher.excluded if term.is_plain and term.words]
    return f"({wanted}) NOT ({' OR '.join(excluded)})" if excluded else wanted


def words_of(term: Term) -> str:
    """One term in the word table; empty when it holds nothing that is a word there."""
    if len(term.folded) == 1 and is_cjk(term.folded):
        return f"single : {_quoted(term.folded)}"
    found = spread(term.folded)
    return f"body : {_quoted(found)}" if WORD.search(found) else ""


def trigram_expression(matcher: Matcher) -> str | None:
    """What lets through all messages that have the query's words, also inside longer ones.

    None when that would find nothing more than the words do, or would not narrow it down.
    """
    if all(term.is_whole for term in matcher.terms):
        return None
    groups = [group for group in matcher.groups if all(map(_grams_of, group))]
    # Why the longest: long words are rare ones. The others are looked for in the text, with all the rest.
    groups.sort(key=lambda group: min(len(term.folded) for term in group), reverse=True)
    return " AND ".join(f"({' OR '.join(map(_grams_of, group))})" for group in groups[:_MOST_GROUPS]) or None


def _grams_of(term: Term) -> str:
    """The trigrams that a text with the term must have; empty when it need not have any."""
    # Why the words first: a text with them, whatever is between, must match as well. What has only short ones does not.
    grams = _grams(term.words) or ([] if term.is_whole else _grams([term.folded]))
    step = -(-len(grams) // _MOST_GRAMS) or 1
    return f"({' AND '.join(map(_quoted, grams[::step]))})" if grams else ""


def _grams(parts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(part[place : place + GRAM] for part in parts for place in range(len(part) - GRAM + 1)))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
