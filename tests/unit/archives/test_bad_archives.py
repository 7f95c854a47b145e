"""Archives that are broken, hostile or just odd: what can be read is read, the rest is told, nothing is raised."""

import io
import json
import tarfile
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.archives.elements import Element, elements
from chatkeep.archives.record import Bounds, Unmapped
from chatkeep.chat.branch import NOTHING, Tree, active_path
from chatkeep.chat.model import is_chat_id, is_timestamp
from chatkeep.errors import InvalidRequest
from tests.unit.archives.shown import SAMPLES, chats, findings, original_ids, read_bytes, tree

SMALL = Bounds(conversation_bytes=400_000, value_bytes=400_000, file_bytes=100_000, unpacked_bytes=4_000_000, ratio=20)


def node(node_id: str, parent: str | None, text: str = "x", *, role: str = "user", **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    message = {"id": node_id, "author": {"role": role}, "content": content, "create_time": 1.7e9, **more}
    return {"id": node_id, "parent": parent, "children": [], "message": message}


def conversation(chat_id: str, *nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    mapping = {each["id"]: each for each in nodes}
    return {"id": chat_id, "title": "T", "create_time": 1.7e9, "mapping": mapping, **more}


def encoded(*conversations: dict[str, Any]) -> bytes:
    return json.dumps(conversations).encode()


def zipped(data: bytes, name: str = "conversations.json") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chat.html", b"<html>" * 100)
        archive.writestr(name, data)
    return made.getvalue()


TWO = encoded(conversation("one", node("a", None)), conversation("two", node("b", None)))


@pytest.mark.parametrize("cut", range(100, len(TWO) - 1, 7))
def test_of_an_archive_that_breaks_off_what_came_before_is_read_and_the_end_is_told(cut: int) -> None:
    records = read_bytes(TWO[:cut])

    whole = TWO.find(b', {"id": "two"')
    assert [chat.chat_id for chat in chats(records)] == (["one"] if cut >= whole else [])
    assert "breaks off or is no JSON" in findings(records)[-1]


def test_what_comes_after_a_broken_place_is_told_as_lost() -> None:
    records = read_bytes(TWO.replace(b'{"id": "two"', b'{"id": nope'))

    assert [chat.chat_id for chat in chats(records)] == ["one"]
    assert findings(records)[-1].startswith("after conversation 2: ")


def test_a_tree_ten_thousand_deep_is_read_without_recursion() -> None:
    count = 10_000
    nodes = [node(str(place), str(place - 1) if place else None) for place in range(count)]
    (chat,) = chats(read_bytes(encoded(conversation("deep", *reversed(nodes), current_node=str(count - 1)))))

    assert original_ids(chat) == [str(place) for place in range(count)]
    assert len(active_path(chat)) == count
    assert not any(message.parent_id for message in chat.messages)


def test_children_nested_ten_thousand_deep_are_read_without_recursion() -> None:
    count = 10_000
    head = b'{"conversationId": "deep", "title": "T", "recursive": true, "messagesTree": ['
    message = b'{"messageId": "%d", "isCreatedByUser": true, "text": "x", "children": ['
    data = head + b"".join(message % place for place in range(count)) + b"]}" * count + b"]}"

    (chat,) = chats(read_bytes(data))

    assert original_ids(chat) == [str(place) for place in range(count)]


def test_ten_thousand_branches_of_one_message_are_read() -> None:
    nodes = [node("root", None), *(node(str(place), "root") for place in range(10_000))]
    (chat,) = chats(read_bytes(encoded(conversation("wide", *nodes))))

    assert set(Tree(chat.messages).parents[1:]) == {0}


def test_a_circle_a_missing_parent_and_a_lost_end_are_mended_and_told() -> None:
    nodes = [node("a", "c"), node("b", "a"), node("c", "b"), node("d", "nowhere"), node("e", "e")]
    records = read_bytes(encoded(conversation("round", *nodes, current_node="gone")))
    (chat,) = chats(records)

    assert tree(chat) == [
        ("d", "user: x", None),
        ("a", "user: x", None),
        ("b", "user: x", "a"),
        ("c", "user: x", "b"),
        ("e", "user: x", None),
    ]
    assert [line.partition("round")[2] for line in findings(records)] == [
        ", message d: follows nowhere, which is not there; it begins the chat anew",
        ", message a: follows itself in a circle; it begins the chat anew",
        ", message e: follows itself in a circle; it begins the chat anew",
        ": its active path ends with gone, which is not there; the newest is shown",
    ]


def test_ids_that_come_twice_are_told_and_both_are_kept() -> None:
    messages = [{"uuid": "m", "sender": "human", "text": text} for text in ("one", "two", "three")]
    records = read_bytes(json.dumps([{"uuid": "c", "name": "", "chat_messages": messages}]).encode())
    (chat,) = chats(records)

    assert [message.text for message in chat.messages] == ["one", "two", "three"]
    assert len({message.id for message in chat.messages}) == 3
    assert findings(records) == ["conversation 1 c, message m: this id comes twice; both messages are kept"] * 2


def test_a_member_that_comes_twice_is_told() -> None:
    data = encoded(conversation("one", node("a", None))).replace(b'"title": "T"', b'"title": "S", "title": "T"')

    records = read_bytes(data)

    assert chats(records)[0].title == "T"
    assert findings(records) == ["conversation 1 one: the member 'title' comes twice; the last one is taken"]


@pytest.mark.parametrize("moment", [-1, 1e300, "", "yesterday", "99999-01-01", [], True, -(10**400)])
def test_times_that_cannot_be_are_replaced(moment: object) -> None:
    data = encoded(conversation("one", node("a", None, create_time=moment), create_time=moment, update_time=moment))
    (chat,) = chats(read_bytes(data))

    assert is_timestamp(chat.created_at)
    assert is_timestamp(chat.last_updated)


@pytest.mark.parametrize("moment", [1.7e9, 1.7e12, 1.7e15, 1.7e18, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20"])
def test_times_are_understood_in_seconds_to_nanoseconds_and_as_text(moment: object) -> None:
    (chat,) = chats(read_bytes(encoded(conversation("one", node("a", None), create_time=moment))))

    assert chat.created_at == "2023-11-14T22:13:20.000000Z"


def test_bytes_that_are_not_utf8_cost_only_themselves() -> None:
    data = encoded(conversation("one", node("a", None, "before # after")), conversation("two", node("b", None)))

    records = read_bytes(b"\xef\xbb\xbf" + data.replace(b"#", b"\xff\xc3"))

    one, _ = chats(records)
    assert one.messages[0].text == "before \ufffd\ufffd after"
    assert findings(records) == [f"byte {data.index(b'#')}: not UTF-8; U+FFFD stands for each broken letter"]


def test_text_that_no_file_can_hold_is_replaced_and_told() -> None:
    records = read_bytes(encoded(conversation("one", node("a", None, "nul \x00 here"))))

    assert chats(records)[0].messages[0].text == "nul \ufffd here"
    assert findings(records) == ["conversation 1 one: holds NUL or half a letter; U+FFFD stands in its place"]


def test_a_conversation_that_is_too_large_is_told_and_the_next_ones_are_read() -> None:
    large = conversation("large", *(node(str(place), None, "word " * 200) for place in range(600)))
    records = read_bytes(encoded(large, conversation("small", node("a", None))), SMALL)

    assert [chat.chat_id for chat in chats(records)] == ["small"]
    assert findings(records) == ["conversation 1 large: takes more than 0.381 MiB of memory; left out"]


def test_a_conversation_of_many_short_messages_is_counted_as_what_it_takes() -> None:
    many = conversation("many", *(node(str(place), str(place - 1) if place else None) for place in range(170)))
    records = read_bytes(encoded(many), SMALL)

    assert [len(chat.messages) for chat in chats(records)] == [170]
    assert findings(records) == []


def test_a_single_text_that_is_too_long_ends_the_reading_before_it_fills_the_memory() -> None:
    data = encoded(conversation("one", node("a", None)), conversation("huge", node("b", None, "x" * 4_000_000)))

    records = read_bytes(data, SMALL)

    assert [chat.chat_id for chat in chats(records)] == ["one"]
    assert "a single text is longer than" in findings(records)[-1]


def test_an_id_that_is_none_of_ours_is_mapped_and_kept() -> None:
    for original_id in ("../../etc/passwd", "a b", "ä", "x" * 129, "a\n"):
        (chat,) = chats(read_bytes(encoded(conversation(original_id, node("a", None)))))
        assert chat.chat_id.startswith("imported-")
        assert is_chat_id(chat.chat_id)
        assert chat.origin is not None
        assert chat.origin.chat_id == original_id


def test_conversations_without_an_id_get_one_from_what_they_say() -> None:
    data = encoded(conversation("", node("a", None)), conversation("", node("b", None)))

    first, second = chats(read_bytes(data))

    assert first.chat_id != second.chat_id
    assert chats(read_bytes(data)) == [first, second]


class TestZip:
    def test_an_export_is_read_in_the_zip_it_comes_in(self) -> None:
        data = (SAMPLES / "chatgpt.json").read_bytes()

        assert read_bytes(zipped(data)) == read_bytes(data)
        assert read_bytes(zipped(data, "takeout/conversations-000.json")) == read_bytes(data)

    def test_a_bomb_is_given_up_and_what_came_before_is_kept(self) -> None:
        bomb = TWO[:-1] + b', {"id": "bomb", "mapping": {}, "filler": [' + b"0, " * 2_000_000 + b"0]}]"
        packed = zipped(bomb)
        assert len(bomb) > 400 * len(packed)

        records = read_bytes(packed, SMALL)

        assert [chat.chat_id for chat in chats(records)] == ["one", "two"]
        assert "unfolds to more than" in findings(records)[-1]

    def test_an_archive_that_unfolds_to_more_than_is_read_is_given_up(self) -> None:
        noise = "".join(chr(33 + place * 7919 % 1021) for place in range(40_000))
        many = encoded(*(conversation(str(place), node("a", None, noise[place:])) for place in range(20)))

        records = read_bytes(zipped(many), Bounds(unpacked_bytes=len(many) // 2))

        assert 0 < len(chats(records)) < 20
        assert "unfolds to more than" in findings(records)[-1]

    @pytest.mark.parametrize("cut", [30, 200, 0.5, 0.9])
    def test_a_zip_that_breaks_off_is_refused_with_the_reason(self, cut: float) -> None:
        packed = zipped(TWO)
        with pytest.raises(InvalidRequest, match="ends before its list of files"):
            read_bytes(packed[: int(cut if cut > 1 else cut * len(packed))])

    def test_a_zip_of_something_else_is_refused(self) -> None:
        with pytest.raises(InvalidRequest, match="no archive that is known"):
            read_bytes(zipped(TWO, "photos.json"))

    def test_a_zip_whose_content_is_broken_is_told(self) -> None:
        packed = bytearray(zipped(encoded(*(conversation(str(n), node("a", None, str(n**9))) for n in range(3000)))))
        packed[len(packed) // 2] ^= 0xFF

        assert "cannot be read on" in findings(read_bytes(bytes(packed)))[-1] or findings(read_bytes(bytes(packed)))


class TestBackup:
    @staticmethod
    def packed(members: dict[str, bytes]) -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return made.getvalue()

    def test_members_that_are_no_files_of_chats_are_told_and_no_path_is_made_of_a_name(self) -> None:
        end = b'{"format": 1, "chats": 1, "made_at": "2026-01-01T00:00:00.000000Z"}'
        names = ["../../etc/a.json", "/a.json", "@a/b/c.json", "notes.txt", "ok.json"]
        records = read_bytes(self.packed({**dict.fromkeys(names, b"{}"), "chatkeep-backup.json": end}))

        assert [line for line in findings(records) if "left out" not in line] == []
        assert len(findings(records)) == 4

    @pytest.mark.parametrize("cut", [10, 40, 0.5, 0.9, 0.99])
    def test_one_that_breaks_off_is_told(self, cut: float) -> None:
        packed = self.packed({f"{place}.json": b"{}" * place for place in range(50)})

        records = read_bytes(packed[: int(cut if cut > 1 else cut * len(packed))])

        assert findings(records)

    def test_one_without_its_end_is_told(self) -> None:
        records = read_bytes(self.packed({"a.json": b"{}"}))

        assert findings(records) == ["after chat 1: the backup breaks off: what would say that it is whole is missing"]

    def test_one_that_lacks_a_chat_is_told(self) -> None:
        end = b'{"format": 1, "chats": 2, "made_at": ""}'
        records = read_bytes(self.packed({"a.json": b"{}", "chatkeep-backup.json": end}))

        assert findings(records) == ["chatkeep-backup.json: says that there are 2 chats, and there are 1"]

    def test_a_file_that_is_too_large_is_told_and_one_that_fills_the_memory_ends_the_reading(self) -> None:
        records = read_bytes(self.packed({"large.json": b"x1" * 60_000, "small.json": b"{}"}), SMALL)
        assert findings(records)[0] == "large.json: is larger than 0.0954 MiB; left out"

        records = read_bytes(self.packed({"huge.json": bytes(range(256)) * 4_000, "small.json": b"{}"}), SMALL)
        assert "cannot be read on" in findings(records)[-1]

    def test_a_gzip_of_zeros_is_given_up(self) -> None:
        made = zlib.compressobj(9, wbits=31)
        packed = made.compress(bytes(5_000_000)) + made.flush()

        assert findings(read_bytes(packed, SMALL))


@pytest.mark.parametrize(
    "data", [b"", b"   ", b"hello", b"[]", b"{}", b"[1, 2]", b"null", b"\x00" * 600, b"\xff\xfe[\x00"]
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="no archive that is known"):
        read_bytes(data)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = [
    *(
        "id",
        "uuid",
        "title",
        "name",
        "mapping",
        "chat_messages",
        "chat",
        "history",
        "messages",
        "messagesTree",
        "message",
    ),
    *("parent", "author", "role", "content", "content_type", "parts", "text", "sender", "children", "create_time"),
    *("conversationId", "messageId", "isCreatedByUser", "metadata", "attachments", "files", "output", "type"),
]
NESTED = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=40,
)


@pytest.mark.parametrize("mark", ["mapping", "chat_messages", "chat", "conversationId"])
@given(value=st.dictionaries(st.sampled_from(MEMBERS), NESTED, max_size=8), marked=NESTED)
def test_json_of_any_shape_raises_nothing_and_its_chats_are_sound(
    mark: str, value: dict[str, Any], marked: Any
) -> None:
    records = read_bytes(json.dumps([{mark: marked, **value}]).encode())

    assert records
    for chat in chats(records):
        places = Tree(chat.messages).parents
        ids = [message.id for message in chat.messages]
        assert is_chat_id(chat.chat_id)
        assert len(set(ids)) == len(ids)
        assert all(parent == NOTHING or parent < place for place, parent in enumerate(places))
        assert all(message.parent_id in ("", None, *ids) for message in chat.messages)
        assert chat.current is None or chat.current in ids


@given(value=NESTED, cut=st.integers(0, 10_000))
def test_elements_are_what_was_written_whatever_is_cut_off(value: Any, cut: int) -> None:
    data = json.dumps([value, value], allow_nan=False) if json_is_finite(value) else "[]"
    found = list(elements(io.BytesIO(data.encode()[:cut]), Bounds()))

    whole = [each for each in found if isinstance(each, Element)]
    assert len(whole) <= 2
    if cut >= len(data.encode()):
        assert not [each for each in found if isinstance(each, Unmapped) and "breaks off" in each.what]


def json_is_finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
