"""The state on disk: the last whole generation is found, and nothing else is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.errors import FatalError
from core.state import BotState
from infra.codec import canonical_json, digest
from infra.crash_points import CrashPoint
from infra.disk import aside, fsyncs
from infra.state_store import DamagedState, ForeignState, StateFile
from tests.builders.account import a_state
from tests.infra.test_disk import Died, a_full_disk, dying_at

MARKET = {"exchange": "embedded", "seed": "7", "bar": "15m", "start": "2025-01-01T00:00:00Z"}


def a_store(
    folder: Path,
    *,
    mode: str = "DRY_RUN",
    exchange: str = "embedded",
    market: Mapping[str, str] = MARKET,
) -> StateFile:
    return StateFile(folder, mode, exchange, market)


def numbered(cycle: int) -> BotState:
    return a_state(cycle=cycle)


def two_generations(folder: Path) -> StateFile:
    store = a_store(folder)
    store.save(numbered(1))
    store.save(numbered(2))
    return store


def test_a_new_folder_has_no_state(tmp_path: Path) -> None:
    store = a_store(tmp_path)

    assert store.load() is None
    assert store.recovered_from is None


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    two_generations(tmp_path)
    store = a_store(tmp_path)

    assert store.load() == numbered(2)
    assert (store.generation, store.recovered_from) == (2, None)


def test_generations_go_on_after_a_restart(tmp_path: Path) -> None:
    two_generations(tmp_path)
    store = a_store(tmp_path)
    store.load()
    store.save(numbered(3))

    assert json.loads(store.path.read_bytes())["generation"] == 3
    assert json.loads(store.previous.read_bytes())["generation"] == 2


def test_the_file_says_whose_it_is(tmp_path: Path) -> None:
    two_generations(tmp_path)

    members = json.loads((tmp_path / "state.json").read_bytes())

    assert {"schema": 1, "mode": "DRY_RUN", "exchange": "embedded"}.items() <= members.items()
    assert members["market"] == MARKET
    assert members["state"]["standing"]["level"] == "NORMAL"


def test_a_save_costs_two_fsyncs(tmp_path: Path) -> None:
    store = two_generations(tmp_path)
    before = fsyncs()

    store.save(numbered(3))

    assert fsyncs() - before == 2


@pytest.mark.parametrize("length", [0, 1, 100, -2])
def test_a_truncated_state_falls_back_on_the_one_before(tmp_path: Path, length: int) -> None:
    two_generations(tmp_path)
    path = tmp_path / "state.json"
    path.write_bytes(path.read_bytes()[:length])
    store = a_store(tmp_path)

    assert store.load() == numbered(1)
    assert store.recovered_from is not None
    assert "state.prev.json was used" in store.recovered_from


def test_a_flipped_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    two_generations(tmp_path)
    path = tmp_path / "state.json"
    data = path.read_bytes()
    (tmp_path / "state.prev.json").unlink()

    for position in range(len(data) - 1):  # the last is the line's end
        path.write_bytes(data[:position] + bytes([data[position] ^ 2]) + data[position + 1 :])
        with pytest.raises(FatalError):
            a_store(tmp_path).load()


def test_a_wrong_checksum_is_damage(tmp_path: Path) -> None:
    two_generations(tmp_path)
    for path in tmp_path.iterdir():
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("247trader", "247Trader"), encoding="utf-8")

    with pytest.raises(DamagedState) as caught:
        a_store(tmp_path).load()

    assert "state.json does not match its checksum" in str(caught.value)
    assert "restore one of them from a backup" in str(caught.value)
    assert "--state-dir NEW" in str(caught.value)


def test_two_damaged_generations_are_never_taken_for_a_new_folder(tmp_path: Path) -> None:
    two_generations(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")

    with pytest.raises(DamagedState):
        a_store(tmp_path).load()


def test_the_damaged_generation_never_becomes_the_one_to_fall_back_on(tmp_path: Path) -> None:
    two_generations(tmp_path)
    (tmp_path / "state.json").write_bytes(b"{")
    store = a_store(tmp_path)
    store.load()
    store.save(numbered(2))

    assert (tmp_path / "state.json.damaged").read_bytes() == b"{"
    (tmp_path / "state.json").unlink()
    assert a_store(tmp_path).load() == numbered(1)


def test_a_generation_that_was_only_looked_at_is_still_there(tmp_path: Path) -> None:
    """A caller who refuses the generation before meets the same damage at the next start."""
    two_generations(tmp_path)
    (tmp_path / "state.json").write_bytes(b"{")
    a_store(tmp_path).load()
    store = a_store(tmp_path)
    store.load()

    assert store.recovered_from is not None
    assert "is not whole" in store.recovered_from


CRASHES = [
    (CrashPoint.ASIDE_BEGUN, 2),
    (CrashPoint.ASIDE_WRITTEN, 2),
    (CrashPoint.PREVIOUS_KEPT, 2),
    (CrashPoint.REPLACED, 3),
]


@pytest.mark.parametrize(("point", "cycle"), CRASHES, ids=[point.name for point, _ in CRASHES])
def test_a_crash_in_a_save_leaves_the_last_whole_state(
    tmp_path: Path, point: CrashPoint, cycle: int
) -> None:
    store = two_generations(tmp_path)
    with dying_at(point, Died()), pytest.raises(Died):
        store.save(numbered(3))

    after = a_store(tmp_path)

    assert after.load() == numbered(cycle)
    assert not aside(after.path).exists()
    after.save(numbered(4))
    assert a_store(tmp_path).load() == numbered(4)


def test_a_full_disk_keeps_the_last_state_and_the_next_save_works(tmp_path: Path) -> None:
    store = two_generations(tmp_path)
    with dying_at(CrashPoint.ASIDE_BEGUN, a_full_disk()), pytest.raises(OSError, match="No space"):
        store.save(numbered(3))

    assert a_store(tmp_path).load() == numbered(2)
    store.save(numbered(3))
    again = a_store(tmp_path)
    assert again.load() == numbered(3)
    assert again.generation == 3


FOREIGN: list[tuple[dict[str, object], str]] = [
    ({"mode": "PAPER"}, "PAPER on embedded"),
    ({"exchange": "recorded"}, "DRY_RUN on recorded"),
    ({"market": {**MARKET, "seed": "8"}}, "seed 8"),
    ({"market": {**MARKET, "bar": "1h"}}, "bar 1h"),
]


@pytest.mark.parametrize(("other", "named"), FOREIGN, ids=[named for _, named in FOREIGN])
def test_the_state_of_another_run_is_refused_and_both_are_named(
    tmp_path: Path, other: dict[str, object], named: str
) -> None:
    two_generations(tmp_path)

    with pytest.raises(ForeignState) as caught:
        a_store(tmp_path, **other).load()  # type: ignore[arg-type]

    assert named in str(caught.value)
    assert "DRY_RUN on embedded (bar 15m, exchange embedded, seed 7" in str(caught.value)
    assert "--state-dir NEW" in str(caught.value)


def test_a_newer_schema_is_refused_without_a_look_at_the_generation_before(tmp_path: Path) -> None:
    two_generations(tmp_path)
    path = tmp_path / "state.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"schema":1', '"schema":2'))

    with pytest.raises(ForeignState, match=r"has schema 2 and this version knows 1"):
        a_store(tmp_path).load()


def test_a_state_that_this_version_cannot_know_is_damage_and_says_why(tmp_path: Path) -> None:
    two_generations(tmp_path)
    path = tmp_path / "state.json"
    members = json.loads(path.read_bytes())
    del members["checksum"], members["state"]["born_at"]
    members["checksum"] = digest(canonical_json(members))
    path.write_bytes(canonical_json(members))
    (tmp_path / "state.prev.json").unlink()

    with pytest.raises(DamagedState, match="born_at"):
        a_store(tmp_path).load()


def test_a_folder_in_place_of_the_file_is_told_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()

    with pytest.raises(DamagedState, match="cannot be read"):
        a_store(tmp_path).load()


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a folder should be")

    with pytest.raises(OSError, match="Not a directory"):
        a_store(tmp_path / "state").save(numbered(1))
