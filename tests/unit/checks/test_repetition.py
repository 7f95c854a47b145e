"""Replies that say the same again and again, and those that only come back to something."""
# ruff: noqa: RUF001 - replies in other scripts

import pytest

from chatkeep.chat.model import Message
from chatkeep.checks.repetition import repeated_share, repetition

PARAGRAPH = (
    "The harbour was built in three stages. First the old mole was made longer by ninety metres, then the basin behind"
    " it was dredged, and at last the quays were raised, because the tides of the spring of that year had reached the"
    " warehouses twice. "
)
FACTS = (
    "The port handles mostly timber and salt. Its cranes are turned by two engines that came from a closed mine, and"
    " the keeper of the light lives above the old customs house with his daughter, who paints the boats. In winter the"
    " ferry runs once a day, and whoever misses it sleeps at the inn. "
)
STUCK = {
    "a paragraph three times": PARAGRAPH * 3,
    "a sentence of twenty words ten times": "We should always remember that the sea is very deep and very wide and that"
    " nobody owns it at all. " * 10,
    "a good beginning and then a long loop": FACTS + PARAGRAPH * 7,
    "one word": "very " * 200,
    "a numbered list of one thing": "\n".join(f"{number}. Mona Lisa, painted by Leonardo" for number in range(1, 40)),
    "two who agree for ever": "Anna: I am so glad that you are here!\n\nBen: I am so glad that you are here!\n\n" * 20,
    "Chinese": "美好的生活是我们大家共同的愿望，" * 12,
    "Japanese": "アニメではいつも同じことがくり返されます。" * 12,
}
HONEST = {
    "short": "No, no, no, no, no.",
    "prose": PARAGRAPH + FACTS,
    "a paragraph that is quoted once more": FACTS + PARAGRAPH + "As I said at the beginning: " + PARAGRAPH,
    "a song with its refrain": "\n".join(
        f"{verse}\nRow on, my friends, row on through the night, the harbour is near and its lamps are alight.\n"
        for verse in (
            "We left with the tide when the herons had flown, the captain was silent, the wind was our own.",
            "The nets they were heavy, the bread it was dry, and one after other the stars left the sky.",
            "My brother he hummed what our mother had sung, a tune without end in a forgotten tongue.",
            "And when the grey morning lay down on the sea, a bell from the island was calling to me.",
        )
    ),
    "code": "Like this:\n\n```python\n"
    + "def test_of_one_more_case() -> None:\n    assert answer(1) == 1\n\n" * 40
    + "```\n",
    "a table": "| place | open | close |\n|---|---|---|\n" + "\n".join(f"| {n} | 9:00 | 17:30 |" for n in range(60)),
    "tags": "<ul>"
    + "".join(f'<li class="entry entry-small"><a href="#">{w}</a></li>' for w in FACTS.split())
    + "</ul>",
    "numbers": ", ".join(str(number * number) for number in range(400)),
    "steps of one form": "\n".join(
        f"{number}. Open the {part}, look at the {part}'s seal, and write down what you see before you close it."
        for number, part in enumerate(
            ("valve", "pump", "boiler", "tank", "filter", "gauge", "burner", "vent", "drain", "switch"), 1
        )
    ),
    "questions and answers": "\n\n".join(
        f"**What is {what}?**\n\n{what.capitalize()} is {this}."
        for what, this in (
            ("a mole", "a wall of stone that keeps the waves out of a harbour"),
            ("a quay", "the side of a harbour where ships are tied up and unloaded"),
            ("a basin", "the water within, which is kept deep by dredging"),
            ("a buoy", "a thing that floats at its chain and says where not to go"),
            ("a berth", "the place that one ship has for itself, or a bed within it"),
        )
    ),
    "Chinese": "港口分三个阶段建成。首先把旧防波堤延长了九十米，然后疏浚了后面的水域，最后加高了码头，"
    "因为那年春天的潮水两次漫到仓库。冬天渡轮每天只开一班，错过的人就在客栈过夜。守灯塔的人和女儿住在旧海关楼上，她给船只画画。",
}


def said(text: str) -> Message:
    return Message(role="assistant", content=text)


@pytest.mark.parametrize("text", STUCK.values(), ids=STUCK)
def test_a_reply_that_says_the_same_again_and_again_is_found(text: str) -> None:
    assert repetition(said(text)) is not None


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_an_honest_reply_is_not(text: str) -> None:
    assert repetition(said(text)) is None


def test_the_share_is_that_of_the_latest_words_which_stood_before() -> None:
    assert repeated_share(PARAGRAPH * 4) == 0.75
    assert repeated_share(FACTS + PARAGRAPH) == 0.0


def test_what_lies_far_before_the_end_does_not_count() -> None:
    words = " ".join(f"{chr(97 + number % 26)}{chr(97 + number // 26)}word" for number in range(600))

    assert repetition(said(PARAGRAPH * 10 + words)) is None
