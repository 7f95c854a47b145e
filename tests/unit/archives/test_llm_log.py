"""simonw/llm's log, as its migrations make it."""

import sqlite3
from pathlib import Path

import pytest

from chatkeep.archives.formats import Format
from chatkeep.archives.reading import opened
from chatkeep.archives.record import Bounds
from chatkeep.chat.model import Usage
from tests.unit.archives.shown import chats, findings, read, tree

SCHEMA = """
CREATE TABLE [conversations] ([id] TEXT PRIMARY KEY, [name] TEXT, [model] TEXT);
CREATE TABLE [responses] (
  [id] TEXT PRIMARY KEY, [model] TEXT, [prompt] TEXT, [system] TEXT, [prompt_json] TEXT, [options_json] TEXT,
  [response] TEXT, [response_json] TEXT, [conversation_id] TEXT REFERENCES [conversations]([id]),
  [duration_ms] INTEGER, [datetime_utc] TEXT, [input_tokens] INTEGER, [output_tokens] INTEGER, [token_details] TEXT,
  [schema_id] TEXT, [resolved_model] TEXT);
CREATE TABLE [attachments] ([id] TEXT PRIMARY KEY, [type] TEXT, [path] TEXT, [url] TEXT, [content] BLOB);
CREATE TABLE [prompt_attachments] ([response_id] TEXT, [attachment_id] TEXT, [order] INTEGER);
CREATE TABLE [fragments] ([id] INTEGER PRIMARY KEY, [hash] TEXT, [content] TEXT, [datetime_utc] TEXT, [source] TEXT);
CREATE TABLE [prompt_fragments] ([response_id] TEXT, [fragment_id] INTEGER, [order] INTEGER);
CREATE TABLE [tool_calls] ([id] INTEGER PRIMARY KEY, [response_id] TEXT, [tool_id] INTEGER, [name] TEXT,
  [arguments] TEXT, [tool_call_id] TEXT);
CREATE TABLE [tool_results] ([id] INTEGER PRIMARY KEY, [response_id] TEXT, [tool_id] INTEGER, [name] TEXT,
  [output] TEXT, [tool_call_id] TEXT);
CREATE TABLE [_llm_migrations] ([name] TEXT PRIMARY KEY, [applied_at] TEXT);
INSERT INTO conversations VALUES ('c1', 'Cheese', 'gpt-4o-mini');
INSERT INTO responses VALUES
  ('r2', 'gpt-4o-mini', 'And now?', 'Be brief.', NULL, NULL, 'Two.', NULL, 'c1', 20, '2024-05-02T10:00:05', 9, 2, NULL,
   NULL, 'gpt-4o-mini-2024-07-18'),
  ('r1', 'gpt-4o-mini', 'How many?', 'Be brief.', NULL, NULL, '', NULL, 'c1', 10, '2024-05-02T10:00:00', 5, 1, NULL,
   NULL, NULL),
  ('alone', 'llama', 'Hello', NULL, NULL, NULL, 'Hi', NULL, NULL, 10, '2024-05-01T09:00:00', NULL, NULL, NULL, NULL,
   NULL);
INSERT INTO tool_calls VALUES (1, 'r1', 1, 'count', '{"what": "cheese"}', 'call_1');
INSERT INTO tool_results VALUES (1, 'r2', 1, 'count', '2', 'call_1');
INSERT INTO fragments VALUES (1, 'h', 'A page about cheese.', NULL, 'https://example.com');
INSERT INTO prompt_fragments VALUES ('r1', 1, 0);
INSERT INTO attachments VALUES ('a', 'image/png', '/tmp/brie.png', NULL, NULL);
INSERT INTO prompt_attachments VALUES ('r1', 'a', 0);
"""


def log(path: Path, more: str = "") -> Path:
    database = sqlite3.connect(path)
    database.executescript(SCHEMA + more)
    database.close()
    return path


def test_a_conversation_is_its_prompts_and_responses_in_the_order_of_their_times(tmp_path: Path) -> None:
    records = read(log(tmp_path / "logs.db"))
    alone, chat = chats(records)

    assert tree(alone) == [("alone/prompt", "user: Hello", None), ("alone", "assistant: Hi", "alone/prompt")]
    assert (chat.chat_id, chat.title) == ("c1", "Cheese")
    assert tree(chat) == [
        ("r1/system", "system: Be brief.", None),
        ("r1/prompt", "user: A page about cheese.\nHow many?", "r1/system"),
        ("r1", "assistant: ", "r1/prompt"),
        ("r2/prompt/1", "tool: 2", "r1"),
        ("r2/prompt", "user: And now?", "r2/prompt/1"),
        ("r2", "assistant: Two.", "r2/prompt"),
    ]
    assert findings(records) == ["conversation 2 c1, message r1/prompt: file /tmp/brie.png: left out"]


def test_models_figures_and_calls_are_kept(tmp_path: Path) -> None:
    messages = {message.original_id: message for message in chats(read(log(tmp_path / "logs.db")))[1].messages}

    calls = messages["r1"].tool_calls
    assert calls is not None
    assert (calls[0].id, calls[0].arguments) == ("call_1", '{"what": "cheese"}')
    assert messages["r2/prompt/1"].tool_call_id == "call_1"
    assert (messages["r2"].model, messages["r2"].usage) == ("gpt-4o-mini-2024-07-18", Usage(9, 2, 11))
    assert messages["r2"].timestamp == "2024-05-02T10:00:05.000000Z"


def test_it_is_known_by_its_first_bytes_and_not_written_to(tmp_path: Path) -> None:
    path = log(tmp_path / "any.name")
    before = path.read_bytes()

    with opened(path) as archive:
        assert archive.format is Format.LLM
        assert len(chats(archive.records)) == 2

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_versions_of_the_log_are_read_too(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "logs.db")
    database.executescript(
        "CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, response TEXT,"
        " conversation_id TEXT, datetime_utc TEXT, reply_to_id TEXT);"
        "INSERT INTO responses VALUES ('1', 'm', 'one', '', 'eins', 'c', '2023-01-01T00:00:01', NULL);"
        "INSERT INTO responses VALUES ('2', 'm', 'two', '', 'zwei', 'c', '2023-01-01T00:00:02', '1');"
        "INSERT INTO responses VALUES ('3', 'm', 'or', '', 'oder', 'c', '2023-01-01T00:00:03', '1');"
    )
    database.close()

    (chat,) = chats(read(tmp_path / "logs.db"))

    assert tree(chat) == [
        ("1/prompt", "user: one", None),
        ("1", "assistant: eins", "1/prompt"),
        ("2/prompt", "user: two", "1"),
        ("2", "assistant: zwei", "2/prompt"),
        ("3/prompt", "user: or", "1"),
        ("3", "assistant: oder", "3/prompt"),
    ]


def test_tables_that_are_not_known_are_told(tmp_path: Path) -> None:
    records = read(log(tmp_path / "logs.db", "CREATE TABLE turns (id TEXT); INSERT INTO turns VALUES ('x');"))

    assert findings(records)[0] == "table turns: is none that is known; left out"
    assert len(chats(records)) == 2


def test_bytes_that_are_not_utf8_and_a_text_that_is_too_long_cost_only_themselves(tmp_path: Path) -> None:
    more = "UPDATE responses SET response = CAST(x'48ff69' AS TEXT) WHERE id = 'alone';"
    (alone, _) = chats(read(log(tmp_path / "logs.db", more)))
    assert alone.messages[1].text == "H\ufffdi"

    more = "UPDATE responses SET prompt = hex(zeroblob(400)) WHERE conversation_id = 'c1';"
    records = read(log(tmp_path / "long.db", more), bounds=Bounds(conversation_bytes=1_100))
    assert [chat.chat_id for chat in chats(records)] == ["alone"]
    assert findings(records) == ["conversation 2 c1: is longer than one conversation may be; left out"]


def test_a_row_that_is_too_long_costs_its_conversation_alone(tmp_path: Path) -> None:
    path = log(tmp_path / "logs.db", "UPDATE responses SET response = hex(zeroblob(50000)) WHERE id = 'alone';")

    records = read(path, bounds=Bounds(conversation_bytes=50_000))

    assert [chat.chat_id for chat in chats(records)] == ["c1"]
    assert findings(records)[0].startswith("conversation 1: cannot be read, left out: ")


@pytest.mark.parametrize("kept", [20, 3000, 9000])
def test_a_log_that_breaks_off_is_told_and_nothing_is_raised(tmp_path: Path, kept: int) -> None:
    path = log(tmp_path / "logs.db")
    path.write_bytes(path.read_bytes()[:kept])

    assert "cannot be" in findings(read(path))[-1]


def test_another_database_is_told(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "other.db")
    database.executescript("CREATE TABLE things (id TEXT);")
    database.close()

    assert findings(read(tmp_path / "other.db")) == ["logs.db: has no table responses"]
