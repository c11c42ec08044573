"""Kill switch: `python -m runner.kill "why"`. Halts the bot from its next look on.

The bot looks before every send and at least once a second while it waits. Only
`runner.resume` ends it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from infra.control_files import ControlFolder
from runner.command_line import parser, run
from runner.exit_codes import ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser("kill", "Halts the bot: protective exits and cancels go on, nothing else.")
    made.add_argument("why", help="the reason, for the record")
    given = made.parse_args(arguments)
    new = "" if given.state_dir.is_dir() else ", where no bot has run yet"
    ControlFolder(given.state_dir).write_kill(given.why)
    told = {"written": "KILL", "state_dir": str(given.state_dir), "why": given.why}
    words = f"KILL is set in {given.state_dir}{new}; end it with python -m runner.resume"
    print(json.dumps(told) if given.json else words)
    return ExitCode.FINISHED


if __name__ == "__main__":
    run(main)
