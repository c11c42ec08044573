"""The process dies between any two effects, and starts again on the same folders.

A rise makes the cycle that dies intend an order. Whatever was written, the next
process intends it at most once, counts it for pace, uses no number twice, and the
audit log and the tape still prove themselves.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.crash_points import CrashPoint, hooked
from infra.tape import frames
from runner.bot import Bot
from runner.main_loop import turn
from tests.builders.bot import (
    Killed,
    a_bot,
    answer,
    audited,
    cycle,
    cycles,
    dies,
    interpose,
    raising,
    replayed,
    the_places,
    verified,
)
from tests.builders.stage import Stage

SOL = "SOL-USD"
ROOT = Path(__file__).parents[2]

# Every effect of a cycle in its order: port, method, and how far a death before and after
# it gets: is the cycle on the tape, is its order intended, is its line written.
EFFECTS = (
    ("disk", "check"),
    ("controls", "read"),
    ("tape", "append"),
    ("ledger", "intend"),
    ("venue", "submit"),
    ("states", "save"),
    ("audit", "append"),
)
ORDER = [f"{port}.{method}" for port, method in EFFECTS]


def at_effect(port: str, method: str, when: str) -> Callable[[Bot], None]:
    def act(bot: Bot) -> None:
        interpose(bot, port, method, **{when: raising(Killed())})

    return act


def killed_in_cycle_two(folder: Path, stage: Stage, kill_it: Callable[[Bot], None]) -> None:
    bot = a_bot(folder, stage)
    cycle(bot)
    kill_it(bot)
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    with pytest.raises(Killed):
        turn(bot, at)
    dies(bot)


def check_restart(folder: Path, stage: Stage, *, reached: Callable[[str], bool]) -> None:
    """Start again and prove everything that a crash must not break.

    `reached(effect)` says whether the dead process had done it.
    """
    with a_bot(folder, stage) as bot:
        known = max(line["cycle"] for line in audited(folder))
        on_tape, intended = reached("tape.append"), reached("ledger.intend")
        assert known == (2 if on_tape else 1)
        first, second = cycles(bot, 2)
        assert first["cycle"] == known + 1
        orders = bot.stores.ledger.orders()
        assert [order.symbol for order in orders] == [SOL]
        assert orders[0].cycle == (2 if intended else known + 1)
        assert not bot.stores.ledger.unsettled()
        assert answer(first, SOL)[0] == ("COOLDOWN" if intended else "APPROVED")
        assert answer(second, SOL)[0] == "COOLDOWN"
    lines = audited(folder)
    numbers = [line["cycle"] for line in lines]
    assert numbers == list(range(1, len(lines) + 1))
    moments = [line["at"] for line in lines if line["outcome"] != "FAILED"]
    assert moments == sorted(set(moments))  # no moment is decided twice
    if on_tape and not reached("audit.append"):
        dead = lines[1]
        assert (dead["outcome"], dead["why"]["code"]) == ("FAILED", "INTERRUPTED")
        assert [order["status"] for order in dead["orders"]] == ["NOT_SENT"] * intended
        assert {verdict["code"] for verdict in dead["verdicts"].values()} == {"NOT_DECIDED"}
        assert set(dead["verdicts"]) == {"BTC-USD", SOL}
    assert verified(folder).why is None
    assert replayed(folder)["differences"] == 0
    taped = [frame.cycle for frame in frames(the_places(folder).tape)]
    assert taped == sorted(set(taped))


def a_rising_stage() -> Stage:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    return stage


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("port", "method"), EFFECTS, ids=ORDER)
def test_a_death_between_two_effects_loses_nothing_and_repeats_nothing(
    tmp_path: Path, port: str, method: str, when: str
) -> None:
    stage = a_rising_stage()
    killed_in_cycle_two(tmp_path, stage, at_effect(port, method, when))
    last = ORDER.index(f"{port}.{method}") - (when == "before")
    check_restart(tmp_path, stage, reached=lambda effect: ORDER.index(effect) <= last)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_death_while_the_books_are_opened_opens_them_once(tmp_path: Path, when: str) -> None:
    """Only the first cycle of all opens them."""
    with a_bot(tmp_path / "calm", Stage(SOL)) as bot:
        calm = cycle(bot)
    bot = a_bot(tmp_path / "cut", Stage(SOL))
    at_effect("ledger", "open_books", when)(bot)
    with pytest.raises(Killed):
        cycle(bot)
    dies(bot)
    with a_bot(tmp_path / "cut", Stage(SOL)) as bot:
        again = cycle(bot)
        assert bot.stores.ledger.check().balanced
    assert again["portfolio"] == calm["portfolio"]


# Crash points inside an effect: whether the tape entry, the intents and the line stand then.
INSIDE = {
    CrashPoint.LEDGER_WRITTEN: {"tape.append"},
    CrashPoint.LEDGER_COMMITTED: {"tape.append", "ledger.intend"},
    CrashPoint.ASIDE_BEGUN: {"tape.append", "ledger.intend"},
    CrashPoint.ASIDE_WRITTEN: {"tape.append", "ledger.intend"},
    CrashPoint.PREVIOUS_KEPT: {"tape.append", "ledger.intend"},
    CrashPoint.REPLACED: {"tape.append", "ledger.intend"},
}


@pytest.mark.parametrize("point", INSIDE, ids=lambda point: point.name)
def test_a_death_inside_an_effect_loses_nothing_and_repeats_nothing(
    tmp_path: Path, point: CrashPoint
) -> None:
    stage = a_rising_stage()

    def kill_there(now: CrashPoint) -> None:
        if now is point:
            raise Killed

    with hooked(lambda _: None):
        bot = a_bot(tmp_path, stage)
        cycle(bot)
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    with hooked(kill_there), pytest.raises(Killed):
        turn(bot, at)
    dies(bot)
    check_restart(tmp_path, stage, reached=lambda effect: effect in INSIDE[point])


@pytest.mark.parametrize(
    ("nth", "point", "done"),
    [
        (1, CrashPoint.APPEND_BEGUN, set()),
        (1, CrashPoint.APPENDED, {"tape.append"}),
        (2, CrashPoint.APPEND_BEGUN, {"tape.append", "ledger.intend"}),
        (2, CrashPoint.APPENDED, {"tape.append", "ledger.intend", "audit.append"}),
    ],
)
def test_a_death_while_tape_or_log_are_appended_loses_nothing(
    tmp_path: Path, nth: int, point: CrashPoint, done: set[str]
) -> None:
    """The first append of a cycle is the tape's, the second the log's."""
    stage = a_rising_stage()
    seen: list[CrashPoint] = []

    def kill_there(now: CrashPoint) -> None:
        seen.append(now)
        if now is point and seen.count(point) == nth:
            raise Killed

    bot = a_bot(tmp_path, stage)
    cycle(bot)
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    with hooked(kill_there), pytest.raises(Killed):
        turn(bot, at)
    dies(bot)
    check_restart(tmp_path, stage, reached=lambda effect: effect in done)


@pytest.mark.parametrize("kept", [1, 7, 30])
def test_a_tape_entry_torn_by_a_crash_is_set_aside(tmp_path: Path, kept: int) -> None:
    """Half a frame is as good as none: the cycle is decided anew, under its number."""
    stage = a_rising_stage()
    bot = a_bot(tmp_path, stage)
    cycle(bot)
    (tape,) = the_places(tmp_path).tape.glob("*.tape")
    whole = tape.stat().st_size
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    interpose(bot, "tape", "append", after=raising(Killed()))
    with pytest.raises(Killed):
        turn(bot, at)
    dies(bot)
    os.truncate(tape, whole + kept)
    check_restart(tmp_path, stage, reached=lambda effect: False)
    assert tape.with_suffix(".tape.torn").stat().st_size == kept


def test_a_second_death_in_the_recovery_is_recovered_from_too(tmp_path: Path) -> None:
    stage = a_rising_stage()
    killed_in_cycle_two(tmp_path, stage, at_effect("ledger", "intend", "after"))

    def kill_there(now: CrashPoint) -> None:
        if now is CrashPoint.APPEND_BEGUN:  # the INTERRUPTED line
            raise Killed

    with hooked(kill_there), pytest.raises(Killed):
        a_bot(tmp_path, stage)
    check_restart(
        tmp_path, stage, reached=lambda effect: effect in {"tape.append", "ledger.intend"}
    )


def test_deaths_in_many_cycles_running_leave_one_line_each(tmp_path: Path) -> None:
    stage = Stage(SOL)
    for _ in range(4):
        bot = a_bot(tmp_path, stage)
        cycle(bot)
        interpose(bot, "states", "save", before=raising(Killed()))
        at = bot.timetable.after(bot.last.state.at)
        assert at is not None
        with pytest.raises(Killed):
            turn(bot, at)
        dies(bot)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
    lines = audited(tmp_path)
    assert [line["cycle"] for line in lines] == list(range(1, 10))
    assert [line["outcome"] for line in lines][:-1] == ["NO_TRADE", "FAILED"] * 4
    assert verified(tmp_path).why is None
    assert replayed(tmp_path)["differences"] == 0


def test_a_real_process_that_is_killed_goes_on_and_proves_itself(tmp_path: Path) -> None:
    folders = ["--state-dir", str(tmp_path / "var"), "--log-dir", str(tmp_path / "logs")]
    command = [sys.executable, "-m", "runner.main_loop", "--fast", *folders]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if " #12 " in line:
                process.send_signal(signal.SIGKILL)
                break
        process.wait(timeout=20)
    again = subprocess.run(
        [*command, "--max-cycles", "5", "--quiet"], cwd=ROOT, timeout=30, check=False
    )
    assert again.returncode == 0
    numbers = [line["cycle"] for line in audited(tmp_path)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 17
    assert verified(tmp_path).why is None
    assert replayed(tmp_path)["differences"] == 0
