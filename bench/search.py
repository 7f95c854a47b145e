"""How long a search takes among a million messages, and what the index of their texts costs."""

import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.report import Figure
from bench.sizes import Sizes
from chatkeep.chat.model import Chat, ChatKey, Message
from chatkeep.chat.query import parse_query
from chatkeep.storage.atomic import Identity
from chatkeep.storage.index import Index, Put
from chatkeep.storage.searching import Searching

_MOMENT = "2026-01-01T12:00:00.000000Z"
_WORDS = 50_000  # in the vocabulary
_CHAT = 20  # messages
_BATCH = 500  # chats in one transaction, as when an index is made from files
_LIVE = 200  # turns written one by one
_CJK_SHARE = 0.05  # of the messages
_OWNERS = {"most": 0.7, "some": 0.2, "others": 0.0999}  # shares of the chats; what is left belongs to `few`
_FEW = "few"
_PAGE = 10


class Texts:
    """Made-up messages: words in the proportions that languages have (Zipf's law), in Latin letters or Chinese ones."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        syllables = ["".join(pair) for pair in itertools.product("bcdfghklmnprstvwz", "aeiou")]
        syllables += [s + end for s in syllables for end in "nrst"]
        self.words = self._vocabulary(lambda: "".join(self._dice.choices(syllables, k=self._dice.randint(1, 4))))
        self.cjk = self._vocabulary(lambda: "".join(map(chr, self._dice.choices(range(0x4E00, 0x5800), k=2))))
        self._weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(_WORDS)))

    def message(self, role: str) -> str:
        """A question of about 15 words or an answer of about 90; some are Chinese."""
        count = self._dice.randint(5, 25) if role == "user" else self._dice.randint(40, 140)
        if self._dice.random() < _CJK_SHARE:
            return "".join(self._some(self.cjk, count)) + "。"
        return " ".join(self._some(self.words, count)) + "."

    def _some(self, vocabulary: list[str], count: int) -> list[str]:
        return self._dice.choices(vocabulary, cum_weights=self._weights, k=count)

    def _vocabulary(self, make: Callable[[], str]) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < _WORDS:
            found[make()] = None
        return list(found)


async def search(sizes: Sizes, root: Path) -> list[Figure]:
    """Make an index, write turns to it one by one, then search it with queries of many kinds."""
    folder = root / "search"
    folder.mkdir()
    path = folder / "index.sqlite3"
    texts = Texts(1)
    index = Index(path)
    began, cpu = time.perf_counter(), 0.0
    for batch in _batches(texts, sizes.messages):
        before = time.process_time()
        index.apply(batch)
        cpu += time.process_time() - before
    index.settle()
    print(f"made an index of {sizes.messages:,} messages in {time.perf_counter() - began:.0f} s", flush=True)
    turn_us = [_turn_us(index, texts, n) for n in range(sizes.rounds)]
    index.close()
    kinds = await _searched(path, texts, sizes.searches)
    slowest = [statistics.quantiles(times, n=20)[-1] for times in kinds.values()]
    everything = [each for times in kinds.values() for each in times]
    return [
        Figure("index of texts, made in one go, CPU a message", "µs", [cpu / sizes.messages * 1e6]),
        Figure("index of texts, CPU a turn of two messages, 1 a transaction", "µs", turn_us),
        Figure("index, bytes a message", "B", [path.stat().st_size / sizes.messages]),
        *(Figure(f"search {sizes.messages:,} messages: {kind}", "ms", times) for kind, times in kinds.items()),
        Figure("search, all kinds, p50", "ms", [statistics.median(everything)]),
        Figure("search, all kinds, p95", "ms", [statistics.quantiles(everything, n=20)[-1]], "under 50"),
        Figure("search, slowest kind, p95", "ms", [max(slowest)]),
    ]


def _batches(texts: Texts, messages: int) -> Iterator[list[Put]]:
    owners = random.Random(2)
    chats = range(messages // _CHAT)
    for begin in chats[::_BATCH]:
        yield [_put(texts, _owner(owners.random()), n, _CHAT) for n in chats[begin : begin + _BATCH]]


def _owner(share: float) -> str:
    for owner, owned in _OWNERS.items():
        share -= owned
        if share < 0:
            return owner
    return _FEW


def _put(texts: Texts, owner: str, number: int, count: int) -> Put:
    roles: list[str] = ["user", "assistant"] * (count // 2)
    messages = [_message(texts, role, f"msg_{number}_{place}") for place, role in enumerate(roles)]
    name = f"chat-{number}"
    return Put(ChatKey(owner, name), Chat(name, name, 1, _MOMENT, _MOMENT, messages), Identity(1, number, number))


def _message(texts: Texts, role: str, name: str) -> Message:
    text = texts.message(role)
    if role == "user":
        return Message(role="user", content=text, id=name, timestamp=_MOMENT)
    return Message(role="assistant", content=text, id=name, timestamp=_MOMENT, provider="p", model="m")


def _turn_us(index: Index, texts: Texts, round_: int) -> float:
    turns = [_put(texts, "most", 10**9 + round_ * _LIVE + n, 2) for n in range(_LIVE)]
    before = time.process_time()
    for turn in turns:
        index.apply([turn])
    index.settle()
    return (time.process_time() - before) / _LIVE * 1e6


async def _searched(path: Path, texts: Texts, count: int) -> dict[str, list[float]]:
    """Milliseconds of `count` searches of each kind, the kinds taking turns."""
    queries = _queries(texts, random.Random(3), count)
    times: dict[str, list[float]] = {kind: [] for kind in queries}
    found: dict[str, int] = dict.fromkeys(queries, 0)
    searching = Searching(path)
    for number in range(count):
        for kind, texts_of_kind in queries.items():
            owner = _FEW if kind.startswith("by an owner of few") else "most"
            began = time.perf_counter()
            page = await searching.search(owner, parse_query(texts_of_kind[number]), _PAGE, 0)
            times[kind].append((time.perf_counter() - began) * 1000)
            found[kind] += page.total > 0
    searching.close()
    print("searches that found something:", ", ".join(f"{kind}: {n} of {count}" for kind, n in found.items()))
    return times


def _queries(texts: Texts, dice: random.Random, count: int) -> dict[str, list[str]]:
    def common() -> str:
        return dice.choice(texts.words[:20])

    def usual() -> str:
        return dice.choice(texts.words[200:5000])

    def rare() -> str:
        return dice.choice(texts.words[20_000:])

    def part() -> str:
        word = dice.choice([word for word in texts.words[1000:1200] if len(word) >= 7])
        return word[2:][: dice.randint(3, 5)]

    kinds: dict[str, Callable[[], str]] = {
        "a rare word": rare,
        "a usual word": usual,
        "a common word": common,
        "two usual words": lambda: f"{usual()} {usual()}",
        "two common words": lambda: f"{common()} {common()}",
        "a common and a rare word": lambda: f"{common()} {rare()}",
        "a phrase of common words": lambda: f'"{common()} {common()}"',
        "a phrase with a usual word": lambda: f'"{common()} {usual()}"',
        "an exclusion": lambda: f"{usual()} -{common()}",
        "one word or another": lambda: f"{usual()} OR {rare()}",
        "a part of a word, 3 to 5 letters": part,
        "2 Chinese characters": lambda: dice.choice(texts.cjk[:2000]),
        "4 Chinese characters": lambda: dice.choice(texts.cjk[:50]) + dice.choice(texts.cjk[:50]),
        "nothing to be found": lambda: "qx" + rare() + "qx",
        "by an owner of few, a common word": common,
    }
    return {kind: [make() for _ in range(count)] for kind, make in kinds.items()}
