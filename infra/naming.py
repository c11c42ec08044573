"""Names made by chance, of a process and of a state folder: in no digest and no order id."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from infra.disk import replace_durably


def new_run_id() -> str:
    """One name per process start."""
    return uuid4().hex[:12]


def folder_id(folder: Path) -> str:
    """The name of a state folder, given once; its audit log bears the same."""
    path = folder / "folder_id"
    if not path.exists():
        replace_durably(path, f"{uuid4().hex[:16]}\n".encode())
    return path.read_text(encoding="utf-8").strip()
