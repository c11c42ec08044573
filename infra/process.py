"""This process: how long its steps take and how much memory it holds."""

from __future__ import annotations

import ctypes
import gc
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD in glibc's malloc.h
_LARGE = 1024 * 1024  # bytes
_ARENA_MAX = -8  # M_ARENA_MAX
_ARENAS = 2  # one of its own for each thread that asks a venue would be a heap for each
_TIDY_EVERY = 500  # cycles; a full collection takes some 15 ms
_OFTEN = 1  # collections of what is not new, between two full ones; there are 10 as a rule


class Stopwatch:
    """Milliseconds between laps. For the record only; no decision ever reads it."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = (now - self._last) * 1000
        self._last = now

    def laps(self) -> Mapping[str, float]:
        return {**self._laps, "total": (self._last - self._started) * 1000}


def resident_mb() -> float:
    """Resident memory in MB; 0.0 on a system that does not tell it."""
    if not _STATM.exists():
        return 0.0
    return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE / 1_000_000


def keep_memory_flat() -> None:
    """Have glibc give large blocks back to the system as soon as they are free.

    Left alone it takes ever larger blocks for small ones, and the keyframe and the
    rotated log of each day leave holes in the heap: 3 MB after 6,000 cycles, and
    growing. Another C library is left as it is.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        tune(_MMAP_THRESHOLD, _LARGE)
        tune(_ARENA_MAX, _ARENAS)


@contextmanager
def left_to_tidy() -> Iterator[None]:
    """For a run over history: only `tidy_memory` looks for objects that refer to each other.

    What is there by now stays, and a cycle leaves none: looking every few milliseconds
    finds nothing.
    """
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@contextmanager
def lasting() -> Iterator[None]:
    """What is there by now stays until the end: no collection looks through it again.

    A full one then takes half a millisecond, not fifteen, and may come often. Left alone
    the requests of 200 cycles leave 1 MB of circles behind before the first one comes.
    """
    young, middle, seldom = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.collect()  # the interpreter puts one off for as long as the last one found much
    gc.set_threshold(young, middle, _OFTEN)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, seldom)
        gc.unfreeze()


def tidy_memory(cycle: int) -> None:
    """After some cycles empty the interpreter's own stock of freed tuples, lists and floats.

    It is bounded, but takes tens of thousands of cycles to fill, and until then it looks
    like a leak of 3 MB. Only a full collection empties it. What a C library keeps of freed
    memory goes back too, and after the first cycle of all: it reads the whole history, and
    never again is so much needed.
    """
    if cycle % _TIDY_EVERY == 0:
        gc.collect()
    if cycle % _TIDY_EVERY < 2:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
