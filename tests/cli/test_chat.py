"""`chatkeep chat` in a terminal, as a person sees it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cuttable_line import line_to
from tests.screen import ALT_ENTER, CTRL_C, CTRL_D, ENTER, NEWLINE, TAB, UP, Screen, on_screen
from tests.server import Server, eventually, serving

SLOW = "[[tokens 300]] [[delay 0.01]]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("chat") / "chats") as running:
        yield running


@pytest.fixture
def chat_id(request: pytest.FixtureRequest) -> str:
    """Another one for each test."""
    return re.sub(r"\W", "-", request.node.name)


@pytest.fixture
def screen(server: Server, chat_id: str, tmp_path: Path) -> Iterator[Screen]:
    with on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path) as shown:
        yield shown.prompts("1>")


def once_each(screen: Screen, count: int) -> bool:
    """Whether the words of a reply stand there in their order, and nothing of it twice."""
    return re.findall(r"\bw\d+", screen.text) == [f"w{number}" for number in range(count)]


def test_a_reply_is_shown_as_formatted_text(screen: Screen) -> None:
    screen.type("Some **bold** words." + NEWLINE + NEWLINE + "- one" + NEWLINE + "- two" + ENTER)
    screen.prompts("2>")
    assert "\nSome bold words.\n\n • one\n • two\n2>" in screen.text


def test_a_reply_scrolls_away_above_the_prompt_with_each_line_once(screen: Screen) -> None:
    lines = NEWLINE.join(f"Line {number}" + NEWLINE for number in range(60))
    screen.type(lines + "[[delay 0.005]]" + ENTER)
    screen.prompts("2>")
    shown = [line for line in screen.lines if re.fullmatch(r"Line \d+", line)]
    assert shown == [f"Line {number}" for number in range(60)]


def test_alt_enter_and_ctrl_j_begin_a_new_line_and_enter_sends(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("one" + ALT_ENTER + "two" + NEWLINE + "three" + ENTER)
    screen.prompts("2>")
    assert server.stored_messages(chat_id)[0]["content"] == "one\ntwo\nthree"


def test_pasted_lines_are_one_message(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("\x1b[200~one\rtwo\x1b[201~" + ENTER)
    screen.prompts("2>")
    assert server.stored_messages(chat_id)[0]["content"] == "one\ntwo"


def test_the_messages_of_the_chat_are_the_history(server: Server, chat_id: str, tmp_path: Path) -> None:
    server.client.send("asked before", chat_id)
    with on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path) as screen:
        screen.prompts("2>").type(UP)
        screen.shows("2> asked before")


def test_an_opened_chat_shows_its_last_messages(server: Server, chat_id: str, tmp_path: Path) -> None:
    for number in range(1, 6):
        server.client.send(f"**question** {number}", chat_id)
    with on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path) as screen:
        screen.prompts("6>")
        assert "4 earlier messages" in screen.text
        assert "3> **question** 3\nquestion 3\n4> **question** 4\nquestion 4\n5>" in screen.text


def test_a_new_chat_says_its_id_and_how_to_go_on(server: Server, tmp_path: Path) -> None:
    with on_screen("chat", "--url", server.base_url, cwd=tmp_path) as screen:
        screen.prompts("1>").type("hello" + ENTER)
        screen.prompts("2>").type(CTRL_D)
        assert screen.ends() == 0
        found = re.search(r"Go on with: chatkeep chat ([0-9a-f-]{36})", screen.text)
    assert found is not None
    assert server.stored_messages(found[1])[0]["content"] == "hello"


def test_the_models_are_listed_and_another_one_is_asked(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("/model" + ENTER)
    screen.shows("echo/echo  ", "echo/echo-reasoning  ").prompts("1>")
    screen.type("/model echo-reason" + ENTER)
    screen.shows("There is no model echo-reason. Did you mean echo-reasoning?").prompts("1>")
    screen.type("/model echo-reasoning" + ENTER)
    screen.shows("answers from now on").prompts("1>")
    screen.type("hello" + ENTER)
    screen.prompts("2>")
    assert "Thought (4 words): Let me repeat that.\nhello\n" in screen.text
    assert server.stored_messages(chat_id)[-1]["model"] == "echo-reasoning"


def test_commands_and_models_are_completed(screen: Screen) -> None:
    screen.type("/mod")
    screen.shows("or ask another one from now on").type(TAB)
    screen.shows("1> /model").type(" reas")
    screen.shows("echo/echo-reasoning").type(TAB)
    screen.shows("1> /model echo/echo-reasoning").type(ENTER + ENTER)
    screen.shows("echo/echo-reasoning answers from now on.")


def test_an_unknown_command_is_told_the_nearest_one(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("/retyr" + ENTER)
    screen.shows("There is no command /retyr. Did you mean /retry?").prompts("1>")
    screen.type("/etc/hosts is empty" + ENTER)
    screen.prompts("2>")
    assert server.stored_messages(chat_id)[0]["content"] == "/etc/hosts is empty"


def test_retry_makes_the_reply_anew_and_counts_the_branches(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("first" + ENTER)
    screen.prompts("2>").type("/retry" + ENTER)
    screen.shows("Reply 2 of 2.").prompts("2>").type("/branch 1" + ENTER)
    screen.shows("Reply 1 of 2.").prompts("2>")
    replies = server.client.history(chat_id)["history"]["messages"]
    assert replies[-1]["branch"]["number"] == 1


def test_an_edited_message_is_asked_in_the_place_of_the_old_one(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("first" + ENTER)
    screen.prompts("2>").type("second" + ENTER)
    screen.prompts("3>").type("/edit 1" + ENTER)
    screen.until(lambda shown: shown.line == "edit 1> first")
    screen.type(" anew" + ENTER)
    screen.shows("Message 2 of 2.").prompts("2>")
    shown = [message["content"] for message in server.client.history(chat_id)["history"]["messages"]]
    assert shown[-2:] == ["first anew", "first anew"]
    assert len(server.stored_messages(chat_id)) == 6


def test_ctrl_c_leaves_an_edit(screen: Screen) -> None:
    screen.type("first" + ENTER)
    screen.prompts("2>").type("/edit" + ENTER)
    screen.until(lambda shown: shown.line == "edit 1> first")
    screen.type(CTRL_C)
    screen.until(lambda shown: shown.line.rstrip() == "edit 1>").type(CTRL_C)
    screen.prompts("2>")


def test_a_reply_left_with_ctrl_c_goes_on_and_resume_shows_the_rest_once(screen: Screen) -> None:
    screen.type(SLOW + ENTER)
    screen.shows("w30").type(CTRL_C)
    screen.shows("/resume shows the rest, /stop stops it").prompts("2>").type("/resume" + ENTER)
    screen.shows("w299").prompts("2>")
    assert once_each(screen, 300)


def test_a_reply_may_be_left_many_times(screen: Screen) -> None:
    screen.type("[[tokens 150]] [[delay 0.02]]" + ENTER)
    for word in ("w9", "w40", "w80"):
        screen.shows(word).type(CTRL_C)
        screen.prompts("2>").type("/resume" + ENTER)
    screen.shows("w149").prompts("2>")
    assert once_each(screen, 150)


def test_stop_ends_the_reply_at_the_server_and_shows_what_it_had(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("[[tokens 5000]] [[delay 0.01]]" + ENTER)
    screen.shows("w20").type(CTRL_C)
    screen.prompts("2>").type("/stop" + ENTER)
    screen.shows("Stopped. /continue goes on.").prompts("2>")
    stored = server.stored_messages(chat_id)[-1]
    assert stored["status"] == "stopped"
    assert once_each(screen, len(stored["content"].split()))


def test_a_message_typed_after_ctrl_c_is_sent_when_the_rest_was_shown(
    screen: Screen, server: Server, chat_id: str
) -> None:
    screen.type("[[tokens 60]] [[delay 0.02]]" + ENTER)
    screen.shows("w9").type(CTRL_C)
    screen.prompts("2>").type("thanks" + ENTER)
    screen.prompts("3>")
    assert once_each(screen, 60)
    assert [message["content"] for message in server.stored_messages(chat_id)][2:] == ["thanks", "thanks"]


def test_a_reply_whose_chat_was_deleted_is_not_there_any_more(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type(SLOW + ENTER)
    screen.shows("w20").type(CTRL_C)
    screen.prompts("2>")
    assert server.client.http.delete(f"/chat/delete/{chat_id}").status_code == 200
    screen.type("/resume" + ENTER)
    screen.shows("not there any more").prompts("1>")


def test_what_is_typed_during_a_reply_is_there_at_the_next_prompt(screen: Screen) -> None:
    screen.type("[[tokens 60]] [[delay 0.02]]" + ENTER)
    screen.shows("w9").type("typed ahead")
    screen.until(lambda shown: shown.line == "2> typed ahead")
    assert once_each(screen, 60)


def test_the_run_of_another_client_is_shown_from_its_beginning_when_its_chat_is_opened(
    server: Server, chat_id: str, tmp_path: Path
) -> None:
    run_id = server.client.begin("[[tokens 100]] [[delay 0.02]]", chat_id)
    eventually(lambda: server.client.run(run_id)["event_count"] > 20)
    with on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path) as screen:
        screen.prompts("2>")
        assert once_each(screen, 100)


def test_a_cut_reply_is_continued(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("[[tokens 40]] [[fail 20]]" + ENTER)
    screen.shows("What came is kept.").prompts("2>").type("/continue" + ENTER)
    screen.shows("w39").prompts("2>")
    assert once_each(screen, 40)


def test_a_reply_that_never_began_says_so_and_is_asked_for_again(screen: Screen) -> None:
    screen.type("[[fail 0 provider_unavailable]]" + ENTER)
    screen.shows("echo was asked to fail with provider_unavailable. /retry asks again.").prompts("2>")
    screen.type("/retry" + ENTER)
    screen.shows("Reply 2 of 2.").prompts("2>")
    assert "Traceback" not in screen.text


def test_a_refused_message_is_the_draft_again(screen: Screen) -> None:
    screen.type("/model" + ENTER)
    screen.prompts("1>").type("x " * 20 + "\x1b[200~" + "word " * 9000 + "\x1b[201~" + ENTER)
    screen.shows("tokens")
    screen.until(lambda shown: shown.line.rstrip().endswith("word"))


def test_a_reply_goes_on_where_it_was_when_the_line_breaks(server: Server, chat_id: str, tmp_path: Path) -> None:
    with line_to(server.base_url) as line, on_screen("chat", chat_id, "--url", line.url, cwd=tmp_path) as screen:
        screen.prompts("1>").type("[[tokens 150]] [[delay 0.02]]" + ENTER)
        for word in ("w20", "w60"):
            screen.shows(word)
            line.cut()
        screen.prompts("2>")
        assert once_each(screen, 150)
        line.cut()
        screen.type("hello" + ENTER)
        screen.prompts("3>")


def test_a_reply_is_shown_and_continued_when_its_server_was_killed(chat_id: str, tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        port = server.base_url.rpartition(":")[2]
        with (
            on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path) as screen,
            serving(server.folder, start=False, options=["--port", port]) as following,
        ):
            screen.prompts("1>").type("[[tokens 100]] [[delay 0.02]]" + ENTER)
            screen.shows("w30")
            server.kill()
            screen.shows("reconnecting…")
            following.start()
            screen.shows("/continue goes on.").prompts("2>").type("/continue" + ENTER)
            screen.prompts("2>")
            assert once_each(screen, 100)


def test_a_message_that_no_server_took_is_the_draft_again(chat_id: str, tmp_path: Path) -> None:
    with (
        serving(tmp_path / "chats") as server,
        on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path) as screen,
    ):
        screen.prompts("1>")
        server.kill()
        screen.type("not lost" + ENTER)
        screen.shows("Cannot reach").until(lambda shown: shown.line == "1> not lost")


def test_settings_go_with_the_next_messages(screen: Screen, server: Server, chat_id: str) -> None:
    for typed, said in (
        ("/system Be brief.", "with this system prompt"),
        ("/temperature 0.3", "Temperature 0.3"),
        ("/temperature hot", "from 0 to 2"),
        ("/title", "Write /title"),
    ):
        screen.type(typed + ENTER)
        screen.shows(said).prompts("1>")
    screen.type("hello" + ENTER)
    screen.prompts("2>").type("/title Greetings" + ENTER)
    screen.shows("The title is: Greetings").prompts("2>")
    assert server.stored(chat_id)["messages"][0]["content"] == "Be brief."
    assert server.stored(chat_id)["title"] == "Greetings"


def test_a_fork_is_another_chat_with_the_same_messages(screen: Screen, server: Server, chat_id: str) -> None:
    screen.type("hello" + ENTER)
    screen.prompts("2>").type("/fork" + ENTER)
    screen.prompts("2>").type("more" + ENTER)
    screen.prompts("3>").type("/open " + chat_id + ENTER)
    screen.prompts("2>")
    assert len(server.stored_messages(chat_id)) == 2


def test_copy_sends_the_reply_to_the_clipboard_of_the_terminal(screen: Screen) -> None:
    screen.type("copied" + ENTER)
    screen.prompts("2>").type("/copy" + ENTER)
    screen.shows("Copied")
    assert b"\x1b]52;c;Y29waWVk\x07" in screen.raw


def test_escape_sequences_of_a_chat_never_reach_the_terminal(server: Server, chat_id: str, tmp_path: Path) -> None:
    attack = (
        "safe \x1b]0;title\x07 \x1b[31;9;7m \x9b31;9;7m &#27;[31;9;7m `\x1b[31;9;7m` [x](http://e/\x1b[31;9;7m) end"
    )
    server.client.send(attack, chat_id)
    server.client.begin(attack + " [[delay 0.02]]", chat_id)
    with on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path) as screen:
        screen.prompts("3>").type("/list" + ENTER)
        screen.prompts("3>")
    shown = screen.raw.decode()
    assert shown.count("␛[31;9;7m") > 8
    assert "\x1b]0;" not in shown
    assert "\x1b[31;9;7m" not in shown
    assert "\x9b" not in shown


def test_what_is_left_at_the_end_is_finished_by_the_server_in_the_command(tmp_path: Path) -> None:
    with on_screen("chat", "alone", "--chats-dir", "chats", cwd=tmp_path) as screen:
        screen.prompts("1>").type("[[tokens 100]] [[delay 0.02]]" + ENTER)
        screen.shows("w9").type(CTRL_C)
        screen.prompts("2>").type(CTRL_D)
        assert screen.ends() == 0
        assert "Waiting for replies" in screen.text
    assert "w99" in (tmp_path / "chats" / "alone.json").read_text()


def test_ctrl_c_at_the_prompt_clears_the_line_and_quit_leaves(screen: Screen) -> None:
    screen.type("nonsense" + CTRL_C)
    screen.until(lambda shown: shown.line.rstrip() == "1>").type("/quit" + ENTER)
    assert screen.ends() == 0


def test_a_narrow_terminal_and_one_that_changes_lose_no_word(server: Server, chat_id: str, tmp_path: Path) -> None:
    with on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path, columns=30, rows=8) as screen:
        screen.prompts("1>").type("[[tokens 200]] [[delay 0.01]]" + ENTER)
        screen.shows("w30").resize(60)
        screen.shows("w80").resize(24)
        screen.prompts("2>")
        # Race: what was on its way for the old width is drawn at the new one, which may cut it on the screen.
        written = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", screen.raw).decode()
        assert {f"w{number}" for number in range(200)} <= set(re.findall(r"\bw\d+", written))


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}])
def test_a_terminal_that_can_less_shows_all_text_once(
    server: Server, chat_id: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    chat_id = re.sub(r"-+$", "", chat_id)
    with on_screen("chat", chat_id, "--url", server.base_url, cwd=tmp_path, environment=environment) as screen:
        screen.until(lambda shown: "1>" in shown.text).type("Grüße [[tokens 60]] [[delay 0.01]]" + ENTER)
        screen.until(lambda shown: "2>" in shown.text).type(CTRL_D)
        assert screen.ends() == 0
        assert once_each(screen, 60)
        assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", screen.raw)
    assert "Grüße" in server.stored_messages(chat_id)[0]["content"]


def test_the_owner_of_a_folder_chats_without_a_server(tmp_path: Path) -> None:
    with on_screen("chat", "alone", "--chats-dir", "chats", cwd=tmp_path) as screen:
        screen.prompts("1>").type("[[fail 0]]" + ENTER)
        screen.prompts("2>").type("hello" + ENTER)
        screen.prompts("3>").type(CTRL_D)
        assert screen.ends() == 0
        assert '{"' not in screen.text
    assert (tmp_path / "chats" / "alone.json").exists()


def test_a_server_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    with on_screen("chat", "--url", "http://127.0.0.1:9", cwd=tmp_path) as screen:
        assert screen.ends() == 5
        assert "Cannot reach http://127.0.0.1:9" in screen.text
        assert "Traceback" not in screen.text
