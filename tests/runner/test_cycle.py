"""One turn: what is durable before what, and what ends up on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import FatalError, RetryableError, UnknownOutcomeError
from infra.tape import last_frame
from runner.bot import Bot
from runner.cycle import failure
from tests.builders.bot import a_bot, cycle, cycles, interpose, the_places
from tests.builders.stage import Stage, decision_time

SOL = "SOL-USD"
EFFECTS = (
    ("disk", "check"),
    ("controls", "read"),
    ("ledger", "open_books"),
    ("tape", "append"),
    ("ledger", "intend"),
    ("venue", "submit"),
    ("states", "save"),
    ("audit", "append"),
    ("controls", "consume_resume"),
)


def noting(bot: Bot) -> list[str]:
    """The effects of the cycles to come, in the order in which they are done."""
    done: list[str] = []
    for port, method in EFFECTS:
        interpose(bot, port, method, after=lambda name=f"{port}.{method}": done.append(name))  # type: ignore[misc]
    return done


def test_everything_that_must_not_be_lost_is_durable_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=1)
    with a_bot(tmp_path, stage) as bot:
        done = noting(bot)
        (the_places(tmp_path).state_dir / "RESUME").write_text("for the order of things")
        cycle(bot)
    assert done == [f"{port}.{method}" for port, method in EFFECTS]


def test_the_frame_holds_what_the_line_says(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        *_, record = cycles(bot, 3)
    frame = last_frame(the_places(tmp_path).tape)
    assert frame is not None
    assert (frame.cycle, frame.at) == (3, decision_time(3))
    assert (frame.decision, frame.inputs) == (record["decision"], record["inputs"])
    assert frame.config == record["config"]


def test_a_record_names_who_when_and_at_what_cost(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        record = cycle(bot)
        identity = bot.world.identity
    assert record["cycle_id"] == "247trader-20250302T120000Z-1"
    assert (record["mode"], record["exchange"]) == ("DRY_RUN", "embedded")
    assert (record["run_id"], record["config"]) == (identity.run_id, identity.config)
    assert set(record["timing_ms"]) == {
        *("gather", "reconcile", "decide", "commit", "carry_out", "record", "total"),
    }
    assert record["requests"] == 7  # time, products, tops, depths, fees, and two candles
    assert record["rss_mb"] > 0


def test_each_process_has_its_own_name_and_the_folder_keeps_its_birth(tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        with a_bot(tmp_path, Stage(SOL)) as bot:
            record = cycle(bot)
            names.append((record["run_id"], record["cycle_id"]))
    assert names[0][0] != names[1][0]
    assert [name for _, name in names] == [
        "247trader-20250302T120000Z-1",
        "247trader-20250302T120000Z-2",
    ]


def test_only_news_is_taped_after_the_first_frame(tmp_path: Path) -> None:
    (tape,) = [the_places(tmp_path).tape]
    sizes = []
    with a_bot(tmp_path, Stage(SOL)) as bot:
        for _ in range(3):
            cycle(bot)
            sizes.append(sum(path.stat().st_size for path in tape.glob("*.tape")))
    first, second, third = sizes[0], sizes[1] - sizes[0], sizes[2] - sizes[1]
    assert second < first / 2
    assert third < first / 2


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (RetryableError("no answer", code="TIMED_OUT"), "TIMED_OUT", "no answer"),
        (FatalError("odd", code="ODD", was="x"), "ODD", "odd (was=x)"),
        (UnknownOutcomeError("who knows"), "UNKNOWN_OUTCOME", "who knows"),
        (OSError(28, "no room"), "STATE_NOT_WRITTEN", "[Errno 28] no room"),
        (KeyError("price"), "BROKEN_RULE", "KeyError: 'price'"),
    ],
)
def test_every_error_has_a_code_and_a_sentence(error: Exception, code: str, text: str) -> None:
    assert failure(error) == {"code": code, "text": text}
