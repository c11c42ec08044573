"""A real process that kills itself, kill -9, at the nth moment of a scenario.

    python -m tests.crashes.dying FOLDER SCENARIO NTH

Its moments are those of the walk, so the same number is the same moment. Ends with code 3
where the scenario is over before it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from infra.crash_points import CrashPoint, hooked
from tests.crashes.scenarios import SCENARIOS
from tests.crashes.walk import go_on, running

OUTLIVED = 3


def main(folder: Path, name: str, nth: int) -> int:
    scenario, passed = SCENARIOS[name], 0

    def kill_there(_: CrashPoint) -> None:
        nonlocal passed
        passed += 1
        if passed > nth:
            os.kill(os.getpid(), signal.SIGKILL)

    with running(scenario, folder) as bot:
        go_on(bot, scenario, scenario.deadly.start - 1)
        with hooked(kill_there):
            go_on(bot, scenario, scenario.deadly.stop - 1)
    return OUTLIVED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
