"""The bot as a person at a terminal meets it: a command, what it prints, its exit code."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from runner import main_loop
from runner.command_line import run


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """The one line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def asked(program: Callable[[Sequence[str] | None], int], *arguments: object) -> Answer:
    """Run a program as its __main__ does; the process's signal handlers are given back."""
    given = [str(argument) for argument in arguments]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    try:
        with redirect_stdout(out), redirect_stderr(err):
            run(lambda _: program(given))
    except SystemExit as ended:
        code = ended.code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert isinstance(code, int), "a program ends with a number"
    return Answer(code, out.getvalue(), err.getvalue())


def the_bot(
    folder: Path, *arguments: object, cycles: int = 3, noise: Sequence[str] = ("--quiet",)
) -> Answer:
    """`python -m runner.main_loop --fast` with its state and logs in `folder`."""
    return asked(
        main_loop.main,
        *("--fast", *noise, "--max-cycles", cycles),
        *("--state-dir", folder / "var", "--log-dir", folder / "logs"),
        *arguments,
    )


def on_record(folder: Path, mode: str = "dry_run") -> list[dict[str, Any]]:
    """Every line of the current audit log; none where there is no log."""
    path = folder / "logs" / mode / "audit.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def a_pipe_nobody_reads() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", buffering=1)  # by lines, as stderr is
