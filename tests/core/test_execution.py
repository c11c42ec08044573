"""The order plan: legal at the venue, and never dearer or cheaper than was approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FatalError
from core.execution import OrderPlan, plan_orders
from core.market import Product, Side, Snapshot, TopOfBook
from core.money import Money, multiplied
from core.orders import OrderType, PlannedCancel, PlannedOrder, TimeInForce, step_of
from core.policy import ExecutionPolicy, Tactic, TierExecution
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Denied, Reduced
from tests.builders.changes import an_entry
from tests.builders.market import NOON, a_product, a_snapshot, a_top
from tests.builders.proposals import a_proposal, a_ratio, an_execution_policy, sized
from tests.builders.risk import a_policy

CYCLE = "247trader-20250301T120000Z-97"
REFUSAL = Finding(Reason.POSITION_FULL, "9%", "8%", "risk.position_max")


def a_market(product: Product | None = None, top: TopOfBook | None = None) -> Snapshot:
    return a_snapshot(
        products={"SOL-USD": product or a_product()}, tops={"SOL-USD": top or a_top()}
    )


def planned(
    proposal: TradeProposal,
    market: Snapshot | None = None,
    policy: ExecutionPolicy | None = None,
    cycle_id: str = CYCLE,
) -> OrderPlan:
    return plan_orders(
        (Approved(proposal),),
        market or a_market(),
        cycle_id,
        a_policy(execution=policy or an_execution_policy()),
    )


def order(
    proposal: TradeProposal, market: Snapshot | None = None, policy: ExecutionPolicy | None = None
) -> PlannedOrder:
    plan = planned(proposal, market, policy)
    assert plan.refused == {}
    (only,) = plan.orders
    return only


def refusal(proposal: TradeProposal, market: Snapshot) -> Finding:
    plan = planned(proposal, market)
    assert plan.orders == ()
    return plan.refused[proposal.id]


def test_a_maker_buy_rests_at_the_bid_until_its_time_is_over() -> None:
    bought = order(a_proposal(tier="T2", notional="300"))

    assert bought.type is OrderType.LIMIT
    assert bought.time_in_force is TimeInForce.GTD
    assert bought.post_only
    assert bought.end_time == NOON + timedelta(minutes=22, seconds=30)
    assert str(bought.price) == "99.98 USD"
    assert str(bought.quantity) == "3.0006 SOL"
    assert (bought.side, bought.symbol) == (Side.BUY, "SOL-USD")
    assert bought.reason == "rules:SOL-USD:BUY"


def test_an_ioc_buy_pays_up_to_its_slippage_and_not_a_tick_more() -> None:
    bought = order(a_proposal(tier="T3", notional="300"))

    assert bought.time_in_force is TimeInForce.IOC
    assert not bought.post_only
    assert bought.end_time is None
    assert str(bought.price) == "100.42 USD"  # 100.02 and 0.4% are 100.42008
    assert str(bought.quantity) == "2.9874 SOL"


def test_an_ioc_buy_without_slippage_takes_the_ask_itself() -> None:
    exact = TierExecution(tactic=Tactic.IOC, slippage_max=a_ratio("0"))

    bought = order(a_proposal(notional="300"), policy=an_execution_policy(T2=exact))

    assert str(bought.price) == "100.02 USD"


def test_a_sell_is_prompt_whatever_the_tactic_of_its_tier() -> None:
    sold = order(a_proposal(side=Side.SELL, tier="T2", notional="99.98"))

    assert sold.time_in_force is TimeInForce.IOC
    assert not sold.post_only
    assert str(sold.price) == "99.79 USD"  # 99.98 less 0.2% is 99.78004
    assert str(sold.quantity) == "1 SOL"


def test_a_sell_of_a_position_at_the_bid_is_all_of_it_and_never_more() -> None:
    whole = multiplied(Decimal("99.98"), Decimal("7.1234"))

    sold = order(a_proposal(side=Side.SELL, tier="T3", notional=str(whole)))

    assert str(sold.quantity) == "7.1234 SOL"


@pytest.mark.parametrize(
    ("bid", "tick", "expected"),
    [
        ("99.98", "0.01", "99.79"),
        ("99.98", "0.5", "99.5"),  # rounding up would pass the bid: the next tick below it
        ("100.00", "0.5", "100"),  # the slippage is less than a tick: at the bid itself
        ("100.00", "0.01", "99.8"),
        ("100.01", "0.01", "99.81"),  # 99.80998 rounds up, never below the slippage
    ],
)
def test_a_sell_accepts_no_less_than_its_slippage_where_a_tick_allows_it(
    bid: str, tick: str, expected: str
) -> None:
    market = a_market(
        a_product(price_increment=Decimal(tick), quote_min=Decimal(0)), a_top(bid=bid, ask="101")
    )

    sold = order(a_proposal(side=Side.SELL, notional="300"), market)

    assert str(sold.price) == f"{expected} USD"


@pytest.mark.parametrize(("bid", "expected"), [("99.98", "99.98"), ("99.987", "99.98")])
def test_a_bid_off_the_tick_is_undercut_and_never_crossed(bid: str, expected: str) -> None:
    market = a_market(top=a_top(bid=bid, ask="99.99"))

    assert str(order(a_proposal(notional="300"), market).price) == f"{expected} USD"


@pytest.mark.parametrize(("base_max", "expected"), [("2", "2"), ("2.00019", "2.0001"), ("9", "3")])
def test_a_quantity_is_at_most_what_the_venue_takes_at_once(base_max: str, expected: str) -> None:
    market = a_market(a_product(base_max=Decimal(base_max)), a_top(bid="100", ask="101"))

    assert str(order(a_proposal(notional="300"), market).quantity) == f"{expected} SOL"


@pytest.mark.parametrize(("notional", "legal"), [("99.99", False), ("100", True), ("100.01", True)])
def test_a_quantity_below_the_venues_minimum_is_refused_and_at_it_is_not(
    notional: str, legal: bool
) -> None:
    market = a_market(a_product(base_min=Decimal(1)), a_top(bid="100", ask="101"))

    plan = planned(a_proposal(notional=notional), market)

    assert bool(plan.orders) is legal
    if not legal:
        assert plan.refused["rules:SOL-USD:BUY"] == Finding(
            Reason.BELOW_VENUE_MINIMUM, "0.9999 SOL", "1 SOL", "product.base_min"
        )


def test_a_minimum_off_the_lot_is_the_next_lot_above_it() -> None:
    product = a_product(base_min=Decimal("0.95"), base_increment=Decimal("0.1"))
    market = a_market(product, a_top(bid="100", ask="101"))

    assert refusal(a_proposal(notional="99"), market) == Finding(
        Reason.BELOW_VENUE_MINIMUM, "0.9 SOL", "1 SOL", "product.base_min"
    )
    assert str(order(a_proposal(notional="100"), market).quantity) == "1 SOL"


@pytest.mark.parametrize(("notional", "legal"), [("9.99", False), ("10", True), ("10.01", True)])
def test_a_notional_below_the_venues_minimum_is_refused_and_at_it_is_not(
    notional: str, legal: bool
) -> None:
    market = a_market(a_product(quote_min=Decimal(10)), a_top(bid="100", ask="101"))

    # Of a buy more is asked: it must be sellable through its stop. One without a stop shows it.
    plan = planned(replace(a_proposal(notional=notional), stop_loss=0.0), market)

    assert bool(plan.orders) is legal
    if not legal:
        assert plan.refused["rules:SOL-USD:BUY"] == Finding(
            Reason.BELOW_VENUE_MINIMUM, "9.99 USD", "10 USD", "product.quote_min"
        )


def test_the_minimum_holds_for_the_notional_after_rounding() -> None:
    product = a_product(quote_min=Decimal(10), base_increment=Decimal("0.03"))
    market = a_market(product, a_top(bid="100", ask="101"))

    assert refusal(a_proposal(notional="10"), market).seen == "9 USD"


def test_an_order_for_nothing_is_refused_where_the_venue_names_no_minimum() -> None:
    market = a_market(a_product(base_min=Decimal(0), quote_min=Decimal(0)))

    assert refusal(a_proposal(notional="0.001"), market) == Finding(
        Reason.BELOW_VENUE_MINIMUM, "0 SOL", "0.0001 SOL", "product.base_min"
    )


@pytest.mark.parametrize("side", list(Side))
def test_a_price_below_one_tick_has_no_legal_order(side: Side) -> None:
    market = a_market(top=a_top(bid="0.004", ask="0.02"))

    assert refusal(a_proposal(side=side, notional="300"), market) == Finding(
        Reason.BELOW_VENUE_MINIMUM, "0.004 USD", "0.01 USD", "product.price_increment"
    )


def test_without_a_book_there_is_no_price_to_plan_with() -> None:
    market = a_snapshot("SOL-USD", tops={})

    assert refusal(a_proposal(notional="300"), market) == Finding(
        Reason.BOOK_MISSING, "no book", "a two-sided book", "risk.book_age_max"
    )


def test_a_product_that_the_venue_no_longer_lists_has_no_order() -> None:
    market = a_snapshot("SOL-USD", products={})

    assert refusal(a_proposal(notional="300"), market) == Finding(
        Reason.PRODUCT_NOT_ONLINE, "not listed", "listed", "product.status"
    )


@pytest.mark.parametrize(
    "proposal",
    [a_proposal(), a_proposal("SOL-EUR", notional="300")],
    ids=["without a notional", "in another currency"],
)
def test_an_approval_that_makes_no_sense_halts_the_bot(proposal: TradeProposal) -> None:
    market = a_snapshot("SOL-USD", "SOL-EUR")

    with pytest.raises(FatalError) as fault:
        planned(proposal, market)

    assert fault.value.code == "BROKEN_RULE"


def test_approved_and_reduced_become_orders_in_their_order_and_denied_do_not() -> None:
    market = a_snapshot("ADA-USD", "BTC-USD", "SOL-USD")
    reduced = sized(a_proposal("BTC-USD", notional="300"), "100")
    verdicts = (
        Approved(a_proposal("SOL-USD", notional="300")),
        Denied(a_proposal("ADA-USD", notional="300"), REFUSAL),
        Reduced(reduced, REFUSAL),
    )

    plan = plan_orders(verdicts, market, CYCLE, a_policy(execution=an_execution_policy()))

    assert [one.reason for one in plan.orders] == ["rules:SOL-USD:BUY", "rules:BTC-USD:BUY"]
    assert plan.orders[1].notional <= Money(Decimal(100), "USD")
    assert plan.refused == {}


def test_one_proposal_that_cannot_be_carried_does_not_stop_the_next() -> None:
    market = a_snapshot("ADA-USD", "SOL-USD")
    verdicts = (
        Approved(a_proposal("ADA-USD", notional="0.5")),
        Approved(a_proposal("SOL-USD", notional="300")),
    )

    plan = plan_orders(verdicts, market, CYCLE, a_policy(execution=an_execution_policy()))

    assert [one.symbol for one in plan.orders] == ["SOL-USD"]
    assert list(plan.refused) == ["rules:ADA-USD:BUY"]


def test_an_order_id_is_the_same_for_the_same_cycle_and_never_for_another() -> None:
    proposal = a_proposal(notional="300")
    other_side = a_proposal(side=Side.SELL, notional="300")
    other_strategy = a_proposal(strategy="grid", notional="300")

    again = [order(proposal).client_order_id for _ in range(2)]
    others = [
        planned(proposal, cycle_id="247trader-20250301T120000Z-98").orders[0].client_order_id,
        order(other_side).client_order_id,
        order(other_strategy).client_order_id,
    ]

    assert again[0] == again[1]
    assert len({again[0], *others}) == 4


def test_a_replacement_is_another_order_of_the_same_intent() -> None:
    first = a_proposal(notional="300")
    second = replace(first, step=1)

    assert order(first).client_order_id != order(second).client_order_id
    assert step_of(order(second), CYCLE, most=3) == 1
    assert replace(order(second), client_order_id="x") == replace(order(first), client_order_id="x")


def test_cancels_stand_in_the_plan_as_they_were_decided() -> None:
    cancel = PlannedCancel(an_entry(), REFUSAL)

    plan = plan_orders((), a_market(), CYCLE, a_policy(execution=an_execution_policy()), (cancel,))

    assert (plan.cancels, plan.orders) == ((cancel,), ())


def test_an_order_id_does_not_depend_on_prices_so_an_intent_is_never_two_orders() -> None:
    moved = a_market(top=a_top(bid="101", ask="101.1"))
    proposal = a_proposal(notional="300")

    assert order(proposal).client_order_id == order(proposal, moved).client_order_id


INCREMENTS = st.sampled_from(["0.00000001", "0.0001", "0.01", "0.05", "0.3", "1", "5"]).map(Decimal)
PRICES = st.decimals("0.00001", "60000", places=7)
SPREADS = st.decimals("0.0000001", "50", places=7)
TIERS = st.sampled_from(["T1", "T2", "T3"])


@settings(derandomize=True, deadline=None, database=None, max_examples=400)
@given(
    bid=PRICES,
    spread=SPREADS,
    tick=INCREMENTS,
    lot=INCREMENTS,
    notional=st.decimals("0", "100000", places=8),
    side=st.sampled_from(Side),
    tier=TIERS,
    base_max=st.none() | st.decimals("0.01", "1000", places=8),
)
def test_every_order_is_legal_and_within_what_was_approved(
    bid: Decimal,
    spread: Decimal,
    tick: Decimal,
    lot: Decimal,
    notional: Decimal,
    side: Side,
    tier: str,
    base_max: Decimal | None,
) -> None:
    product = a_product(price_increment=tick, base_increment=lot, base_max=base_max)
    top = a_top(bid=str(bid), ask=str(bid + spread))
    market, policy = a_market(product, top), an_execution_policy()
    proposal = a_proposal(side=side, tier=tier, notional=str(notional))

    plan = planned(proposal, market, policy)

    assert plan == planned(proposal, market, policy)
    assert len(plan.orders) + len(plan.refused) == 1
    for one in plan.orders:
        price, quantity = one.price.amount, one.quantity.amount
        assert price % tick == 0
        assert quantity % lot == 0
        assert quantity >= product.smallest_quantity > 0
        assert base_max is None or quantity <= base_max
        assert product.quote_min <= one.notional.amount <= notional
        slippage = policy.tiers[tier].slippage_max.value
        if one.post_only:
            assert price <= top.bid < top.ask
        elif side is Side.BUY:
            assert price <= multiplied(top.ask, 1 + slippage)
        else:
            assert price <= top.bid
            assert multiplied(quantity, top.bid) <= notional
            assert price >= multiplied(top.bid, 1 - slippage) or price > top.bid - tick


@pytest.mark.parametrize(
    ("least", "goes"), [("279.35585", True), ("279.35586", True), ("279.35587", False)]
)
def test_a_buy_that_could_not_be_sold_through_its_stop_is_refused(least: str, goes: bool) -> None:
    """3.0006 SOL, 5% through a stop of 98, bring 279.35586 USD at the worst."""
    proposal = a_proposal(tier="T2", notional="300")
    market = a_market(a_product(quote_min=Decimal(least)))
    if goes:
        assert order(proposal, market)
        return
    found = refusal(proposal, market)
    assert found.reason is Reason.BELOW_VENUE_MINIMUM
    assert found.seen == "279.35586 USD through its stop"
    assert found.limit == f"{least} USD"


def test_a_sale_is_not_asked_whether_it_could_be_sold() -> None:
    market = a_market(a_product(quote_min=Decimal("99")))
    assert order(a_proposal(side=Side.SELL, notional="99.98"), market)


@pytest.mark.parametrize(
    ("ask", "step", "prompt"),
    [
        ("100.17", 3, True),  # 0.2% above the bid of 99.98 are 100.17996
        ("100.18", 3, False),
        ("100.02", 2, False),
        ("100.02", 3, True),
    ],
)
def test_the_last_replacement_takes_what_is_there_within_its_slippage(
    ask: str, step: int, prompt: bool
) -> None:
    market = a_market(top=a_top(bid="99.98", ask=ask))
    bought = order(replace(a_proposal(tier="T2", notional="300"), step=step), market)

    assert bought.post_only is not prompt
    assert bought.time_in_force is (TimeInForce.IOC if prompt else TimeInForce.GTD)
    assert str(bought.price) == ("100.17 USD" if prompt else "99.98 USD")


def test_without_replacements_a_maker_buy_never_takes() -> None:
    policy = replace(an_execution_policy(), reprice_max=0)
    assert order(a_proposal(tier="T2", notional="300"), policy=policy).post_only
