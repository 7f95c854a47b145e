"""Kill -9 in the middle of a reply, and again in the middle of what goes on with it."""

from tests.crash.conftest import Rig
from tests.server import Client, showing_log

SLOW = "[[tokens 500]] [[delay 0.02]]"


def kill_when_it_has_spoken(rig: Rig, client: Client, run_id: str) -> None:
    with client.following(run_id) as stream:
        stream.until(4)
        rig.server.kill()


def test_a_reply_cut_by_a_kill_goes_on_after_each_restart(rig: Rig) -> None:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        runs = [server.client.begin(SLOW, chat_id)]
        for _ in range(2):
            kill_when_it_has_spoken(rig, server.client, runs[-1])
            rig.restart()
            answer = server.client.http.post(f"/chat/continue/{chat_id}", json={"background": True, "prefill": True})
            runs.append(answer.json()["run_id"])
        stopped = server.client.http.post(f"/runs/{runs[-1]}/stop").json()

        question, *pieces = server.stored_messages(chat_id)
        assert stopped["state"] == "stopped"
        assert question["content"] == SLOW
        assert [piece["run_id"] for piece in pieces] == runs
        assert [piece["status"] for piece in pieces] == ["interrupted", "interrupted", "stopped"]
        assert [piece.get("continues") for piece in pieces] == [None, pieces[0]["id"], pieces[1]["id"]]
        words = "".join(piece["content"] for piece in pieces).split()
        assert words == [f"w{number}" for number in range(len(words))]
        for run_id, piece in zip(runs, pieces, strict=True):
            events = server.client.follow(run_id)
            text = "".join(event.fields["text"] for event in events if event.event == "delta")
            assert (text, [event.id for event in events]) == (piece["content"], list(range(len(events))))
