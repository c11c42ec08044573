"""Prints a fenced bash block of the README's "Quick start", so that CI runs what users read."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def quick_start_blocks() -> list[str]:
    """The bash blocks between the heading "Quick start" and the next heading."""
    text = README.read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (start,) = [part for part in section if part.startswith("Quick start")]
    return re.findall(r"^```bash\n(.*?)^```", start, flags=re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    sys.stdout.write(quick_start_blocks()[int(sys.argv[1]) - 1])
