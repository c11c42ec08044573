"""Do the venue's truth and the bot's books agree to the last unit, and was every promise kept?

Everything that is wrong is told, not only the first of it. Nothing here reads a file or
asks the bot: what is compared is handed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

from core.orders import REACHED, OrderStatus
from tests.crashes.wire.books import OwnBooks, TrueFill, TrueOrder, Truth

_ZERO = Decimal(0)


def disagreements(truth: Truth, books: OwnBooks) -> Iterator[str]:
    """One line for each promise that was not kept."""
    for judge in JUDGES:
        yield from judge(truth, books)


def _money(truth: Truth, books: OwnBooks) -> Iterator[str]:
    for name in sorted(truth.balances.keys() | books.balances.keys()):
        held, booked = truth.balances.get(name, _ZERO), books.balances.get(name, _ZERO)
        if held != booked:
            yield f"{name}: the venue holds {held}, the books say {booked}"
    for name, amount in books.flows.items():
        yield f"{amount} {name} is booked as from outside, and nobody paid in or out"


def _one_order_an_intent(truth: Truth, books: OwnBooks) -> Iterator[str]:
    for name, count in Counter(order.name for order in truth.orders).items():
        if count > 1:
            yield f"{count} orders at the venue for the one intent {name}"
    for order in truth.orders:
        if order.name not in books.decided:
            yield f"{_told(order)} was sent, and no decision on tape asked for it"


def _orders(truth: Truth, books: OwnBooks) -> Iterator[str]:
    """Each order as the ledger has it is the order as it is."""
    own = {order.planned.client_order_id: order for order in books.orders}
    theirs = {order.name: order for order in truth.orders}
    for name, order in theirs.items():
        known = own.get(name)
        if known is None:
            yield f"{_told(order)} is not in the ledger"
        elif known.exchange_order_id != order.order_id:
            yield f"{_told(order)} is {known.exchange_order_id} in the ledger"
        elif (_plainly(known.status), known.filled) != (order.status, order.filled):
            yield f"{_told(order)}: the ledger has it {known.status.name}, {known.filled} filled"
    for name in sorted(own.keys() - theirs.keys()):
        if own[name].status in REACHED:
            yield f"the ledger has {name} {own[name].status.name}, and the venue never had it"


def _nothing_open(_: Truth, books: OwnBooks) -> Iterator[str]:
    for order in books.loose:
        planned = order.planned
        yield f"{planned.side.value} {planned.symbol} {planned.client_order_id} is not settled"


def _fills(truth: Truth, books: OwnBooks) -> Iterator[str]:
    """Every fill is booked, as it was, once."""
    booked = Counter(books.fills)
    for fill in truth.fills:
        if booked[fill] != 1:
            known = [one for one in books.fills if one.fill_id == fill.fill_id]
            yield f"{fill} is booked {booked[fill]} times; by that id there is {known}"
    for fill in booked.keys() - set(truth.fills):
        yield f"{fill} is booked, and never happened"


def _never_short(truth: Truth, _: OwnBooks) -> Iterator[str]:
    """No sale of more than was bought, and no sales at work for more than is held."""
    for sale in (order for order in truth.orders if order.side == "SELL"):
        held = _held(truth.fills, sale)
        at_work = _alive_with(sale, truth)
        more = sum((_left(o, truth.fills, sale) for o in at_work), _ZERO)
        if more > held:
            others = ", ".join(_told(order) for order in at_work)
            yield f"sales of {more} {sale.symbol} at work, and {held} held: {others}"


def _one_entry_at_a_time(truth: Truth, _: OwnBooks) -> Iterator[str]:
    for entry in (order for order in truth.orders if order.side == "BUY"):
        alive = _alive_with(entry, truth)
        if len(alive) > 1:
            yield f"bought twice at a time: {', '.join(_told(order) for order in alive)}"


Judge = Callable[[Truth, OwnBooks], Iterator[str]]
JUDGES: tuple[Judge, ...] = (
    _money,
    _one_order_an_intent,
    _orders,
    _nothing_open,
    _fills,
    _never_short,
    _one_entry_at_a_time,
)


def _alive_with(order: TrueOrder, truth: Truth) -> list[TrueOrder]:
    """Orders of its product and side that live when it begins; itself, even if it ends at once."""
    like = (o for o in truth.orders if (o.symbol, o.side) == (order.symbol, order.side))
    return [o for o in like if o is order or o.lives_at(order.begun)]


def _held(fills: tuple[TrueFill, ...], sale: TrueOrder) -> Decimal:
    """What had been bought and not yet sold when the sale began; its own fills come after."""
    amount = _ZERO
    for fill in fills:
        if fill.symbol == sale.symbol and fill.at <= sale.begun and fill.order_id != sale.order_id:
            amount += fill.quantity if fill.side == "BUY" else -fill.quantity
    return amount


def _left(order: TrueOrder, fills: tuple[TrueFill, ...], sale: TrueOrder) -> Decimal:
    """What it was still to sell when `sale` began."""
    before = (f for f in fills if f.order_id == order.order_id and f.at <= sale.begun)
    done = sum((f.quantity for f in before), _ZERO) if order is not sale else _ZERO
    return order.quantity - done


def _plainly(status: OrderStatus) -> str:
    return "OPEN" if status is OrderStatus.PARTIAL else status.name


def _told(order: TrueOrder) -> str:
    told = f"{order.side} {order.quantity} {order.symbol} {order.status} ({order.name})"
    return f"{told}, {order.filled} filled"
