"""What all programs share on their command line, and how a mistake there is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from core.errors import FatalError
from infra.console import silence, stand_in
from runner.exit_codes import ExitCode, Refusal

INTERRUPTED = 130  # by Ctrl-C, as a shell tells it; the bot itself ends in good order
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
    add_config_options(made)
    made.add_argument("--mode", choices=MODES, help="app.mode of this run, or whose files to read")
    made.add_argument("--exchange", metavar="NAME", help="embedded, recorded or coinbase")
    add_folder(made, "--state-dir", "var", "what the bot must not lose")
    add_folder(made, "--log-dir", "logs", "what it writes for people")
    made.add_argument("--json", action="store_true", help="machine-readable output on stdout")
    return made


def add_config_options(made: argparse.ArgumentParser) -> None:
    """Where the configuration is, for every program that reads one."""
    add_folder(made, "--config", "config", "folder of the four YAML files")
    made.add_argument("--profile", metavar="NAME", help="lay config/profiles/NAME.yaml over them")


def add_folder(made: argparse.ArgumentParser, flag: str, usual: str, meaning: str) -> None:
    """A flag that names a folder and has a usual one."""
    told = f"{meaning} (default: {usual})"
    made.add_argument(flag, type=path, default=Path(usual), metavar="DIR", help=told)


def path(text: str) -> Path:
    """A path that a flag gives. An empty one is a variable that nobody set, not this folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; name a path")
    return Path(text)


def whole(text: str) -> int:
    """A whole number that a flag gives."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number; write 5") from None


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
    """Run a program: a Refusal, a FatalError or a path that will not do is one line on stderr and
    an exit code.
    """
    sys.stdout, sys.stderr = stand_in(sys.stdout), stand_in(sys.stderr)
    try:
        code = main(None)
        sys.stdout.flush()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        code = refusal.code
    except FatalError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        code = ExitCode.DAMAGED
    except BrokenPipeError:
        silence(sys.stdout)  # the reader of our pipe has had enough, as `head` does
        code = ExitCode.FINISHED
    except OSError as error:
        where = error.filename or "the system"
        print(f"{where}: {error.strerror or error}; name another path", file=sys.stderr)
        silence(sys.stdout)
        code = ExitCode.DAMAGED
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
