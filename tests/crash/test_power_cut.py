"""A power cut: whatever was not synced is gone, and nothing that was acknowledged is.

The cut is made by powerfail.py, which stands beside the repository: it shuts a loop-mounted file system down
without flushing its log, while turns go on.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POWERFAIL = ROOT.parent / "shared" / "tools" / "powerfail.py"

# What `xfs_io -x -c shutdown FOLDER` does, where xfsprogs is not installed: EXT4_IOC_SHUTDOWN with
# EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ext4.h).
XFS_IO = f"""#!{sys.executable}
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[-1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What powerfail.py needs; skips where that is not there."""
    if not POWERFAIL.exists():
        pytest.skip(f"there is no {POWERFAIL.name} beside the repository")
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk to cut off")
    if not shutil.which("mkfs.ext4"):
        pytest.skip("mkfs.ext4 is not installed")
    probe = tmp_path / "probe"
    probe.mkdir()
    with (tmp_path / "image").open("wb") as image:
        image.truncate(8 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", str(tmp_path / "image")], check=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop", str(tmp_path / "image"), str(probe)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no loop device can be mounted: {mounted.stderr.decode().strip()}")
    subprocess.run(["umount", str(probe)], check=True)
    path = os.environ.get("PATH", os.defpath)
    if not shutil.which("xfs_io"):
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "xfs_io").write_text(XFS_IO)
        (tools / "xfs_io").chmod(0o755)
        path = f"{tools}{os.pathsep}{path}"
    return {**os.environ, "PATH": path}


def test_nothing_acknowledged_is_lost_by_a_power_cut(environment: dict[str, str]) -> None:
    program = [sys.executable, "-m", "tests.crash.power_cut"]
    options = ["--runs", "3", "--seconds", "2.5", "--verify", " ".join([*program, "verify"])]
    done = subprocess.run(
        [sys.executable, str(POWERFAIL), *options, "--", *program, "write"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    acknowledged = [int(number) for number in re.findall(r"acknowledged (\d+), lost \[\]", done.stdout)]
    assert len(acknowledged) == 3
    assert acknowledged[-1] > 0, "no turn was acknowledged before the cut"
