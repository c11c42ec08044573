"""Resume: `python -m runner.resume "why"`. Removes KILL and ends HALTED in the next cycle.

The drawdown anchor restarts at present equity, so that the halt does not come
back at once; the bot records both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from infra.control_files import ControlFolder
from runner.command_line import parser, run
from runner.exit_codes import ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser("resume", "Ends a halt, whatever its cause, in the bot's next cycle.")
    made.add_argument("why", help="the reason, for the record")
    given = made.parse_args(arguments)
    new = "" if given.state_dir.is_dir() else ", where no bot has run yet"
    ControlFolder(given.state_dir).write_resume(given.why)
    told = {"written": "RESUME", "state_dir": str(given.state_dir), "why": given.why}
    words = f"RESUME is written in {given.state_dir}{new}; the next cycle obeys it"
    print(json.dumps(told) if given.json else words)
    return ExitCode.FINISHED


if __name__ == "__main__":
    run(main)
