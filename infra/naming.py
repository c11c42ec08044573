"""Names made by chance, of a process and of a state folder: in no digest and no order id."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

from core.errors import FatalError
from infra.disk import replace_durably

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def new_run_id() -> str:
    """One name per process start."""
    return uuid4().hex[:12]


def folder_id(folder: Path) -> str:
    """The name of a state folder, given once; its audit log bears the same."""
    path = folder / "folder_id"
    if not path.exists():
        replace_durably(path, f"{uuid4().hex[:16]}\n".encode())
    name = path.read_text(encoding="utf-8", errors="replace").strip()
    if not _NAME.fullmatch(name):
        why = "is damaged, it holds the 16 digits of its audit log's folder_id"
        raise FatalError(f"{path}: {why}; restore it, or start anew with --state-dir NEW")
    return name
