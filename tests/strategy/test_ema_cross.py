"""The example strategy: buys a cross upwards while it is young, sells below it, says why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.account import Position
from core.market import Panel, Regime, Side
from core.proposals import Proposals, StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from strategy.ema_cross import KEY, EmaCross
from tests.builders.account import a_position
from tests.builders.crosses import a_cross, closes, the_ema_cross
from tests.builders.market import a_top
from tests.builders.proposals import a_context, a_ratio

SOL = "SOL-USD"
FELL = (99.0,) * 8
ROSE = 103.0


def context(panel: Panel, **changes: object) -> StrategyContext:
    return a_context(panel=panel, **changes)  # type: ignore[arg-type]


def said(
    panel: Panel, strategy: EmaCross | None = None, **changes: object
) -> TradeProposal | Finding:
    answer = (strategy or the_ema_cross()).propose(context(panel, **changes))
    return one_of(answer)


def one_of(answer: Proposals) -> TradeProposal | Finding:
    both: list[TradeProposal | Finding] = [*answer.wanted, *answer.declined.values()]
    (only,) = both
    return only


def held() -> Position:
    return a_position(SOL)


def test_the_bar_that_crosses_upwards_is_bought() -> None:
    answer = said(closes(*FELL, ROSE))

    assert isinstance(answer, TradeProposal)
    assert (answer.id, answer.rule, answer.tier) == (f"ema_cross:{SOL}:BUY", "cross", "T2")
    assert answer.conviction == 1.0
    assert "the average of 12 bars crossed that of 26 upwards" in answer.because


@pytest.mark.parametrize(("bars", "bought"), [(1, True), (3, True), (4, False)])
def test_a_cross_is_bought_until_it_is_too_old(bars: int, bought: bool) -> None:
    answer = said(closes(*FELL, *[ROSE] * bars))

    assert isinstance(answer, TradeProposal) is bought
    if isinstance(answer, Finding):
        assert answer == Finding(
            Reason.NO_CROSS, "above for longer", "a cross upwards within 3 bars", f"{KEY}.age_max"
        )


def test_averages_that_meet_have_not_crossed() -> None:
    answer = said(closes())

    assert isinstance(answer, Finding)
    assert answer.reason is Reason.NO_CROSS
    assert answer.seen == "fast average 0% below the slow one"


def test_a_fast_average_below_is_no_buy_and_says_how_far() -> None:
    answer = said(closes(*FELL))

    assert isinstance(answer, Finding)
    assert (answer.reason, answer.key) == (Reason.NO_CROSS, f"{KEY}.fast_bars")
    assert answer.seen.endswith("% below the slow one")
    assert answer.seen != "fast average 0% below the slow one"


def test_a_position_is_sold_while_the_fast_average_lies_below() -> None:
    for bars in (1, 5, 20):
        answer = said(closes(*[99.0] * bars), positions=(held(),))

        assert isinstance(answer, TradeProposal)
        assert answer.side is Side.SELL


def test_a_position_whose_averages_meet_is_kept() -> None:
    assert isinstance(said(closes(), positions=(held(),)), Finding)


def test_stop_and_target_lie_around_what_a_buyer_pays() -> None:
    tops = {SOL: a_top(SOL, bid="102.98", ask="103.00")}

    answer = said(closes(*FELL, ROSE), tops=tops)

    assert isinstance(answer, TradeProposal)
    assert (answer.stop_loss, answer.take_profit) == pytest.approx((92.7, 206.0))


def test_a_regime_that_is_not_named_is_closed_to_buys_only() -> None:
    assert said(closes(*FELL, ROSE), regime=Regime.CRASH) == Finding(
        Reason.RULE_NOT_IN_REGIME, "crash", "bull, chop, bear", f"{KEY}.regimes"
    )
    sale = said(closes(*FELL), positions=(held(),), regime=Regime.CRASH)
    assert isinstance(sale, TradeProposal)


@pytest.mark.parametrize(("known", "ready"), [(259, False), (260, True)])
def test_too_few_bars_are_said_so_and_never_guessed(known: int, ready: bool) -> None:
    panel = closes(*FELL, ROSE)
    young = Panel(
        panel.symbols,
        panel.bar,
        panel.closed_at,
        *(panel.open, panel.high, panel.low, panel.close, panel.volume, panel.missing),
        panel.known - panel.length + known,
    )

    answer = said(young)

    assert isinstance(answer, TradeProposal) is ready
    if isinstance(answer, Finding):
        assert answer == Finding(
            Reason.HISTORY_TOO_SHORT, "259 bars", "260 bars", f"{KEY}.slow_bars"
        )


def test_every_product_that_may_be_traded_gets_a_word() -> None:
    panel = closes(*FELL, ROSE)
    answer = the_ema_cross().propose(replace(context(panel), triggers={}))

    assert [proposal.symbol for proposal in answer.wanted] == [SOL]
    assert the_ema_cross().propose(context(closes())).declined.keys() == {SOL}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fast_bars": 26}, r"cross\.fast_bars: must be fewer than slow_bars, which are 26"),
        ({"stop": a_ratio("100")}, r"cross\.stop: must lie between 0% and 100%"),
        ({"stop": a_ratio("0")}, r"cross\.stop: must lie between 0% and 100%"),
        ({"target": a_ratio("0")}, r"cross\.target: must be above 0%"),
        ({"fast_bars": 30, "target": a_ratio("0")}, r"cross\.fast_bars: .*; cross\.target: "),
    ],
)
def test_parameters_that_make_no_sense_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        a_cross(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"fast_bars": 5},
        {"slow_bars": 50},
        {"conviction": a_ratio("50")},
        {"stop": a_ratio("5")},
        {"target": a_ratio("50")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_number_has_an_effect(changes: dict[str, object]) -> None:
    panel = closes(*FELL, ROSE)

    assert said(panel, the_ema_cross(**changes)) != said(panel)


def test_a_longer_memory_of_crosses_has_an_effect() -> None:
    assert isinstance(said(closes(*FELL, *[ROSE] * 4), the_ema_cross(age_max=4)), TradeProposal)
