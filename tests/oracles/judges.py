"""The two oracles. Safety: never. Liveness: in time, once faults have stopped.

Safety is asked after every cycle, whatever the weather; liveness counts the calm cycles.
Both compare the bot with the venue's own account, and with limits read from the policy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from core.market import Side
from core.orders import RESTING, Fill, Order
from core.policy import Policy
from core.state import Level
from runner.bot import Bot
from tests.oracles.market import RandomMarket
from tests.oracles.witness import Witness

SETTLED_WITHIN = 4  # calm cycles until nothing is unknown and the books agree with the venue
STOPPED_WITHIN = 4  # calm cycles beyond its stop until a position is left
RESUMED_WITHIN = 4  # calm cycles until buying is allowed again
TRADED_WITHIN = 150  # calm cycles, in this market, until something is bought
_DRIFT = Decimal("1.02")  # a price moves between the decision and the oracle's own look
_ZERO = Decimal(0)


class Broken(AssertionError):
    """A promise that was not kept, and in which cycle."""


@dataclass
class Safety:
    """What must never happen."""

    market: RandomMarket
    policy: Policy
    own: dict[str, Decimal] = field(default_factory=dict)  # symbol -> bought less sold, truly
    true: set[str] = field(default_factory=set)  # ids of all fills of own orders
    known: dict[str, Fill] = field(default_factory=dict)  # booked, by fill id

    def look(self, bot: Bot, witness: Witness) -> None:
        self._one_order_an_intent(bot, witness)
        self._never_short(witness)
        self._within_caps(witness)
        self._only_true_fills(bot, witness)
        self._every_position_has_an_exit(bot)
        witness.record.buys.clear()

    def _one_order_an_intent(self, bot: Bot, witness: Witness) -> None:
        for name, made in witness.record.made.items():
            if len(made) > 1:
                raise Broken(f"{len(made)} orders for the one intent {name}")
        if witness.record.asked:
            last = bot.last.state.cycle
            orders = (o for cycle in range(last - 3, last + 1) for o in _of(bot, cycle))
            intended = {order.planned.client_order_id for order in orders}
            stray = witness.record.asked.keys() - intended
            if stray:
                raise Broken(f"sent and never intended: {', '.join(sorted(stray))}")
            witness.record.asked.clear()

    def _never_short(self, witness: Witness) -> None:
        for fill in witness.true_fills(self.market.clock.now() - timedelta(days=1)):
            if fill.fill_id in self.true:
                continue
            self.true.add(fill.fill_id)
            sign = 1 if fill.side is Side.BUY else -1
            amount = self.own.get(fill.symbol, _ZERO) + sign * fill.quantity.amount
            self.own[fill.symbol] = amount
            if amount < 0:
                raise Broken(f"{fill.symbol}: {-amount} sold that was never bought")
        for order in witness.working():
            if order.side is Side.SELL and (order.quantity or _ZERO) - order.filled > self.own.get(
                order.symbol, _ZERO
            ):
                raise Broken(f"{order.symbol}: more is for sale than was bought")

    def _within_caps(self, witness: Witness) -> None:
        """A buy of this cycle with all that is held and still bought of its product."""
        for planned in witness.record.buys:
            if planned.notional.amount > self.policy.risk.notional_max.amount:
                raise Broken(f"{planned.symbol}: a buy of {planned.notional}")
        for symbol in {planned.symbol for planned in witness.record.buys}:
            _, ask = self.market.prices(symbol)
            open_now = [o for o in witness.working() if o.symbol == symbol and o.side is Side.BUY]
            pending = sum(((o.quantity or _ZERO) - o.filled for o in open_now), _ZERO)
            worth = (self.own.get(symbol, _ZERO) + pending) * ask
            cap = self.policy.risk.position_max.value * self._equity(witness) * _DRIFT
            if worth > cap:
                raise Broken(f"{symbol}: {worth:.2f} beyond the cap of {cap:.2f}")

    def _equity(self, witness: Witness) -> Decimal:
        held = witness.held()
        cash = held.get("USD", _ZERO) + held.get("USDC", _ZERO)
        return cash + sum((q * self.market.prices(s)[1] for s, q in self.own.items()), _ZERO)

    def _only_true_fills(self, bot: Bot, witness: Witness) -> None:
        """What is booked happened, as it happened, once."""
        outcome = bot.last.outcome
        for fill in outcome.fills if outcome is not None else ():
            if fill.fill_id in self.known:
                raise Broken(f"fill {fill.fill_id} was booked twice")
            self.known[fill.fill_id] = fill

    def _every_position_has_an_exit(self, bot: Bot) -> None:
        decision = bot.last.decision
        if decision is None:
            return
        new = {fill.symbol for fill in bot.last.outcome.fills} if bot.last.outcome else set()
        bare = set(bot.stores.ledger.positions()) - decision.exits.keys() - new
        if bare:
            raise Broken(f"no exit for {', '.join(sorted(bare))}")


@dataclass
class Liveness:
    """What must happen in time. `calm` counts cycles since the faults stopped."""

    market: RandomMarket
    calm: int = 0
    idle: int = 0  # calm cycles since the last buy
    below: dict[str, int] = field(default_factory=dict)  # symbol -> calm cycles beyond its stop
    off: int = 0  # quiet cycles running in which the books were off
    over: dict[str, int] = field(default_factory=dict)  # ended orders -> calm cycles since

    def storm(self) -> None:
        self.calm, self.off = 0, 0
        self.below.clear()
        self.over.clear()

    def look(self, bot: Bot, witness: Witness) -> None:
        self.calm += 1
        if bot.last.outcome is None and self.calm > 1:
            raise Broken(f"a calm cycle failed: {bot.last.record and bot.last.record['why']}")
        self._settled(bot)
        self._closed(bot, witness)
        self._stopped(bot)
        standing = bot.last.state.standing
        if self.calm > RESUMED_WITHIN and standing.level is not Level.NORMAL:
            raise Broken(f"still {standing.level.name} in calm cycle {self.calm}: {standing.why}")
        bought = any(o.planned.side is Side.BUY for o in _sent(bot))
        self.idle = 0 if bought else self.idle + 1
        if self.idle > TRADED_WITHIN:
            raise Broken(f"nothing was bought in {self.idle} calm cycles")

    def _settled(self, bot: Bot) -> None:
        unsure = [o for o in bot.stores.ledger.unsettled() if o.status not in RESTING]
        young = [o for o in unsure if bot.last.state.cycle - o.cycle <= SETTLED_WITHIN]
        if self.calm > SETTLED_WITHIN and len(young) < len(unsure):
            raise Broken(f"{len(unsure)} orders are still {unsure[0].status.name}")

    def _closed(self, bot: Bot, witness: Witness) -> None:
        """Ledger and venue to the last unit, once no own order moves anything.

        While one does its assets are not judged, so a flow from outside waits for two quiet
        cycles running.
        """
        unsettled, outcome = bot.stores.ledger.unsettled(), bot.last.outcome
        quiet = not unsettled and (outcome is None or not outcome.fills)
        agree = {a: n for a, n in bot.stores.ledger.expected().items() if n} == witness.held()
        self.off = self.off + 1 if quiet and not agree else 0
        if self.off > SETTLED_WITHIN:
            raise Broken("ledger and venue do not agree")
        works = {order.exchange_order_id for order in witness.working()}
        over = {o.exchange_order_id for o in unsettled if o.status in RESTING} - works
        self.over = {name: self.over.get(name, 0) + 1 for name in over if name is not None}
        if any(cycles > SETTLED_WITHIN for cycles in self.over.values()):
            raise Broken("ledger and venue do not agree: an order has ended, and is open for us")

    def _stopped(self, bot: Bot) -> None:
        positions = bot.stores.ledger.positions()
        for symbol, plan in bot.last.state.exits.items():
            bid, _ = self.market.prices(symbol)
            beyond = symbol in positions and bid <= plan.stop.price
            self.below[symbol] = self.below.get(symbol, 0) + 1 if beyond else 0
            if self.below[symbol] > STOPPED_WITHIN:
                raise Broken(f"{symbol} has been beyond its stop for {self.below[symbol]} cycles")


def _sent(bot: Bot) -> tuple[Order, ...]:
    return bot.last.outcome.orders if bot.last.outcome is not None else ()


def _of(bot: Bot, cycle: int) -> tuple[Order, ...]:
    return bot.stores.ledger.orders_of(cycle)
