"""The momentum rule buys what rises, never what falls, and says which it saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from core.market import Side
from core.proposals import StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.triggers import TriggerKind
from strategy.rules.buying import Answer
from strategy.rules.momentum import MomentumRule, propose
from tests.builders.market import a_panel, a_top
from tests.builders.proposals import a_context, a_momentum_rule, a_ratio, a_trigger

KEY = "strategies.rules.parameters.momentum"
FLAT = [100.0] * 48
RISING = [100.0 + 0.25 * bar for bar in range(48)]
FALLING = [125.0 - 0.25 * bar for bar in range(48)]
PRICE_MOVES = (TriggerKind.PRICE_MOVE_15M, TriggerKind.PRICE_MOVE_60M)


def seeing(closes: Sequence[float], kind: TriggerKind = TriggerKind.MOMENTUM) -> StrategyContext:
    return a_context(a_trigger(kind), panel=a_panel({"SOL-USD": closes}))


def asked(context: StrategyContext, rule: MomentumRule | None = None) -> Answer:
    """What the rule says of the first trigger."""
    return propose(context.triggers["SOL-USD"][0], context, rule or a_momentum_rule())


def answer(context: StrategyContext, rule: MomentumRule | None = None) -> TradeProposal:
    proposal = asked(context, rule)
    assert isinstance(proposal, TradeProposal), proposal
    return proposal


def refusal(context: StrategyContext, rule: MomentumRule | None = None) -> Finding:
    finding = asked(context, rule)
    assert isinstance(finding, Finding), finding
    return finding


@pytest.mark.parametrize("kind", [TriggerKind.MOMENTUM, *PRICE_MOVES])
def test_a_rising_product_is_proposed_with_its_conviction_and_its_sentence(
    kind: TriggerKind,
) -> None:
    proposal = answer(seeing(RISING, kind))

    assert proposal.id == "rules:SOL-USD:BUY"
    assert (proposal.side, proposal.rule, proposal.tier) == (Side.BUY, "momentum", "T2")
    assert proposal.conviction == 0.75
    assert proposal.breakdown == {"base": 0.3, "strength": 0.1, "confidence": 0.15, "trend": 0.2}
    assert proposal.notional is None
    assert proposal.because == (
        f"{kind.value} at 1.4x its limit, price rose 2.7586% over 3h, "
        "fast average above the slow one"
    )


@pytest.mark.parametrize("kind", [TriggerKind.MOMENTUM, *PRICE_MOVES])
def test_a_falling_product_is_never_bought_and_the_fall_is_named(kind: TriggerKind) -> None:
    assert refusal(seeing(FALLING, kind)) == Finding(
        Reason.RULE_DECLINED, "price fell 2.5806% over 3h", "a rise", f"{KEY}.fast"
    )


def test_a_price_that_stands_where_it_was_has_not_risen() -> None:
    assert refusal(seeing(FLAT)) == Finding(
        Reason.RULE_DECLINED, "price unchanged over 3h", "a rise", f"{KEY}.fast"
    )


@pytest.mark.parametrize(("last", "rises"), [(99.9999, False), (100.0, False), (100.0001, True)])
def test_the_rise_is_measured_against_the_close_one_fast_window_earlier(
    last: float, rises: bool
) -> None:
    before = [90.0] * 35 + [100.0] + [99.0] * 11
    assert len(before) == 47

    got = asked(seeing([*before, last]))

    assert isinstance(got, TradeProposal) is rises


def test_a_price_move_up_inside_a_fall_is_no_rise() -> None:
    caught = [*FALLING[:-1], 115.0]

    assert refusal(seeing(caught, TriggerKind.PRICE_MOVE_15M)) == Finding(
        Reason.RULE_DECLINED, "price fell 1.0753% over 3h", "a rise", f"{KEY}.fast"
    )


def test_a_price_move_up_below_an_older_high_is_enough_as_long_as_the_price_rose() -> None:
    """Its direction is the trigger's own word; the highest close does not matter any more."""
    level = [*RISING[:-3], 111.75, 110.0, 111.0]

    assert answer(seeing(level, TriggerKind.PRICE_MOVE_15M)).rule == "momentum"


def test_without_the_trend_its_weight_is_not_earned() -> None:
    recovering = [120.0] * 35 + [100.0 + bar for bar in range(13)]

    proposal = answer(seeing(recovering))

    assert proposal.breakdown["trend"] == 0.0
    assert proposal.conviction == 0.55
    assert proposal.because.endswith("fast average not above the slow one")


@pytest.mark.parametrize(("known", "enough"), [(47, False), (48, True), (49, True)])
def test_the_slow_average_needs_its_whole_window(known: int, enough: bool) -> None:
    young = [float("nan")] * (60 - known) + [100.0 + 0.25 * bar for bar in range(known)]

    got = asked(seeing(young))

    if enough:
        assert isinstance(got, TradeProposal)
    else:
        short = Finding(Reason.HISTORY_TOO_SHORT, "47 bars", "48 bars", f"{KEY}.slow")
        assert got == short


def test_an_average_that_the_bars_cannot_resolve_is_said_and_nothing_is_proposed() -> None:
    daily = a_panel({"SOL-USD": RISING}, bar=timedelta(days=1))

    finding = refusal(a_context(a_trigger(), panel=daily))

    assert finding == Finding(
        Reason.RULE_DECLINED,
        "3h is no whole number of 1d bars",
        "a whole number of bars",
        f"{KEY}.fast",
    )


def test_stop_and_target_lie_around_the_ask() -> None:
    top = a_top(bid="111.70", ask="111.80")
    context = a_context(
        a_trigger(), panel=a_panel({"SOL-USD": RISING}), tops={"SOL-USD": top}, atr={"SOL-USD": 0.5}
    )

    proposal = answer(context)

    assert proposal.stop_loss == pytest.approx(110.80, rel=1e-12)
    assert proposal.take_profit == pytest.approx(113.80, rel=1e-12)


def test_without_a_book_stop_and_target_lie_around_the_last_close() -> None:
    proposal = answer(seeing(RISING))

    assert (proposal.stop_loss, proposal.take_profit) == (111.75 - 2, 111.75 + 4)


@pytest.mark.parametrize(
    ("atr", "seen"),
    [(60.0, "stop 107.3826% below the entry"), (55.875, "stop 100% below the entry")],
)
def test_a_stop_at_or_below_zero_declines(atr: float, seen: str) -> None:
    context = a_context(a_trigger(), panel=a_panel({"SOL-USD": RISING}), atr={"SOL-USD": atr})

    assert refusal(context) == Finding(
        Reason.RULE_DECLINED, seen, "above 0% and below 100%", f"{KEY}.stop_atr"
    )


@pytest.mark.parametrize("atr", [0.0, float("nan")])
def test_a_stop_that_is_not_below_the_entry_declines(atr: float) -> None:
    context = a_context(a_trigger(), panel=a_panel({"SOL-USD": RISING}), atr={"SOL-USD": atr})

    assert refusal(context).key == f"{KEY}.stop_atr"


def test_a_stop_just_above_zero_is_allowed() -> None:
    context = a_context(a_trigger(), panel=a_panel({"SOL-USD": RISING}), atr={"SOL-USD": 55.87})

    assert 0 < answer(context).stop_loss < 0.02


def test_without_a_range_no_stop_can_be_placed() -> None:
    context = a_context(a_trigger(), panel=a_panel({"SOL-USD": RISING}), atr={})

    assert refusal(context) == Finding(
        Reason.HISTORY_TOO_SHORT,
        "no average true range",
        "one to place the stop by",
        f"{KEY}.stop_atr",
    )


def test_the_other_products_of_the_panel_change_nothing() -> None:
    alone = answer(seeing(RISING))
    crowd = a_panel({"ADA-USD": FALLING, "SOL-USD": RISING, "XRP-USD": FLAT})

    assert answer(a_context(a_trigger(), panel=crowd)) == alone


def test_every_parameter_of_the_rule_is_heard() -> None:
    rising, usual = seeing([*RISING[:36], *[111.0] * 11, 111.25]), a_momentum_rule()
    changed = (
        a_momentum_rule(base=a_ratio("31")),
        a_momentum_rule(strength_weight=a_ratio("26")),
        a_momentum_rule(confidence_weight=a_ratio("26")),
        a_momentum_rule(trend_weight=a_ratio("21")),
        a_momentum_rule(fast=timedelta(hours=2)),
        a_momentum_rule(slow=timedelta(hours=13)),
        a_momentum_rule(stop_atr=Decimal("2.1")),
        a_momentum_rule(target_atr=Decimal("4.1")),
    )

    answers = [asked(rising, rule) for rule in (usual, *changed)]

    assert all(got != answers[0] for got in answers[1:])
