"""One bot a state folder, whatever its mode: a kernel lock that dies with its process.

A stale file cannot lock anybody out, because the file is not the lock.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import FatalError


class AlreadyRunning(FatalError):
    """Another process holds the lock."""

    code = "ALREADY_RUNNING"


def holder(folder: Path) -> dict[str, object] | None:
    """What the process that holds the lock of `folder` says of itself; None where nobody does."""
    try:
        with (folder / "lock").open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _signature(file)
    except OSError:
        pass
    return None


def _signature(file: IO[str]) -> dict[str, object]:
    try:
        told = json.loads(file.read(400))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


@dataclass(slots=True)
class InstanceLock:
    """A held lock. The file says who holds it."""

    file: IO[str]

    @classmethod
    def take(cls, folder: Path, mode: str, run_id: str) -> InstanceLock:
        """Lock `folder` or raise AlreadyRunning; an OSError means it cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "lock"
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = " ".join(file.read(400).split()) or "nobody has signed it yet"
            file.close()
            raise AlreadyRunning(
                f"{path}: another bot runs on this folder: {holder}; stop it or use --state-dir NEW"
            ) from error
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "mode": mode, "run_id": run_id}) + "\n")
        file.flush()
        return cls(file)

    def release(self) -> None:
        self.file.close()
