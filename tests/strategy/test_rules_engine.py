"""The rules engine: the strongest proposal per product, and a reason for every other one."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import yaml

from core.market import Regime, Side
from core.reasons import Finding, Reason
from core.triggers import Direction, Trigger, TriggerKind
from strategy.rules_engine import RulesEngine, RulesParameters, unresolved, windows
from tests.builders.market import a_panel
from tests.builders.proposals import (
    a_breakout_rule,
    a_context,
    a_mean_reversion_rule,
    a_momentum_rule,
    a_ratio,
    a_reversal_rule,
    a_trigger,
    the_rules,
)
from tests.builders.shipped import shipped_configuration

ROOT = Path(__file__).parents[2]
KEYS = "strategies.rules.parameters"
RISING = [100.0 + 0.25 * bar for bar in range(48)]
FALLING = [125.0 - 0.25 * bar for bar in range(48)]
MOMENTUM = a_trigger(TriggerKind.MOMENTUM)
BREAKOUT = a_trigger(TriggerKind.BREAKOUT)
SPIKE = a_trigger(TriggerKind.VOLUME_SPIKE)


def test_it_is_called_rules() -> None:
    assert RulesEngine(the_rules()).name == "rules"


def test_the_stronger_of_two_rules_speaks_for_a_product() -> None:
    panel = a_panel({"SOL-USD": RISING})

    bare = RulesEngine(the_rules()).propose(a_context(MOMENTUM, BREAKOUT, panel=panel))
    confirmed = RulesEngine(the_rules()).propose(a_context(MOMENTUM, BREAKOUT, SPIKE, panel=panel))

    assert [(one.rule, one.conviction) for one in bare.wanted] == [("momentum", 0.75)]
    assert [(one.rule, one.conviction) for one in confirmed.wanted] == [("breakout", 0.77)]
    assert (bare.declined, confirmed.declined) == ({}, {})


def test_of_two_equally_sure_rules_the_first_one_speaks() -> None:
    as_sure = a_breakout_rule(base=a_ratio("53"))
    engine = RulesEngine(the_rules(breakout=as_sure))

    answer = engine.propose(a_context(BREAKOUT, MOMENTUM, panel=a_panel({"SOL-USD": RISING})))

    assert [(one.rule, one.conviction) for one in answer.wanted] == [("momentum", 0.75)]


def test_every_triggered_product_is_wanted_or_declined_in_order_of_its_name() -> None:
    panel = a_panel({"ADA-USD": RISING, "BTC-USD": FALLING, "ETH-USD": RISING, "SOL-USD": RISING})
    kind = TriggerKind.MOMENTUM
    triggers = [
        a_trigger(kind, "SOL-USD"),
        a_trigger(kind, "ADA-USD"),
        a_trigger(kind, "BTC-USD"),
        a_trigger(TriggerKind.VOLUME_SPIKE, "ETH-USD"),
    ]

    answer = RulesEngine(the_rules()).propose(a_context(*triggers, panel=panel))

    assert [one.symbol for one in answer.wanted] == ["ADA-USD", "SOL-USD"]
    assert {symbol: one.reason for symbol, one in answer.declined.items()} == {
        "BTC-USD": Reason.RULE_DECLINED,
        "ETH-USD": Reason.NO_RULE,
    }
    assert all(one.side is Side.BUY for one in answer.wanted)


@pytest.mark.parametrize(("base", "wanted"), [("27.99", False), ("28", True), ("28.01", True)])
def test_conviction_at_its_minimum_is_enough_and_below_it_is_not(base: str, wanted: bool) -> None:
    weak = a_trigger(TriggerKind.BREAKOUT, strength=1.2, confidence=0.1)
    engine = RulesEngine(the_rules(breakout=a_breakout_rule(base=a_ratio(base))))

    answer = engine.propose(a_context(weak))

    assert bool(answer.wanted) is wanted
    assert bool(answer.declined) is not wanted


def test_too_little_conviction_is_declined_with_both_numbers() -> None:
    rule = a_breakout_rule(base=a_ratio("26"))
    weak = a_trigger(TriggerKind.BREAKOUT, strength=1.0, confidence=0.1)

    answer = RulesEngine(the_rules(breakout=rule)).propose(a_context(weak))

    assert answer.wanted == ()
    assert answer.declined == {
        "SOL-USD": Finding(Reason.CONVICTION_TOO_LOW, "28%", "35%", f"{KEYS}.conviction_min")
    }


def test_too_little_conviction_outranks_a_rule_that_declined() -> None:
    rule = a_breakout_rule(base=a_ratio("26"))
    weak = a_trigger(TriggerKind.BREAKOUT, strength=1.0, confidence=0.1)
    context = a_context(MOMENTUM, weak, panel=a_panel({"SOL-USD": FALLING}))

    answer = RulesEngine(the_rules(breakout=rule)).propose(context)

    assert answer.declined["SOL-USD"].reason is Reason.CONVICTION_TOO_LOW


def test_one_rule_that_declines_does_not_silence_another() -> None:
    context = a_context(MOMENTUM, BREAKOUT, panel=a_panel({"SOL-USD": FALLING}))

    answer = RulesEngine(the_rules()).propose(context)

    assert [one.rule for one in answer.wanted] == ["breakout"]


def test_a_trigger_that_no_rule_acts_on_is_said_with_what_would_count() -> None:
    answer = RulesEngine(the_rules()).propose(a_context(SPIKE))

    acts_on = (
        "breakout up, momentum up, oversold down, price_move_15m up, price_move_60m up, reversal up"
    )
    assert answer.declined["SOL-USD"] == Finding(Reason.NO_RULE, "volume_spike", acts_on, KEYS)


def test_a_rule_that_is_switched_off_is_named_where_it_would_have_acted() -> None:
    engine = RulesEngine(the_rules(breakout=a_breakout_rule(enabled=False)))

    answer = engine.propose(a_context(SPIKE, BREAKOUT))

    assert answer.declined["SOL-USD"] == Finding(
        Reason.NO_RULE,
        "breakout up, volume_spike",
        "momentum up, oversold down, price_move_15m up, price_move_60m up, reversal up",
        f"{KEYS}.breakout.enabled",
    )


@pytest.mark.parametrize("regime", list(Regime))
def test_a_rule_speaks_in_the_regimes_it_names_and_no_other(regime: Regime) -> None:
    rule = a_breakout_rule(regimes=(Regime.BULL, Regime.BEAR))

    answer = RulesEngine(the_rules(breakout=rule)).propose(a_context(BREAKOUT, regime=regime))

    if regime in (Regime.BULL, Regime.BEAR):
        assert [one.rule for one in answer.wanted] == ["breakout"]
    else:
        assert answer.wanted == ()
        assert answer.declined["SOL-USD"] == Finding(
            Reason.RULE_NOT_IN_REGIME, regime.value, "bull, bear", f"{KEYS}.breakout.regimes"
        )


def test_a_rule_that_looked_says_more_than_one_that_may_not() -> None:
    closed = a_momentum_rule(regimes=(Regime.BULL,))
    engine = RulesEngine(the_rules(momentum=closed))
    context = a_context(MOMENTUM, a_trigger(TriggerKind.OVERSOLD))

    assert engine.propose(context).declined["SOL-USD"].reason is Reason.RULE_DECLINED
    bare = a_context(MOMENTUM)
    assert engine.propose(bare).declined["SOL-USD"].reason is Reason.RULE_NOT_IN_REGIME


@pytest.mark.parametrize("kind", [TriggerKind.PRICE_MOVE_15M, TriggerKind.PRICE_MOVE_60M])
def test_a_price_move_down_is_no_rules_business(kind: TriggerKind) -> None:
    fell = a_trigger(kind, direction=Direction.DOWN)

    answer = RulesEngine(the_rules()).propose(a_context(fell, panel=a_panel({"SOL-USD": RISING})))

    finding = answer.declined["SOL-USD"]
    assert (finding.reason, finding.seen) == (Reason.NO_RULE, f"{kind.value} down")


def test_a_momentum_trigger_speaks_where_a_stronger_price_move_went_down() -> None:
    fell = a_trigger(TriggerKind.PRICE_MOVE_15M, strength=2.0, direction=Direction.DOWN)
    rose = a_trigger(TriggerKind.MOMENTUM, strength=1.2)
    context = a_context(fell, rose, panel=a_panel({"SOL-USD": RISING}))

    (proposal,) = RulesEngine(the_rules()).propose(context).wanted

    assert proposal.because.startswith("momentum at 1.2x its limit")


def test_the_strongest_of_several_rising_triggers_speaks() -> None:
    strong = a_trigger(TriggerKind.PRICE_MOVE_60M, strength=1.8)
    weak = a_trigger(TriggerKind.MOMENTUM, strength=1.1)
    context = a_context(strong, weak, panel=a_panel({"SOL-USD": RISING}))

    (proposal,) = RulesEngine(the_rules()).propose(context).wanted

    assert proposal.because.startswith("price_move_60m at 1.8x")


@pytest.mark.parametrize("kind", list(TriggerKind))
def test_each_kind_is_one_rules_business(kind: TriggerKind) -> None:
    ways = {TriggerKind.OVERSOLD: "mean_reversion", TriggerKind.REVERSAL: "reversal"}
    ways |= {TriggerKind.BREAKOUT: "breakout"}
    trigger = a_trigger(kind)

    acting = [rule.name for rule in RulesEngine(the_rules()).rules if rule.acts_on(trigger)]

    usual = [] if kind is TriggerKind.VOLUME_SPIKE else [ways.get(kind, "momentum")]
    assert acting == usual


def test_a_rule_that_is_switched_off_proposes_nothing() -> None:
    engine = RulesEngine(the_rules(momentum=a_momentum_rule(enabled=False)))

    answer = engine.propose(a_context(MOMENTUM, panel=a_panel({"SOL-USD": RISING})))

    assert answer.wanted == ()
    assert answer.declined["SOL-USD"].key == f"{KEYS}.momentum.enabled"


def test_without_triggers_there_is_nothing_to_say() -> None:
    answer = RulesEngine(the_rules()).propose(a_context())

    assert (answer.wanted, answer.declined) == ((), {})


def test_the_same_context_gives_the_same_answer_and_is_left_as_it_was() -> None:
    panel = a_panel({"SOL-USD": RISING, "XRP-USD": FALLING})
    context = a_context(MOMENTUM, a_trigger(symbol="XRP-USD"), panel=panel)
    closes, said = panel.close.tobytes(), copy.deepcopy((context.triggers, context.atr))
    engine = RulesEngine(the_rules())

    first, second = engine.propose(context), engine.propose(context)

    assert first == second
    assert panel.close.tobytes() == closes
    assert (context.triggers, context.atr) == said


def test_a_context_cannot_be_changed_by_a_rule() -> None:
    context = a_context(MOMENTUM)

    with pytest.raises(FrozenInstanceError):
        context.tiers = {}  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        context.panel.close[0, -1] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        np.multiply(context.panel.high, 2, out=context.panel.high)


def test_bars_before_the_slow_window_change_nothing() -> None:
    short = a_panel({"SOL-USD": RISING})
    long = a_panel({"SOL-USD": [*[500.0] * 40, *RISING]})
    engine = RulesEngine(the_rules())

    assert engine.propose(a_context(MOMENTUM, panel=short)) == engine.propose(
        a_context(MOMENTUM, panel=long)
    )


def test_strategies_reach_for_nothing_but_what_they_are_shown() -> None:
    barred = {"core.risk", "core.execution", "core.decide", "core.ports", "core.state"}
    rooms = sorted((ROOT / "strategy").rglob("*.py"))
    assert len(rooms) > 5
    for room in rooms:
        for node in ast.walk(ast.parse(room.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not any(node.module.startswith(name) for name in barred), room
                assert node.module.split(".")[0] not in {"os", "time", "random", "infra", "config"}


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        (
            lambda: the_rules(momentum=a_momentum_rule(fast=timedelta(hours=12))),
            "momentum.fast: must be shorter than momentum.slow",
        ),
        (
            lambda: the_rules(momentum=a_momentum_rule(fast=timedelta(0))),
            "momentum.fast: must be longer than 0s",
        ),
        (
            lambda: the_rules(conviction_min="101"),
            "conviction_min: must lie between 0% and 100%, was 101%",
        ),
        (
            lambda: the_rules(breakout=a_breakout_rule(volume_weight=a_ratio("-1"))),
            "breakout.volume_weight: must lie between 0% and 100%, was -1%",
        ),
        (
            lambda: the_rules(momentum=a_momentum_rule(trend_weight=a_ratio("100.5"))),
            "momentum.trend_weight: must lie between 0% and 100%, was 100.5%",
        ),
        (
            lambda: the_rules(breakout=a_breakout_rule(stop_atr=Decimal(0))),
            "breakout.stop_atr: must be above 0x",
        ),
        (
            lambda: the_rules(momentum=a_momentum_rule(target_atr=Decimal(-1))),
            "momentum.target_atr: must be above 0x",
        ),
        (
            lambda: the_rules(
                momentum=a_momentum_rule(enabled=False),
                breakout=a_breakout_rule(enabled=False),
                mean_reversion=a_mean_reversion_rule(enabled=False),
                reversal=a_reversal_rule(enabled=False),
            ),
            "momentum.enabled: no rule is enabled; enable one or switch the strategy off",
        ),
        (
            lambda: the_rules(breakout=a_breakout_rule(regimes=())),
            "breakout.regimes: names no regime; name one or switch the rule off",
        ),
        (
            lambda: the_rules(mean_reversion=a_mean_reversion_rule(mean_window=timedelta(0))),
            "mean_reversion.mean_window: must be longer than 0s",
        ),
        (
            lambda: the_rules(reversal=a_reversal_rule(confirmations_min=5)),
            "reversal.confirmations_min: must lie between 0 and 4, was 5",
        ),
        (
            lambda: the_rules(reversal=a_reversal_rule(confirmations_min=-1)),
            "reversal.confirmations_min: must lie between 0 and 4, was -1",
        ),
        (
            lambda: the_rules(
                momentum=a_momentum_rule(stop_atr=Decimal(0), fast=timedelta(hours=13))
            ),
            "momentum.stop_atr: must be above 0x; "
            "momentum.fast: must be shorter than momentum.slow",
        ),
    ],
)
def test_parameters_that_contradict_themselves_are_refused_by_key(
    parameters: Callable[[], RulesParameters], complaint: str
) -> None:
    with pytest.raises(ValueError, match=": ") as refused:
        parameters()

    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    ("conviction_min", "fits"), [("89.9", True), ("90", True), ("90.1", False)]
)
def test_a_minimum_that_no_conviction_of_a_rule_can_reach_is_a_mistake(
    conviction_min: str, fits: bool
) -> None:
    modest = a_breakout_rule(volume_weight=a_ratio("10"))

    if fits:
        assert the_rules(conviction_min=conviction_min, breakout=modest).breakout is modest
    else:
        with pytest.raises(ValueError, match=r"reaches 90% at most, below conviction_min 90\.1%"):
            the_rules(conviction_min=conviction_min, breakout=modest)


@pytest.mark.parametrize(
    ("weight", "fits"),
    [("-0.1", False), ("0", True), ("0.1", True), ("99.9", True), ("100", True), ("100.1", False)],
)
def test_a_weight_lies_between_nothing_and_all(weight: str, fits: bool) -> None:
    rule = a_momentum_rule(trend_weight=a_ratio(weight))

    if fits:
        assert the_rules(momentum=rule).momentum is rule
    else:
        with pytest.raises(ValueError, match=f"trend_weight: must .* 100%, was {weight}%"):
            the_rules(momentum=rule)


def test_every_confirmation_counts_towards_what_a_reversal_can_reach() -> None:
    """20% each of base, strength and confidence, and four times the confirmation's weight."""
    modest = a_reversal_rule(confirmation_weight=a_ratio("7.5"))

    assert the_rules(conviction_min="90", reversal=modest).reversal is modest
    with pytest.raises(ValueError, match=r"reversal\.base: with its weights reaches 90% at most"):
        the_rules(conviction_min="90.1", reversal=modest)


def test_a_rule_that_is_off_may_name_no_regime() -> None:
    off = a_breakout_rule(enabled=False, regimes=())

    assert the_rules(breakout=off).breakout is off


def test_a_rule_that_is_off_may_be_out_of_reach() -> None:
    off = a_breakout_rule(enabled=False, base=a_ratio("0"), volume_weight=a_ratio("0"))

    assert the_rules(conviction_min="60", breakout=off).breakout is off


def test_windows_that_the_bar_cannot_resolve_are_named_at_start() -> None:
    assert unresolved(the_rules(), timedelta(minutes=15)) == {}
    assert unresolved(the_rules(), timedelta(hours=1)) == {}
    assert unresolved(the_rules(), timedelta(days=1)) == {
        f"{KEYS}.momentum.fast": "3h is no whole number of 1d bars",
        f"{KEYS}.momentum.slow": "12h is no whole number of 1d bars",
        f"{KEYS}.mean_reversion.rsi_window": "4h is no whole number of 1d bars",
        f"{KEYS}.reversal.window": "6h is no whole number of 1d bars",
    }
    odd = a_momentum_rule(fast=timedelta(minutes=190))
    assert list(unresolved(the_rules(momentum=odd), timedelta(minutes=15))) == [
        f"{KEYS}.momentum.fast"
    ]


def test_a_rule_that_is_off_needs_no_windows() -> None:
    parameters = the_rules(
        momentum=a_momentum_rule(enabled=False),
        mean_reversion=a_mean_reversion_rule(enabled=False),
        reversal=a_reversal_rule(enabled=False),
    )

    assert unresolved(parameters, timedelta(days=1)) == {}
    assert windows(parameters) == {}


def test_the_panel_is_told_how_far_back_every_rule_looks() -> None:
    assert windows(the_rules()) == {
        f"{KEYS}.momentum.fast": timedelta(hours=3),
        f"{KEYS}.momentum.slow": timedelta(hours=12),
        f"{KEYS}.mean_reversion.rsi_window": timedelta(hours=4),
        f"{KEYS}.mean_reversion.mean_window": timedelta(hours=24),
        f"{KEYS}.reversal.window": timedelta(hours=6),
    }


def test_the_fields_are_exactly_the_keys_of_the_shipped_file() -> None:
    text = (ROOT / "config" / "strategies.yaml").read_text()
    shipped = yaml.safe_load(text)["strategies"]["rules"]["parameters"]
    ours = the_rules()

    assert [one.name for one in fields(RulesParameters)] == list(shipped)
    assert [one.name for one in fields(ours.momentum)] == list(shipped["momentum"])
    assert [one.name for one in fields(ours.breakout)] == list(shipped["breakout"])
    assert [one.name for one in fields(ours.mean_reversion)] == list(shipped["mean_reversion"])
    assert [one.name for one in fields(ours.reversal)] == list(shipped["reversal"])


def test_the_rules_tests_are_written_for_are_those_that_ship() -> None:
    assert shipped_configuration().strategies["rules"].parameters == the_rules()


def test_a_trigger_kind_that_is_new_needs_a_rule_or_a_decision_against_one() -> None:
    def reasons(kind: TriggerKind) -> set[Reason]:
        trigger: Trigger = a_trigger(kind)
        answer = RulesEngine(the_rules()).propose(
            a_context(trigger, panel=a_panel({"SOL-USD": RISING}))
        )
        return {one.reason for one in answer.declined.values()}

    ignored = {kind for kind in TriggerKind if Reason.NO_RULE in reasons(kind)}

    assert ignored == {TriggerKind.VOLUME_SPIKE}
