"""The table of occurrences leaves no reason without a number or an explanation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from core.reasons import Reason
from tests import occurrences
from tests.builders.glance import a_shown_proposal, a_shown_record, a_shown_verdict
from tests.builders.recordings import rows, write_candles
from tests.builders.wired import recordings
from tests.occurrences import CANNOT, DID_NOT, EXPECTED, Occurrences, disproved, never, play
from tests.provocations import PROVOCATIONS, Provocation


@pytest.fixture
def quiet_candles(tmp_path: Path) -> Path:
    """Two products that nobody trades, for as long as a first decision looks back and a bit."""
    folder = tmp_path / "candles"
    folder.mkdir()
    for symbol in ("BTC-USD", "ETH-USD"):
        write_candles(folder, f"{symbol}_15m_2025.csv", rows(400))
    return folder


def test_every_reason_is_expected_or_says_why_it_does_not_occur() -> None:
    """A new reason belongs into EXPECTED, CANNOT or DID_NOT of tests/occurrences.py."""
    spoken_for = Counter([*EXPECTED, *CANNOT, *DID_NOT])

    assert [reason.name for reason in Reason if not spoken_for[reason]] == []
    assert [reason.name for reason, times in spoken_for.items() if times > 1] == []


def test_every_explanation_is_a_sentence() -> None:
    sentences = [*CANNOT.values(), *DID_NOT.values()]

    assert [why for why in sentences if not (why[0].isupper() and why.endswith("."))] == []


def test_a_code_counts_wherever_it_stands() -> None:
    counted = Occurrences()

    counted.add(a_shown_record())  # two verdicts and the why say NO_TRIGGER
    counted.add(a_shown_record(why=None, verdicts={"A-USD": a_shown_verdict("COOLDOWN")}))

    assert (counted.verdicts["NO_TRIGGER"], counted.whys["NO_TRIGGER"]) == (2, 1)
    assert counted.total(Reason.NO_TRIGGER) == 3
    assert (counted.verdicts["COOLDOWN"], counted.exclusions["STABLE_PAIR"]) == (2, 2)
    assert counted.cycles == 2


def test_what_never_occurred_comes_with_its_sentence_if_it_has_one() -> None:
    counted = Occurrences()
    counted.add(a_shown_record())

    zero = dict(never(counted))

    assert zero[Reason.RED_FLAG] == CANNOT[Reason.RED_FLAG]
    assert zero[Reason.APPROVED] is None
    assert Reason.NO_TRIGGER not in zero


def test_a_code_that_occurs_disproves_its_sentence() -> None:
    counted = Occurrences()
    counted.add(a_shown_record())

    assert disproved(counted) == [Reason.STABLE_PAIR]


def test_a_recording_is_played_through_the_real_bot(quiet_candles: Path) -> None:
    counted = play(quiet_candles, [], cycles=3)

    assert (counted.cycles, counted.unrecorded) == (3, 0)
    assert counted.exclusions == {"VOLUME_TOO_LOW": 6}
    assert counted.whys == {"NOTHING_ELIGIBLE": 3}


def test_the_table_names_every_reason_and_what_disproves_it(
    quiet_candles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert occurrences.main(["--recording", str(quiet_candles), "--every", "4"]) == 0

    out = capsys.readouterr().out
    assert [reason.name for reason in Reason if f" {reason.name} " not in out] == []
    assert "IT OCCURRED, though: " in out  # this recording has nothing eligible
    assert f"2 of {len(Reason)} occurred, " in out


def test_real_candles_disprove_no_sentence() -> None:
    """A sample of them: one cycle a day, for forty days."""
    folder = recordings(occurrences.RECORDING)
    if folder is None:
        pytest.skip("TRADER_RECORDINGS names no folder of real recordings")

    counted = play(folder, ["--interval", "96x"], cycles=40)

    assert counted.cycles == 40
    assert disproved(counted) == []


@pytest.mark.parametrize("what", PROVOCATIONS, ids=lambda what: what.name)
def test_what_the_shipped_policy_cannot_bring_occurs_under_one_that_can(
    what: Provocation,
) -> None:
    folder = recordings(occurrences.RECORDING)
    if folder is None:
        pytest.skip("TRADER_RECORDINGS names no folder of real recordings")

    counted = occurrences.provoke(folder, what)

    assert [code.name for code in what.codes if not counted.total(code)] == []


def test_what_only_the_shipped_policy_keeps_away_is_provoked() -> None:
    """A sentence that blames the policy alone is no excuse."""
    provoked = {code for what in PROVOCATIONS for code in what.codes}
    blamed = {code for code, why in CANNOT.items() if why.startswith(occurrences.POLICY)}

    assert sorted(code.name for code in (blamed | set(DID_NOT)) - provoked) == []
    assert sorted(code.name for code in provoked & EXPECTED) == []


def test_rules_triggers_and_regimes_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    counted = Occurrences()
    counted.add(a_shown_record(proposals=[a_shown_proposal("A-USD", 0.5)], plan=[]))

    occurrences.show_rules(counted)

    out = capsys.readouterr().out
    assert "rule momentum: 1 proposals, 0 orders" in out
    assert "rule reversal: 0 proposals, 0 orders" in out
    assert "regime chop: 1 cycles" in out
