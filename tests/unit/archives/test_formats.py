"""Small archives shaped like real ones, each with a tree, and everything that becomes of them."""

import pytest

from chatkeep.archives.formats import Format
from chatkeep.archives.reading import opened
from chatkeep.chat.branch import active_path
from chatkeep.chat.model import Chat, Message, Origin, Usage
from tests.unit.archives.shown import SAMPLES, chats, findings, original_ids, read, stored, tree


def by_original_id(chat: Chat) -> dict[str | None, Message]:
    return {message.original_id: message for message in chat.messages}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chatgpt.json", Format.CHATGPT),
        ("claude.json", Format.CLAUDE),
        ("openwebui.json", Format.OPENWEBUI),
        ("librechat-tree.json", Format.LIBRECHAT),
        ("librechat-flat.json", Format.LIBRECHAT),
        ("older", Format.CHATS_FOLDER),
    ],
)
def test_an_archive_tells_what_it_is(name: str, expected: Format) -> None:
    with opened(SAMPLES / name) as archive:
        assert archive.format is expected


class TestChatGpt:
    def test_its_tree_is_ours_and_the_active_path_the_one_that_was_shown(self) -> None:
        chat, _ = chats(read(SAMPLES / "chatgpt.json"))

        assert tree(chat) == [
            ("ctx", "system: I run servers.\n\nBe brief.", None),
            ("u1", "user: How do I roll back?", "ctx"),
            ("a1", "assistant: Run `helm rollback`.", "u1"),
            ("c1", "assistant: ", "u1"),
            ("r1", "tool: 42", "c1"),
            ("a2", "assistant: It is 42.", "r1"),
        ]
        assert [message.original_id for message in active_path(chat)] == ["ctx", "u1", "a1"]

    def test_its_title_times_and_ids_are_kept(self) -> None:
        chat, other = chats(read(SAMPLES / "chatgpt.json"))

        assert chat.chat_id == "6b0f0d9c-0000-4000-8000-000000000001"
        assert chat.origin == Origin("chatgpt", chat.chat_id)
        assert chat.title == "Rolling back a deploy"
        assert (chat.created_at, chat.last_updated) == ("2025-08-24T01:46:40.123456Z", "2025-08-24T01:53:20.500000Z")
        assert (other.chat_id[:9], len(other.chat_id)) == ("imported-", 41)
        assert other.origin == Origin("chatgpt", "not an id of ours!")

    def test_reasoning_stands_with_the_reply_behind_it_and_a_call_with_its_answer(self) -> None:
        messages = by_original_id(chats(read(SAMPLES / "chatgpt.json"))[0])

        call = messages["c1"].tool_calls
        assert messages["c1"].reasoning == "Looking\nWhat is deployed?\n\nThought for 6s"
        assert call is not None
        assert (call[0].name, call[0].arguments) == ("python", '{"input":"print(6 * 7)"}')
        assert messages["r1"].tool_call_id == call[0].id
        assert (messages["a1"].model, messages["a1"].status, messages["a1"].finish_reason) == (
            "gpt-4o",
            "complete",
            "stop",
        )

    def test_what_it_has_that_no_chat_can_hold_is_told_a_line_each(self) -> None:
        records = read(SAMPLES / "chatgpt.json")

        assert tree(chats(records)[1]) == [
            ("p1", "user: What is this?", None),
            ("p2", "assistant: ", "p1"),
            ("p3", "tool: [left out: image_asset_pointer file-service://file-cat]", "p2"),
            ("p6", "assistant: A page", "p3"),
        ]
        assert findings(records) == [
            *(
                f"conversation 2 not an id of ours!, message {line}"
                for line in (
                    "p1: image_asset_pointer file-service://file-abc: left out",
                    "p1: file notes.pdf: left out",
                    "p3: image_asset_pointer file-service://file-cat: left out",
                    "p4: its role is 'critic', which is none of ours; left out",
                    "p5: a hidden message of the system: left out",
                    "p6: what is not text of the content 'sonic_webpage': left out",
                    "p6: create_time '1e+300' is no time that can be; another one stands for it",
                )
            ),
            "conversation 3 6b0f0d9c-0000-4000-8000-000000000002: has no messages; left out",
        ]

    def test_a_message_whose_time_cannot_be_is_as_old_as_the_one_it_follows(self) -> None:
        messages = by_original_id(chats(read(SAMPLES / "chatgpt.json"))[1])

        assert messages["p6"].timestamp == messages["p3"].timestamp


class TestClaude:
    def test_its_messages_follow_each_other_where_no_parents_are_named(self) -> None:
        records = read(SAMPLES / "claude.json")
        chat, _ = chats(records)

        assert tree(chat) == [
            ("m1", "user: Read this.\n\nscope.txt:\n\nThe scope.", None),
            ("m2/1", "assistant: ", "m1"),
            ("m2/2", "tool: Scope\nhttps://example.com\nfound", "m2/1"),
            ("m2", "assistant: It says: the scope.", "m2/2"),
            ("m3", "user: Older exports have text alone.", "m2"),
            ("m4", "assistant: [left out: a block of the kind 'voice_note']", "m3"),
        ]
        assert findings(records) == [
            f"conversation 1 5551eb71-ada2-45bd-8f91-0c4945a1e5a6, message {line}"
            for line in (
                "m1: file cat.png: left out",
                "m2: image in the result of a tool: left out",
                "m4: created_at 'not a time' is no time that can be; another one stands for it",
                "m4: a block of the kind 'voice_note': left out",
                "m5: its sender is 'robot', which is none of ours; left out",
            )
        ]

    def test_its_branches_are_ours_where_parents_are_named(self) -> None:
        chat = chats(read(SAMPLES / "claude.json"))[1]

        assert tree(chat) == [
            ("b1", "user: Hello", None),
            ("b2", "assistant: Hi", "b1"),
            ("b3", "assistant: Good day", "b1"),
        ]
        assert [message.original_id for message in active_path(chat)] == ["b1", "b2"]
        assert chat.title == "Hello"

    def test_thinking_and_calls_without_ids_are_kept(self) -> None:
        messages = by_original_id(chats(read(SAMPLES / "claude.json"))[0])

        calls = messages["m2/1"].tool_calls
        assert messages["m2/1"].reasoning == "A file."
        assert calls is not None
        assert (calls[0].name, calls[0].arguments) == ("web_search", '{"query":"scope"}')
        assert messages["m2/2"].tool_call_id == calls[0].id


class TestOpenWebUi:
    def test_answers_of_two_models_are_two_branches(self) -> None:
        chat, _ = chats(read(SAMPLES / "openwebui.json"))

        assert tree(chat) == [
            ("system", "system: Be exact.", None),
            ("q1", "user: What is 15 * 17?", "system"),
            ("r1", "assistant: 255", "q1"),
            ("r2/1", "assistant: ", "q1"),
            ("r2/2", "tool: 255", "r2/1"),
            ("r2", "assistant: It is 255.", "r2/2"),
        ]
        assert [message.original_id for message in active_path(chat)] == ["system", "q1", "r1"]

    def test_reasoning_is_found_in_the_text_of_older_versions_and_in_the_output_of_newer_ones(self) -> None:
        messages = by_original_id(chats(read(SAMPLES / "openwebui.json"))[0])

        assert messages["r1"].reasoning == "15 * 17 < 300\nso 255"
        assert messages["r2/1"].reasoning == "Use the tool."
        assert (messages["r1"].model, messages["r1"].usage) == ("deepseek-r1", Usage(7, 5, 12))
        assert (messages["r2/1"].usage, messages["r2"].usage) == (None, Usage(9, 4, 13))

    def test_a_chat_from_before_there_were_branches_is_read_from_its_list(self) -> None:
        records = read(SAMPLES / "openwebui.json")
        chat = chats(records)[1]

        assert tree(chat) == [("o1", "user: See", None), ("o2", "assistant: ", "o1")]
        assert (chat.messages[1].status, chat.messages[1].error) == ("failed", "provider_error")
        assert chat.created_at == "2023-11-14T22:13:20.000000Z"
        assert [line.partition(", message ")[2] for line in findings(records)] == [
            "q1: file sums.pdf: left out",
            "o1: image_url: left out",
            "o2: the reply failed: Connection refused",
            "o3: its role is 'narrator', which is none of ours; left out",
        ]


class TestLibreChat:
    def test_a_recursive_export_is_a_tree(self) -> None:
        records = read(SAMPLES / "librechat-tree.json")
        (chat,) = chats(records)

        assert tree(chat) == [
            ("system", "system: Answer in litres.", None),
            ("l1", "user: How much?", "system"),
            ("l2/1", "assistant: ", "l1"),
            ("l2/2", "tool: 8.2", "l2/1"),
            ("l2", "assistant: 8.2 litres.", "l2/2"),
            ("l3", "assistant: About", "l1"),
            ("l4", "assistant: Quota exceeded", "l1"),
        ]
        assert [message.status for message in chat.messages[4:]] == ["complete", "interrupted", "failed"]
        assert chat.messages[2].reasoning == "A van."
        assert [line.partition(", message ")[2] for line in findings(records)] == [
            "l1: file car.jpg: left out",
            "l2: a part of the kind 'image_file': left out",
        ]

    def test_a_flat_export_is_a_tree_by_its_parents(self) -> None:
        records = read(SAMPLES / "librechat-flat.json")
        (chat,) = chats(records)

        assert tree(chat) == [
            ("f1", "user: tell me a story", None),
            ("f2", "assistant: Once", "f1"),
            ("f3", "user: tell me a long story", None),
            ("f4", "assistant: Long ago", "f3"),
        ]
        assert len(findings(records)) == 1


class TestOlderFolder:
    def test_its_chats_are_taken_by_the_names_of_their_files(self) -> None:
        records = read(SAMPLES / "older")
        (chat,) = chats(records)

        assert (chat.chat_id, chat.origin) == ("space-facts", Origin("chats-folder", "space-facts"))
        assert (chat.created_at, chat.last_updated) == ("2024-05-01T10:00:00.000000Z", "2024-05-01T10:01:00.000000Z")
        assert original_ids(chat) == ["0", "1", "3"]
        assert [message.text for message in chat.messages] == ["A fact, please", "Venus turns slowly.", "Thanks"]
        assert findings(records) == [
            "index.json, gone: is listed, and has no file",
            "space-facts.json, message 2: its role is 'narrator', which is none of ours; left out",
            "space-facts.json, message 3: timestamp '99999-01-01' is no time that can be; another one stands for it",
        ]

    def test_a_file_that_was_written_to_since_is_taken_as_it_stands(self) -> None:
        (file,) = stored(read(SAMPLES / "older"))

        assert file.chat_id == "since"
        assert file.data == (SAMPLES / "older" / "since.json").read_bytes()


def test_reading_an_archive_twice_gives_the_same_ids() -> None:
    for name in ("chatgpt.json", "claude.json", "openwebui.json", "librechat-tree.json", "older"):
        assert read(SAMPLES / name) == read(SAMPLES / name)
