"""One bot a state folder, whatever its mode; a dead one locks nobody out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.instance_lock import AlreadyRunning, InstanceLock

HOLDER = """
import sys
from pathlib import Path
from infra.instance_lock import InstanceLock
lock = InstanceLock.take(Path(sys.argv[1]), "LIVE", "run-1")
print("held", flush=True)
sys.stdin.read()
"""


def test_the_file_says_who_holds_it(tmp_path: Path) -> None:
    lock = InstanceLock.take(tmp_path / "var", "DRY_RUN", "run-1")

    told = json.loads((tmp_path / "var" / "lock").read_text(encoding="utf-8"))
    assert told == {"pid": os.getpid(), "mode": "DRY_RUN", "run_id": "run-1"}
    lock.release()


def test_a_second_bot_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    lock = InstanceLock.take(tmp_path, "DRY_RUN", "run-1")

    with pytest.raises(AlreadyRunning) as caught:
        InstanceLock.take(tmp_path, "PAPER", "run-2")

    told = str(caught.value)
    assert str(tmp_path / "lock") in told
    assert f'"pid": {os.getpid()}' in told
    assert '"mode": "DRY_RUN"' in told
    assert '"run_id": "run-1"' in told
    assert "\n" not in told
    lock.release()


def test_a_lock_given_back_can_be_taken(tmp_path: Path) -> None:
    InstanceLock.take(tmp_path, "DRY_RUN", "run-1").release()

    InstanceLock.take(tmp_path, "PAPER", "run-2").release()

    assert json.loads((tmp_path / "lock").read_text(encoding="utf-8"))["run_id"] == "run-2"


def test_a_bot_that_is_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    """Only the file stays, and the file is not the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match=f'"pid": {holder.pid}, "mode": "LIVE"'):
            InstanceLock.take(tmp_path, "LIVE", "run-2")
        holder.kill()
        holder.wait()

    assert "run-1" in (tmp_path / "lock").read_text(encoding="utf-8")
    InstanceLock.take(tmp_path, "LIVE", "run-2").release()


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file, where a folder should be")

    with pytest.raises(OSError, match=r"File exists|Not a directory"):
        InstanceLock.take(tmp_path / "var", "DRY_RUN", "run-1")
