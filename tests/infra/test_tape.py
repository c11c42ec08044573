"""The tape: everything comes back as it was, a torn end is no damage, damage is no end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.errors import FatalError
from core.market import Bars
from core.state import Controls, Sighting
from infra.crash_points import CrashPoint, hooked
from infra.tape import DamagedTape, Frame, Keyframe, PackedBars, TapeFolder, frames, last_frame
from tests.builders.account import a_portfolio, a_position, a_state
from tests.builders.market import BAR, FEES, NOON, a_depth, a_product, a_top

SOL = "SOL-USD"
DAY = timedelta(days=1)


def some_bars(count: int = 5) -> Bars:
    opened = np.arange(count, dtype=np.int64) * 900 + 1_740_916_800
    values = np.linspace(0.1, 99.9, count) / 3  # digits that text would lose
    return Bars(opened, values, values * 2, values / 7, values + 0.1, values * 1e9)


def a_key() -> Keyframe:
    return Keyframe(
        state=a_state(at=NOON),
        products=(a_product(SOL),),
        bars={SOL: PackedBars.of(some_bars())},
        through={SOL: NOON},
        depths={SOL: a_depth(SOL)},
        closed_at=NOON,
        length=350,
        effective="{}",
        identity={"exchange": "embedded"},
    )


def a_frame(cycle: int = 1, *, key: Keyframe | None = None, days: int = 0) -> Frame:
    return Frame(
        cycle=cycle,
        at=NOON + days * DAY + cycle * BAR,
        key=key,
        config="sha256:c",
        previous=None,
        controls=Controls(resume="seen to"),
        portfolio=a_portfolio(a_position(SOL)),
        sighting=Sighting(absent={"an-order": 3}, unexplained={"SOL": Decimal("0.5")}),
        server_time=NOON,
        products=None,
        tops={SOL: a_top(SOL)},
        depths={},
        bars={SOL: PackedBars.of(some_bars(1))},
        through={SOL: NOON},
        balances=(),
        fees=FEES,
        missing={"tops": "TIMED_OUT: no answer"},
        inputs="sha256:i",
        decision="sha256:d",
    )


def written(folder: Path, *written_frames: Frame) -> Path:
    tape = TapeFolder(folder)
    for frame in written_frames:
        tape.append(frame)
    tape.close()
    return max(folder.glob("*.tape"))


def numbers(folder: Path) -> list[int]:
    return [frame.cycle for frame in frames(folder)]


def test_a_frame_comes_back_as_it_was(tmp_path: Path) -> None:
    frame = a_frame(key=a_key())
    written(tmp_path, frame)
    assert list(frames(tmp_path)) == [frame]
    assert last_frame(tmp_path) == frame


@pytest.mark.parametrize("count", [0, 1, 5, 350])
def test_bars_come_back_to_the_last_bit(count: int) -> None:
    bars = some_bars(count)
    back = PackedBars.of(bars).bars()
    for name in ("opened", "open", "high", "low", "close", "volume"):
        assert getattr(back, name).tobytes() == getattr(bars, name).tobytes()
        assert getattr(back, name).dtype == getattr(bars, name).dtype


def test_bars_with_gaps_keep_their_times() -> None:
    bars = some_bars(4)
    gapped = replace(bars, opened=bars.opened * np.array([1, 1, 2, 3], dtype=np.int64))
    assert PackedBars.of(gapped).bars().opened.tolist() == gapped.opened.tolist()


def test_a_day_and_a_process_begin_with_a_keyframe(tmp_path: Path) -> None:
    tape = TapeFolder(tmp_path)
    assert tape.needs_keyframe(NOON)
    tape.append(a_frame(1))
    assert not tape.needs_keyframe(NOON + BAR)
    assert tape.needs_keyframe(NOON + DAY)
    tape.close()
    assert tape.needs_keyframe(NOON + BAR)
    assert TapeFolder(tmp_path).needs_keyframe(NOON)


def test_there_is_one_file_a_day_and_they_are_read_in_order(tmp_path: Path) -> None:
    written(tmp_path, a_frame(1), a_frame(2), a_frame(3, days=1), a_frame(4, days=2))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["2025-03-02.tape", "2025-03-03.tape", "2025-03-04.tape"]
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_a_second_process_of_the_same_day_goes_on_in_the_same_file(tmp_path: Path) -> None:
    written(tmp_path, a_frame(1))
    written(tmp_path, a_frame(2))
    assert numbers(tmp_path) == [1, 2]
    assert len(list(tmp_path.iterdir())) == 1


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert list(frames(tmp_path / "none")) == []
    assert last_frame(tmp_path / "none") is None


@pytest.mark.parametrize("cut", [1, 5, 8, 9, 40])
def test_a_torn_end_is_passed_over_and_set_aside(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, a_frame(1), a_frame(2))
    whole = path.read_bytes()
    alone = len(written(tmp_path / "one", a_frame(1)).read_bytes())
    os.truncate(path, alone + cut)
    assert numbers(tmp_path) == [1]
    last = last_frame(tmp_path)
    assert last is not None
    assert last.cycle == 1
    TapeFolder(tmp_path).repair()
    assert path.stat().st_size == alone
    assert path.with_suffix(".tape.torn").read_bytes() == whole[alone : alone + cut]
    written(tmp_path, a_frame(3))
    assert numbers(tmp_path) == [1, 3]


def test_a_last_frame_of_the_right_length_and_the_wrong_bytes_is_torn_too(tmp_path: Path) -> None:
    """A power cut may leave the length and zeros where the rest belongs."""
    path = written(tmp_path, a_frame(1), a_frame(2))
    flipped(path, -1)
    assert numbers(tmp_path) == [1]


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def test_damage_before_other_frames_is_never_taken_for_an_end(tmp_path: Path) -> None:
    path = written(tmp_path, a_frame(1), a_frame(2))
    flipped(path, 30)
    with pytest.raises(DamagedTape, match="the frame at byte 0 is damaged"):
        list(frames(tmp_path))
    with pytest.raises(DamagedTape):
        TapeFolder(tmp_path).repair()


def test_an_old_file_without_its_end_is_damage(tmp_path: Path) -> None:
    """Only the file that was being written can be torn."""
    written(tmp_path, a_frame(1), a_frame(2, days=1))
    old = tmp_path / "2025-03-02.tape"
    os.truncate(old, old.stat().st_size - 3)
    with pytest.raises(DamagedTape, match=r"2025-03-02\.tape: damaged after byte 0"):
        list(frames(tmp_path))


def a_full_disk(now: CrashPoint) -> None:
    if now is CrashPoint.APPENDED:
        raise OSError(28, "no room")


def a_disk_full_before(now: CrashPoint) -> None:
    if now is CrashPoint.APPEND_BEGUN:
        raise OSError(28, "no room")


@pytest.mark.parametrize("full", [a_full_disk, a_disk_full_before])
def test_a_frame_that_could_not_be_written_leaves_no_trace(
    tmp_path: Path, full: Callable[[CrashPoint], None]
) -> None:
    """Half a frame with another after it would be damage for ever."""
    tape = TapeFolder(tmp_path)
    tape.append(a_frame(1))
    with hooked(full), pytest.raises(OSError, match="no room"):
        tape.append(a_frame(2))
    tape.append(a_frame(3))
    tape.close()
    assert numbers(tmp_path) == [1, 3]


def test_a_frame_that_holds_no_number_is_refused_when_it_is_written(tmp_path: Path) -> None:
    top = a_top(SOL)
    object.__setattr__(top, "bid", Decimal("NaN"))  # no constructor would let it pass
    with pytest.raises(FatalError, match="NaN"):
        written(tmp_path, replace(a_frame(1), tops={SOL: top}))


def test_a_frame_is_small(tmp_path: Path) -> None:
    path = written(tmp_path, a_frame(1))
    assert path.stat().st_size < 2_000
