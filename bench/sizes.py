"""How much is measured."""

import msgspec


class Sizes(msgspec.Struct, frozen=True):
    """Counts and seconds of every figure; `--quick` has the small ones."""

    rounds: int = 5
    turns: int = 1000  # a round
    streams: int = 100
    rate: int = 50  # tokens a second and stream
    crowd: int = 1000  # streams at once
    streaming_s: float = 8.0  # measured of a round, after the streams have begun
    few_chats: int = 100
    many_chats: int = 100_000
    big_bytes: int = 10_000_000
    big_turns: int = 20  # a round
    starts: int = 5
    messages: int = 1_000_000
    searches: int = 40  # of each kind


QUICK = Sizes(
    rounds=2, turns=150, streaming_s=2.0, many_chats=10_000, big_turns=3, starts=2, messages=50_000, searches=10
)
