"""The two programs of the power-cut test: `power_cut.py write FOLDER`, and `power_cut.py verify FOLDER ACKNOWLEDGED`.

The writer sends numbered turns to a server on the folder, from the first that is not kept, and prints `ACK n` when
turn n was acknowledged. Odd turns are sent in the background: their message is to be kept. Even ones are waited
for: their reply too. The verifier starts a server on what is left, and fails when one up to ACKNOWLEDGED is not kept.
"""

import itertools
import sys
from pathlib import Path

from tests.server import Server, serving

CHATS = 3


def chat_of(number: int) -> str:
    """The chat that the turn goes to."""
    return f"chat-{number % CHATS}"


def kept_turns(server: Server) -> set[int]:
    """The numbers of the turns that are in the files as they were acknowledged."""
    kept = set()
    for path in server.folder.glob("*.json"):
        messages = server.stored_messages(path.stem)
        for question, reply in itertools.pairwise(messages):
            if question["role"] == "user":
                number = int(question["content"].split()[1])
                if number % 2 or (reply["status"] == "complete" and reply["content"] == question["content"]):
                    kept.add(number)
    return kept


def write(folder: Path) -> None:
    """Send turns until the end of the world."""
    with serving(folder) as server:
        kept = kept_turns(server)
        for number in itertools.count(1):
            if number in kept:
                continue
            message = f"turn {number}"
            if number % 2:
                server.client.begin(message, chat_of(number))
            else:
                assert server.client.send(message, chat_of(number)).status_code == 200
            print(f"ACK {number}", flush=True)


def verify(folder: Path, acknowledged: int) -> None:
    """Exit with 1 when something is lost."""
    with serving(folder) as server:
        lost = set(range(1, acknowledged + 1)) - kept_turns(server)
        listed = server.client.chats()
        for chat_id in {chat_of(number) for number in range(1, acknowledged + 1)}:
            assert listed[chat_id]["message_count"] == len(server.stored_messages(chat_id))
            assert server.client.send("turn 0", chat_id).status_code == 200
    print(f"acknowledged {acknowledged}, lost {sorted(lost)}", flush=True)
    sys.exit(bool(lost))


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]) / "chats")
    else:
        verify(Path(sys.argv[2]) / "chats", int(sys.argv[3]))
