"""The reversal rule buys a turn that enough confirms, and says which confirmations were missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.market import Panel
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.triggers import TriggerKind
from strategy.rules.buying import Answer
from strategy.rules.reversal import ReversalRule, propose
from tests.builders.market import a_panel
from tests.builders.proposals import a_context, a_ratio, a_reversal_rule, a_trigger

KEY = "strategies.rules.parameters.reversal"
REVERSAL = a_trigger(TriggerKind.REVERSAL, strength=1.4, confidence=0.6)
CALM = [100.0 + bar % 2 for bar in range(326)]
SLIDE = [100.0 - bar for bar in range(1, 11)]  # ten bars down to 90
TURN = [91.0, 92.5, 93.5, 91.5, 94.5, 96.0, 97.0, 98.0, 97.5, 98.5, 99.0, 99.5, 100.0, 100.5]
NAN = float("nan")


def turned(turn: Sequence[float] = TURN, *, volumes: Sequence[float] | None = None) -> Panel:
    closes = [*CALM, *SLIDE, *turn]
    traded = None if volumes is None else {"SOL-USD": volumes}
    return a_panel({"SOL-USD": closes}, volumes=traded)


def asked(panel: Panel | None = None, rule: ReversalRule | None = None) -> Answer:
    context = a_context(REVERSAL, panel=panel or turned())
    return propose(REVERSAL, context, rule or a_reversal_rule())


def answer(panel: Panel | None = None, rule: ReversalRule | None = None) -> TradeProposal:
    proposal = asked(panel, rule)
    assert isinstance(proposal, TradeProposal), proposal
    return proposal


def refusal(panel: Panel | None = None, rule: ReversalRule | None = None) -> Finding:
    finding = asked(panel, rule)
    assert isinstance(finding, Finding), finding
    return finding


def earned(panel: Panel, rule: ReversalRule | None = None) -> set[str]:
    """The confirmations that are there, asked of a rule that is content with none."""
    rule = rule or a_reversal_rule()
    got = answer(panel, replace(rule, confirmations_min=0))
    names = ("vwap", "higher_low", "rsi", "bounce")
    return {name for name in names if got.breakdown[name] > 0}


def test_a_confirmed_turn_is_proposed_with_its_conviction_and_its_sentence() -> None:
    proposal = answer()

    assert proposal.rule == "reversal"
    assert proposal.breakdown == {
        "base": 0.2,
        "strength": 0.08,
        "confidence": 0.12,
        "vwap": 0.1,
        "higher_low": 0.1,
        "rsi": 0.1,
        "bounce": 0.1,
    }
    assert proposal.conviction == 0.8
    assert proposal.because == (
        "reversal at 1.4x its limit, confirmed by vwap, higher_low, rsi, bounce"
    )
    assert (proposal.stop_loss, proposal.take_profit) == (100.5 - 3, 100.5 + 6)


def test_a_straight_bounce_is_declined_with_the_confirmations_that_are_missing() -> None:
    bounced = turned([91.0, 92.0, 93.0])

    assert refusal(bounced) == Finding(
        Reason.RULE_DECLINED,
        "1 confirmation: close 4.1786% below VWAP, no higher low, RSI 40.3425%",
        "3 confirmations",
        f"{KEY}.confirmations_min",
    )


@pytest.mark.parametrize(("asked_for", "wanted"), [(2, True), (3, True), (4, False)])
def test_as_many_confirmations_as_policy_asks_for_are_enough(asked_for: int, wanted: bool) -> None:
    three = turned([91.0, 92.0, 94.0, 96.0, 98.0, 100.0, 101.0])
    assert earned(three) == {"vwap", "rsi", "bounce"}

    got = asked(three, a_reversal_rule(confirmations_min=asked_for))

    assert isinstance(got, TradeProposal) is wanted
    if isinstance(got, Finding):
        assert (got.seen, got.limit) == ("3 confirmations: no higher low", "4 confirmations")


def test_a_missing_confirmation_earns_nothing_and_is_shown_as_nothing() -> None:
    three = turned([91.0, 92.0, 94.0, 96.0, 98.0, 100.0, 101.0])

    proposal = answer(three)

    assert proposal.breakdown["higher_low"] == 0.0
    assert proposal.conviction == 0.7


# each confirmation


@pytest.mark.parametrize(("gap", "above"), [(-0.001, False), (0.0, False), (0.001, True)])
def test_the_close_must_lie_above_the_average_price(gap: float, above: bool) -> None:
    """All 24 bars at one price but the last, which has no volume and so no weight."""
    closes = [*[100.0] * 349, 100.0 + gap]
    panel = a_panel({"SOL-USD": closes}, volumes={"SOL-USD": [*[1000.0] * 349, 0.0]})

    assert ("vwap" in earned(panel)) == above


def test_where_nothing_was_traded_no_average_price_confirms() -> None:
    idle = turned(volumes=[*[1000.0] * 326, *[0.0] * 24])

    finding = refusal(idle, a_reversal_rule(confirmations_min=4))

    assert finding.seen == "3 confirmations: nothing was traded"


@pytest.mark.parametrize(
    ("lows", "higher"),
    [
        ([5.0, 4.0, 3.0, 4.0, 5.0, 6.0], False),  # straight up
        ([5.0, 4.0, 3.0, 5.0, 4.0, 5.0], True),
        ([5.0, 3.0, 5.0, 4.0, 4.0, 5.0], True),
        ([5.0, 3.0, 5.0, 4.0, 5.0, 3.5], False),  # back below it
        ([5.0, 4.0, 3.0, 5.0, 4.0, 4.0], False),  # not left behind yet
        ([5.0, 4.0, 3.0, 5.0, 4.0, 3.5], False),  # still dipping
        ([5.0, 3.0, 5.0, 4.0, 5.0, 3.0], False),  # the low again: what came before is past
        ([6.0, 5.0, 6.0, 5.0, 4.0, 3.0], False),  # a dip before the low
    ],
)
def test_a_higher_low_is_a_dip_after_the_low_that_was_left_behind(
    lows: list[float], higher: bool
) -> None:
    panel = a_panel({"SOL-USD": [100.0] * 350})
    low = np.full((1, 350), 9.0)
    low[0, -6:] = lows

    assert ("higher_low" in earned(replace(panel, low=low))) == higher


def test_a_dip_before_the_window_is_forgotten() -> None:
    panel, low = a_panel({"SOL-USD": [100.0] * 350}), np.full((1, 350), 9.0)
    low[0, -24:-20] = [3.0, 5.0, 4.0, 5.0]
    panel = replace(panel, low=low)

    assert "higher_low" in earned(panel)
    assert "higher_low" not in earned(panel, a_reversal_rule(window=timedelta(hours=5, minutes=45)))


@pytest.mark.parametrize(("beyond", "confirms"), [("-1", True), ("0", True), ("0.0001", False)])
def test_the_rsi_confirms_at_its_limit(beyond: str, confirms: bool) -> None:
    bounced = turned([91.0, 92.0, 93.0])
    said = refusal(bounced).seen.split("RSI ")[1].split("%")[0]
    rule = a_reversal_rule(rsi_min=a_ratio(str(Decimal(said) + Decimal(beyond))))

    assert ("rsi" in earned(bounced, rule)) == confirms


@pytest.mark.parametrize(("close", "confirms"), [(92.6999, False), (92.7, True), (92.7001, True)])
def test_the_bounce_is_measured_from_the_lowest_low_of_the_window(
    close: float, confirms: bool
) -> None:
    assert ("bounce" in earned(turned([91.0, close]))) == confirms


# what the bars can show


@pytest.mark.parametrize(("known", "enough"), [(256, False), (257, True), (258, True)])
def test_the_rsi_needs_its_seed(known: int, enough: bool) -> None:
    closes = turned().close[0]
    young = [NAN] * (350 - known) + closes[350 - known :].tolist()

    got = asked(a_panel({"SOL-USD": young}))

    if enough:
        assert isinstance(got, TradeProposal)
    else:
        assert got == Finding(Reason.HISTORY_TOO_SHORT, "256 bars", "257 bars", f"{KEY}.window")


def test_a_window_that_the_bars_cannot_resolve_is_said_and_nothing_is_proposed() -> None:
    daily = a_panel({"SOL-USD": [100.0] * 300}, bar=timedelta(days=1))

    assert refusal(daily) == Finding(
        Reason.RULE_DECLINED,
        "6h is no whole number of 1d bars",
        "a whole number of bars",
        f"{KEY}.window",
    )


def test_the_other_products_of_the_panel_change_nothing() -> None:
    closes = turned().close[0].tolist()
    crowd = a_panel({"ADA-USD": [5.0] * 350, "SOL-USD": closes, "XRP-USD": closes[::-1]})

    assert asked(crowd) == asked()


def test_every_parameter_of_the_rule_is_heard() -> None:
    changed = (
        a_reversal_rule(base=a_ratio("21")),
        a_reversal_rule(strength_weight=a_ratio("21")),
        a_reversal_rule(confidence_weight=a_ratio("21")),
        a_reversal_rule(confirmation_weight=a_ratio("11")),
        a_reversal_rule(window=timedelta(hours=1)),
        a_reversal_rule(rsi_min=a_ratio("99")),
        a_reversal_rule(bounce_min=a_ratio("30")),
        a_reversal_rule(stop_atr=Decimal("2.9")),
        a_reversal_rule(target_atr=Decimal("4.9")),
        a_reversal_rule(rsi_min=a_ratio("99"), confirmations_min=4),
    )

    answers = [asked(rule=rule) for rule in (a_reversal_rule(), *changed)]

    assert all(got != answers[0] for got in answers[1:])
