"""A reading program finds the bot it is asked about, and says so where it had to choose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.exit_codes import ExitCode, Refusal
from runner.places import Places, find, heartbeat


def a_folder(root: Path, mode: str, exchange: str, *, alive_at: int | None = None) -> Places:
    """The folder of a bot that has run; its heartbeat is as old as `alive_at` says."""
    places = Places(root / "var", root / "logs", mode, exchange)
    places.folder.mkdir(parents=True)
    (places.folder / "state.json").write_text("{}", encoding="utf-8")
    if alive_at is not None:
        places.heartbeat.write_text('{"state": "RUNNING"}', encoding="utf-8")
        os.utime(places.heartbeat, (alive_at, alive_at))
    return places


def found(root: Path, mode: str | None = None, exchange: str | None = None) -> Places:
    return find(root / "var", root / "logs", mode, exchange)


def test_files_lie_by_mode_and_exchange_in_small_letters(tmp_path: Path) -> None:
    places = Places(tmp_path / "var", tmp_path / "logs", "DRY_RUN", "embedded")

    assert places.folder == tmp_path / "var" / "dry_run" / "embedded"
    assert places.logs == tmp_path / "logs" / "dry_run"
    assert {places.tape.parent, places.ledger.parent, places.heartbeat.parent} == {places.folder}


def test_the_only_bot_of_a_folder_is_taken_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = a_folder(tmp_path, "DRY_RUN", "embedded")

    assert found(tmp_path) == only
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("left", ["state.prev.json", "ledger.sqlite"])
def test_a_bot_that_died_between_two_of_its_files_is_found(tmp_path: Path, left: str) -> None:
    only = a_folder(tmp_path, "PAPER", "embedded")
    (only.folder / "state.json").rename(only.folder / left)

    assert found(tmp_path) == only


def test_where_another_bot_has_run_it_is_named(tmp_path: Path) -> None:
    a_folder(tmp_path, "PAPER", "embedded")

    with pytest.raises(Refusal) as refusal:
        found(tmp_path, "LIVE")

    assert str(refusal.value) == (
        f"{tmp_path / 'var'}: no bot has run here as LIVE; PAPER on embedded has; "
        "name another --state-dir"
    )


def test_what_lies_beside_the_bots_is_none_of_them(tmp_path: Path) -> None:
    only = a_folder(tmp_path, "PAPER", "embedded")
    stranger = tmp_path / "var" / "sandbox" / "books"
    stranger.mkdir(parents=True)
    (stranger / "ledger.sqlite").touch()

    assert found(tmp_path) == only


def test_of_several_the_one_alive_last_is_taken_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_folder(tmp_path, "DRY_RUN", "embedded", alive_at=1_000)
    newest = a_folder(tmp_path, "DRY_RUN", "recorded", alive_at=2_000)
    a_folder(tmp_path, "PAPER", "embedded")  # never alive

    assert found(tmp_path) == newest
    assert capsys.readouterr().err == "reading DRY_RUN on recorded, the last one alive\n"


@pytest.mark.parametrize(
    ("mode", "exchange", "expected"),
    [
        ("PAPER", None, ("PAPER", "embedded")),
        (None, "recorded", ("DRY_RUN", "recorded")),
        ("DRY_RUN", "embedded", ("DRY_RUN", "embedded")),
    ],
)
def test_flags_narrow_the_choice(
    tmp_path: Path, mode: str | None, exchange: str | None, expected: tuple[str, str]
) -> None:
    a_folder(tmp_path, "DRY_RUN", "embedded")
    a_folder(tmp_path, "DRY_RUN", "recorded")
    a_folder(tmp_path, "PAPER", "embedded", alive_at=9_000)

    places = found(tmp_path, mode, exchange)

    assert (places.mode, places.exchange) == expected


def test_where_no_bot_fits_the_refusal_names_the_folder_and_the_flag(tmp_path: Path) -> None:
    a_folder(tmp_path, "DRY_RUN", "embedded")

    with pytest.raises(Refusal) as refused:
        found(tmp_path, "LIVE")

    assert refused.value.code is ExitCode.USAGE
    assert str(tmp_path / "var") in str(refused.value)
    assert "--state-dir" in str(refused.value)


@pytest.mark.parametrize("text", ["", "{half", "[1, 2]", "null"])
def test_a_heartbeat_that_cannot_be_read_is_no_sign_of_life(tmp_path: Path, text: str) -> None:
    places = a_folder(tmp_path, "DRY_RUN", "embedded")
    places.heartbeat.write_text(text, encoding="utf-8")

    assert heartbeat(places) == {}


def test_a_heartbeat_is_read_as_it_was_written(tmp_path: Path) -> None:
    places = a_folder(tmp_path, "DRY_RUN", "embedded", alive_at=1_000)

    assert heartbeat(places) == {"state": "RUNNING"}
