"""The breakout rule buys a product that left its range upwards; volume makes it surer."""

from __future__ import annotations

from decimal import Decimal

from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.triggers import TriggerKind
from strategy.rules.breakout import propose
from tests.builders.proposals import a_breakout_rule, a_context, a_ratio, a_trigger

BREAKOUT = a_trigger(TriggerKind.BREAKOUT, strength=1.4, confidence=0.6)
SPIKE = a_trigger(TriggerKind.VOLUME_SPIKE, strength=3.0)


def test_a_breakout_with_volume_is_surer_than_one_without() -> None:
    bare = propose(BREAKOUT, a_context(BREAKOUT), a_breakout_rule())
    confirmed = propose(BREAKOUT, a_context(SPIKE, BREAKOUT), a_breakout_rule())

    assert isinstance(bare, TradeProposal)
    assert isinstance(confirmed, TradeProposal)
    assert bare.breakdown == {"base": 0.35, "strength": 0.1, "confidence": 0.12, "volume": 0.0}
    assert (bare.conviction, confirmed.conviction) == (0.57, 0.77)
    assert bare.because == "breakout at 1.4x its limit, without a volume spike"
    assert confirmed.because == "breakout at 1.4x its limit, with a volume spike"


def test_stop_and_target_are_the_rules_own_multiples_of_the_range() -> None:
    proposal = propose(BREAKOUT, a_context(BREAKOUT, atr={"SOL-USD": 2.0}), a_breakout_rule())

    assert isinstance(proposal, TradeProposal)
    assert (proposal.stop_loss, proposal.take_profit) == (97.0, 109.0)


def test_a_stop_below_zero_declines() -> None:
    finding = propose(BREAKOUT, a_context(BREAKOUT, atr={"SOL-USD": 70.0}), a_breakout_rule())

    assert finding == Finding(
        Reason.RULE_DECLINED,
        "stop 105% below the entry",
        "above 0% and below 100%",
        "strategies.rules.parameters.breakout.stop_atr",
    )


def test_every_parameter_of_the_rule_is_heard() -> None:
    context, usual = a_context(BREAKOUT, SPIKE), a_breakout_rule()
    changed = (
        a_breakout_rule(base=a_ratio("30")),
        a_breakout_rule(strength_weight=a_ratio("26")),
        a_breakout_rule(confidence_weight=a_ratio("21")),
        a_breakout_rule(volume_weight=a_ratio("21")),
        a_breakout_rule(stop_atr=Decimal("1.6")),
        a_breakout_rule(target_atr=Decimal("4.6")),
    )

    answers = [propose(BREAKOUT, context, rule) for rule in (usual, *changed)]

    assert all(got != answers[0] for got in answers[1:])
