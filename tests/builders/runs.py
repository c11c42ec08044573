"""Whole runs of the programs in this process, as their command lines start them."""

from __future__ import annotations

import io
import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from runner import main_loop
from runner.exit_codes import Refusal


@dataclass(frozen=True)
class Run:
    """What a program said and how it ended."""

    code: int
    out: str
    err: str


def main_loop_run(folder: Path, *options: str) -> Run:
    """`python -m runner.main_loop --fast` on the folders of a test."""
    where = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    return _run(["--fast", *where, *options])


def _run(arguments: Sequence[str]) -> Run:
    out, err = io.StringIO(), io.StringIO()
    with _process_left_as_it_was(), redirect_stdout(out), redirect_stderr(err):
        try:
            code = int(main_loop.main(arguments))
        except Refusal as refusal:
            print(refusal, file=err)
            code = int(refusal.code)
    return Run(code, out.getvalue(), err.getvalue())


@contextmanager
def _process_left_as_it_was() -> Iterator[None]:
    """Signals and log level are the process's, and this process is pytest's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    level = logging.getLogger().level
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        logging.getLogger().setLevel(level)
