"""An account in which every stage of decide() has something to do.

As many positions as the policy allows, two lots each, their stops resting at the venue, a
few of them to be replaced; entries that rest; both strategies; and stops that the bot wants
to rest.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from config.loader import Configuration, rebuild
from config.tree import Plain
from core.account import Lot, Portfolio, Position
from core.market import Snapshot, TopOfBook
from core.money import Toward, divided, multiplied, rounded_down
from core.orders import Order
from strategy import registry
from tests.builders.account import a_portfolio
from tests.builders.changes import a_stop, an_entry
from tests.builders.shipped import shipped_configuration
from tests.keys.leaves import changed

EVERYTHING_ON: dict[str, Plain] = {
    "strategies.ema_cross.enabled": True,
    "exits.resting": "stop_limit",
}
POSITIONS, ENTRIES = 10, 4
OUTDATED = 2  # stops; trailing ones move, and most cycles move none
_WORTH, _UNIT = Decimal(300), Decimal("0.0001")


def everything_on() -> Configuration:
    effective = changed(shipped_configuration().effective, EVERYTHING_ON)
    return rebuild(effective, strategies=registry.parameter_types())


def a_full_account(snapshot: Snapshot) -> Portfolio:
    """The first products are held, the next ones are on order."""
    tops = [snapshot.tops[symbol] for symbol in sorted(snapshot.tops)]
    held, ordered = tops[:POSITIONS], tops[POSITIONS : POSITIONS + ENTRIES]
    ends = snapshot.at + timedelta(minutes=9)
    return a_portfolio(
        *(_position(top, snapshot) for top in held),
        usdc="2500",
        rate_seen_at=snapshot.at,
        marks={top.symbol: str(top.bid) for top in held},
        open_orders=(
            *(_stop(top, "0.9") for top in held[:OUTDATED]),
            *(_stop(top, "0.95") for top in held[OUTDATED:]),  # as exits.stop_loss has it
            *(an_entry(top.symbol, price=str(top.bid), end_time=ends) for top in ordered),
        ),
    )


def _units(top: TopOfBook) -> Decimal:
    return rounded_down(divided(_WORTH, top.bid, toward=Toward.FLOOR), _UNIT)


def _position(top: TopOfBook, snapshot: Snapshot) -> Position:
    base, quote = top.symbol.split("-")
    ages = (timedelta(days=1), timedelta(hours=5))
    lots = tuple(Lot(_units(top), top.bid, snapshot.at - age) for age in ages)
    return Position(top.symbol, base, quote, lots)


def _stop(top: TopOfBook, share: str) -> Order:
    """At that share of the bid, and its limit a gap below."""
    low = multiplied(top.bid, Decimal(share))
    lower = multiplied(low, Decimal("0.98"))
    both = multiplied(_units(top), Decimal(2))
    return a_stop(top.symbol, stop=str(low), price=str(lower), quantity=str(both))
