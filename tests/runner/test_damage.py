"""What lasts and is damaged, foreign or cannot be written is refused; a torn end is set aside.

Each test breaks the files of a bot that has run, and starts it again as a person would.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.disk import FreeSpace
from runner.bot import Bot
from runner.configured import configure
from runner.exit_codes import ExitCode
from runner.main_loop import options, turn
from runner.verify import canonical, digest_of
from runner.wiring import wire
from tests.builders.shipped import a_config_folder
from tests.builders.terminal import on_record, the_bot

CYCLES = 6  # of the bot that had run before something was damaged
STORE = Path("var/dry_run/embedded")
AUDIT = Path("logs/dry_run/audit.jsonl")
GENERATIONS = ("state.json", "state.prev.json")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State and logs of a bot that ran and stopped."""
    folder = tmp_path_factory.mktemp("ran")
    assert the_bot(folder, cycles=CYCLES).code == 0
    return folder


@pytest.fixture
def home(ran: Path, tmp_path: Path) -> Path:
    """A copy of it, to damage."""
    for name in ("var", "logs"):
        shutil.copytree(ran / name, tmp_path / name)
    return tmp_path


def _cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def _swap(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _resigned(path: Path, **members: str) -> None:
    """The state file as another bot would have written it, checksum and all."""
    told = {**json.loads(path.read_bytes()), **members}
    del told["checksum"]
    path.write_bytes(canonical({**told, "checksum": digest_of(told)}) + b"\n")


def _noise(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"\xa5" * 8_000)


def _both_cut(home: Path) -> None:
    for name in GENERATIONS:
        _cut(home / STORE / name, 90)


def _both_changed(home: Path) -> None:
    for name in GENERATIONS:
        _swap(home / STORE / name, '"cycle":', '"cycle":1')


def _newer_schema(home: Path) -> None:
    _swap(home / STORE / "state.json", '"schema":1', '"schema":2')


def _ledger_damaged(home: Path) -> None:
    _noise(home / STORE / "ledger.sqlite")


def _ledger_emptied(home: Path) -> None:
    _cut(home / STORE / "ledger.sqlite", 0)


def _tape_overwritten(home: Path) -> None:
    for path in (home / STORE / "tape").iterdir():
        path.write_bytes(b"\xa5" * 1_000)


def _tape_emptied(home: Path) -> None:
    for path in (home / STORE / "tape").iterdir():
        path.unlink()


def _name_overwritten(home: Path) -> None:
    (home / STORE / "folder_id").write_bytes(b"a5" * 1_000)


def _name_emptied(home: Path) -> None:
    (home / STORE / "folder_id").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "file", "said"),
    [
        (_both_cut, "state.json", "--state-dir NEW"),
        (_both_changed, "state.json", "checksum"),
        (_newer_schema, "state.json", "run the version that wrote it"),
        (_ledger_damaged, "ledger.sqlite", "backup"),
        (_ledger_emptied, "ledger.sqlite", "backup"),
        (_tape_overwritten, "tape", "ends at cycle 0, and cycle 6 is on record as decided"),
        (_tape_emptied, "tape", "backup"),
        (_name_overwritten, "folder_id", "is damaged"),
        (_name_emptied, "folder_id", "is damaged"),
    ],
)
def test_what_lasts_is_refused_when_damaged(
    home: Path, damage: Callable[[Path], None], file: str, said: str
) -> None:
    for leftover in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (home / STORE / leftover).unlink(missing_ok=True)
    damage(home)

    answer = the_bot(home)

    assert answer.code == ExitCode.DAMAGED
    assert str(home / STORE / file) in answer.told
    assert said in answer.told
    assert len(on_record(home)) == CYCLES


@pytest.mark.parametrize("part", ["ledger.sqlite", "tape", "venue.sqlite"])
def test_a_part_that_is_gone_is_never_made_anew_in_silence(tmp_path: Path, part: str) -> None:
    assert the_bot(tmp_path, "--mode", "PAPER", cycles=2).code == 0
    gone = tmp_path / "var/paper/embedded" / part
    gone.rename(tmp_path / part)
    if gone.suffix:
        for log in gone.parent.glob(f"{part}-*"):
            log.unlink()

    answer = the_bot(tmp_path, "--mode", "PAPER", cycles=1)

    assert answer.code == ExitCode.DAMAGED
    stands = "ledger.sqlite" if part == "venue.sqlite" else "state.json"
    assert f"{gone}: is gone, and {stands} stands on it" in answer.told


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [*lines[:2], lines[2].replace(b'"outcome":"N', b'"outcome":"M'), *lines[3:]],
        lambda lines: [*lines[:2], lines[2][50:], *lines[3:]],
        lambda lines: [*lines[:2], *lines[3:]],
    ],
    ids=["changed", "cut", "taken out"],
)
def test_an_audit_log_damaged_in_the_middle_is_refused_with_its_line(
    home: Path, damage: Callable[[list[bytes]], list[bytes]]
) -> None:
    before = damage((home / AUDIT).read_bytes().splitlines(keepends=True))
    (home / AUDIT).write_bytes(b"".join(before))

    answer = the_bot(home)

    assert answer.code == ExitCode.DAMAGED
    assert f"{home / AUDIT}:3:" in answer.told
    assert (home / AUDIT).read_bytes() == b"".join(before)


def test_a_torn_last_line_of_the_audit_log_is_set_aside_and_the_bot_goes_on(home: Path) -> None:
    _cut(home / AUDIT, (home / AUDIT).stat().st_size - 20)

    answer = the_bot(home, cycles=2)

    assert answer.code == 0
    records = on_record(home)
    assert [record["cycle"] for record in records] == list(range(1, CYCLES + 3))
    assert records[CYCLES - 1]["why"]["code"] == "INTERRUPTED"
    assert list((home / AUDIT).parent.glob("*torn*"))


def test_a_state_cut_short_is_read_from_the_generation_before(home: Path) -> None:
    _cut(home / STORE / "state.json", 90)

    answer = the_bot(home, cycles=1)

    assert (answer.code, answer.err) == (0, "")
    assert on_record(home)[-1]["cycle"] == CYCLES + 1


@pytest.mark.parametrize(
    "other", [("--seed", 8), ("--bar", "5m"), ("--start", "2025-02-01")], ids=lambda flag: flag[0]
)
def test_the_state_of_another_market_is_refused_with_both_named(
    home: Path, other: tuple[object, ...]
) -> None:
    answer = the_bot(home, *other)

    assert answer.code == ExitCode.DAMAGED
    assert answer.told.count("exchange embedded") == 2
    assert "--state-dir NEW" in answer.told
    assert len(on_record(home)) == CYCLES


def test_the_state_of_another_mode_is_refused(home: Path) -> None:
    for name in GENERATIONS:
        _resigned(home / STORE / name, mode="PAPER")

    answer = the_bot(home)

    assert answer.code == ExitCode.DAMAGED
    assert "belongs to PAPER on embedded" in answer.told
    assert len(on_record(home)) == CYCLES


# The world outside


@pytest.mark.parametrize("in_the_way", ["var", "logs", "var/dry_run/embedded"])
def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path, in_the_way: str) -> None:
    path = tmp_path / in_the_way
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

    answer = the_bot(tmp_path)

    assert answer.code == ExitCode.DAMAGED
    assert str(path) in answer.told
    assert "written" in answer.told


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    """The embedded bot, wired as the command line wires it."""
    folders = ["--state-dir", str(tmp_path / "var"), "--log-dir", str(tmp_path / "logs")]
    given = options(["--fast", "--quiet", *folders])
    with wire(given, configure(given)) as wired:
        yield wired


def _next(bot: Bot) -> None:
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    bot.last = turn(bot, at)


def test_a_disk_that_fills_up_stops_trading_and_not_the_loop(bot: Bot, tmp_path: Path) -> None:
    roomy = bot.world
    full = replace(roomy, disk=FreeSpace((tmp_path,), 10**18))

    for world in (roomy, roomy, full, full, roomy):
        bot.world = world
        _next(bot)

    records = on_record(tmp_path)
    outcomes = [(record["why"] or {}).get("code") == "DISK_FULL" for record in records]
    assert outcomes == [False, False, True, True, False]
    assert [record["outcome"] for record in records[2:4]] == ["FAILED", "FAILED"]
    assert [record["orders"] + record["plan"] for record in records[2:4]] == [[], []]
    assert records[-1]["level"] == "NORMAL"


def test_a_reserve_larger_than_the_disk_lets_no_cycle_decide(tmp_path: Path) -> None:
    answer = the_bot(tmp_path, "--config", _greedy(tmp_path))

    assert answer.out == ""
    assert all(record["why"]["code"] == "DISK_FULL" for record in on_record(tmp_path))
    assert all(record["plan"] == [] for record in on_record(tmp_path))


def _greedy(folder: Path) -> Path:
    """A configuration that wants more room than any disk has."""
    return a_config_folder(folder, ("app.yaml", "disk_reserve: 200 MB", "disk_reserve: 900000 GB"))


def test_a_disk_that_is_full_at_the_start_is_refused(tmp_path: Path) -> None:
    answer = the_bot(tmp_path, "--config", _greedy(tmp_path))

    assert answer.code == ExitCode.DAMAGED
    assert "app.disk_reserve" in answer.told


def test_a_ledger_that_is_gone_while_the_state_is_there_is_refused(home: Path) -> None:
    for file in (home / STORE).glob("ledger.sqlite*"):
        file.unlink()

    answer = the_bot(home)

    assert answer.code == ExitCode.DAMAGED
    assert str(home / STORE / "ledger.sqlite") in answer.told


def test_a_second_bot_on_the_same_log_is_locked_out(bot: Bot, tmp_path: Path) -> None:
    _next(bot)

    answer = the_bot(tmp_path, "--state-dir", tmp_path / "other", noise=())

    assert answer.code == ExitCode.LOCKED
    assert "--log-dir NEW" in answer.told


def test_a_clock_that_jumps_back_decides_nothing_until_it_has_caught_up(
    bot: Bot, tmp_path: Path
) -> None:
    for _ in range(4):
        _next(bot)
    last = bot.last.state.at
    assert last is not None
    bar = bot.settings.market.bar

    for at in (last - 2 * bar, last - bar, last, last + bar):
        bot.last = turn(bot, at)

    why = [(record["outcome"], (record["why"] or {}).get("code")) for record in on_record(tmp_path)]
    assert why[4:7] == [("FAILED", "CLOCK_WENT_BACK")] * 3
    assert why[7][0] != "FAILED"


def test_a_second_bot_on_the_same_folder_is_refused_and_the_first_goes_on(
    bot: Bot, tmp_path: Path
) -> None:
    _next(bot)

    quiet = the_bot(tmp_path)
    loud = the_bot(tmp_path, "--exchange", "embedded", noise=())

    assert (quiet.code, quiet.err) == (ExitCode.LOCKED, "")
    assert loud.code == ExitCode.LOCKED
    assert str(tmp_path / "var" / "lock") in loud.told
    _next(bot)
    assert [record["cycle"] for record in on_record(tmp_path)] == [1, 2]


def test_a_damaged_state_never_lifts_a_halt_that_is_on_record(home: Path) -> None:
    kill = home / "var" / "KILL"
    kill.write_text("a person must look", encoding="utf-8")
    the_bot(home)
    state = home / STORE / "state.json"
    state.write_bytes(state.read_bytes()[:-40])
    kill.unlink()

    the_bot(home)

    assert [record["level"] for record in on_record(home)[-2:]] == ["HALTED", "HALTED"]
    assert on_record(home)[-1]["standing"]["text"] == "a person must look"
