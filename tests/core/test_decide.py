"""decide(): the stages in their order, on portfolios that a running DRY_RUN never has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import pytest

from core.decide import decide
from core.decision import Decision
from core.orders import Order, OrderStatus
from core.reasons import Reason
from core.state import Level
from infra.audit_record import decision_digest
from tests.builders.account import a_portfolio, a_position, a_standing, a_state
from tests.builders.decisions import BTC, SOL, a_rising_market, decided
from tests.builders.market import NOON, a_product, a_top
from tests.builders.risk import an_open_order, usd
from tests.builders.shipped import shipped_configuration

Value = TypeVar("Value")

ETH = "ETH-USD"


def finding(decision: Decision, symbol: str) -> tuple[Reason, str, str, str]:
    said = decision.verdicts[symbol].finding
    return said.reason, said.seen, said.limit, said.key


def test_a_rise_becomes_an_order_with_a_stop_and_a_target() -> None:
    decision = decided()
    (order,) = decision.plan.orders
    (proposal,) = decision.proposals
    assert (order.symbol, order.reason) == (SOL, "rules:SOL-USD:BUY")
    assert proposal.stop_loss < 100 < proposal.take_profit
    assert decision.verdicts[SOL].finding.reason is Reason.APPROVED
    assert decision.verdicts[BTC].finding.reason is Reason.NO_TRIGGER


def test_the_same_arguments_give_the_same_decision() -> None:
    assert decision_digest(decided()) == decision_digest(decided())


def test_the_order_of_what_it_is_given_does_not_matter() -> None:
    """Mappings come from venues in any order."""
    snapshot = a_rising_market(ETH)
    turned = replace(
        snapshot,
        products=backwards(snapshot.products),
        tops=backwards(snapshot.tops),
        depths=backwards(snapshot.depths),
        candles_through=backwards(snapshot.candles_through),
    )
    assert decision_digest(decided(turned)) == decision_digest(decided(snapshot))


def backwards(mapping: Mapping[str, Value]) -> dict[str, Value]:
    return {name: mapping[name] for name in sorted(mapping, reverse=True)}


def test_another_cycle_number_changes_the_order_id_and_nothing_else() -> None:
    one, other = decided(state=a_state(at=NOON)), decided(state=a_state(at=NOON, cycle=98))
    assert decision_digest(one) == decision_digest(other)
    assert one.plan.orders[0].client_order_id != other.plan.orders[0].client_order_id


def test_a_trigger_that_no_strategy_says_a_word_about_still_has_its_verdict() -> None:
    policy = shipped_configuration().policy
    decision = decide(a_rising_market(), a_portfolio(), a_state(at=NOON), policy, ())
    assert finding(decision, SOL)[0] is Reason.NO_RULE


def test_a_position_is_held_and_a_full_one_is_not_bought_more_of() -> None:
    full = a_portfolio(a_position(SOL, quantity="8", price="99"), cash="9200")
    decision = decided(portfolio=full)
    # 8 SOL at 100 less the taker fee are 795.2 of 9995.2; with 3% more they pass 8%.
    reason, seen, limit, key = finding(decision, SOL)
    assert (reason, limit, key) == (Reason.POSITION_FULL, "8%", "risk.position_max")
    assert seen == "10.9559%"
    assert decision.plan.orders == ()


def test_a_position_with_room_gets_what_is_left_of_it() -> None:
    nearly = a_portfolio(a_position(SOL, quantity="6", price="99"), cash="9400")
    reason, _, _, key = finding(decided(portfolio=nearly), SOL)
    assert (reason, key) == (Reason.REDUCED, "risk.position_max")


def test_a_theme_that_is_full_of_others_stops_the_buy() -> None:
    full = a_portfolio(a_position(ETH, quantity="20"), cash="8000")
    reason, seen, limit, key = finding(decided(a_rising_market(ETH), full), SOL)
    assert (reason, limit, key) == (Reason.THEME_FULL, "20%", "risk.theme_max.layer1")
    assert seen.startswith("22.9")


def test_what_is_at_risk_in_all_stops_the_buy() -> None:
    held = a_portfolio(a_position("UNI-USD", quantity="61"), cash="4000")
    reason, _, limit, key = finding(decided(a_rising_market("UNI-USD"), held), SOL)
    assert (reason, limit, key) == (Reason.AT_RISK_FULL, "60%", "risk.at_risk_max")


def test_cash_that_must_stay_stops_the_buy() -> None:
    wide = shipped_configuration(**{"risk.at_risk_max": "95%"})
    held = a_portfolio(a_position("UNI-USD", quantity="81"), cash="2000")
    snapshot = a_rising_market("UNI-USD")
    reason, _, limit, key = finding(decided(snapshot, held, configuration=wide), SOL)
    assert (reason, limit, key) == (Reason.CASH_BUFFER, "20%", "risk.cash_min")


def test_ten_positions_are_enough() -> None:
    names = [f"C{number}-USD" for number in range(10)]
    held = a_portfolio(*(a_position(name, quantity="0.1") for name in names), cash="9900")
    decision = decided(a_rising_market(*names), held)
    assert finding(decision, SOL) == (
        Reason.POSITIONS_FULL,
        "11 positions",
        "10 positions",
        "risk.positions_max",
    )
    assert decision.verdicts["C3-USD"].finding.reason is Reason.HELD


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.UNKNOWN, OrderStatus.INTENDED])
def test_an_order_that_is_out_stops_the_buy(status: OrderStatus) -> None:
    out: Order = an_open_order(SOL, status=status)
    decision = decided(portfolio=a_portfolio(open_orders=(out,)))
    assert finding(decision, SOL)[:2] == (Reason.ORDER_PENDING, f"BUY {status.name}")


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.NORMAL])
def test_every_stricter_level_stops_the_buy_and_is_on_the_decision(level: Level) -> None:
    decision = decided(state=a_state(at=NOON, standing=a_standing(level, "CAUSE")))
    assert finding(decision, SOL) == (Reason[level.name], level.name, "NORMAL", "level")
    assert decision.standing.level is level
    assert decision.plan.orders == ()


def test_an_order_that_the_venue_would_refuse_is_not_planned() -> None:
    snapshot = a_rising_market()
    large = {**snapshot.products, SOL: a_product(SOL, quote_min=usd("1000").amount)}
    decision = decided(replace(snapshot, products=large))
    reason, _, limit, key = finding(decision, SOL)
    assert (reason, limit, key) == (Reason.BELOW_VENUE_MINIMUM, "1000 USD", "product.quote_min")
    assert decision.plan.orders == ()


def test_a_held_product_that_left_the_universe_still_has_its_verdict() -> None:
    snapshot = a_rising_market()
    others = {name: top for name, top in snapshot.tops.items() if name != SOL}
    decision = decided(replace(snapshot, tops=others), a_portfolio(a_position(SOL)))
    assert decision.universe.excluded[SOL].reason is Reason.BOOK_MISSING
    assert decision.verdicts[SOL].finding.reason is Reason.HELD


def test_nothing_listed_is_nothing_decided_and_no_fault() -> None:
    snapshot = a_rising_market()
    empty = replace(
        snapshot,
        panel=snapshot.panel.rows(()),
        products={},
        tops={},
        depths={},
        candles_through={},
    )
    decision = decided(empty)
    assert (decision.verdicts, decision.plan.orders) == ({}, ())


def test_a_member_whose_spread_widened_is_refused_by_risk_before_the_universe_drops_it() -> None:
    snapshot = a_rising_market()
    wide = {**snapshot.tops, SOL: a_top(SOL, bid="99.70", ask="100.30")}
    inside = a_state(at=NOON, memberships=decided().universe.memberships)
    decision = decided(replace(snapshot, tops=wide), state=inside)
    reason, seen, _, key = finding(decision, SOL)
    assert (reason, seen, key) == (Reason.SPREAD_BEYOND_LIMIT, "0.6%", "risk.spread_max.T2")
