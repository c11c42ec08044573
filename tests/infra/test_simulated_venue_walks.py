"""Seeded walks: whatever is asked in whatever order, the venue's books stay right."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from core.market import Side, base_of, quote_of
from core.money import ZERO
from core.orders import FINAL, OrderStatus, TimeInForce
from infra.exchange.simulated.entry import Deal, Entry
from infra.exchange.simulated.exchange import SimulatedExchange
from infra.exchange.simulated.request import Attached, Kind, VenueRequest
from infra.exchange.simulated.venue_rows import OrderQuery
from tests.builders.market import NOON, a_depth, a_product
from tests.builders.venue import STARTING, HandMarket, an_exchange, rules

STEPS = 120
TICK = Decimal("0.01")


class Walk:
    """One person with many ideas, on a market without any."""

    def __init__(self, seed: int, path: Path) -> None:
        self.dice = Random(seed)
        self.market = HandMarket()
        self.path = path
        self.mid = Decimal(100)
        self.matching = rules(
            share=self.dice.choice(("0.001", "0.05", "1")),
            latency=timedelta(seconds=self.dice.choice((0, 0, 40))),
        )
        self.exchange = self.open()

    def open(self) -> SimulatedExchange:
        return an_exchange(self.market, path=self.path, matching=self.matching)

    def step(self) -> None:
        dice = self.dice
        match dice.randrange(10):
            case 0 | 1 | 2 | 3:
                self.exchange.create(self.request())
            case 4:
                for entry in self.exchange.working()[:2]:
                    self.exchange.cancel(entry.exchange_order_id)
            case 5:
                self.edit()
            case 6 | 7:
                self.bar()
            case 8:
                self.book()
            case _:
                self.restart()

    def restart(self) -> None:
        self.exchange.close()
        self.exchange = self.open()

    def price(self, around: Decimal) -> Decimal:
        return max(around + TICK * self.dice.randrange(-300, 300), TICK)

    def request(self) -> VenueRequest:
        dice = self.dice
        side, kind = dice.choice(list(Side)), dice.choice(list(Kind))
        stop = self.price(self.mid)
        end = self.market.clock.now() + timedelta(minutes=dice.randrange(1, 90))
        until = dice.choice(list(TimeInForce)) if kind is Kind.LIMIT else TimeInForce.GTC
        by_money = kind is Kind.MARKET and side is Side.BUY and dice.random() < 0.5
        quantity = Decimal(dice.randrange(1, 400_000)) / 10_000
        return VenueRequest(
            symbol="SOL-USD",
            side=side,
            kind=kind,
            time_in_force=until,
            post_only=until is TimeInForce.GTC and dice.random() < 0.3,
            quantity=None if by_money else quantity,
            notional=Decimal(dice.randrange(1, 90_000)) / 100 if by_money else None,
            price=None if kind is Kind.MARKET else self.price(self.mid),
            stop=stop if kind in (Kind.STOP_LIMIT, Kind.BRACKET) else None,
            end_time=end if until is TimeInForce.GTD else None,
            attached=Attached(self.mid + 5, self.mid - 5)
            if side is Side.BUY and kind in (Kind.LIMIT, Kind.MARKET) and dice.random() < 0.2
            else None,
        )

    def edit(self) -> None:
        for entry in self.exchange.working()[-1:]:
            self.exchange.edit(
                entry.exchange_order_id,
                price=self.price(self.mid),
                quantity=Decimal(self.dice.randrange(1, 300_000)) / 10_000,
            )

    def bar(self) -> None:
        corners = [self.price(self.mid) for _ in range(4)]
        prices = (corners[0], max(corners), min(corners), corners[3])
        self.mid = max(corners[3], Decimal(5))
        self.market.close_bar(*map(float, prices), volume=float(self.dice.randrange(500)))

    def book(self) -> None:
        self.market.clock.set(
            self.market.clock.now() + timedelta(seconds=self.dice.choice((0, 20, 70)))
        )
        bid = self.price(self.mid)
        levels = [
            [
                (str(price + step * TICK * sign), str(Decimal(self.dice.randrange(1, 90)) / 10))
                for step in range(4)
            ]
            for price, sign in ((max(bid, Decimal(1)), -1), (max(bid, Decimal(1)) + TICK, 1))
        ]
        self.market.books["SOL-USD"] = a_depth(bids=levels[0], asks=levels[1])

    def orders(self) -> tuple[Entry, ...]:
        return self.exchange.orders(OrderQuery(limit=10_000)).orders

    def fills(self) -> tuple[Deal, ...]:
        return self.exchange.fills_since(NOON - timedelta(days=1))


class Steady(Walk):
    """The same person at a venue that is never restarted."""

    def restart(self) -> None:
        pass


class Restless(Walk):
    """The same person at a venue that is restarted before whatever is done."""

    def step(self) -> None:
        self.restart()
        super().step()


def check_money(walk: Walk) -> None:
    """The balances are the start and the fills; what is held is what the orders could take."""
    totals = {money.currency: money.amount for money in STARTING}
    for deal in walk.fills():
        sign = 1 if deal.side is Side.BUY else -1
        totals[base_of(deal.symbol)] += sign * deal.quantity
        totals[quote_of(deal.symbol)] -= sign * deal.notional + deal.fee
    held = dict.fromkeys(totals, ZERO)
    for entry in walk.exchange.working():
        held[entry.hold.currency] += entry.hold.amount
    for row in walk.exchange.balances():
        assert (row.total, row.held) == (totals[row.currency], held[row.currency])
        assert row.available.amount >= 0


def check_orders(walk: Walk, ended: dict[str, Entry]) -> None:
    """Each order is its fills, keeps its limit, and stays ended once it has ended."""
    fills: dict[str, list[Deal]] = {}
    for deal in walk.fills():
        fills.setdefault(deal.exchange_order_id, []).append(deal)
    for entry in walk.orders():
        mine = fills.get(entry.exchange_order_id, [])
        assert entry.filled == sum((deal.quantity for deal in mine), ZERO)
        assert entry.value == sum((deal.notional for deal in mine), ZERO)
        assert entry.fees == sum((deal.fee for deal in mine), ZERO)
        assert entry.left is None or entry.left >= 0
        assert (entry.status is OrderStatus.FILLED) or entry.left != 0
        if entry.request.notional is not None:
            assert entry.value + entry.fees <= entry.request.notional
        if not entry.edits and entry.request.kind in (Kind.LIMIT, Kind.STOP_LIMIT):
            limit = entry.request.price
            assert limit is not None
            good = (
                deal.price <= limit if deal.side is Side.BUY else deal.price >= limit
                for deal in mine
            )
            assert all(good)
        if entry.status in FINAL:
            assert ended.setdefault(entry.exchange_order_id, entry) == entry


@pytest.mark.parametrize("seed", range(12))
def test_the_books_of_the_venue_stay_right_whatever_is_asked(seed: int, tmp_path: Path) -> None:
    walk = Walk(seed, tmp_path / "venue.sqlite")
    ended: dict[str, Entry] = {}

    for _ in range(STEPS):
        walk.step()
        check_money(walk)
    check_orders(walk, ended)
    for _ in range(STEPS // 4):
        walk.step()
    check_orders(walk, ended)

    assert len(walk.fills()) > 5, "a walk without fills proves nothing"
    times = [deal.at for deal in walk.fills()]
    assert times == sorted(times)


def test_a_walk_is_the_same_walk_again(tmp_path: Path) -> None:
    walks = [Walk(3, tmp_path / f"{name}.sqlite") for name in ("one", "two")]
    for walk in walks:
        for _ in range(STEPS):
            walk.step()
    first, second = walks
    assert first.orders() == second.orders()
    assert first.fills() == second.fills()


@pytest.mark.parametrize("seed", range(20, 32))
def test_a_restart_never_shows(seed: int, tmp_path: Path) -> None:
    steady, restless = Steady(seed, tmp_path / "steady"), Restless(seed, tmp_path / "restless")
    for _ in range(STEPS):
        for walk in (steady, restless):  # within a second the market is not asked the same again
            walk.market.clock.set(walk.market.clock.now() + timedelta(seconds=1))
            walk.step()

        assert restless.exchange.working() == steady.exchange.working()
        assert restless.exchange.balances() == steady.exchange.balances()
    assert restless.orders() == steady.orders()
    assert restless.fills() == steady.fills()


def test_the_better_price_is_served_first_and_at_one_price_who_came_first(
    tmp_path: Path,
) -> None:
    """Over many bars: nobody behind is ever filled while somebody before him is not full."""
    dice = Random(11)
    market = HandMarket(listed={"SOL-USD": a_product(quote_min=Decimal("0.01"))})
    exchange = an_exchange(market, path=tmp_path / "venue.sqlite", matching=rules(share="0.1"))
    for _ in range(40):
        for _ in range(dice.randrange(3)):
            price = Decimal(dice.randrange(9_700, 9_990)) / 100
            quantity = Decimal(dice.randrange(1, 30)) / 10
            exchange.create(
                VenueRequest(
                    symbol="SOL-USD",
                    side=Side.BUY,
                    kind=Kind.LIMIT,
                    quantity=quantity,
                    price=price,
                )
            )
        low = dice.randrange(9_700, 10_000) / 100
        before = {entry.exchange_order_id: entry.filled for entry in exchange.working()}
        queue = sorted(exchange.working(), key=lambda entry: (-entry.request.price, entry.number))  # type: ignore[operator]
        market.close_bar(100, 100, low, 100, volume=float(dice.randrange(40)))
        somebody_waits = False
        for entry in queue:
            now = exchange.order(entry.exchange_order_id)
            assert now is not None
            gained = now.filled - before[entry.exchange_order_id]
            assert not (somebody_waits and gained)
            reached = entry.request.price is not None and low < float(entry.request.price)
            somebody_waits = somebody_waits or (reached and now.status is not OrderStatus.FILLED)
