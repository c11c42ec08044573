"""python -m tests.checker LOGS: judges every verdict of an audit log against the YAML files.

LOGS is the folder of one mode, such as logs/dry_run. Exit 1 if a verdict is not borne
out by its own numbers and the policy; the first ones are named.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.checker.limits import complaints
from tests.checker.records import policy_of, records_of

_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(
        prog="python -m tests.checker",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("logs", type=Path, metavar="LOGS")
    made.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    made.add_argument("--profile", metavar="NAME", help="that the bot ran with")
    given = made.parse_args(arguments)
    policy, judged, wrong = policy_of(given.config, given.profile), Counter[str](), 0
    for record in records_of(given.logs):
        judged.update(verdict["code"] for verdict in record["verdicts"].values())
        for complaint in complaints(record, policy):
            wrong += 1
            if wrong <= _SHOWN:
                print(f"#{record['cycle']} {complaint}")
    print(f"{judged.total():,} verdicts of {len(judged)} codes judged, {wrong:,} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
