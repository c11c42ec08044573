"""python -m tests.keys: the table of keys, changes and scenarios, as it stands."""

from __future__ import annotations

from config.tree import Plain
from tests.keys.scenario import Refused, value_before
from tests.keys.table import TABLE


def main() -> None:
    for key in sorted(TABLE):
        for change in TABLE[key]:
            where = (
                f"refused: {change.says}" if isinstance(change, Refused) else change.scenario.name
            )
            print(f"{key}: {said(value_before(key, change))} -> {said(change.to)}: {where}")


def said(value: Plain) -> str:
    """A value as the YAML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(said, value))}]"
    return str(value)


if __name__ == "__main__":
    main()
