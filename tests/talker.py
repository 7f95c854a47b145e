"""A command that lasts: talks to the server of a folder as it is told on its input, a line an answer.

`list` prints the ids, `send ID` sends a message, `run ID` follows a slow run to its end and prints what came.
"""

import sys
from pathlib import Path

from chatkeep.api.schemas import ChatList, SendAnswer
from chatkeep.cli.client import Client
from chatkeep.cli.connection import connected
from chatkeep.cli.target import Target

SLOW = "[[tokens 40]] [[delay 0.05]]"


def main(folder: Path) -> None:
    with connected(Target(chats_dir=folder), makes_folder=True) as client:
        for line in sys.stdin:
            do(client, *line.split())
            print(".", flush=True)


def do(client: Client, what: str, chat_id: str = "") -> None:
    match what:
        case "list":
            print(*sorted(client.get("/chat/history", ChatList).chats), end="")
        case "send":
            print(client.post("/chat", {"message": "hi", "chat_id": chat_id}, SendAnswer).response, end="")
        case "run":
            for event in client.events("/chat", {"message": SLOW, "chat_id": chat_id}):
                print(type(event).__name__, end=" ", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
