"""Replay finds what was changed, and says where."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.tape import Frame, TapeFolder, frames
from runner import replay
from runner.exit_codes import Refusal
from tests.builders.bot import a_bot, cycles, replayed, the_places
from tests.builders.stage import Stage

SOL = "SOL-USD"
FORGED = "sha256:" + "0" * 64


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Six cycles in two processes; SOL is bought in the second, refused from then on."""
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    for count in (4, 2):
        with a_bot(tmp_path, stage) as bot:
            cycles(bot, count)
    return tmp_path


def retaped(folder: Path, change: Callable[[Frame], Frame]) -> None:
    """Write the tape anew, every frame changed."""
    tape = the_places(folder).tape
    changed = [change(frame) for frame in frames(tape)]
    for path in tape.glob("*.tape"):
        path.unlink()
    writer = TapeFolder(tape)
    for frame in changed:
        writer.append(frame)
    writer.close()


def test_an_untouched_tape_replays_without_a_difference(recorded: Path) -> None:
    assert replayed(recorded) == {"cycles": 6, "differences": 0, "first": None, "exit": 0}
    retaped(recorded, lambda frame: frame)  # the act of rewriting plants nothing
    assert replayed(recorded)["differences"] == 0


@pytest.mark.parametrize("what", ["decision", "inputs"])
def test_a_changed_digest_on_the_tape_is_found(recorded: Path, what: str) -> None:
    changes: dict[str, Any] = {what: FORGED}
    retaped(recorded, lambda frame: replace(frame, **changes) if frame.cycle == 3 else frame)
    answer = replayed(recorded)
    assert (answer["differences"], answer["exit"]) == (1, 1)
    assert answer["first"]["cycle"] == 3
    assert (answer["first"]["what"], answer["first"]["recorded"]) == (what, FORGED)


def test_a_changed_audit_line_is_found(recorded: Path) -> None:
    path = the_places(recorded).logs / "audit.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    forged = json.loads(lines[4]) | {"decision": FORGED}
    lines[4] = json.dumps(forged, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    answer = replayed(recorded)
    assert (answer["differences"], answer["exit"]) == (1, 1)
    assert (answer["first"]["cycle"], answer["first"]["what"]) == (5, "audit line")


def test_another_policy_decides_otherwise_and_is_found(recorded: Path) -> None:
    """The configuration in the keyframe is what decides, so a changed value must show."""

    def bolder(frame: Frame) -> Frame:
        if frame.key is None:
            return frame
        effective = json.loads(frame.key.effective)
        effective["risk"]["notional_max"] = "100 USD"
        return replace(frame, key=replace(frame.key, effective=json.dumps(effective)))

    retaped(recorded, bolder)
    answer = replayed(recorded)
    assert answer["first"]["cycle"] == 2  # the only cycle in which an order was sized
    assert answer["first"]["what"] == "decision"
    assert answer["differences"] == 1


def test_a_memory_changed_in_the_keyframe_is_found_in_every_cycle_after_it(
    recorded: Path,
) -> None:
    """The state is grown from the keyframe on, so its inputs differ until the next one."""

    def forgetful(frame: Frame) -> Frame:
        if frame.cycle != 1 or frame.key is None:
            return frame
        state = replace(frame.key.state, name="another")
        return replace(frame, key=replace(frame.key, state=state))

    retaped(recorded, forgetful)
    assert replayed(recorded)["differences"] == 4  # the second process has its own keyframe
    assert replayed(recorded, "--from", "5")["differences"] == 0


def test_one_candle_changed_on_the_tape_is_found(recorded: Path) -> None:
    def nudged(frame: Frame) -> Frame:
        if frame.cycle != 3:
            return frame
        bars = frame.bars[SOL].bars()
        bars.close[-1] = bars.close[-1] + 0.01
        return replace(frame, bars={**frame.bars, SOL: type(frame.bars[SOL]).of(bars)})

    retaped(recorded, nudged)
    answer = replayed(recorded)
    assert (answer["first"]["cycle"], answer["first"]["what"]) == (3, "inputs")


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (("--from", "4"), 3),
        (("--to", "2"), 2),
        (("--from", "3", "--to", "5"), 3),
        (("--from", "6", "--to", "6"), 1),
    ],
)
def test_any_stretch_can_be_replayed_alone(
    recorded: Path, options: tuple[str, ...], numbers: int
) -> None:
    assert (replayed(recorded, *options)["cycles"], replayed(recorded, *options)["exit"]) == (
        numbers,
        0,
    )


def test_a_stretch_without_a_cycle_is_no_proof_of_anything(recorded: Path) -> None:
    with pytest.raises(Refusal, match="holds no cycle in that range") as refusal:
        replayed(recorded, "--from", "7")
    assert refusal.value.code == 1


def test_a_tape_that_begins_without_a_keyframe_is_refused(recorded: Path) -> None:
    retaped(recorded, lambda frame: replace(frame, key=None) if frame.cycle == 1 else frame)
    with pytest.raises(Refusal, match="without a keyframe at 1"):
        replayed(recorded)


def test_people_read_the_count_and_the_first_difference(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [
        *("--state-dir", str(recorded / "var"), "--log-dir", str(recorded / "logs")),
    ]
    assert replay.main(where) == 0
    assert capsys.readouterr().out == "6 cycles, 0 differences\n"
    retaped(recorded, lambda frame: replace(frame, decision=FORGED))
    assert replay.main(where) == 1
    told = capsys.readouterr().out
    assert told.startswith("6 cycles, 6 differences\nfirst in cycle 1, decision: ")
    assert f"{FORGED} was recorded" in told
