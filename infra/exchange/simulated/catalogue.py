"""What the embedded market lists: about 30 products, most of them ordinary, some odd on purpose.

The odd ones are there because every venue has them and a bot that never met
them will meet them with money: halted, post-only, cancel-only, just listed, not
yet listed, about to be delisted, pegged, and so thin that bars are missing.
Prices and volumes are of the right order; they are nobody's real figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core.market import Product, ProductStatus

_TAKES_ORDERS = frozenset({ProductStatus.ONLINE, ProductStatus.LIMIT_ONLY, ProductStatus.POST_ONLY})


@dataclass(frozen=True, slots=True)
class Phase:
    """From when on, counted from the market's start, a product has a status."""

    since: timedelta
    status: ProductStatus

    @property
    def takes_orders(self) -> bool:
        """Whether anything trades: without new orders there are no bars and no book."""
        return self.status in _TAKES_ORDERS


def _phase(status: ProductStatus, *, hours: int) -> Phase:
    return Phase(timedelta(hours=hours), status)


_LONG_AGO = -24 * 1_200
_ALWAYS = (_phase(ProductStatus.ONLINE, hours=_LONG_AGO),)

# How a product's status changes, in hours from the market's start; all others are online.
_LIVES = {
    "COMP": (_phase(ProductStatus.POST_ONLY, hours=_LONG_AGO),),
    "FET": (*_ALWAYS, _phase(ProductStatus.HALTED, hours=-6)),
    "MANA": (*_ALWAYS, _phase(ProductStatus.CANCEL_ONLY, hours=-30)),
    "JUP": (_phase(ProductStatus.ONLINE, hours=-36),),
    "TIA": (
        _phase(ProductStatus.POST_ONLY, hours=20),
        _phase(ProductStatus.ONLINE, hours=22),
    ),
    "BAL": (
        *_ALWAYS,
        _phase(ProductStatus.LIMIT_ONLY, hours=24),
        _phase(ProductStatus.DELISTED, hours=30),
    ),
}

# Also paid in a second currency, from the same book, as a venue does that takes both at par.
ALIAS_QUOTES = {"USD": "USDC"}
_ALSO_IN_ALIAS = frozenset({"BTC", "ETH", "SOL"})

# Of one minute; all others trade in every minute.
_TRADED_MINUTES = {"KNC": 0.09}

# asset   sector    price decimals of price and quantity, notional a day,
#         usual spread in bps, share of the market's and of the sector's moves, own daily move in %
_TABLE = """
BTC       layer1    60000      2  8   48000000   1.2   0.95  0.10  1.2
ETH       layer1    2600       2  8   30000000   1.8   1.15  0.30  1.5
SOL       layer1    145        2  8   11000000   3.0   1.30  0.55  2.3
XRP       payments  0.62       4  6    8000000   4.0   1.00  0.60  2.4
DOGE      meme      0.12       5  1    6000000   5.0   1.20  0.70  2.4
ADA       layer1    0.45       4  8    3200000   6.0   1.20  0.60  2.2
AVAX      layer1    28         2  8    2400000   7.0   1.30  0.65  2.4
LINK      defi      14         3  4    2600000   6.0   1.20  0.55  2.2
LTC       payments  82         2  8    3000000   6.0   1.00  0.55  1.8
DOT       layer1    6.2        3  8    1500000   8.0   1.20  0.60  2.0
BCH       payments  390        2  8    1700000   8.0   1.05  0.60  2.2
UNI       defi      8.1        3  6    1400000   9.0   1.25  0.75  2.6
AAVE      defi      150        2  3    1200000  10.0   1.25  0.80  2.7
ATOM      layer1    7.3        3  4     700000  12.0   1.15  0.65  2.3
XLM       payments  0.105      6  8     900000  10.0   1.00  0.75  2.2
SHIB      meme      0.000018   8  0    1900000   9.0   1.25  1.00  2.7
PEPE      meme      0.00001    9  0    1300000  11.0   1.35  1.20  3.8
ZEC       payments  36         2  8     420000  18.0   0.90  0.50  3.2
ZRX       defi      0.34       6  5     260000  24.0   1.10  0.80  3.1
USDT      pegged    1          5  2    5000000   1.5   0.00  0.00  0.02
COMP      defi      52         2  3     330000  20.0   1.10  0.75  2.8
FET       ai        1.35       4  1     800000  14.0   1.20  0.70  3.5
MANA      ai        0.33       4  2     240000  22.0   1.10  0.70  2.7
JUP       ai        0.88       4  2     950000  14.0   1.25  0.80  3.9
TIA       ai        5.4        3  2     600000  16.0   1.25  0.80  3.8
BAL       defi      2.3        3  3     150000  30.0   1.05  0.60  3.0
KNC       defi      0.48       4  1      45000  55.0   0.95  0.50  3.0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How one product is made: its size, its kind of moves, its life."""

    asset: str
    sector: str
    price: float  # around which it moves
    price_decimals: int
    base_decimals: int
    notional_per_day: float  # in quote currency
    spread: float  # usual, over the mid
    market_share: float  # of the market's moves that it shares
    sector_share: float
    own_move: float  # standard deviation of a day's own return
    traded_minutes: float  # share of minutes with a trade
    has_alias: bool
    life: tuple[Phase, ...]

    def phase(self, after_start: timedelta) -> Phase | None:
        """The phase at a time counted from the market's start; None before the listing."""
        begun = [phase for phase in self.life if phase.since <= after_start]
        return begun[-1] if begun else None

    @property
    def trades_until(self) -> timedelta | None:
        """When it stops taking orders for good, from the market's start; None: never."""
        return None if self.life[-1].takes_orders else self.life[-1].since

    def quotes(self, quote: str) -> tuple[str, ...]:
        """What it is paid in on a market of `quote`: that, and where it has one the alias."""
        also = ALIAS_QUOTES.get(quote)
        return (quote, also) if self.has_alias and also is not None else (quote,)

    def product(
        self, quote: str, start: datetime, status: ProductStatus, alias_of: str | None
    ) -> Product:
        """The venue's record of it."""
        lot = Decimal(1).scaleb(-self.base_decimals)
        return Product(
            symbol=f"{self.asset}-{quote}",
            base=self.asset,
            quote=quote,
            status=status,
            price_increment=Decimal(1).scaleb(-self.price_decimals),
            base_increment=lot,
            base_min=lot,
            base_max=None,
            quote_min=Decimal(1),
            listed_at=start + self.life[0].since,
            alias_of=alias_of,
        )


def _listings() -> Iterator[Listing]:
    for line in _TABLE.split("\n")[1:-1]:
        asset, sector, *figures = line.split()
        price, ticks, lots, notional, spread, market, kin, own = figures
        yield Listing(
            asset=asset,
            sector=sector,
            price=float(price),
            price_decimals=int(ticks),
            base_decimals=int(lots),
            notional_per_day=float(notional),
            spread=float(spread) / 10_000,
            market_share=float(market),
            sector_share=float(kin),
            own_move=float(own) / 100,
            traded_minutes=_TRADED_MINUTES.get(asset, 1.0),
            has_alias=asset in _ALSO_IN_ALIAS,
            life=_LIVES.get(asset, _ALWAYS),
        )


CATALOGUE: tuple[Listing, ...] = tuple(_listings())
