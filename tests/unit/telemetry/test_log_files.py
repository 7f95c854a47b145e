import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatkeep.errors import ChatkeepError
from chatkeep.telemetry.log_files import LogFiles
from tests.server import eventually

LINE = json.dumps({"event": "x" * 4000})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "logs"


@pytest.fixture
def files(folder: Path) -> Iterator[LogFiles]:
    files = LogFiles(folder)
    yield files
    if files._thread is not None and files._thread.is_alive():
        files.stop()


def test_error_log_holds_only_errors_and_app_log_all(files: LogFiles, folder: Path) -> None:
    files.put(logging.INFO, "an info")
    files.put(logging.ERROR, "an error")
    files.put(logging.CRITICAL, "worse")
    files.stop()

    assert (folder / "app.log").read_text() == "an info\nan error\nworse\n"
    assert (folder / "error.log").read_text() == "an error\nworse\n"


def test_what_waits_is_written_by_the_stop(files: LogFiles, folder: Path) -> None:
    for number in range(1000):
        files.put(logging.INFO, str(number))
    files.stop()

    assert (folder / "app.log").read_text().split() == [str(number) for number in range(1000)]


def test_a_full_file_is_put_aside_between_two_lines(files: LogFiles, folder: Path) -> None:
    for _ in range(3000):  # 12 MB
        files.put(logging.INFO, LINE)
    files.stop()

    assert sorted(path.name for path in folder.iterdir()) == ["app.log", "app.log.1", "error.log"]
    assert (folder / "app.log.1").stat().st_size <= 10_000_000
    lines = [*(folder / "app.log.1").read_text().splitlines(), *(folder / "app.log").read_text().splitlines()]
    assert lines == [LINE] * 3000


def test_old_files_are_removed(folder: Path) -> None:
    for _ in range(8):
        files = LogFiles(folder)
        for _ in range(4):
            files.put(logging.ERROR, "y" * 3_000_000)
        files.stop()

    assert len(list(folder.glob("app.log*"))) == 6
    assert len(list(folder.glob("error.log*"))) == 6


def test_a_disk_that_hangs_neither_stops_who_logs_nor_fills_the_memory(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / "app.log")  # a write waits for a reader
    reader = os.open(folder / "app.log", os.O_RDWR)
    files = LogFiles(folder)

    for _ in range(20_000):
        files.put(logging.INFO, LINE)
    assert files._lines.qsize() <= 5001

    read = bytearray()
    threading.Thread(target=lambda: _read_forever(reader, read), daemon=True).start()
    eventually(files._lines.empty)
    files.put(logging.INFO, "and on")
    files.stop()
    eventually(lambda: b"log_lines_dropped" in read)
    os.close(reader)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ChatkeepError, match=r"CHATKEEP_LOG_DIR.*file/logs.*Not a directory"):
        LogFiles(tmp_path / "file" / "logs")


def test_a_file_that_cannot_be_opened_is_an_error(folder: Path) -> None:
    (folder / "error.log").mkdir(parents=True)

    with pytest.raises(ChatkeepError, match="Is a directory"):
        LogFiles(folder)


def _read_forever(reader: int, into: bytearray) -> None:
    while True:
        try:
            into += os.read(reader, 65536)
        except OSError:
            return
