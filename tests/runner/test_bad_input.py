"""What is wrong from outside is told with its place and exit code, and nothing is traded on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.exit_codes import ExitCode
from tests.builders.recordings import Row, rows, write_candles
from tests.builders.shipped import a_config_folder
from tests.builders.terminal import Answer, on_record, the_bot

A_KEY = "organizations/11111111-2222-3333-4444-555555555555/apiKeys/66666666"


def refused(folder: Path, answer: Answer, code: ExitCode, *said: str) -> None:
    """The answer is a refusal in one line, and no cycle came of it."""
    assert answer.code == code
    assert [part for part in said if part not in answer.told] == []
    assert answer.out == ""
    assert on_record(folder) == []


# Configuration


def _appended(file: str, text: str) -> Callable[[Path], object]:
    return lambda config: (config / file).open("a", encoding="utf-8").write(text)


def _without(file: str) -> Callable[[Path], object]:
    return lambda config: (config / file).unlink()


def _changed(file: str, old: str, new: str) -> Callable[[Path], object]:
    def change(config: Path) -> None:
        text = (config / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (config / file).write_text(text.replace(old, new), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("damage", "file", "line", "said"),
    [
        (_appended("policy.yaml", "x: [1,\n"), "policy.yaml", None, "this is not YAML"),
        (_without("universe.yaml"), "universe.yaml", None, "copy the shipped config/universe.yaml"),
        (_appended("app.yaml", "#" * 300_000), "app.yaml", None, "larger than 256 KB"),
        (_appended("app.yaml", f"d: {'[' * 99}\n"), "app.yaml", "d: [", "nested more than 12 deep"),
        (_appended("app.yaml", f"d: [{'1,' * 20_000}]\n"), "app.yaml", "d: [", "than 10000 values"),
        (
            _changed("policy.yaml", "position_max: 8%", "position_max: 8"),
            "policy.yaml",
            "position_max: 8",
            "risk.position_max: 8 has no unit; write 8%",
        ),
        (
            _changed("policy.yaml", "trades_per_day_max: 24", "trades_per_day_max: 5"),
            "policy.yaml",
            "trades_per_day_max: 5",
            "is below risk.trades_per_hour_max: 6",
        ),
        (
            _changed("strategies.yaml", "rules:\n    enabled: true", "rules:\n    enabled: false"),
            "strategies.yaml",
            "strategies:",
            "no strategy is enabled",
        ),
    ],
    ids=["malformed", "missing", "oversized", "deep", "wide", "no unit", "contradictory", "off"],
)
def test_a_configuration_that_cannot_be_used_names_its_place(
    tmp_path: Path, damage: Callable[[Path], object], file: str, line: str | None, said: str
) -> None:
    config = a_config_folder(tmp_path)
    damage(config)

    answer = the_bot(tmp_path, "--config", config)

    place = f"{config / file}:{_line_of(config / file, line)}" if line else f"{config / file}:"
    refused(tmp_path, answer, ExitCode.USAGE, place, said)


def _line_of(path: Path, beginning: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    (found,) = [at for at, text in enumerate(lines, 1) if text.strip().startswith(beginning)]
    return found


def test_a_market_that_would_begin_outside_the_calendar_is_refused(tmp_path: Path) -> None:
    config = a_config_folder(tmp_path, ("app.yaml", "start: 2025-01-01", "start: 9999-12-31"))

    answer = the_bot(tmp_path, "--config", config)

    refused(tmp_path, answer, ExitCode.USAGE, "market.start: 9999-12-31", "between 2000 and 2100")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "aliases (*name) are refused"),
        ('a: !!python/object/apply:os.mkdir ["{trap}"]\n', "tags (!name) are refused"),
    ],
    ids=["bomb", "tag"],
)
def test_yaml_that_would_grow_or_act_is_refused_and_does_neither(
    tmp_path: Path, text: str, said: str
) -> None:
    config, trap = a_config_folder(tmp_path), tmp_path / "trap"
    _appended("app.yaml", text.replace("{trap}", str(trap)))(config)

    answer = the_bot(tmp_path, "--config", config)

    assert answer.code == ExitCode.USAGE
    assert said in answer.err
    assert all(line.startswith(f"{config}/app.yaml:") for line in answer.err.splitlines())
    assert not trap.exists()
    assert on_record(tmp_path) == []


def test_a_secret_in_a_file_is_refused_and_never_printed(tmp_path: Path) -> None:
    config = a_config_folder(tmp_path, ("app.yaml", "name: 247trader ", f"name: {A_KEY} "))

    answer = the_bot(tmp_path, "--config", config)

    refused(tmp_path, answer, ExitCode.USAGE, "app.yaml:", "looks like a secret")
    assert A_KEY not in answer.err
    assert "6666" not in answer.err


# Recordings


def _one(at: int, column: int, value: str) -> Callable[[list[Row]], list[Row]]:
    """The rows with one field of one row replaced."""

    def change(candles: list[Row]) -> list[Row]:
        row = list(candles[at])
        row[column] = value
        return [*candles[:at], row, *candles[at + 1 :]]

    return change


@pytest.mark.parametrize(
    ("damage", "line", "said"),
    [
        (lambda c: [*c[:50], c[49], *c[50:]], 52, "the same ts twice"),
        (lambda c: [*c[:50], c[51], c[50], *c[52:]], 53, "sort the file"),
        (_one(10, 2, "dear"), 12, "high is no number: 'dear'"),
        (_one(10, 3, "0"), 12, "a price is zero or negative"),
        (_one(10, 3, "-1"), 12, "a price is zero or negative"),
        (_one(10, 2, "90"), 12, "high is below low"),
        (_one(10, 2, "nan"), 12, "not a finite number"),
        (lambda _: [], 1, "a header and no candles"),
    ],
    ids=["twice", "unordered", "text", "zero", "negative", "high", "nan", "no rows"],
)
def test_a_candle_that_cannot_be_is_refused_with_its_line(
    tmp_path: Path, damage: Callable[[list[Row]], list[Row]], line: int, said: str
) -> None:
    path = write_candles(tmp_path, "BTC-USD_15m_x.csv", damage(rows(420)))

    answer = the_bot(tmp_path, "--exchange", "recorded", "--recording", tmp_path)

    refused(tmp_path, answer, ExitCode.USAGE, f"{path}:{line}:", said)


def test_an_empty_candle_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTC-USD_15m_x.csv"
    path.touch()

    answer = the_bot(tmp_path, "--exchange", "recorded", "--recording", tmp_path)

    refused(tmp_path, answer, ExitCode.USAGE, f"{path}:1:", "the header is ts,open")


def test_a_folder_without_candles_of_the_bar_says_which_bars_there_are(tmp_path: Path) -> None:
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(420))

    answer = the_bot(tmp_path, "--exchange", "recorded", "--recording", tmp_path, "--bar", "1h")

    refused(tmp_path, answer, ExitCode.USAGE, str(tmp_path), "no candles of 1h", "there: 15m")


def test_a_recording_shorter_than_the_warm_up_is_refused(tmp_path: Path) -> None:
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(40))

    answer = the_bot(tmp_path, "--exchange", "recorded", "--recording", tmp_path)

    refused(tmp_path, answer, ExitCode.USAGE, "40 bars", "record more")


@pytest.mark.parametrize("start", ["2025-03-01T00:00:00Z", "2025-03-05T09:00:01Z"])
def test_a_start_outside_the_recording_is_refused(tmp_path: Path, start: str) -> None:
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(420))
    recorded = ("--exchange", "recorded", "--recording", tmp_path)

    answer = the_bot(tmp_path, *recorded, "--start", start)

    refused(tmp_path, answer, ExitCode.USAGE, "--start", "ends 2025-03-05T09:00:00Z")


def test_gaps_in_a_recording_are_played_over(tmp_path: Path) -> None:
    candles = rows(420)
    write_candles(tmp_path, "BTC-USD_15m_x.csv", [*candles[:50], *candles[60:380], *candles[390:]])

    answer = the_bot(tmp_path, "--exchange", "recorded", "--recording", tmp_path, cycles=99)

    assert (answer.code, answer.err) == (0, "")
    assert {record["outcome"] for record in on_record(tmp_path)} == {"NO_TRADE"}
