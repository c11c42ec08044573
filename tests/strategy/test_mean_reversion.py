"""The mean reversion rule buys a stretch whose sellers are exhausted; it asks for the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.market import Panel, Side
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.triggers import TriggerKind
from strategy.rules.buying import Answer
from strategy.rules.mean_reversion import MeanReversionRule, propose
from tests.builders.market import a_panel, a_top
from tests.builders.proposals import a_context, a_mean_reversion_rule, a_ratio, a_trigger

KEY = "strategies.rules.parameters.mean_reversion"
OVERSOLD = a_trigger(TriggerKind.OVERSOLD, strength=1.4, confidence=0.6)
CALM = [100.0 + bar % 2 for bar in range(340)]
FALL = [99.0, 98.0, 97.0, 96.0, 95.0, 94.0, 93.0, 92.0, 91.0]
NAN = float("nan")


def fallen(
    last: float = 91.5, *, place: float = 0.8, volume: float = 900.0, before: Sequence[float] = FALL
) -> Panel:
    """A calm, a fall, and a last bar that closed at `last`, at `place` of its range of 1."""
    closes = [*CALM, *before, last]
    panel = a_panel(
        {"SOL-USD": closes}, volumes={"SOL-USD": [*[1000.0] * (len(closes) - 1), volume]}
    )
    high, low = panel.high.copy(), panel.low.copy()
    low[0, -1], high[0, -1] = last - place, last - place + 1.0
    return replace(panel, high=high, low=low)


def asked(
    panel: Panel | None = None, rule: MeanReversionRule | None = None, **more: object
) -> Answer:
    context = a_context(OVERSOLD, panel=panel or fallen(), **more)  # type: ignore[arg-type]
    return propose(OVERSOLD, context, rule or a_mean_reversion_rule())


def answer(
    panel: Panel | None = None, rule: MeanReversionRule | None = None, **more: object
) -> TradeProposal:
    proposal = asked(panel, rule, **more)
    assert isinstance(proposal, TradeProposal), proposal
    return proposal


def refusal(
    panel: Panel | None = None, rule: MeanReversionRule | None = None, **more: object
) -> Finding:
    finding = asked(panel, rule, **more)
    assert isinstance(finding, Finding), finding
    return finding


def test_an_exhausted_fall_is_proposed_with_its_conviction_and_its_sentence() -> None:
    proposal = answer()

    assert (proposal.id, proposal.side) == ("rules:SOL-USD:BUY", Side.BUY)
    assert proposal.rule == "mean_reversion"
    assert proposal.breakdown == {"base": 0.35, "strength": 0.08, "confidence": 0.15, "volume": 0.2}
    assert proposal.conviction == 0.78
    assert proposal.because.startswith("oversold at 1.4x its limit, RSI turned up from 2")
    assert proposal.because.endswith("close at 80% of its bar's range, volume calm")


def rsi_of(finding: Finding) -> float:
    return float(finding.seen.split()[1].removesuffix("%"))


def test_an_rsi_that_was_not_low_is_no_exhaustion() -> None:
    seen = refusal(rule=a_mean_reversion_rule(rsi_max=a_ratio("1")))

    assert seen == Finding(
        Reason.RULE_DECLINED, f"RSI {rsi_of(seen)}% before the last bar", "1%", f"{KEY}.rsi_max"
    )


@pytest.mark.parametrize(("beyond", "wanted"), [("-0.0001", False), ("0", True), ("0.0001", True)])
def test_the_rsi_before_the_last_bar_may_be_at_its_limit(beyond: str, wanted: bool) -> None:
    before = refusal(rule=a_mean_reversion_rule(rsi_max=a_ratio("1")))
    limit = Decimal(str(rsi_of(before))) + Decimal(beyond)

    got = asked(rule=a_mean_reversion_rule(rsi_max=a_ratio(str(limit))))

    assert isinstance(got, TradeProposal) is wanted


@pytest.mark.parametrize(("last", "turned"), [(90.5, False), (91.0, False), (91.01, True)])
def test_the_last_bar_must_turn_the_rsi_up(last: float, turned: bool) -> None:
    got = asked(fallen(last))

    assert isinstance(got, TradeProposal) is turned
    if isinstance(got, Finding):
        assert got.seen.startswith("RSI 2")
        assert " after 2" in got.seen
        assert (got.limit, got.key) == ("a rise", f"{KEY}.rsi_window")


@pytest.mark.parametrize(("place", "high"), [(0.5999, False), (0.6, True), (0.6001, True)])
def test_the_last_bar_must_close_high_in_its_range(place: float, high: bool) -> None:
    got = asked(fallen(place=place))

    assert isinstance(got, TradeProposal) is high
    if isinstance(got, Finding):
        assert got == Finding(
            Reason.RULE_DECLINED,
            "close at 59.99% of its bar's range",
            "60%",
            f"{KEY}.close_in_range_min",
        )


def test_a_bar_without_a_range_did_not_close_high_in_it() -> None:
    panel = fallen()
    flat = panel.close.copy()

    finding = refusal(replace(panel, high=flat, low=flat.copy()))

    assert finding.seen == "close at 0% of its bar's range"


@pytest.mark.parametrize(("volume", "earned"), [(999.9, 0.2), (1000.0, 0.2), (1001.0, 0.0)])
def test_its_volume_weight_is_earned_while_the_last_bar_trades_no_more_than_usual(
    volume: float, earned: float
) -> None:
    proposal = answer(fallen(volume=volume))

    assert proposal.breakdown["volume"] == earned
    assert proposal.because.endswith("volume calm" if earned else "volume still high")


def test_stop_and_target_lie_around_the_entry_by_the_range() -> None:
    proposal = answer()

    assert (proposal.stop_loss, proposal.take_profit) == (91.5 - 3, 91.5 + 5)


def test_the_target_never_lies_beyond_the_mean() -> None:
    """Of 96 closes 86 alternate around 100.5, nine fall from 99 to 91, and the last is 91.5."""
    mean = (86 * 100.5 + sum(FALL) + 91.5) / 96

    near, far = answer(atr={"SOL-USD": 1.5}), answer(atr={"SOL-USD": 4.0})

    assert near.take_profit == 91.5 + 7.5
    assert far.take_profit == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(("ask", "room"), [("99.89", True), ("99.890625", False), ("99.90", False)])
def test_a_mean_that_is_not_above_the_entry_leaves_nothing_to_gain(ask: str, room: bool) -> None:
    top = a_top(bid="91.00", ask=ask)

    got = asked(tops={"SOL-USD": top})

    assert isinstance(got, TradeProposal) is room
    if isinstance(got, Finding):
        assert got.seen.endswith("% below the entry")
        assert (got.limit, got.key) == ("above the entry", f"{KEY}.mean_window")


@pytest.mark.parametrize(("known", "enough"), [(257, False), (258, True), (259, True)])
def test_the_rsi_before_the_last_bar_needs_a_bar_more_than_the_rsi(
    known: int, enough: bool
) -> None:
    panel = fallen()
    gone = panel.length - known
    young = [NAN] * gone + panel.close[0, gone:].tolist()

    got = asked(replace(a_panel({"SOL-USD": young}), high=panel.high, low=panel.low))

    if enough:
        assert isinstance(got, TradeProposal)
    else:
        assert got == Finding(Reason.HISTORY_TOO_SHORT, "257 bars", "258 bars", f"{KEY}.rsi_window")


def test_a_mean_that_the_bars_cannot_resolve_is_said_and_nothing_is_proposed() -> None:
    odd = a_mean_reversion_rule(mean_window=timedelta(minutes=100))

    assert refusal(rule=odd) == Finding(
        Reason.RULE_DECLINED,
        "1h40m is no whole number of 15m bars",
        "a whole number of bars",
        f"{KEY}.mean_window",
    )


def test_a_mean_longer_than_the_history_is_said() -> None:
    long = a_mean_reversion_rule(mean_window=timedelta(days=4))

    assert refusal(rule=long) == Finding(
        Reason.HISTORY_TOO_SHORT, "350 bars", "384 bars", f"{KEY}.mean_window"
    )


def test_the_other_products_of_the_panel_change_nothing() -> None:
    panel = fallen()
    crowd = replace(
        a_panel({"ADA-USD": [5.0] * 350, "SOL-USD": panel.close[0].tolist()}),
        high=a_panel({"ADA-USD": [5.0] * 350, "SOL-USD": panel.high[0].tolist()}).close,
        low=a_panel({"ADA-USD": [5.0] * 350, "SOL-USD": panel.low[0].tolist()}).close,
    )

    assert answer(crowd).because == answer(replace(panel, volume=crowd.volume[1:].copy())).because


def test_every_parameter_of_the_rule_is_heard() -> None:
    changed = (
        a_mean_reversion_rule(base=a_ratio("36")),
        a_mean_reversion_rule(strength_weight=a_ratio("21")),
        a_mean_reversion_rule(confidence_weight=a_ratio("26")),
        a_mean_reversion_rule(volume_weight=a_ratio("21")),
        a_mean_reversion_rule(rsi_window=timedelta(hours=3)),
        a_mean_reversion_rule(rsi_max=a_ratio("5")),
        a_mean_reversion_rule(close_in_range_min=a_ratio("90")),
        a_mean_reversion_rule(mean_window=timedelta(hours=12)),
        a_mean_reversion_rule(stop_atr=Decimal("2.9")),
        a_mean_reversion_rule(target_atr=Decimal("4.9")),
    )

    answers = [
        asked(rule=rule, atr={"SOL-USD": 1.6}) for rule in (a_mean_reversion_rule(), *changed)
    ]

    assert all(got != answers[0] for got in answers[1:])
