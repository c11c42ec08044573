"""Prints the README's table of verdict codes from the closed list in core/reasons.py."""

from __future__ import annotations

from core.reasons import Reason


def table() -> str:
    rows = [f"| `{reason.name}` | {reason.sentence} |" for reason in Reason]
    return "\n".join(["| code | means |", "|---|---|", *rows])


if __name__ == "__main__":
    print(table())
