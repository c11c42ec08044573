"""KILL and RESUME: the operator's word arrives, and in doubt it is a kill."""

from __future__ import annotations

import os
from errno import ENOSPC
from pathlib import Path

import pytest

from core.state import Controls
from infra import control_files
from infra.control_files import ControlFolder


def test_nothing_said_is_nothing_heard(tmp_path: Path) -> None:
    controls = ControlFolder(tmp_path)

    assert controls.read() == Controls(None, None)
    assert not controls.killed()


def test_a_kill_is_seen_with_its_reason(tmp_path: Path) -> None:
    ControlFolder(tmp_path).write_kill("the exchange is on fire")

    assert ControlFolder(tmp_path).killed()
    assert ControlFolder(tmp_path).read() == Controls(kill="the exchange is on fire")


def test_a_touched_file_is_a_kill_without_a_reason(tmp_path: Path) -> None:
    (tmp_path / "KILL").touch()

    assert ControlFolder(tmp_path).killed()
    assert ControlFolder(tmp_path).read().kill == "no reason given"


@pytest.mark.parametrize("word", ["kill", "flatten"])
def test_on_a_full_disk_the_word_arrives_without_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(control_files, "replace_durably", full)
    controls = ControlFolder(tmp_path)

    getattr(controls, f"write_{word}")("the disk is full")

    assert getattr(controls.read(), word) == "no reason given"


def test_resume_takes_the_kill_away_and_is_used_up_once(tmp_path: Path) -> None:
    controls = ControlFolder(tmp_path)
    controls.write_kill("stop")
    controls.write_resume("all is well")

    assert not controls.killed()
    assert controls.read() == Controls(kill=None, resume="all is well")
    controls.consume_resume()
    controls.consume_resume()
    assert controls.read() == Controls(None, None)


def test_a_kill_after_a_resume_stands(tmp_path: Path) -> None:
    controls = ControlFolder(tmp_path)
    controls.write_resume("all is well")
    controls.write_kill("no, it is not")

    assert controls.killed()
    assert controls.read().kill == "no, it is not"


ODD = [
    (b"two\nlines\tand\r\na tab", "two lines and a tab"),
    (b"\x1b[31mred\x1b[0m", "[31mred [0m"),
    (b"\xff\xfe no text", "\ufffd\ufffd no text"),
    (b"\n \t", "no reason given"),
    (b"\0\0\0", "no reason given"),
]


@pytest.mark.parametrize(("data", "heard"), ODD, ids=range(len(ODD)))
def test_an_odd_text_is_one_printable_line(tmp_path: Path, data: bytes, heard: str) -> None:
    (tmp_path / "KILL").write_bytes(data)

    assert ControlFolder(tmp_path).read().kill == heard


def test_a_reason_of_a_gigabyte_is_read_to_its_first_sentence(tmp_path: Path) -> None:
    with (tmp_path / "KILL").open("wb") as file:
        file.write(b"why " * 100)
        file.truncate(1 << 30)

    assert ControlFolder(tmp_path).read().kill == ("why " * 100).strip()


def test_a_kill_that_cannot_be_read_is_still_a_kill(tmp_path: Path) -> None:
    (tmp_path / "KILL").mkdir()

    assert ControlFolder(tmp_path).killed()
    assert ControlFolder(tmp_path).read().kill == "KILL is there and cannot be read: Is a directory"


def test_a_link_to_nowhere_is_still_a_kill(tmp_path: Path) -> None:
    (tmp_path / "KILL").symlink_to(tmp_path / "nowhere")

    assert ControlFolder(tmp_path).killed()


def test_a_state_folder_that_cannot_be_looked_at_is_a_kill(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file, where a folder should be")

    assert ControlFolder(tmp_path / "var").killed()
    assert ControlFolder(tmp_path / "var").read().kill is not None


def test_a_resume_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "RESUME").mkdir()

    assert ControlFolder(tmp_path).read() == Controls(None, None)


def test_a_pipe_does_not_hold_the_cycle_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "KILL")

    assert ControlFolder(tmp_path).read().kill == "no reason given"
