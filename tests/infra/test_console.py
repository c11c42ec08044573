"""A reader that is gone or a full disk silences what is said, and ends nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

import pytest

from infra.console import finish, stand_in, tell
from tests.builders.terminal import a_pipe_nobody_reads

FULL = Path("/dev/full")


def leads_nowhere(out: TextIO) -> bool:
    return os.path.sameopenfile(out.fileno(), os.open(os.devnull, os.O_WRONLY))


def test_a_line_is_told_at_once(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        tell("a line", out)
        assert (tmp_path / "out").read_text() == "a line\n"


def test_where_nobody_reads_any_more_lines_go_nowhere() -> None:
    out = a_pipe_nobody_reads()
    tell("a line", out)
    tell("another", out)
    finish(out)
    assert leads_nowhere(out)
    out.close()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full disk to offer")
def test_on_a_full_disk_lines_are_lost_and_nothing_is_left_to_trip_over() -> None:
    out = FULL.open("w")
    tell("a line", out)
    finish(out)
    assert leads_nowhere(out)
    out.close()  # a line that is still in the buffer would raise here


def test_a_program_that_was_started_without_a_stream_gets_one_that_leads_nowhere() -> None:
    with stand_in(None) as out:
        tell("a line", out)
    assert out.name == os.devnull
