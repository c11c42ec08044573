"""What all programs share on their command line, and how a mistake there is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from core.errors import FatalError
from runner.exit_codes import ExitCode, Refusal

MODES = ("DRY_RUN", "PAPER", "LIVE")


class _OneLine(argparse.ArgumentParser):
    """Tells a mistake in one line, as every other mistake is told."""

    def error(self, message: str) -> NoReturn:
        self.exit(ExitCode.USAGE, f"{message.removeprefix('argument ')}; see --help\n")


def bare_parser(program: str, description: str) -> argparse.ArgumentParser:
    """A parser that knows only --help."""
    return _OneLine(
        prog=f"python -m runner.{program}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """A parser with the options that every program takes."""
    made = bare_parser(program, description)
    made.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    made.add_argument("--profile", metavar="NAME", help="overlay config/profiles/NAME.yaml")
    made.add_argument("--mode", choices=MODES)
    made.add_argument("--exchange", metavar="NAME", help="embedded, recorded, coinbase")
    made.add_argument("--state-dir", type=Path, default=Path("var"), metavar="DIR")
    made.add_argument("--log-dir", type=Path, default=Path("logs"), metavar="DIR")
    made.add_argument("--json", action="store_true", help="machine-readable output on stdout")
    return made


def instant_of(flag: str, text: str | None) -> datetime | None:
    """The time that a flag gives, in UTC; a time without a zone is UTC. None where not given."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal(
            ExitCode.USAGE, f"{flag}: {text!r} is no ISO time; write 2025-02-01T00:00:00Z"
        ) from error


def run(main: Callable[[Sequence[str] | None], int]) -> None:
    """Run a program: a Refusal or a FatalError is one line on stderr and an exit code."""
    try:
        code = main(None)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        code = refusal.code
    except FatalError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        code = ExitCode.DAMAGED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our pipe has had enough, as `head` does
        code = ExitCode.FINISHED
    sys.exit(code)
