"""Whatever is typed, and whatever the texts: what is made of it is SQL that works, and finds what it should."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chatkeep.chat.model import Chat, ChatKey, Message
from chatkeep.chat.ports import MARK_START, MOST_FOUND
from chatkeep.chat.query import parse_query
from chatkeep.errors import InvalidRequest, SearchTimedOut, StorageFailed
from chatkeep.storage.atomic import Identity
from chatkeep.storage.index import Change, Index, Put, Remove
from chatkeep.storage.search import Search
from chatkeep.storage.searching import Searching
from chatkeep.storage.texts import check_sqlite

MOMENT = "2026-01-01T12:00:00.000000Z"
TEXTS = ["The red moon rises.", 'NEAR(moon) AND * ^ : {x} "quoted" c++', "我喜欢北京🎉", "ünï ﬁne moons -"]

TYPED = st.one_of(
    st.text(st.one_of(st.sampled_from('"-or OR\0*(){}:^+mon 北京'), st.characters(codec="utf-8")), max_size=80),
    st.lists(
        st.sampled_from(["NEAR(moon, 2)", "NOT", "AND", "OR", "-", '"', "moon", "c++", "*", "body:", "北", "🎉"])
    ).map(" ".join),
)


def put(chat_id: str, contents: Sequence[str], owner: str = "", known: int = 0) -> Put:
    messages = [
        Message(role="user", content=text, id=f"{chat_id}-{number}", timestamp=MOMENT)
        for number, text in enumerate(contents)
    ]
    chat = Chat(chat_id, chat_id, 1, MOMENT, MOMENT, messages)
    return Put(ChatKey(owner, chat_id), chat, Identity(1, 1, 1), known)


@contextmanager
def indexed(path: Path, *changes: Change) -> Iterator[sqlite3.Connection]:
    """A connection to an index that has these changes."""
    index = Index(path)
    for change in changes:
        index.apply([change])
    index.settle()
    with closing(sqlite3.connect(path)) as database:
        yield database
    index.close()


def searched(database: sqlite3.Connection, query: str, owner: str = "") -> Search:
    return Search(database, owner, parse_query(query), lambda: None)


def found(database: sqlite3.Connection, query: str, owner: str = "") -> list[str]:
    return [hit.message_id for hit in searched(database, query, owner).page(100, 0).results]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    with indexed(tmp_path_factory.mktemp("index") / "index.sqlite3", put("a", TEXTS)) as opened:
        yield opened


@settings(deadline=None)
@given(text=TYPED)
def test_any_query_is_answered_or_refused(database: sqlite3.Connection, text: str) -> None:
    try:
        query = parse_query(text)
    except InvalidRequest:
        return
    page = Search(database, "", query, lambda: None).page(10, 0)

    assert len(page.results) == page.total <= len(TEXTS)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("abcdéßﬁ中文字한국e\u0301.-🎉 ", min_size=3, max_size=30), data=st.data())
def test_any_three_characters_of_a_text_find_it(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 3))
    piece = text[start : data.draw(st.integers(start + 3, len(text)))]
    # What begins with a minus means something else, an accent without its letter is nothing, a short word is whole.
    assume(piece[0] not in "-\u0301" and " " not in piece)
    assume(sum(c.isalnum() for c in piece) >= 3)
    with indexed(tmp_path_factory.mktemp("index") / "index.sqlite3", put("a", [text])) as database:
        assert found(database, piece) == ["a-0"]


def test_a_word_inside_a_longer_one_ranks_below_a_whole_word(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", ["one moon", "two moons", "no sun"])) as database:
        assert found(database, "moon") == ["a-0", "a-1"]


def test_a_rare_word_counts_more_than_a_frequent_one(tmp_path: Path) -> None:
    contents = ["the moon is here", "the the sun is here", *["the end of it"] * 20]
    with indexed(tmp_path / "index", put("a", contents)) as database:
        assert found(database, "the OR moon")[0] == "a-0"


def test_a_grown_a_replaced_and_a_removed_chat_leave_nothing_behind(tmp_path: Path) -> None:
    many = [f"moon number {n}" for n in range(200)]  # more than wait, so that they are in the tables
    changes: list[Change] = [
        put("a", many),
        put("a", [*many, "sun"], known=200),
        put("b", many),
        put("b", ["star"]),
        put("c", many),
        Remove(ChatKey("", "c")),
        put("d", ["comet"]),
        Remove(ChatKey("", "d")),
    ]
    with indexed(tmp_path / "index", *changes) as database:
        assert len(found(database, "moon number")) == 100
        assert searched(database, "moon").page(1, 0).total == 200
        assert sorted(found(database, "sun OR star OR comet")) == ["a-200", "b-0"]
        for table in ("words", "trigrams"):
            database.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
        # Nothing of what was removed is in the tables: a number that is given again finds only what is there now.
        rows = database.execute("SELECT count(*) FROM trigrams WHERE trigrams MATCH 'moo'").fetchone()
        assert rows == (200,)


def test_of_very_many_matches_the_newest_are_counted_and_ranked(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", ["moon"] * (MOST_FOUND + 5))) as database:
        page = searched(database, "moon").page(2, 0)
        last = searched(database, "moon").page(100, MOST_FOUND - 1)

    assert page.total == MOST_FOUND
    assert [hit.message_id for hit in page.results] == [f"a-{MOST_FOUND + 4}", f"a-{MOST_FOUND + 3}"]
    assert [hit.message_id for hit in last.results] == ["a-5"]


LONG = 300_000  # characters: a search reads about a dozen such messages from end to end


def padded(text: str, length: int = LONG) -> str:
    """The text behind so much else that none of it is near the beginning."""
    return "word and more " * (length // 14) + text


def test_what_is_left_out_takes_nothing_from_the_total_of_long_messages(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", [padded("the needle")] * 30)) as database:
        pages = [searched(database, query).page(1, 0) for query in ("needle", "needle -zzz")]

    assert [(page.total, page.incomplete) for page in pages] == [(30, False), (30, False)]


@pytest.mark.parametrize("query", ["eedl", "needle -c++"])
def test_a_search_that_cannot_read_all_that_it_has_to_says_so_and_reads_the_newest(tmp_path: Path, query: str) -> None:
    with indexed(tmp_path / "index", put("a", [padded("the needle")] * 30)) as database:
        page = searched(database, query).page(100, 0)

    assert page.incomplete
    assert 0 < page.total == len(page.results) < 30
    assert {hit.message_id for hit in page.results} == {f"a-{29 - number}" for number in range(page.total)}


def test_new_messages_with_the_word_inside_a_longer_one_are_read_before_old_ones_with_the_word(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", [padded("the needle")] * 30 + ["needles"])) as database:
        page = searched(database, "needle").page(100, 0)

    assert (page.total, page.incomplete) == (31, False)


def test_a_long_message_that_has_the_word_early_is_not_read_to_its_end(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", [f"the needle {padded('')}"] * 30)) as database:
        page = searched(database, "eedl").page(1, 0)

    assert (page.total, page.incomplete) == (30, False)


@pytest.mark.parametrize("count", [MOST_FOUND - 1, MOST_FOUND])
@pytest.mark.parametrize("query", ["moon", "oon"])
def test_a_total_below_the_cap_is_exact_and_says_so(tmp_path: Path, query: str, count: int) -> None:
    with indexed(tmp_path / "index", put("a", ["moon"] * count)) as database:
        page = searched(database, query).page(1, 0)

    assert (page.total, page.incomplete) == (count, count == MOST_FOUND)


def test_the_words_of_a_query_may_be_far_apart_and_on_a_cut(tmp_path: Path) -> None:
    texts = [f"red {padded('the moonlight', length)}" for length in range(19_950, 20_050, 7)]
    with indexed(tmp_path / "index", put("a", [*texts, padded("red and no more")])) as database:
        page = searched(database, "red moon").page(100, 0)

    assert (page.total, page.incomplete) == (len(texts), False)
    assert all(MARK_START in hit.snippet for hit in page.results)


class Patience:
    """A check that gives up at its call number `calls`, and counts them."""

    def __init__(self, calls: int = 1_000_000) -> None:
        self.calls = 0
        self._most = calls

    def __call__(self) -> None:
        self.calls += 1
        if self.calls >= self._most:
            raise SearchTimedOut("Enough.")


def test_the_deadline_is_looked_at_for_each_piece_of_a_long_text(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", [padded("the needle")] * 5)) as database:
        for query in ("eedl", "needle -c++", "needle"):
            patience = Patience()
            Search(database, "", parse_query(query), patience).page(0, 0)
            assert patience.calls > 5 * LONG / 21_000


def test_the_deadline_is_looked_at_for_each_result_that_is_shown(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", ["the needle"] * 50)) as database:
        none, all_ = Patience(), Patience()
        Search(database, "", parse_query("needle"), none).page(0, 0)
        Search(database, "", parse_query("needle"), all_).page(100, 0)

        assert all_.calls >= none.calls + 50
        with pytest.raises(SearchTimedOut):
            Search(database, "", parse_query("needle"), Patience(none.calls + 25)).page(100, 0)


def test_the_deadline_stops_the_index_within_one_of_its_steps_and_it_can_be_asked_again(tmp_path: Path) -> None:
    phrase = parse_query(f'"{"a " * 31}needle"')
    with indexed(tmp_path / "index", put("a", ["a " * 200_000 + "the needle"])) as database:
        with pytest.raises(SearchTimedOut):
            Search(database, "", phrase, Patience(20)).page(10, 0)

        assert found(database, "needle") == ["a-0"]
        assert Search(database, "", phrase, lambda: None).page(10, 0).total == 0


def test_an_owner_finds_only_what_is_theirs(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", ["moon"]), put("b", ["moon"], "bob"), put("c", ["moon"])) as database:
        assert found(database, "moon") == ["c-0", "a-0"]
        assert found(database, "moon", "bob") == ["b-0"]
        assert found(database, "moon", "eve") == []


def test_a_sqlite_that_is_too_old_is_named() -> None:
    with pytest.raises(StorageFailed, match=r"3\.35\.0 or newer, and this Python has 3\.31\.1"):
        check_sqlite((3, 31, 1))


@pytest.mark.anyio
async def test_a_search_that_takes_too_long_is_given_up_and_the_next_one_works(tmp_path: Path) -> None:
    with indexed(tmp_path / "index", put("a", ["moon rise"] * 2000)):
        hurried = Searching(tmp_path / "index", deadline_s=0)
        with pytest.raises(SearchTimedOut):
            await hurried.search("", parse_query("moon rise"), 10, 0)
        hurried.close()

        patient = Searching(tmp_path / "index")
        assert (await patient.search("", parse_query("moon"), 10, 0)).total == MOST_FOUND
        patient.close()


@pytest.mark.anyio
async def test_a_search_whose_time_was_over_before_its_turn_came_is_given_up_and_not_begun(tmp_path: Path) -> None:
    others_end = threading.Event()
    searching = Searching(tmp_path / "there-is-none", deadline_s=0.05)
    searching._thread.submit(others_end.wait)
    asked = asyncio.create_task(searching.search("", parse_query("moon"), 10, 0))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.1, others_end.set)

    with pytest.raises(SearchTimedOut, match="Other searches"):
        await asked
    searching.close()
