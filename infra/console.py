"""What is said on stdout and stderr. A reader that is gone or a full disk ends no bot.

A line is worth less than the loop that says it: it is lost, and the loop goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


def stand_in(out: TextIO | None) -> TextIO:
    """The stream; for a program that was started without it, one that leads nowhere."""
    return out if out is not None else open(os.devnull, "w", encoding="utf-8")


@contextmanager
def harmless(out: TextIO) -> Iterator[None]:
    """Whatever is written to `out` in here is written if it can be."""
    try:
        yield
    except BrokenPipeError:
        silence(out)
    except OSError:
        pass  # a disk that is full now may have room for the next line


def tell(line: str, out: TextIO) -> None:
    with harmless(out):
        print(line, file=out, flush=True)


def finish(out: TextIO) -> None:
    """Nothing may be left in the buffer for the interpreter to trip over at its end."""
    try:
        out.flush()
    except OSError:
        silence(out)


def silence(out: TextIO) -> None:
    """From now on, and from what is in the buffer still, everything goes nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
