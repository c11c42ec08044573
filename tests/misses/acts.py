"""What exits, the operator, own orders and wallets say against a buy, and the same without it."""

from __future__ import annotations

from dataclasses import replace

from core.market import Side
from core.reasons import Reason
from core.state import Level
from tests.builders.account import a_portfolio, a_position, a_standing
from tests.builders.changes import an_entry
from tests.builders.market import NOON
from tests.keys.deciding import SOL, a_market
from tests.keys.positions import at_a_gain, at_a_loss, fallen_from_its_peak, waiting
from tests.keys.risk import a_deep_book, adding, asks_of, buying, holding
from tests.misses.numbers import USDC, given
from tests.misses.otherwise import (
    HELD_AT_A_LOSS,
    LATER,
    NO_DEPTH,
    SHALLOW,
    Otherwise,
    Wanting,
    at_level,
    ending,
    leaving,
    paying,
    smallest,
    wanted_by,
    without,
)

ACTS: tuple[Otherwise, ...] = (
    Otherwise(
        Reason.STOP_LOSS,
        at_a_loss(0.06),
        "the price would have had to stay above the stop",
        at_a_loss(0.04),
    ),
    Otherwise(
        Reason.TRAILING_STOP,
        fallen_from_its_peak(0.05),
        "the price would have had to stay above the trailing stop",
        fallen_from_its_peak(0.03),
    ),
    Otherwise(
        Reason.TAKE_PROFIT,
        at_a_gain(0.12),
        "the price would have had to stay below the target",
        at_a_gain(0.08),
    ),
    Otherwise(
        Reason.FLATTEN,
        buying(
            "the operator wants everything sold",
            portfolio=holding(SOL, units=1, price="97"),
            standing=a_standing(Level.HALTED, "FLATTEN"),
        ),
        "the operator would have had to leave it be",
        adding("the operator says nothing"),
    ),
    Otherwise(
        Reason.EXITING,
        leaving("94"),
        "no exit of the asset would have had to fire",
        leaving("96"),
        USDC,
    ),
    Otherwise(
        Reason.NO_SHORTS,
        wanted_by("a sale of nothing", Wanting("rules", Side.SELL)),
        "it would have had to hold lots of its own to sell",
        wanted_by(
            "a sale of a lot",
            Wanting("rules", Side.SELL),
            portfolio=a_portfolio(a_position(SOL, price="99")),
        ),
    ),
    Otherwise(
        Reason.SIZE_IS_ZERO,
        given(buying("a crash"), {"regime.pinned": "crash", "regime.multipliers.crash.size": "0x"}),
        "regime.multipliers.crash.size would have had to be above zero",
        given(
            buying("a crash"), {"regime.pinned": "crash", "regime.multipliers.crash.size": "0.3x"}
        ),
    ),
    Otherwise(
        Reason.ORDER_OVERDUE,
        ending("an entry whose end has passed", an_entry(end_time=NOON - LATER)),
        "the venue would have had to end the order at its own end",
        ending("the entry is gone"),
    ),
    Otherwise(
        Reason.KILL_SWITCH,
        at_level(Level.HALTED, "KILL_SWITCH"),
        "the kill switch would have had to be off: runner.resume",
        at_level(Level.NORMAL),
    ),
    Otherwise(
        Reason.HALTED,
        at_level(Level.HALTED, "BOOKS_OPEN"),
        "an operator would have had to resume the bot: runner.resume",
        at_level(Level.NORMAL),
    ),
    Otherwise(
        Reason.PAUSED,
        at_level(Level.PAUSED),
        "the pause would have had to be over",
        at_level(Level.NORMAL),
    ),
    Otherwise(
        Reason.REDUCE_ONLY,
        at_level(Level.REDUCE_ONLY),
        "the cause of REDUCE_ONLY would have had to be gone",
        at_level(Level.NORMAL),
    ),
    Otherwise(
        Reason.ORDER_PENDING,
        waiting("an entry that rests", an_entry()),
        "there would have had to be no open order of it",
        waiting("no entry"),
    ),
    Otherwise(
        Reason.QUARANTINED,
        buying(
            "the books of SOL do not close",
            portfolio=replace(a_portfolio(), quarantined={SOL: "one fill too many"}),
        ),
        "its books would have had to close: runner.ledger check",
        buying("the books close"),
    ),
    Otherwise(
        Reason.CLOCK_OFF,
        buying("the venue tells no time", snapshot=a_market(SOL, server_time=None)),
        "the venue would have had to tell its time",
        buying("the venue tells its time"),
    ),
    Otherwise(
        Reason.PRODUCTS_TOO_OLD,
        buying(
            "the product list was due",
            snapshot=a_market(SOL, missing={"products": "TIMEOUT: no answer"}),
        ),
        "the venue would have had to give the product list",
        buying("the product list is there"),
    ),
    Otherwise(
        Reason.DEPTH_UNKNOWN,
        NO_DEPTH,
        "a depth would have had to be seen within 30s",
        buying("a depth seen 30 s ago", snapshot=a_market(SOL, depths={SOL: a_deep_book(-30)})),
    ),
    Otherwise(
        Reason.CANDLES_TOO_OLD,
        buying("no candle came", snapshot=without("candles_through", a_market(SOL))),
        "its last closed bar would have had to be there within 2m",
        buying("the candles are there"),
    ),
    Otherwise(
        Reason.IMPACT_TOO_HIGH,
        given(buying("a book of one level", snapshot=asks_of(SOL, (0, 100))), SHALLOW),
        "the levels that were seen would have had to hold the order",
        given(buying("a level that holds it", snapshot=asks_of(SOL, (0, 400))), SHALLOW),
    ),
    Otherwise(
        Reason.WRONG_WALLET,
        paying("the USDC wallet is short", "50"),
        "its wallet would have had to hold 301.5 USDC (the USD wallet has 10000 USD)",
        paying("the USDC wallet holds enough", "301.5"),
        USDC,
    ),
    Otherwise(
        Reason.ADD_NOT_IN_PROFIT,
        HELD_AT_A_LOSS,
        "the position would have had to be in profit, or risk.add_only_in_profit at false",
        given(HELD_AT_A_LOSS, {"risk.add_only_in_profit": False}),
    ),
    Otherwise(
        Reason.BELOW_VENUE_MINIMUM,
        smallest("10000"),
        "the order would have had to come to at least 5 SOL (product.base_min)",
        smallest("20000"),
    ),
    Otherwise(
        Reason.OUTBID,
        wanted_by(
            "another is surer", Wanting("rules"), Wanting("ema_cross", symbol=USDC, conviction=0.9)
        ),
        "it would have had to be surer than the other proposal",
        wanted_by(
            "it is the surer one",
            Wanting("rules", conviction=0.8),
            Wanting("ema_cross", symbol=USDC, conviction=0.9),
        ),
        USDC,
    ),
)
