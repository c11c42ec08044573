"""The audit log: no line lost, none doubled, none believed that was not written."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import FatalError
from infra.audit_log import AuditFile, DamagedLog, LogInUse, newest_first
from infra.codec import NotRepresentable
from infra.crash_points import CrashPoint, hooked
from infra.disk import fsyncs
from infra.log_folder import log_of
from runner.verify import verify
from tests.builders.records import GENESIS, Record, a_failed_record, a_record, chained, lines_of
from tests.infra.test_disk import Died, a_full_disk, dying_at

KEEP = timedelta(days=400)
NIGHT = datetime(2025, 3, 1, 23, 45, tzinfo=UTC)
DAY = timedelta(days=1)


def a_log(folder: Path, *, keep: timedelta = KEEP, folder_id: str = "folder-a") -> AuditFile:
    return AuditFile.open(folder, keep=keep, folder_id=folder_id)


def written(
    folder: Path, *records: Record, keep: timedelta = KEEP, owner: str = "folder-a"
) -> None:
    log = a_log(folder, keep=keep, folder_id=owner)
    for record in records:
        log.append(record)
    log.close()


def days(first: int, count: int) -> list[Record]:
    """One record a day, with consecutive cycles."""
    return [a_record(first + n, at=NIGHT + DAY * (first + n - 1)) for n in range(count)]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit*.jsonl*"))


def cycles(folder: Path) -> list[int]:
    return [record["cycle"] for record in newest_first(folder)]


def cycles_in(data: bytes) -> list[int]:
    return [json.loads(line)["cycle"] for line in data.splitlines()]


def current(folder: Path) -> Path:
    return folder / "audit.jsonl"


# --- a folder that is taken away -------------------------------------------------


@pytest.mark.parametrize("taken", ["deleted", "moved", "its file alone"])
def test_a_log_that_is_taken_away_while_it_is_written_goes_on_in_a_new_file(
    tmp_path: Path, taken: str
) -> None:
    folder, other = tmp_path / "log", tmp_path / "elsewhere"
    first, *more = days(1, 4)
    log = a_log(folder)
    log.append(first)
    head = log.head
    match taken:
        case "deleted":
            shutil.rmtree(folder)
        case "moved":
            folder.rename(other)
        case _:
            current(folder).unlink()

    for record in more:  # over the next nights, so that it rotates too
        log.append(record)
    log.close()

    assert cycles(folder) == [4, 3, 2]
    assert next(reversed(list(newest_first(folder))))["prev"] == head
    assert verify(files(folder)).ok
    written(folder, a_record(5, at=NIGHT + 4 * DAY))
    assert cycles(folder) == [5, 4, 3, 2]


# --- lines ----------------------------------------------------------------------


def test_lines_are_what_the_standard_library_would_have_chained(tmp_path: Path) -> None:
    written(tmp_path, a_record(1), a_failed_record(2))

    assert current(tmp_path).read_bytes() == lines_of(chained([a_record(1), a_failed_record(2)]))


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path, a_record(1))
    written(tmp_path, a_record(2))

    assert current(tmp_path).read_bytes() == lines_of(chained([a_record(1), a_record(2)]))
    assert verify(files(tmp_path)).ok


def test_a_record_carries_its_links_when_it_is_written(tmp_path: Path) -> None:
    record = a_record(1)
    written(tmp_path, record)

    assert record == chained([a_record(1)])[0]
    assert record["prev"] == GENESIS


def test_a_line_costs_one_fsync(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    before = fsyncs()

    log.append(a_record(1))
    log.append(a_record(2))

    assert fsyncs() - before == 2


@pytest.mark.parametrize("name", sorted(a_record()))
def test_a_record_that_lacks_a_member_is_not_written(tmp_path: Path, name: str) -> None:
    log = a_log(tmp_path)
    record = a_record(1)
    del record[name]

    with pytest.raises(FatalError) as caught:
        log.append(record)

    assert caught.value.code == "BROKEN_RULE"
    assert name in str(caught.value)
    assert current(tmp_path).read_bytes() == b""


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 0.12345, "\udc80"], ids=range(4))
def test_a_record_that_json_cannot_say_is_not_written(tmp_path: Path, odd: object) -> None:
    log = a_log(tmp_path)

    with pytest.raises(NotRepresentable):
        log.append({**a_record(1), "rss_mb": odd})
    log.append(a_record(1))

    assert verify(files(tmp_path)).ok


def test_a_full_disk_leaves_no_half_line_and_the_next_one_follows(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    log.append(a_record(1))
    with dying_at(CrashPoint.APPENDED, a_full_disk()), pytest.raises(OSError, match="No space"):
        log.append(a_record(2))
    log.append(a_failed_record(3, "DISK_FULL"))

    assert cycles(tmp_path) == [3, 1]
    assert verify(files(tmp_path)).ok


SMALL_DISK = """
import resource, signal, sys
from datetime import timedelta
from pathlib import Path
from infra.audit_log import AuditFile
from tests.builders.records import a_record
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = AuditFile.open(Path(sys.argv[1]), keep=timedelta(days=9), folder_id="folder-a")
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
cycle = 0
try:
    while True:
        cycle += 1
        log.append(a_record(cycle))
except OSError:
    print(cycle)
"""


def test_a_file_that_may_grow_no_further_ends_with_a_whole_line(tmp_path: Path) -> None:
    """The real thing: the kernel writes a part of the line and refuses the rest."""
    run = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    refused = int(run.stdout)
    assert refused > 1
    assert cycles(tmp_path) == list(range(refused - 1, 0, -1))
    assert verify(files(tmp_path)).ok


# --- days -----------------------------------------------------------------------


def test_the_day_ends_at_midnight_of_the_markets_clock(tmp_path: Path) -> None:
    midnight = datetime(2025, 3, 2, tzinfo=UTC)
    written(
        tmp_path,
        a_record(1, at=midnight - timedelta(seconds=1)),
        a_record(2, at=midnight),
        a_record(3, at=midnight + timedelta(seconds=1)),
    )

    archive = tmp_path / "audit-2025-03-01.jsonl.gz"
    assert cycles_in(gzip.decompress(archive.read_bytes())) == [1]
    assert cycles_in(current(tmp_path).read_bytes()) == [2, 3]
    assert verify(files(tmp_path)).ok


def test_a_day_ends_over_a_restart_too(tmp_path: Path) -> None:
    for record in days(1, 3):
        written(tmp_path, record)

    assert [path.name for path in files(tmp_path)] == [
        "audit-2025-03-01.jsonl.gz",
        "audit-2025-03-02.jsonl.gz",
        "audit.jsonl",
    ]
    assert verify(files(tmp_path)).ok
    assert cycles(tmp_path) == [3, 2, 1]


def test_an_archive_is_kept_for_its_days_and_no_longer(tmp_path: Path) -> None:
    written(tmp_path, *days(1, 4), keep=timedelta(days=2))

    # On 4 March: the 2nd is two days old and stays, the 1st is beyond.
    assert [path.name for path in files(tmp_path)] == [
        "audit-2025-03-02.jsonl.gz",
        "audit-2025-03-03.jsonl.gz",
        "audit.jsonl",
    ]
    assert verify(files(tmp_path)).ok


def test_a_clock_that_goes_back_writes_into_the_file_of_now(tmp_path: Path) -> None:
    """Even just after a rotation, and then through the next one."""
    log = a_log(tmp_path)
    for record in days(1, 2):
        log.append(record)
    log.append(a_failed_record(3, "CLOCK_WENT_BACK", at=NIGHT))
    log.close()
    written(tmp_path, a_record(4, at=NIGHT + DAY * 2))

    assert cycles(tmp_path) == [4, 3, 2, 1]
    assert [path.name for path in files(tmp_path)] == [
        "audit-2025-03-01.jsonl.gz",
        "audit-2025-03-02.jsonl.gz",
        "audit.jsonl",
    ]
    assert verify(files(tmp_path)).ok


def test_a_clock_that_went_back_does_not_end_its_day_twice(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    for record in days(1, 2):
        log.append(record)
    log.append(a_failed_record(3, "CLOCK_WENT_BACK", at=NIGHT))
    log.append(a_record(4, at=NIGHT + DAY))

    assert cycles_in(current(tmp_path).read_bytes()) == [2, 3, 4]


def test_an_archive_that_is_there_already_keeps_its_lines(tmp_path: Path) -> None:
    """The file was emptied after a rotation, and the clock went back before the next line."""
    written(tmp_path, *days(1, 2))
    current(tmp_path).unlink()
    written(tmp_path, a_record(2, at=NIGHT), a_record(3, at=NIGHT + DAY))

    archive = tmp_path / "audit-2025-03-01.jsonl.gz"
    assert cycles_in(gzip.decompress(archive.read_bytes())) == [1, 2]
    assert verify(files(tmp_path)).ok


CRASHES = [
    CrashPoint.ARCHIVE_WRITTEN,
    CrashPoint.ARCHIVED,
    CrashPoint.APPEND_BEGUN,
    CrashPoint.APPENDED,
]


@pytest.mark.parametrize("point", CRASHES, ids=[point.name for point in CRASHES])
def test_a_crash_in_a_rotation_loses_and_doubles_nothing(tmp_path: Path, point: CrashPoint) -> None:
    log = a_log(tmp_path)
    first, second, third = days(1, 3)
    log.append(first)
    with dying_at(point, Died()), pytest.raises(Died):
        log.append(second)
    log.close()

    reopened = a_log(tmp_path)
    if reopened.highest_cycle == 1:
        reopened.append(second)
    reopened.append(third)
    reopened.close()

    assert cycles(tmp_path) == [3, 2, 1]
    assert verify(files(tmp_path)).ok
    assert not list(tmp_path.glob("*.tmp"))


def test_a_full_disk_in_a_rotation_keeps_the_lines_and_the_next_try_works(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    first, second = days(1, 2)
    log.append(first)
    with dying_at(CrashPoint.ARCHIVE_WRITTEN, a_full_disk()), pytest.raises(OSError, match="space"):
        log.append(second)
    log.append(second)

    assert cycles(tmp_path) == [2, 1]
    assert verify(files(tmp_path)).ok


def test_half_an_archive_is_never_taken_for_one(tmp_path: Path) -> None:
    written(tmp_path, a_record(1, at=NIGHT))
    (tmp_path / "audit-2025-03-01.jsonl.gz.tmp").write_bytes(b"\x1f\x8b half")

    written(tmp_path, a_record(2, at=NIGHT + DAY))

    assert verify(files(tmp_path)).lines == 2


# --- the end of the chain, torn ends, damage -------------------------------------


def test_the_highest_cycle_is_found_again(tmp_path: Path) -> None:
    assert a_log(tmp_path / "new").highest_cycle == 0

    written(tmp_path, *days(1, 3))
    assert a_log(tmp_path).highest_cycle == 3


def test_the_chain_is_found_in_the_archive_where_the_current_file_is_empty(tmp_path: Path) -> None:
    written(tmp_path, *days(1, 2))
    current(tmp_path).write_bytes(b"")
    log = a_log(tmp_path)

    assert log.highest_cycle == 1
    log.append(days(2, 1)[0])
    assert verify(files(tmp_path)).ok


@pytest.mark.parametrize("cut", [1, 2, 700, -1, -10])
def test_a_torn_end_is_set_aside_and_the_chain_goes_on(tmp_path: Path, cut: int) -> None:
    written(tmp_path, a_record(1), a_record(2))
    first, second = current(tmp_path).read_bytes().splitlines(keepends=True)
    current(tmp_path).write_bytes(first + second[:cut])

    assert cycles(tmp_path) == [1]
    log = a_log(tmp_path)
    log.append(a_failed_record(2))

    assert (tmp_path / "audit.jsonl.torn").read_bytes() == second[:cut] + b"\n"
    assert verify([current(tmp_path)]).lines == 2


def test_every_torn_end_is_kept(tmp_path: Path) -> None:
    a_log(tmp_path).close()
    for torn in (b"one", b"two"):
        current(tmp_path).write_bytes(torn)
        a_log(tmp_path).close()

    assert (tmp_path / "audit.jsonl.torn").read_bytes() == b"one\ntwo\n"
    assert current(tmp_path).read_bytes() == b""


def test_damage_before_the_last_line_is_refused_with_its_line(tmp_path: Path) -> None:
    written(tmp_path, a_record(1), a_record(2), a_record(3))
    data = current(tmp_path).read_bytes()
    lines = data.splitlines(keepends=True)
    places = (10, len(lines[0]) + 10, len(data) - 10)

    for number, position in enumerate(places, start=1):
        current(tmp_path).write_bytes(data[:position] + b"X" + data[position + 1 :])
        with pytest.raises(DamagedLog, match=rf"audit\.jsonl:{number}: is not what was written"):
            a_log(tmp_path)
    current(tmp_path).write_bytes(lines[0] + lines[2])
    with pytest.raises(DamagedLog, match=r":2: does not follow the line before"):
        a_log(tmp_path)
    current(tmp_path).write_bytes(data)
    assert a_log(tmp_path).highest_cycle == 3


def test_a_damaged_log_gives_its_lock_back(tmp_path: Path) -> None:
    written(tmp_path, a_record(1))
    sound = current(tmp_path).read_bytes()
    current(tmp_path).write_bytes(b"{}\n")
    with pytest.raises(DamagedLog):
        a_log(tmp_path)
    current(tmp_path).write_bytes(sound)

    assert a_log(tmp_path).highest_cycle == 1


# --- reading ---------------------------------------------------------------------


def test_lines_longer_than_a_block_are_read_backwards_whole(tmp_path: Path) -> None:
    """Blocks end within lines, at their ends, and lines span several blocks."""
    for size in (1000, 65_536, 200_000):
        folder = tmp_path / str(size)
        records = [
            a_record(cycle, version="v" * (size + cycle * 7_919 % 97)) for cycle in range(1, 8)
        ]
        written(folder, *records)

        assert list(newest_first(folder)) == list(reversed(records))


def test_a_reader_of_nothing_gets_nothing(tmp_path: Path) -> None:
    assert cycles(tmp_path) == []


def test_a_line_archived_while_it_is_read_is_told_once(tmp_path: Path) -> None:
    written(tmp_path, *days(1, 2))
    reader = newest_first(tmp_path)
    assert next(reader)["cycle"] == 2

    written(tmp_path, *days(3, 1))

    assert [record["cycle"] for record in reader] == [1]


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    written(tmp_path, *days(1, 2))
    archive = tmp_path / "audit-2025-03-01.jsonl.gz"
    archive.write_bytes(archive.read_bytes()[:-9])

    with pytest.raises(DamagedLog, match="audit-2025-03-01"):
        cycles(tmp_path)


# --- whose log it is --------------------------------------------------------------


def test_a_log_that_is_in_use_is_refused(tmp_path: Path) -> None:
    first = a_log(tmp_path)

    with pytest.raises(LogInUse, match="another bot writes this log"):
        a_log(tmp_path, folder_id="folder-b")
    first.close()

    a_log(tmp_path, folder_id="folder-b")


def test_another_state_folder_sets_the_files_aside_and_begins_its_own_chain(tmp_path: Path) -> None:
    written(tmp_path, *days(1, 2), owner="folder-a")
    written(tmp_path, a_record(1), owner="folder-b")

    assert [path.name for path in files(tmp_path / "folder-a")] == [
        "audit-2025-03-01.jsonl.gz",
        "audit.jsonl",
    ]
    assert verify(files(tmp_path / "folder-a")).lines == 2
    assert current(tmp_path).read_bytes() == lines_of(chained([a_record(1)]))


def test_a_state_folder_that_comes_back_goes_on_with_its_own_chain(tmp_path: Path) -> None:
    written(tmp_path, *days(1, 2), owner="folder-a")
    written(tmp_path, a_record(1), owner="folder-b")
    written(tmp_path, *days(3, 1), owner="folder-a")

    assert cycles(tmp_path) == [3, 2, 1]
    assert verify(files(tmp_path)).ok
    assert not (tmp_path / "folder-a").exists()
    assert cycles(tmp_path / "folder-b") == [1]


def test_a_reader_finds_the_log_of_a_state_folder_wherever_it_lies(tmp_path: Path) -> None:
    written(tmp_path, a_record(1), owner="folder-a")
    assert log_of(tmp_path, "folder-a") == tmp_path

    written(tmp_path, a_record(1), owner="folder-b")
    assert log_of(tmp_path, "folder-a") == tmp_path / "folder-a"
    assert log_of(tmp_path, "folder-b") == tmp_path


def test_what_happened_inside_a_bot_moves_with_its_log(tmp_path: Path) -> None:
    for owner in ("folder-a", "folder-b", "folder-a"):
        a_log(tmp_path, folder_id=owner).close()
        with (tmp_path / "bot.log").open("a") as log:
            log.write(f"{owner}\n")

    assert (tmp_path / "bot.log").read_text() == "folder-a\nfolder-a\n"
    assert (tmp_path / "folder-b" / "bot.log").read_text() == "folder-b\n"


@pytest.mark.parametrize("next_owner", ["folder-a", "folder-b", "folder-c"])
@pytest.mark.parametrize("moves", [1, 2, 3, 4])
def test_a_crash_between_two_moves_mixes_no_logs(
    tmp_path: Path, moves: int, next_owner: str
) -> None:
    written(tmp_path, *days(1, 2), owner="folder-b")
    written(tmp_path, *days(1, 2), owner="folder-a")
    left = iter(range(1, moves))

    def die_at_last(point: CrashPoint) -> None:
        if point is CrashPoint.LOG_MOVING and next(left, None) is None:
            raise Died

    with hooked(die_at_last), pytest.raises(Died):
        a_log(tmp_path, folder_id="folder-b")
    a_log(tmp_path, folder_id=next_owner).close()

    for owner in ("folder-a", "folder-b"):
        folder = log_of(tmp_path, owner)
        assert cycles(folder) == [2, 1], owner
        assert verify(files(folder)).ok


def test_files_that_nobody_signed_are_set_aside_and_never_mixed(tmp_path: Path) -> None:
    for _ in range(2):
        written(tmp_path, a_record(1))
        (tmp_path / "folder_id").unlink()
    written(tmp_path, a_record(5))

    assert cycles(tmp_path) == [5]
    assert cycles(tmp_path / "unowned-1") == [1]
    assert cycles(tmp_path / "unowned-2") == [1]


@pytest.mark.parametrize("name", ["../../elsewhere", "", "a/b", "x" * 65])
def test_an_odd_owner_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "logs" / "dry_run"
    written(folder, a_record(1))
    (folder / "folder_id").write_text(name)

    written(folder, a_record(2))

    assert cycles(folder / "unowned-1") == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_nothing_is_overwritten_when_files_come_back(tmp_path: Path) -> None:
    written(tmp_path, a_record(1))
    (tmp_path / "folder-a").mkdir()
    (tmp_path / "folder-a" / "audit.jsonl").write_bytes(b"another\n")

    with pytest.raises(FatalError, match="is there already"):
        a_log(tmp_path)

    assert cycles(tmp_path) == [1]


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file, where a folder should be")

    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        a_log(tmp_path / "logs" / "dry_run")
