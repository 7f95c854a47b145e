"""A disk that has no room for logs: the server goes on, and says so once."""

import json
from pathlib import Path

from tests.faults.conftest import Disk
from tests.server import eventually, serving


def test_a_full_disk_for_logs_stops_nothing_and_is_told_once(disk: Disk, tmp_path: Path) -> None:
    logs = disk.folder / "logs"
    with serving(tmp_path / "kept" / "chats", environment={"CHATKEEP_LOG_DIR": str(logs)}, start=False) as server:
        server.folder.parent.mkdir()
        server.start()
        server.client.send("before", "a")
        eventually(lambda: "request" in (logs / "app.log").read_text())
        disk.fill()

        for number in range(200):
            assert server.client.send(f"no room {number}", "a").status_code == 200
        eventually(lambda: "cannot be written" in server.log)
        disk.free()
        server.client.send("after", "a", headers={"X-Request-ID": "after"})
        eventually(lambda: '"after"' in (logs / "app.log").read_text())

        told = [line for line in server.log.splitlines() if not line.startswith("{")]
        assert len(told) == 1
        assert str(logs / "app.log") in told[0]
        assert all(json.loads(line) for line in (logs / "app.log").read_text().splitlines())
