"""The keys of universe: what a product shows, and which tier it gets or why none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from config.tree import Plain
from core.state import Membership
from tests.builders.account import a_portfolio, a_position, a_state
from tests.builders.market import NOON, a_depth, a_product, a_top
from tests.keys.deciding import ADA, BTC, DEEP, QUIET, SOL, a_market, amount, deciding
from tests.keys.leaves import value_of
from tests.keys.risk import OF_TIER, share_held, tiered
from tests.keys.scenario import Change, Row, Scenario, around, shipped

OTHER = "ZZZ-USD"  # an asset that no list names


def seen(name: str, *symbols: str, **changes: object) -> Scenario:
    """A new folder looks at these products for the first time."""
    settings = changes.pop("settings", None)
    market = a_market(*symbols, **changes)  # type: ignore[arg-type]
    return deciding(name, market, wishes=(), settings=settings)  # type: ignore[arg-type]


def trading(tier: str) -> Callable[[float], Scenario]:
    """A product of the tier that trades so many USD in a day."""
    symbol = OF_TIER[tier]

    def of(worth: float) -> Scenario:
        volume = [worth / 96 / 100] * 350
        return seen(f"{symbol} trades {worth:g} USD a day", symbol, volumes={symbol: volume})

    return of


def spread(tier: str) -> Callable[[float], Scenario]:
    symbol = OF_TIER[tier]

    def of(share: float) -> Scenario:
        top = a_top(symbol, bid=amount(100 - 50 * share), ask=amount(100 + 50 * share))
        market = tiered(symbol, tops={symbol: top})
        return deciding(f"{symbol} with a spread of {share:.2%}", market, wishes=())

    return of


def depth(tier: str) -> Callable[[float], Scenario]:
    symbol = OF_TIER[tier]

    def of(worth: float) -> Scenario:
        units = amount(worth / 99.98)
        thin = a_depth(symbol, bids=(("99.98", units),), asks=(("100.02", DEEP),))
        market = tiered(symbol, depths={symbol: thin})
        return deciding(f"{symbol} with a depth of {worth:g} USD", market, wishes=())

    return of


def depth_begins(share: float) -> Scenario:
    far = amount(99.98 * (1 - share))
    thin = a_depth(bids=(("99.98", "1"), (far, DEEP)), asks=(("100.02", DEEP),))
    return seen(f"the depth of SOL lies {share:.2%} away", SOL, depths={SOL: thin})


def priced(price: float) -> Scenario:
    top = a_top(bid=amount(price), ask=amount(price * 1.0001))
    return seen(f"SOL costs {amount(price)} USD", SOL, tops={SOL: top})


def listed(seconds: float) -> Scenario:
    age = timedelta(seconds=seconds)
    product = a_product(SOL, listed_at=NOON - age)
    return seen(f"SOL is listed since {age}", SOL, products={SOL: product})


def remembered(name: str, membership: Membership, bid: str = "99.98") -> Scenario:
    top = a_top(bid=bid, ask="100.02")
    state = a_state(memberships={SOL: membership, BTC: Membership("T1", 0)})
    return deciding(name, a_market(SOL, tops={SOL: top}), wishes=(), state=state)


def in_theme(held: str, bought: str, cap: float) -> Scenario:
    """One asset is held up to nearly the theme's cap; another is bought."""
    settings: dict[str, Plain] = {"risk.position_max": "60%"}
    return deciding(
        f"{held} is held and {bought} wanted",
        a_market(held, bought),
        wishes=(bought,),
        portfolio=a_portfolio(a_position(held, quantity=amount(share_held(cap - 0.02)))),
        settings=settings,
    )


def theme(name: str, held: str, bought: str, cap: float) -> Row:
    key = f"universe.themes.{name}"
    assets = value_of(shipped(), key)
    assert isinstance(assets, list)
    base = bought.split("-")[0]
    fewer = [asset for asset in assets if asset != base]
    return (
        Change(fewer, in_theme(held, bought, cap)),
        Change([*assets, "ZZZ"], in_theme(held, OTHER, cap)),
    )


BUSY_ADA = seen("ADA trades a lot", ADA)
QUIET_ALL = seen(
    "BTC, SOL and ADA trade little",
    *(BTC, SOL, ADA),
    volumes={name: [QUIET] * 350 for name in (BTC, SOL, ADA)},
)
ADA_IN_T3 = seen("ADA is of T3 by name", ADA, settings={"universe.tiers.T3.assets": ["ADA"]})
LIST_OF_ONE: dict[str, Plain] = {
    "universe.allowlist.count": 1,
    "universe.allowlist.symbols": ["SOL-USD"],
}
LIST_OF_TWO: dict[str, Plain] = {
    "universe.allowlist.count": 2,
    "universe.allowlist.symbols": ["BTC-USD", "SOL-USD"],
}
FLAG: dict[str, Plain] = {"asset": "SOL", "reason": "depegged"}
FLAGGED = seen("SOL has a red flag", SOL, settings={"universe.red_flags": [FLAG]})
MONEY = seen("EURC is listed", "EURC-USD")
ALL = (BTC, SOL, ADA)

UNIVERSE: dict[str, Row] = {
    "universe.allowlist.count": (
        Change(
            1,
            seen("two are allowed", *ALL, settings=LIST_OF_TWO),
            along={"universe.allowlist.symbols": ["SOL-USD"]},
        ),
        Change(1, seen("all are allowed", *ALL), along={"universe.allowlist.symbols": [SOL]}),
    ),
    "universe.allowlist.symbols": (
        Change(
            [SOL, BTC],
            seen("SOL is allowed", *ALL, settings=LIST_OF_ONE),
            along={"universe.allowlist.count": 2},
        ),
        Change(
            [SOL],
            seen("SOL and BTC are allowed", *ALL, settings=LIST_OF_TWO),
            along={"universe.allowlist.count": 1},
        ),
    ),
    "universe.tiers.T1.assets": (
        Change(["ETH"], QUIET_ALL),
        Change(["BTC", "ETH", "ADA"], QUIET_ALL),
    ),
    "universe.tiers.T1.volume_24h_min": around("universe.tiers.T1.volume_24h_min", trading("T1")),
    "universe.tiers.T1.spread_max": around("universe.tiers.T1.spread_max", spread("T1")),
    "universe.tiers.T1.depth_min": around("universe.tiers.T1.depth_min", depth("T1")),
    "universe.tiers.T2.assets": (
        Change(["XRP"], QUIET_ALL),
        Change(["SOL", "XRP", "ADA"], QUIET_ALL),
    ),
    "universe.tiers.T2.volume_24h_min": around("universe.tiers.T2.volume_24h_min", trading("T2")),
    "universe.tiers.T2.spread_max": around("universe.tiers.T2.spread_max", spread("T2")),
    "universe.tiers.T2.depth_min": around("universe.tiers.T2.depth_min", depth("T2")),
    "universe.tiers.T3.assets": (Change(["ADA"], BUSY_ADA), Change([], ADA_IN_T3)),
    "universe.tiers.T3.volume_24h_min": around("universe.tiers.T3.volume_24h_min", trading("T3")),
    "universe.tiers.T3.spread_max": around("universe.tiers.T3.spread_max", spread("T3")),
    "universe.tiers.T3.depth_min": around("universe.tiers.T3.depth_min", depth("T3")),
    "universe.discovery": (Change(False, BUSY_ADA),),
    "universe.depth_window": around("universe.depth_window", depth_begins),
    "universe.price_min": around("universe.price_min", priced),
    "universe.listing_age_min": around("universe.listing_age_min", listed),
    "universe.stable_assets": (
        Change(["USD", "USDC", "USDT", "DAI", "PYUSD", "EURC", "GUSD", "ADA"], BUSY_ADA),
        Change(["USD", "USDC", "USDT", "DAI", "PYUSD", "GUSD"], MONEY),
    ),
    "universe.red_flags": (Change([FLAG], seen("SOL is fine", SOL)), Change([], FLAGGED)),
    "universe.themes.layer1": theme("layer1", ADA, "AVAX-USD", 0.20),
    "universe.themes.defi": theme("defi", "UNI-USD", "AAVE-USD", 0.12),
    "universe.themes.meme": theme("meme", "SHIB-USD", "DOGE-USD", 0.05),
    "universe.themes.payments": theme("payments", "LTC-USD", "BCH-USD", 0.12),
    "universe.hysteresis.enter_cycles": (
        Change(1, remembered("SOL qualifies for the first time", Membership(None, 0))),
        Change(3, remembered("SOL qualifies for the second time", Membership(None, 1))),
    ),
    "universe.hysteresis.exit_cycles": (
        Change(3, remembered("SOL is short for the third time", Membership("T2", 2), "99")),
        Change(5, remembered("SOL is short for the fourth time", Membership("T2", 3), "99")),
    ),
}
