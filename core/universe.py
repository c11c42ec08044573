"""Stage 1: which products may be looked at, by tier, and why the rest may not.

Every listed product gets an answer: its tier, or the first thing that speaks
against it. A fact about the product (status, list, flag, no book) excludes it at
once. A measured threshold (volume, spread, depth) has hysteresis, so that a
product near a limit does not come and go every cycle. The universe never judges
an order; how stale a book may be for a purchase is the business of risk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from core.market import Depth, Panel, Product, ProductStatus, Side, Snapshot, TopOfBook
from core.money import (
    Money,
    Ratio,
    Toward,
    multiplied,
)
from core.policy import Policy, RedFlag, TierRule, UniversePolicy
from core.rates import Rates
from core.reasons import Finding, Reason
from core.state import BotState, Membership
from core.wording import count, percent, span

_DAY = timedelta(days=1)
_CENT = Decimal("0.01")
_OUTSIDE = Membership(tier=None, streak=0)


@dataclass(frozen=True, slots=True)
class Universe:
    """Every listed product is in exactly one of the two."""

    eligible: Mapping[str, str]  # symbol -> tier, sorted by symbol
    excluded: Mapping[str, Finding]  # sorted by symbol
    memberships: Mapping[str, Membership]  # for the next cycle's hysteresis


@dataclass(frozen=True, slots=True)
class Sight:
    """What the checks of one cycle look at, measured once for all products."""

    snapshot: Snapshot
    policy: Policy
    rules: UniversePolicy
    rates: Rates  # thresholds are in the capital currency, products in their own
    volumes: Mapping[str, float]  # symbol -> 24 h notional; only products with a candle
    named: Mapping[str, str]  # asset -> the tier it is in by name
    flags: Mapping[str, RedFlag]  # asset -> the red flag that counts today


Check = Callable[[Product, Sight], Finding | None]


def select_universe(snapshot: Snapshot, state: BotState, policy: Policy, rates: Rates) -> Universe:
    """Which products may be looked at now, and why each other one may not.

    A product that the memory does not hold starts outside; an empty memory is a
    new state folder, where whatever qualifies is in at once.
    """
    sight = _sight(snapshot, policy, rates)
    enter_cycles = policy.universe.hysteresis.enter_cycles if state.memberships else 1
    eligible: dict[str, str] = {}
    excluded: dict[str, Finding] = {}
    memberships: dict[str, Membership] = {}
    for symbol, product in sorted(snapshot.products.items()):
        was = _remembered(symbol, state, policy.universe)
        fact = _first(HARD_CHECKS, product, sight)
        # Whatever a fact excludes has to qualify anew, for enter_cycles in a row.
        now, finding = (_OUTSIDE, fact) if fact else _moved(was, product, sight, enter_cycles)
        memberships[symbol] = now
        if finding is not None:
            excluded[symbol] = finding
        elif now.tier is not None:
            eligible[symbol] = now.tier
    return Universe(eligible, excluded, memberships)


def notional_24h(panel: Panel) -> Mapping[str, float]:
    """Close x volume of the closed bars of 24 h, in quote currency, by symbol with a candle.

    A panel shorter than 24 h gives less, which speaks against the product.
    """
    day = slice(-panel.bars_in(_DAY), None)
    traded, missing = panel.close[:, day] * panel.volume[:, day], panel.missing[:, day]
    traded[missing] = 0.0
    totals = np.add.reduce(traded, axis=-1).tolist()
    known = panel.known.tolist()
    return {
        symbol: total
        for symbol, total, bars_known in zip(panel.symbols, totals, known, strict=True)
        if bars_known
    }


def _sight(snapshot: Snapshot, policy: Policy, rates: Rates) -> Sight:
    rules = policy.universe
    today = snapshot.at.astimezone(UTC).date()
    return Sight(
        snapshot=snapshot,
        policy=policy,
        rules=rules,
        rates=rates,
        volumes=notional_24h(snapshot.panel),
        named={asset: tier for tier, rule in rules.tiers.items() for asset in rule.assets},
        flags={
            flag.asset: flag for flag in rules.red_flags if flag.until is None or today < flag.until
        },
    )


def _remembered(symbol: str, state: BotState, rules: UniversePolicy) -> Membership:
    """Where the product stood. A tier that the policy no longer has is none."""
    was = state.memberships.get(symbol, _OUTSIDE)
    return was if was.tier is None or was.tier in rules.tiers else _OUTSIDE


def _first(checks: Iterable[Check], product: Product, sight: Sight) -> Finding | None:
    for check in checks:
        if (said := check(product, sight)) is not None:
            return said
    return None


# Facts about the product: no hysteresis.


def _online(product: Product, _: Sight) -> Finding | None:
    if product.status is ProductStatus.ONLINE:
        return None
    wanted = ProductStatus.ONLINE.value
    return Finding(Reason.PRODUCT_NOT_ONLINE, product.status.value, wanted, "product.status")


def _paid_in_ours(product: Product, sight: Sight) -> Finding | None:
    ours = sight.policy.quote_currencies
    if product.quote in ours:
        return None
    return Finding(Reason.QUOTE_NOT_OURS, product.quote, ", ".join(ours), "app.quote_currencies")


def _paid_in_what_can_be_valued(product: Product, sight: Sight) -> Finding | None:
    if sight.rates.knows(product.quote):
        return None
    wanted = f"a rate to {sight.rates.capital}"
    return Finding(Reason.RATE_UNKNOWN, f"{product.quote} never", wanted, "app.quote_currencies")


def _no_stable_pair(product: Product, sight: Sight) -> Finding | None:
    stable = sight.rules.stable_assets
    if product.base not in stable:
        return None
    none_of = f"none of {', '.join(stable)}"
    return Finding(Reason.STABLE_PAIR, product.base, none_of, "universe.stable_assets")


def _on_allowlist(product: Product, sight: Sight) -> Finding | None:
    allowlist = sight.rules.allowlist
    if not allowlist.count or product.symbol in allowlist.symbols:
        return None
    named = f"one of {', '.join(allowlist.symbols)}"
    return Finding(Reason.NOT_ON_ALLOWLIST, product.symbol, named, "universe.allowlist.symbols")


def _no_red_flag(product: Product, sight: Sight) -> Finding | None:
    flag = sight.flags.get(product.base)
    if flag is None:
        return None
    end = "no end" if flag.until is None else f"until {flag.until.isoformat()}"
    return Finding(Reason.RED_FLAG, flag.reason, end, "universe.red_flags")


def _has_history(product: Product, sight: Sight) -> Finding | None:
    if product.symbol in sight.volumes:
        return None
    return Finding(Reason.HISTORY_MISSING, count(0, "bar"), count(1, "bar"), "product.candles")


def _old_enough(product: Product, sight: Sight) -> Finding | None:
    least = sight.rules.listing_age_min
    if product.listed_at is None or sight.snapshot.at - product.listed_at >= least:
        return None
    age = sight.snapshot.at - product.listed_at
    return Finding(Reason.LISTING_TOO_YOUNG, span(age), span(least), "universe.listing_age_min")


def _has_book(product: Product, sight: Sight) -> Finding | None:
    if product.symbol in sight.snapshot.tops:
        return None
    return Finding(Reason.BOOK_MISSING, "no book", "bid and ask", "product.book")


def _above_floor(product: Product, sight: Sight) -> Finding | None:
    # The bid, because it is the lower of the two and what a holder would get.
    bid, floor = sight.snapshot.tops[product.symbol].bid, sight.rules.price_min
    price = multiplied(bid, sight.rates.of(product.quote))
    if price >= floor.amount:
        return None
    seen = str(Money(price, floor.currency))
    return Finding(Reason.PRICE_TOO_LOW, seen, str(floor), "universe.price_min")


def _in_reach_of_a_tier(product: Product, sight: Sight) -> Finding | None:
    if sight.rules.discovery or product.base in sight.named:
        return None
    return Finding(Reason.NOT_IN_A_TIER, product.base, "named in a tier", "universe.discovery")


HARD_CHECKS: tuple[Check, ...] = (
    _online,
    _paid_in_ours,
    _no_stable_pair,
    _paid_in_what_can_be_valued,
    _on_allowlist,
    _no_red_flag,
    _has_history,
    _old_enough,
    _has_book,
    _above_floor,
    _in_reach_of_a_tier,
)


# Measured thresholds: with hysteresis.


class Liquidity(NamedTuple):
    """What a product shows now. `depth` only where one was seen recently."""

    volume: float  # 24 h notional in the capital currency
    top: TopOfBook
    depth: Depth | None
    quote: str  # in which the depth is
    rates: Rates


def _moved(
    was: Membership, product: Product, sight: Sight, enter_cycles: int
) -> tuple[Membership, Finding | None]:
    """Where the product stands after this cycle, and what keeps it out if it is out.

    A member takes the tier it meets now, up or down, at once; while it meets none
    it keeps its own.
    """
    hysteresis = sight.rules.hysteresis
    tier, short = _qualified(was, product, sight)
    inside = was.tier is not None
    if tier is not None:
        streak = was.streak + 1
        if inside or streak >= enter_cycles:
            return Membership(tier, 0), None
        seen, wanted = count(streak, "cycle"), count(enter_cycles, "cycle")
        entering = Finding(Reason.ENTERING, seen, wanted, "universe.hysteresis.enter_cycles")
        return Membership(None, streak), entering
    if inside and was.streak + 1 < hysteresis.exit_cycles:
        return Membership(was.tier, was.streak + 1), None
    return _OUTSIDE, short


def _qualified(
    was: Membership, product: Product, sight: Sight
) -> tuple[str | None, Finding | None]:
    """The tier whose thresholds the product meets now, or what it is short of.

    A named product has its own tier only. Any other has the best it meets; what
    it is short of is told by the lowest.
    """
    rules = sight.rules
    shown = _liquidity(product, sight)
    named = sight.named.get(product.base)
    tiers = (named,) if named is not None else tuple(rules.tiers)
    if named is None and shown.depth is None and was.tier is not None:
        # A depth that nobody can see is no reason to think better of a member.
        tiers = tiers[tiers.index(was.tier) :]
    for tier in tiers:
        if _missed(rules.tiers[tier], shown, rules.depth_window) is None:
            return tier, None
    return None, _shortfall(tiers[-1], shown, rules)


def _liquidity(product: Product, sight: Sight) -> Liquidity:
    snapshot = sight.snapshot
    depth = snapshot.depths.get(product.symbol)
    if depth is not None and snapshot.at - depth.seen_at > sight.policy.risk.book_age_max:
        depth = None
    rates, quote = sight.rates, product.quote
    volume = sight.volumes[product.symbol] * float(rates.of(quote))
    return Liquidity(volume, snapshot.tops[product.symbol], depth, quote, rates)


def _missed(rule: TierRule, shown: Liquidity, window: Ratio) -> Reason | None:
    """The first threshold of `rule` that is missed; a depth nobody saw misses none."""
    if shown.volume < float(rule.volume_24h_min.amount):
        return Reason.VOLUME_TOO_LOW
    if shown.top.wider_than(rule.spread_max):
        return Reason.SPREAD_TOO_WIDE
    if shown.depth is not None:
        least = shown.rates.paid_in(shown.quote, rule.depth_min, toward=Toward.CEILING)
        if not shown.depth.holds(least.amount, window):
            return Reason.DEPTH_TOO_THIN
    return None


def _shortfall(tier: str, shown: Liquidity, rules: UniversePolicy) -> Finding | None:
    """What is short of `tier`, in words; what was seen is rounded against the product."""
    rule, key = rules.tiers[tier], f"universe.tiers.{tier}"
    match _missed(rule, shown, rules.depth_window):
        case Reason.VOLUME_TOO_LOW as short:
            hundredfold = Decimal(int(shown.volume * 100))
            seen = _cents(Money(multiplied(hundredfold, _CENT), shown.rates.capital))
            return Finding(short, seen, str(rule.volume_24h_min), f"{key}.volume_24h_min")
        case Reason.SPREAD_TOO_WIDE as short:
            seen = percent(shown.top.spread, toward=Toward.CEILING)
            return Finding(short, seen, percent(rule.spread_max), f"{key}.spread_max")
        case Reason.DEPTH_TOO_THIN as short if shown.depth is not None:
            window = rules.depth_window
            thinner = min(shown.depth.notional_within(side, window) for side in Side)
            seen = _cents(shown.rates.worth(Money(thinner, shown.quote)))
            return Finding(short, seen, str(rule.depth_min), f"{key}.depth_min")
        case _:
            return None


def _cents(money: Money) -> str:
    return str(money.down_to(_CENT))
