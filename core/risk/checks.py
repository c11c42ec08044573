"""The checks in their order, and how their words become one verdict.

The order is reviewed like code because it is code: what stops everything first,
then what makes the product or its numbers unfit, then pace, then money. The first
denial wins; reductions accumulate, and the tightest is the one named.
"""

from __future__ import annotations

from core.market import Side
from core.proposals import Purpose, TradeProposal
from core.risk.cash import cash_stays, rate_known, wallet_pays
from core.risk.exposure import (
    notional_within_limit,
    own_lots_cover,
    portfolio_has_room,
    position_has_room,
    positions_have_room,
    themes_have_room,
)
from core.risk.facts import Check, Facts, notional_of
from core.risk.freshness import (
    book_fresh,
    book_near_candles,
    candles_fresh,
    clocks_agree,
    products_current,
)
from core.risk.halts import (
    books_closed,
    level_allows_buys,
    level_allows_sells,
    no_sell_pending,
    nothing_pending,
    only_own_lots,
    product_online,
    product_sellable,
)
from core.risk.liquidity import (
    depth_bears_notional,
    depth_known,
    impact_within_limit,
    spread_within_limit,
)
from core.risk.losses import (
    adds_have_room,
    adds_in_profit,
    adds_spaced,
    rested_after_losses,
    rested_after_stop,
)
from core.risk.pace import cooled_down, day_has_room, hour_has_room, spaced
from core.risk.room import notional_worth_its_fee, reduced
from core.risk.verdict import Approved, Denied, Reduced, Verdict

BUY_CHECKS: tuple[Check, ...] = (
    level_allows_buys,
    clocks_agree,
    products_current,
    product_online,
    books_closed,
    nothing_pending,
    rate_known,
    candles_fresh,
    book_fresh,
    book_near_candles,
    spread_within_limit,
    depth_known,
    hour_has_room,
    day_has_room,
    spaced,
    cooled_down,
    rested_after_stop,
    rested_after_losses,
    adds_have_room,
    adds_spaced,
    adds_in_profit,
    positions_have_room,
    depth_bears_notional,
    notional_within_limit,
    position_has_room,
    themes_have_room,
    portfolio_has_room,
    cash_stays,
    wallet_pays,
    impact_within_limit,  # cannot shrink the order, so it judges what is left of it
    notional_worth_its_fee,
)

# A replacement is the same intent once more, so what keeps two intents apart does not count.
_BETWEEN_INTENTS = (spaced, cooled_down, adds_have_room, adds_spaced, adds_in_profit)
REPLACE_CHECKS = tuple(check for check in BUY_CHECKS if check not in _BETWEEN_INTENTS)

# No buying limit may ever keep a position.
SELL_CHECKS: tuple[Check, ...] = (
    level_allows_sells,
    product_sellable,
    books_closed,
    nothing_pending,
    book_fresh,
    own_lots_cover,
)

# A protective exit passes at every level, and no age of a book or a candle holds it up: what
# it was priced by stands in its terms.
EXIT_CHECKS: tuple[Check, ...] = (
    product_sellable,
    books_closed,
    no_sell_pending,
    only_own_lots,
)


def reviewed(proposal: TradeProposal, facts: Facts) -> Verdict:
    """What risk says of one proposal. A denial carries it as it was asked for."""
    left, key = proposal, None
    for check in checks_of(proposal):
        match check(left, facts):
            case Approved():
                pass
            case Denied(finding=finding):
                return Denied(proposal, finding)
            case Reduced(proposal=smaller, finding=finding):
                left, key = smaller, finding.key
    return Approved(left) if key is None else reduced(left, notional_of(proposal), key)


def checks_of(proposal: TradeProposal) -> tuple[Check, ...]:
    """An exit is judged by its purpose, a replacement by its step, everything else by its side."""
    if proposal.purpose is Purpose.EXIT:
        return EXIT_CHECKS
    if proposal.side is Side.SELL:
        return SELL_CHECKS
    return REPLACE_CHECKS if proposal.step else BUY_CHECKS
