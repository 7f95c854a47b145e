"""What the options of a command say of the server that it talks to."""

from pathlib import Path
from typing import NamedTuple


class Target(NamedTuple):
    """What is None comes from the settings. `owner` is whose chats of a data folder, '' the folder's own."""

    url: str | None = None
    key: str | None = None
    owner: str | None = None
    chats_dir: Path | None = None
