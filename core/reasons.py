"""Reason: the closed list of verdict codes, each with the sentence that explains it.

A code that is not in this list cannot be given. Standard library only, because
`runner.verify` checks audit logs with nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    # The product may not be looked at (universe).
    PRODUCT_NOT_ONLINE = "The venue does not offer the product for full trading now."
    QUOTE_NOT_OURS = "The product is not paid in one of our quote currencies."
    RATE_UNKNOWN = "No recent rate says what the currency that pays for the product is worth."
    STABLE_PAIR = "A stablecoin is money here, never an asset."
    NOT_ON_ALLOWLIST = "The universe is fixed to named symbols, and this is none of them."
    RED_FLAG = "The operator excluded the asset."
    LISTING_TOO_YOUNG = "The product has not been listed for long enough."
    NOT_IN_A_TIER = "The product is in no tier by name, and discovery is off."
    HISTORY_MISSING = "The venue gave no candle of the product in the whole window."
    BOOK_MISSING = "There is no two-sided book of the product."
    PRICE_TOO_LOW = "The price is below the floor."
    VOLUME_TOO_LOW = "The notional traded in 24 hours is too small."
    SPREAD_TOO_WIDE = "The spread is too wide for the product's tier."
    DEPTH_TOO_THIN = "The book within the window holds too little for the product's tier."
    ENTERING = "The product qualifies, but not yet for enough cycles in a row."
    OTHER_WALLET = "The same asset is traded from another wallet in this cycle."
    # The product was looked at, and nothing came of it (triggers, strategies).
    CANDLES_MISSING = "Too many bars of the window are missing."
    HISTORY_TOO_SHORT = "There are not enough bars for the indicators."
    OUTLIER = "The last bar jumps without volume: a bad tick until proved otherwise."
    NO_TRIGGER = "Nothing happened that deserves attention."
    ATR_TOO_LOW = "The product moves too little to pay its fees."
    ATR_TOO_HIGH = "The product moves too wildly."
    SCORE_TOO_LOW = "What happened is too weak."
    TRIGGER_CAP = "Stronger triggers filled this cycle's attention."
    NO_RULE = "No enabled rule acts on this kind of trigger."
    RULE_NOT_IN_REGIME = "The rule that acts on this may not be used in this regime."
    RULE_DECLINED = "The rule looked at the trigger and its condition does not hold."
    NO_CROSS = "The fast average has not crossed the slow one upwards of late."
    CONVICTION_TOO_LOW = "The rule's conviction is below its minimum."
    HELD = "The position is held; nothing asks for a change."
    # A protective exit speaks, whatever the strategy.
    STOP_LOSS = "The price is at the stop of the position or below it."
    TRAILING_STOP = "The price fell back from the highest close since entry."
    TAKE_PROFIT = "The price is at the target of the position or above it."
    HELD_TOO_LONG = "The position has been held for longer than allowed."
    FLATTEN = "The operator wants everything of ours sold; an operator must resume."
    EXITING = "A protective exit of the product goes first."
    # Something was proposed, and lost before risk (allocation, sizing).
    NO_SHORTS = "There is nothing of our own to sell."
    OUTBID = "Another proposal for the same product is stronger."
    STRATEGY_BUDGET = "The strategy's budget is used up."
    STRATEGY_PROPOSALS_FULL = "The strategy proposed more than it may in one cycle."
    SIZE_IS_ZERO = "Nothing is left of the size after conviction, regime and fees."
    # An order or a position of our own is to change.
    ORDER_OVERDUE = "The order's own end has passed, and the venue still has it."
    ORDER_UNWANTED = "What asked for the order no longer asks for it."
    BOOK_MOVED_AWAY = "The best bid has moved away from the order."
    TRIM_SPACING = "The last slice of it was sold too recently."
    # Where the stop of a position is.
    STOP_RESTS = "Its stop rests at the venue."
    STOP_PLACED = "Its stop is sent to the venue in this cycle."
    STOP_WATCHED = "Its stop is watched by the bot, once a cycle."
    STOP_REFUSED = "The venue would not let its stop rest, so the bot watches it."
    STOP_OUTDATED = "What rests is no longer its stop."
    STOP_GIVES_WAY = "It is being sold, and no stop rests beside a sale."
    # Risk said no.
    KILL_SWITCH = "The kill switch is on."
    HALTED = "The bot is halted until an operator resumes it."
    PAUSED = "The bot is paused."
    REDUCE_ONLY = "The bot may only reduce."
    ORDER_PENDING = "An order for the product is not settled."
    QUARANTINED = "What the venue says of it does not fit our books; only cancels go out."
    CLOCK_OFF = "Our clock is too far from the venue's, or the venue does not tell its time."
    PRODUCTS_TOO_OLD = "The product list is too old and could not be read again."
    BOOK_TOO_OLD = "The book is too old."
    DEPTH_UNKNOWN = "No recent depth of the book is known."
    CANDLES_TOO_OLD = "Closed candles that should be there are not."
    BOOK_OFF_CANDLES = "The book lies too far from the last close to be believed."
    SPREAD_BEYOND_LIMIT = "The spread is wider than an order may cross."
    DEPTH_TOO_SMALL = "The book holds too little for an order of this size."
    IMPACT_TOO_HIGH = "The order would move the price too far."
    CASH_BUFFER = "The order would use cash that must stay."
    WRONG_WALLET = "The wallet that pays for the product is short, and another one is not."
    NOTIONAL_TOO_SMALL = "The order is smaller than is worth its fees."
    NOTIONAL_TOO_LARGE = "The order is larger than any order may be."
    POSITION_FULL = "The position would be too large."
    THEME_FULL = "The theme would be too large."
    AT_RISK_FULL = "Too much would be at risk in all."
    POSITIONS_FULL = "There are as many positions as there may be."
    HOURLY_PACE = "The hour has had its trades."
    DAILY_PACE = "The day has had its trades."
    SPACING = "The last trade is too recent."
    COOLDOWN = "The product was traded too recently."
    STOPPED_RECENTLY = "The product was stopped out too recently."
    LOSING_STREAK = "Too many sales in a row lost, and the last one is too recent."
    ADDS_FULL = "The position was added to often enough in a day."
    ADD_SPACING = "The last buy of the position is too recent."
    ADD_NOT_IN_PROFIT = "Only a position in profit is added to, and this one is not."
    DAY_LOSS = "Too much was lost since the day began; no entries until the next one."
    WEEK_LOSS = "Too much was lost since the week began; no entries until the next one."
    DRAWDOWN = "Equity fell too far from its peak; an operator must resume."
    # Risk said yes.
    BELOW_VENUE_MINIMUM = "After rounding, the venue would refuse the order as too small."
    REDUCED = "Approved, for less than was asked."
    APPROVED = "Approved."
    # The cycle as a whole.
    NOT_DECIDED = "The cycle failed before a decision."
    INTERRUPTED = "The process died in this cycle."
    DISK_FULL = "The disk has less free space than its reserve."
    CLOCK_WENT_BACK = "The clock is behind the last cycle."
    MARKET_UNREACHABLE = "The market did not answer."
    STATE_NOT_WRITTEN = "What must not be lost could not be written."
    NO_EXIT_PLAN = "A position has no exit that could be watched."
    STOPPING = "The bot is being stopped; it leaves no entry behind."
    PREFLIGHT_FAILED = "The preflight found that no entry may be made; what is held is watched."
    BOOKS_OPEN = "The books contradict themselves; an operator must look."
    BROKEN_RULE = "The bot contradicts itself: a fault in the program."
    NOTHING_ELIGIBLE = "No product may be looked at."

    @property
    def sentence(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason with what was seen, the limit it met, and who set that limit."""

    reason: Reason
    seen: str  # with its unit
    limit: str  # with its unit
    key: str  # policy key, or the product's own field where the venue decides
