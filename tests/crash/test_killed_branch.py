"""Kill -9 in the middle of a reply that is made anew, and of one to an edited message."""

from tests.crash.conftest import Rig
from tests.server import showing_log

SLOW = "[[tokens 500]] [[delay 0.02]]"


def test_a_branch_cut_by_a_kill_is_kept_where_it_belongs(rig: Rig) -> None:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        first = server.client.send("one", chat_id).json()
        server.client.send("two", chat_id)
        question = next(m for m in server.stored_messages(chat_id) if m["content"] == "one" and m["role"] == "user")
        edited = {"message_id": question["id"], "message": SLOW, "background": True}
        cut = []
        for what, body in (("edit", edited), ("regenerate", {"background": True})):
            run_id = server.client.http.post(f"/chat/{what}/{chat_id}", json=body).json()["run_id"]
            with server.client.following(run_id) as stream:
                stream.until(4)
                rig.server.kill()
            rig.restart()
            cut.append(run_id)

        shown = [m for m in server.client.history(chat_id)["history"]["messages"] if m["role"] != "system"]
        stored = server.stored_messages(chat_id)
        assert [message["content"] for message in stored[:4]] == ["one", "one", "two", "two"]
        assert [message["run_id"] for message in stored[5:]] == cut
        assert [message.get("parent_id") for message in stored[4:]] == ["", None, stored[4]["id"]]
        assert [message["id"] for message in shown] == [stored[4]["id"], stored[6]["id"]]
        assert shown[1]["status"] == "interrupted"
        assert shown[0]["branch"]["message_ids"] == [question["id"], stored[4]["id"]]
        assert first["message_id"] == stored[1]["id"]
        for run_id, message in zip(cut, stored[5:], strict=True):
            events = server.client.follow(run_id)
            assert "".join(event.fields["text"] for event in events if event.event == "delta") == message["content"]
