"""The keys of risk and sizing, each with the situations in which it acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from config.tree import Plain
from core.account import Portfolio
from core.market import Depth, Side, Snapshot
from core.state import DayOpen, WeekOpen
from tests.builders.account import a_portfolio, a_position, a_state
from tests.builders.market import BAR, NOON, a_depth, a_top
from tests.builders.risk import a_sale, a_trade, usd
from tests.keys.deciding import (
    ADA,
    BTC,
    QUIET,
    SOL,
    a_market,
    amount,
    deciding,
    members,
)
from tests.keys.scenario import Change, Row, Scenario, around, both

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OF_TIER = {"T1": BTC, "T2": SOL, "T3": ADA}
Situation = Callable[[float], Scenario]  # one in which the limited number is what it is given
MEMBERS = members(BTC="T1", SOL="T2", ADA="T3")


def buying(
    name: str,
    symbol: str = SOL,
    *,
    snapshot: Snapshot | None = None,
    portfolio: Portfolio | None = None,
    settings: dict[str, Plain] | None = None,
    **memory: object,
) -> Scenario:
    """A buy at full conviction of a product that is in its tier already."""
    return deciding(
        name,
        snapshot or a_market(symbol, *(portfolio.positions if portfolio else ())),
        wishes=(symbol,),
        portfolio=portfolio,
        state=a_state(memberships=MEMBERS, **memory),  # type: ignore[arg-type]
        settings=settings,
    )


# Freshness


def a_book_seen(seconds: float) -> Scenario:
    seen = a_top(seen_at=NOON - timedelta(seconds=seconds))
    return buying(f"a book seen {seconds:g} s ago", snapshot=a_market(SOL, tops={SOL: seen}))


def clocks_apart(seconds: float) -> Scenario:
    snapshot = a_market(SOL, server_time=NOON + timedelta(seconds=seconds))
    return buying(f"clocks {seconds:g} s apart", snapshot=snapshot)


def candles_late_by(seconds: float) -> Scenario:
    through = NOON - BAR + timedelta(seconds=1)  # of the last bar all but its close is there
    snapshot = a_market(
        SOL,
        at=NOON + timedelta(seconds=seconds),
        candles_through={SOL: through},
        tops={s: a_top(s, seen_at=NOON + timedelta(seconds=seconds)) for s in (BTC, SOL)},
        depths={SOL: a_deep_book(seen=seconds)},
    )
    return buying(f"a bar that is {seconds:g} s late", snapshot=snapshot)


def a_deep_book(seen: float) -> Depth:
    return a_depth(
        bids=(("99.98", "9000"),),
        asks=(("100.02", "9000"),),
        seen_at=NOON + timedelta(seconds=seen),
    )


def a_book_off_by(share: float) -> Scenario:
    middle = 100 * (1 + share)
    top = a_top(bid=amount(middle - 0.02), ask=amount(middle + 0.02))
    return buying(f"a book {share:.2%} off", snapshot=a_market(SOL, tops={SOL: top}))


# Liquidity


def a_spread(tier: str) -> Situation:
    symbol = OF_TIER[tier]

    def of(share: float) -> Scenario:
        half = 50 * share
        top = a_top(symbol, bid=amount(100 - half), ask=amount(100 + half))
        return buying(
            f"{symbol} with a spread of {share:.2%}",
            symbol,
            snapshot=tiered(symbol, tops={symbol: top}),
        )

    return of


def tiered(symbol: str, **changes: object) -> Snapshot:
    """The product trades as much as one of its tier does."""
    volumes = {symbol: [QUIET] * 350} if symbol == ADA else {}
    return a_market(symbol, volumes=volumes, **changes)  # type: ignore[arg-type]


def asks_of(symbol: str, *levels: tuple[float, float]) -> Snapshot:
    """A book whose asks stand so far above 100.02, each with so many USD."""
    asks = [
        (amount(100.02 * (1 + far)), amount(worth / 100.02 / (1 + far))) for far, worth in levels
    ]
    depth = a_depth(symbol, bids=(("99.98", "9000"),), asks=asks)
    return tiered(symbol, depths={symbol: depth})


def depth_that_begins(share: float) -> Scenario:
    book = asks_of(SOL, (0, 450), (share, 90_000))
    return buying(f"most of the depth lies {share:.2%} away", snapshot=book)


def an_impact(tier: str, order: float) -> Situation:
    """Half of an order of so many USD fits at the best price, the rest so far above that."""
    symbol = OF_TIER[tier]

    def of(share: float) -> Scenario:
        book = asks_of(symbol, (0, order / 2), (2 * share, 90_000))
        wide: dict[str, Plain] = {"risk.depth_window": "10%"}
        name = f"an order in {symbol} that moves the book by {share:.2%}"
        return buying(name, symbol, snapshot=book, settings=wide)

    return of


THIN = buying("a book of 800 USD", snapshot=asks_of(SOL, (0, 800)))

# Exposure


def holding(*symbols: str, units: float, price: str = "100", cash: str = "10000") -> Portfolio:
    held = (a_position(symbol, quantity=amount(units), price=price) for symbol in symbols)
    return a_portfolio(*held, cash=cash)


def share_held(share: float) -> float:
    """Units at 100 that are such a share of equity beside 10,000 USD in cash."""
    return 100 * share / (1 - share)


def a_theme_held(theme: str, held: str, bought: str) -> Situation:
    def of(share: float) -> Scenario:
        portfolio = holding(held, units=share_held(share - 0.02))
        free: dict[str, Plain] = {"risk.position_max": "60%"}
        name = f"{theme} is held up to 2% below its cap, and {bought} wanted"
        return deciding(
            name, a_market(held, bought), wishes=(bought,), portfolio=portfolio, settings=free
        )

    return of


def theme_row(key: str, held: str, bought: str, cap: float, low: str, high: str) -> Row:
    scene = a_theme_held(key, held, bought)(cap)
    return both(low, high, scene)


EIGHT = tuple(f"{name}-USD" for name in ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH"))
FULL = buying("58% at risk", portfolio=holding(*EIGHT, units=share_held(0.58) / 8))
LITTLE_CASH = buying(
    "79% of equity in one position",
    portfolio=holding("ETH-USD", units=79, cash="2100"),
    settings={
        "risk.at_risk_max": "100%",
        "risk.position_max": "100%",
        "risk.theme_max.layer1": "100%",
    },
)
NEARLY_FULL = buying("a position of 5.6%", portfolio=holding(SOL, units=6, price="95"))


def positions(number: int) -> Scenario:
    names = (*EIGHT, "III-USD", "JJJ-USD")[:number]
    return buying(f"{number} positions", portfolio=holding(*names, units=1))


def cash_of(dollars: str) -> Scenario:
    return buying(f"an account of {dollars} USD", portfolio=a_portfolio(cash=dollars))


# Pace and losses


def traded(*ago: timedelta, symbol: str = "LTC-USD") -> Scenario:
    sent = tuple(a_trade(symbol, ago=time) for time in sorted(ago, reverse=True))
    name = f"{len(ago)} trades of {symbol}, the last {min(ago)} ago"
    return buying(name, sent=sent)


def every(step: timedelta, count: int, first: timedelta) -> tuple[timedelta, ...]:
    return tuple(first + step * number for number in range(count))


def cooling(seconds: float) -> Scenario:
    return traded(timedelta(seconds=seconds), symbol=SOL)


def pacing(seconds: float) -> Scenario:
    return traded(timedelta(seconds=seconds))


def stopped(seconds: float) -> Scenario:
    ago = timedelta(seconds=seconds)
    return buying(f"SOL was stopped {ago} ago", stopped={SOL: NOON - ago})


def lost(count: int, last: timedelta) -> Scenario:
    sales = tuple(a_sale("-5", ago=last + HOUR * number) for number in reversed(range(count)))
    return buying(f"{count} sales that lost, the last {last} ago", closed=sales)


def lost_before(seconds: float) -> Scenario:
    return lost(4, timedelta(seconds=seconds))


def adding(name: str, *, price: str = "97", **memory: object) -> Scenario:
    return buying(name, portfolio=holding(SOL, units=1, price=price), **memory)  # type: ignore[arg-type]


def added_before(seconds: float) -> Scenario:
    ago = timedelta(seconds=seconds)
    held = a_position(price="97")
    lot = held.lots[0]
    newest = type(lot)(lot.quantity, lot.price, NOON - ago)
    portfolio = a_portfolio(type(held)(SOL, "SOL", "USD", (newest,)))
    return buying(f"SOL was bought {ago} ago", portfolio=portfolio)


ADDED_ONCE = adding(
    "SOL was added to once today", sent=(a_trade(SOL, ago=6 * HOUR, side=Side.BUY),)
)


def below(kind: str) -> Situation:
    """Equity of 10,000 USD stands at such a loss from the day's open, the week's or the peak."""

    def of(share: float) -> Scenario:
        anchor = usd(amount(round(10_000 / (1 - share), 2)))
        memories: Mapping[str, Mapping[str, object]] = {
            "day": {"day_open": DayOpen(NOON.date(), anchor)},
            "week": {"week_open": WeekOpen((NOON - 6 * DAY).date(), anchor)},
            "peak": {"equity_peak": anchor},
        }
        return buying(f"{share:.2%} below the {kind}", **memories[kind])  # type: ignore[arg-type]

    return of


WILD = deciding("an ATR of 1.6%", a_market(SOL, swing=0.008), wishes=(SOL,))


def sized(tier: str) -> Scenario:
    symbol = OF_TIER[tier]
    return buying(f"a buy in {tier}", symbol, snapshot=tiered(symbol))


RISK: dict[str, Row] = {
    "risk.clock_offset_max": around("risk.clock_offset_max", clocks_apart),
    "risk.book_age_max": around("risk.book_age_max", a_book_seen),
    "risk.candle_delay_max": around("risk.candle_delay_max", candles_late_by),
    "risk.book_off_candles_max": around("risk.book_off_candles_max", a_book_off_by),
    "risk.spread_max.T1": around("risk.spread_max.T1", a_spread("T1")),
    "risk.spread_max.T2": around("risk.spread_max.T2", a_spread("T2")),
    "risk.spread_max.T3": around("risk.spread_max.T3", a_spread("T3")),
    "risk.depth_window": around("risk.depth_window", depth_that_begins),
    "risk.depth_multiple_min": both("2x", "4x", THIN),
    "risk.impact_max.T1": around("risk.impact_max.T1", an_impact("T1", 497)),
    "risk.impact_max.T2": around("risk.impact_max.T2", an_impact("T2", 298)),
    "risk.impact_max.T3": around("risk.impact_max.T3", an_impact("T3", 149)),
    "risk.cash_min": both("10%", "30%", LITTLE_CASH),
    "risk.notional_min": (
        Change("10 USD", cash_of("700")),
        Change("50 USD", cash_of("1000")),
    ),
    "risk.notional_max": both("500 USD", "2000 USD", cash_of("100000")),
    "risk.position_max": both("7%", "12%", NEARLY_FULL),
    "risk.theme_max.layer1": theme_row("layer1", ADA, "AVAX-USD", 0.20, "19%", "30%"),
    "risk.theme_max.defi": theme_row("defi", "UNI-USD", "AAVE-USD", 0.12, "11%", "18%"),
    "risk.theme_max.meme": theme_row("meme", "SHIB-USD", "DOGE-USD", 0.05, "4%", "10%"),
    "risk.theme_max.payments": theme_row("payments", "LTC-USD", "BCH-USD", 0.12, "11%", "18%"),
    "risk.at_risk_max": both("50%", "80%", FULL),
    "risk.positions_max": (Change(9, positions(9)), Change(11, positions(10))),
    "risk.trades_per_hour_max": (
        Change(5, traded(*every(8 * MINUTE, 5, 10 * MINUTE))),
        Change(7, traded(*every(8 * MINUTE, 6, 10 * MINUTE))),
    ),
    "risk.trades_per_day_max": (
        Change(23, traded(*every(30 * MINUTE, 23, 2 * HOUR))),
        Change(25, traded(*every(30 * MINUTE, 24, 2 * HOUR))),
    ),
    "risk.spacing_min": around("risk.spacing_min", pacing),
    "risk.cooldown": around("risk.cooldown", cooling),
    "risk.cooldown_after_stop": around("risk.cooldown_after_stop", stopped),
    "risk.losing_streak_max": (Change(2, lost(3, HOUR)), Change(4, lost(4, HOUR))),
    "risk.cooldown_after_losses": around("risk.cooldown_after_losses", lost_before),
    "risk.adds_per_day_max": (Change(0, adding("SOL is held")), Change(2, ADDED_ONCE)),
    "risk.add_spacing_min": around("risk.add_spacing_min", added_before),
    "risk.add_only_in_profit": (Change(False, adding("SOL is held at a loss", price="103")),),
    "risk.day_loss_max": around("risk.day_loss_max", below("day")),
    "risk.week_loss_max": (
        Change("5%", below("week")(0.07)),
        Change("12%", below("week")(0.10)),
    ),
    "risk.drawdown_max": (
        Change("10%", below("peak")(0.12)),
        Change("30%", below("peak")(0.20)),
    ),
    "sizing.base.T1": both("4%", "6%", sized("T1")),
    "sizing.base.T2": both("2%", "4%", sized("T2")),
    "sizing.base.T3": both("1%", "2%", sized("T3")),
    "sizing.volatility_scaling.enabled": (Change(False, WILD),),
    "sizing.volatility_scaling.atr_target": both("0.4%", "1.2%", WILD),
}
