"""Stage 6: approved proposals to an order plan that the venue can accept.

Every order is a limit order with an end: post-only for a limited time, or
immediate or cancel. There is no market order. Prices lie on the tick, quantities
on the lot, and every rounding is against the bot: a buy may spend less than was
approved and never more, a sell may not accept less than its slippage allows. What
cannot be made legal is refused with the venue's own number. Cancels need no approval:
they stand in the plan as they were decided, before the orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from core.errors import FatalError
from core.exits import as_written
from core.market import Product, Side, Snapshot, TopOfBook
from core.money import (
    ONE,
    ZERO,
    Money,
    Price,
    Quantity,
    Ratio,
    Toward,
    added,
    divided,
    multiplied,
    rounded_down,
    rounded_up,
    subtracted,
)
from core.orders import OrderType, PlannedCancel, PlannedOrder, TimeInForce, client_order_id
from core.policy import ExecutionPolicy, Policy, Tactic
from core.proposals import ExitTerms, TradeProposal
from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Denied, Reduced, Verdict


@dataclass(frozen=True, slots=True)
class OrderPlan:
    orders: tuple[PlannedOrder, ...]  # in the order in which they are sent
    refused: Mapping[str, Finding]  # proposal id -> why no legal order can carry it
    cancels: tuple[PlannedCancel, ...] = ()  # sent before all orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How one order meets the book."""

    limit: Decimal  # on the tick; zero or less where no tick is low enough
    valued_at: Decimal  # the price at which the approved notional becomes a quantity
    time_in_force: TimeInForce
    post_only: bool
    end_time: datetime | None


def plan_orders(
    verdicts: tuple[Verdict, ...],
    snapshot: Snapshot,
    cycle_id: str,
    policy: Policy,
    cancels: tuple[PlannedCancel, ...] = (),
) -> OrderPlan:
    """One legal order for each approved or reduced proposal, in the order given, or why not.

    The client order id is a function of the cycle and the proposal, so planning the same
    cycle again plans the same orders.
    """
    orders: list[PlannedOrder] = []
    refused: dict[str, Finding] = {}
    for verdict in verdicts:
        match verdict:
            case Denied():
                continue
            case Approved(proposal=proposal) | Reduced(proposal=proposal):
                answer = _order(proposal, snapshot, cycle_id, policy)
        if isinstance(answer, Finding):
            refused[proposal.id] = answer
        else:
            orders.append(answer)
    return OrderPlan(tuple(orders), refused, cancels)


def _order(
    proposal: TradeProposal, snapshot: Snapshot, cycle_id: str, policy: Policy
) -> PlannedOrder | Finding:
    product = snapshot.products.get(proposal.symbol)
    if product is None:
        return Finding(Reason.PRODUCT_NOT_ONLINE, "not listed", "listed", "product.status")
    top = snapshot.tops.get(proposal.symbol)
    if proposal.exit is not None:
        return _exit_order(proposal, proposal.exit, product, cycle_id)
    if top is None:
        return Finding(Reason.BOOK_MISSING, "no book", "a two-sided book", "risk.book_age_max")
    terms = _terms(proposal, product, top, snapshot.at, policy.execution)
    if terms.limit <= ZERO:
        return no_tick(top.bid, product)
    quantity = _quantity(_approved(proposal, product), terms.valued_at, product)
    legal = _legal(proposal, product, terms, quantity, cycle_id)
    if isinstance(legal, Finding):
        return legal
    return _unsellable(proposal, quantity, product, policy) or legal


def _unsellable(
    proposal: TradeProposal, quantity: Quantity, product: Product, policy: Policy
) -> Finding | None:
    """What the venue would find too small to sell at its stop, through the book.

    Such a position could be entered and not left.
    """
    if proposal.side is Side.SELL or proposal.stop_loss <= 0:
        return None
    lowest = subtracted(ONE, policy.exits.through_max.value)
    worst = Price(multiplied(as_written(proposal.stop_loss), lowest), product.quote)
    too_small = below_minimum(worst, quantity, product)
    return too_small and replace(too_small, seen=f"{too_small.seen} through its stop")


def _exit_order(
    proposal: TradeProposal, wanted: ExitTerms, product: Product, cycle_id: str
) -> PlannedOrder | Finding:
    """A protective exit brings its own price and quantity: it needs no fresh book."""
    best = wanted.price.amount
    limit = lowest_sale(best, wanted.slippage_max, product.price_increment)
    if limit <= ZERO:
        return no_tick(best, product)
    quantity = on_the_lot(wanted.quantity.amount, product)
    return _legal(proposal, product, _prompt(limit, best), quantity, cycle_id)


def _legal(
    proposal: TradeProposal, product: Product, terms: Terms, quantity: Quantity, cycle_id: str
) -> PlannedOrder | Finding:
    """The order, or the venue's own number that it does not meet."""
    price = Price(terms.limit, product.quote)
    too_small = below_minimum(price, quantity, product)
    if too_small is not None:
        return too_small
    return PlannedOrder(
        client_order_id=client_order_id(
            cycle_id, proposal.strategy, proposal.symbol, proposal.side, proposal.step
        ),
        symbol=proposal.symbol,
        side=proposal.side,
        type=OrderType.LIMIT,
        time_in_force=terms.time_in_force,
        post_only=terms.post_only,
        end_time=terms.end_time,
        price=price,
        quantity=quantity,
        reason=proposal.id,
    )


def _terms(
    proposal: TradeProposal,
    product: Product,
    top: TopOfBook,
    at: datetime,
    policy: ExecutionPolicy,
) -> Terms:
    """Sells are always prompt. Buys follow their tier.

    The last replacement of a maker buy takes what is there, where the ask is within the
    slippage that its tier may pay beyond the bid: an entry is not chased for ever.
    """
    tier, tick = policy.tiers[proposal.tier], product.price_increment
    if proposal.side is Side.SELL:
        return _prompt(lowest_sale(top.bid, tier.slippage_max, tick), top.bid)
    match tier.tactic:
        case Tactic.MAKER:
            budget = multiplied(top.bid, added(ONE, tier.slippage_max.value))
            if 0 < policy.reprice_max <= proposal.step and top.ask <= budget:
                dearest = rounded_down(budget, tick)
                return _prompt(dearest, dearest)
            limit = rounded_down(top.bid, tick)  # at or below the bid, so it cannot cross
            return Terms(
                limit=limit,
                valued_at=limit,
                time_in_force=TimeInForce.GTD,
                post_only=True,
                end_time=at + policy.maker_ttl,
            )
        case Tactic.IOC:
            dearest = multiplied(top.ask, added(ONE, tier.slippage_max.value))
            limit = rounded_down(dearest, tick)
            return _prompt(limit, limit)


def _prompt(limit: Decimal, valued_at: Decimal) -> Terms:
    return Terms(
        limit=limit,
        valued_at=valued_at,
        time_in_force=TimeInForce.IOC,
        post_only=False,
        end_time=None,
    )


def lowest_sale(bid: Decimal, slippage_max: Ratio, tick: Decimal) -> Decimal:
    """The bid less the slippage, rounded up: against the bot means never selling for less.

    A tick wider than the slippage can round up past a bid that is off the tick. An order
    above the bid would sell nothing, and for an exit that is the worse of the two, so the
    limit is then the highest tick at or below the bid.
    """
    cheapest = multiplied(bid, subtracted(ONE, slippage_max.value))
    return min(rounded_up(cheapest, tick), rounded_down(bid, tick))


def _approved(proposal: TradeProposal, product: Product) -> Decimal:
    """The notional that risk let pass, in the currency that the product is paid in."""
    notional = proposal.notional
    if notional is None or notional.currency != product.quote:
        raise FatalError(
            "a proposal was approved without a notional in its product's currency",
            code=Reason.BROKEN_RULE.name,
            proposal=proposal.id,
            notional=notional,
        )
    return notional.amount


def _quantity(notional: Decimal, valued_at: Decimal, product: Product) -> Quantity:
    """What the notional buys, on the lot, at most `base_max`.

    A sell is valued at the bid, as its position is: at its lower limit the same notional
    would be more than we own.
    """
    return on_the_lot(divided(notional, valued_at, toward=Toward.FLOOR), product)


def on_the_lot(most: Decimal, product: Product) -> Quantity:
    """As much of it as one order may carry."""
    if product.base_max is not None:
        most = min(most, product.base_max)
    return Quantity(rounded_down(most, product.base_increment), product.base)


def no_tick(best: Decimal, product: Product) -> Finding:
    """No price on the tick is low enough."""
    seen, tick = Price(best, product.quote), Price(product.price_increment, product.quote)
    key = "product.price_increment"
    return Finding(Reason.BELOW_VENUE_MINIMUM, str(seen), str(tick), key)


def below_minimum(price: Price, quantity: Quantity, product: Product) -> Finding | None:
    """The venue's own number that such an order does not meet."""
    # A product without a minimum still takes no order for nothing.
    smallest = max(product.smallest_quantity, product.base_increment)
    if quantity.amount < smallest:
        limit = Quantity(smallest, product.base)
        return Finding(Reason.BELOW_VENUE_MINIMUM, str(quantity), str(limit), "product.base_min")
    least = Money(product.quote_min, product.quote)
    notional = price.of(quantity)
    if notional < least:
        return Finding(Reason.BELOW_VENUE_MINIMUM, str(notional), str(least), "product.quote_min")
    return None
