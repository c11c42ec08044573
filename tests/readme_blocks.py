"""Prints a fenced bash block of the README's "Quick start", so that CI runs what users read."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def quick_start_blocks() -> list[str]:
    """The bash blocks between the heading "Quick start" and the next heading."""
    return section_blocks("Quick start", "bash")


def section_blocks(heading: str, language: str) -> list[str]:
    """The fenced blocks of a language between a heading and the next one."""
    text = README.read_text(encoding="utf-8")
    (found,) = [
        part
        for part in re.split(r"^## ", text, flags=re.MULTILINE)
        if part.startswith(f"{heading}\n")
    ]
    return re.findall(rf"^```{language}\n(.*?)^```", found, flags=re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    sys.stdout.write(quick_start_blocks()[int(sys.argv[1]) - 1])
