"""Too much of a product, or one that may no longer be held: sold in slices, own lots only.

A cap can be exceeded without anybody buying: prices move, and the regime makes caps
smaller. Then the largest position under it gives a share of the excess, and only so
much that the rest stays worth an order. A product that is out for good is sold whole,
slice by slice. Between two slices there is time, so that nothing here can become a
selling loop; that nothing is added meanwhile is the business of risk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import chain

from core.changes.scene import Breach, Scene, Stake, breach_of, caps_on
from core.market import ProductStatus, Side
from core.money import Money, Price, Toward, multiplied
from core.proposals import Purpose, TradeProposal
from core.reasons import Finding, Reason
from core.sizing import STEP
from core.wording import span

TRIMS = "trims"  # stands where an entry names its strategy
_CENT = Decimal("0.01")
_SELLABLE = (ProductStatus.ONLINE, ProductStatus.LIMIT_ONLY)
# Out for good, as the operator or the venue says. What may pass by itself (no book, no
# candles, too low a price, too little volume) is no reason to sell: the exits watch over it.
LASTING = frozenset(
    {
        Reason.PRODUCT_NOT_ONLINE,
        Reason.QUOTE_NOT_OURS,
        Reason.STABLE_PAIR,
        Reason.NOT_ON_ALLOWLIST,
        Reason.RED_FLAG,
        Reason.NOT_IN_A_TIER,
    }
)


@dataclass(frozen=True, slots=True)
class Slices:
    wanted: tuple[TradeProposal, ...]
    findings: Mapping[str, Finding]  # symbol -> why no slice is cut where one is due
    trimmed: Mapping[str, datetime]  # the last slices that still count


@dataclass(frozen=True, slots=True)
class _Need:
    """Something has to go: `excess` of what `among` is worth together.

    In the capital currency; of what goes whole, in that of its product.
    """

    among: tuple[Stake, ...]  # largest first
    excess: Money
    why: Finding
    whole: bool  # nothing is to be kept


def cut_slices(scene: Scene, selling: frozenset[str]) -> Slices:
    """At most one slice a product; first of what has to go, then of what is too much.

    What is in `selling` goes whole in this cycle, and counts as gone.
    """
    held = {s: stake for s, stake in scene.held.items() if s not in selling}
    wanted: dict[str, TradeProposal] = {}
    findings: dict[str, Finding] = {}
    # Lazily, so that every cap is looked at after the slices that were cut before it.
    needs = chain(_outcasts(held, scene), _excesses(held, wanted, scene)) if held else ()
    for need in needs:
        giver = _giver(need, wanted, scene)
        answer = _slice_of(giver, need, scene)
        if giver.symbol in wanted:
            continue
        if isinstance(answer, Finding):
            findings.setdefault(giver.symbol, answer)
        else:
            wanted[giver.symbol] = _proposed(giver, answer, need, scene)
    least = scene.rules.trim_spacing_min
    recent = {s: at for s, at in scene.state.changes.trimmed.items() if scene.at - at < least}
    said = {symbol: finding for symbol, finding in findings.items() if symbol not in wanted}
    return Slices(tuple(wanted.values()), said, recent)


def _outcasts(held: Mapping[str, Stake], scene: Scene) -> Iterator[_Need]:
    """Positions in products that are out for good."""
    for symbol, stake in held.items():
        why = scene.exclusion(symbol)
        if why is not None and why.reason in LASTING:
            yield _Need((stake,), _at_bid(symbol, scene), why, whole=True)


def _excesses(
    held: Mapping[str, Stake], wanted: Mapping[str, TradeProposal], scene: Scene
) -> Iterator[_Need]:
    """Caps that stay exceeded when the slices in `wanted` are sold."""
    for cap in caps_on(held, scene):
        left = tuple(held.values())
        if wanted:
            left = tuple(_after(stake, wanted.get(stake.symbol), scene) for stake in left)
        breach: Breach | None = breach_of(cap, left, scene)
        if breach is not None:
            yield _Need(breach.stakes, breach.excess, breach.finding, whole=False)


def _after(stake: Stake, slice_: TradeProposal | None, scene: Scene) -> Stake:
    sold = slice_.notional and scene.worth(slice_.notional) if slice_ else None
    return stake if sold is None else replace(stake, worth=stake.worth - min(stake.worth, sold))


def _giver(need: _Need, wanted: Mapping[str, TradeProposal], scene: Scene) -> Stake:
    """The largest stake that can give now; where none can, the largest, and risk says why not."""
    able = (
        stake
        for stake in need.among
        if stake.symbol not in wanted and _can_be_sold(stake.symbol, scene)
    )
    return next(able, need.among[0])


def _can_be_sold(symbol: str, scene: Scene) -> bool:
    product = scene.snapshot.products.get(symbol)
    return (
        product is not None
        and product.status in _SELLABLE
        and symbol in scene.snapshot.tops
        and scene.portfolio.rates.knows(product.quote)
        and not scene.pending(symbol)
    )


def _slice_of(giver: Stake, need: _Need, scene: Scene) -> Money | Finding:
    """How much is sold now, in the product's own currency, or why not now."""
    waiting = _too_soon(need, scene)
    if waiting is not None:
        return waiting
    everything, least = _at_bid(giver.symbol, scene), _smallest(giver.symbol, scene)
    rates, quote = scene.portfolio.rates, everything.currency
    excess = rates.paid_in(quote, need.excess, toward=Toward.FLOOR)
    asked = max(scene.rules.trim_slice.of(excess).down_to(STEP), least.notional)
    if need.whole:
        # Exact, not rounded: less than the whole would leave dust that no order can sell.
        return everything if everything - asked < least.notional else asked
    asked = min(asked, excess, everything - least.notional)
    return least.finding(asked, scene) if asked < least.notional else asked


def _too_soon(need: _Need, scene: Scene) -> Finding | None:
    """One slice under one cap at a time: what was just sold may be enough."""
    trimmed = scene.state.changes.trimmed
    last = max((trimmed[s.symbol] for s in need.among if s.symbol in trimmed), default=None)
    least = scene.rules.trim_spacing_min
    if last is None or scene.at - last >= least:
        return None
    seen, key = span(scene.at - last), "execution.trim_spacing_min"
    return Finding(Reason.TRIM_SPACING, seen, span(least), key)


def _at_bid(symbol: str, scene: Scene) -> Money:
    """The whole position at the bid, or at its last mark where there is no book."""
    position, top = scene.portfolio.positions[symbol], scene.snapshot.tops.get(symbol)
    price = Price(top.bid, position.quote) if top else scene.portfolio.marks[symbol]
    return price.of(position.quantity)


@dataclass(frozen=True, slots=True)
class _Smallest:
    """The smallest notional that is worth an order, in the product's currency, and who says so."""

    notional: Money
    limit: Money  # the same as it was set
    reason: Reason
    key: str

    def finding(self, seen: Money, scene: Scene) -> Finding:
        asked = max(seen, Money.zero(seen.currency))
        if asked.currency != self.limit.currency:
            asked = scene.portfolio.rates.worth(asked)
        return Finding(self.reason, str(asked.down_to(_CENT)), str(self.limit), self.key)


def _smallest(symbol: str, scene: Scene) -> _Smallest:
    limit, rates = scene.policy.risk.notional_min, scene.portfolio.rates
    quote = scene.portfolio.positions[symbol].quote
    ours = Money.zero(quote)  # without a rate only the venue knows what is too small
    if rates.knows(quote):
        ours = rates.paid_in(quote, limit, toward=Toward.CEILING)
    product, top = scene.snapshot.products.get(symbol), scene.snapshot.tops.get(symbol)
    if product is not None and top is not None:
        lots = multiplied(product.smallest_quantity, top.bid)
        venues = Money(max(product.quote_min, lots), product.quote)
        if ours < venues:
            key = "product.quote_min" if lots <= product.quote_min else "product.base_min"
            return _Smallest(venues, venues, Reason.BELOW_VENUE_MINIMUM, key)
    return _Smallest(ours, limit, Reason.NOTIONAL_TOO_SMALL, "risk.notional_min")


def _proposed(giver: Stake, notional: Money, need: _Need, scene: Scene) -> TradeProposal:
    why = need.why
    return TradeProposal(
        symbol=giver.symbol,
        side=Side.SELL,
        strategy=TRIMS,
        rule="outcast" if need.whole else "excess",
        tier=_tier(giver, scene),
        conviction=1.0,
        breakdown={why.reason.name: 1.0},
        stop_loss=0.0,
        take_profit=0.0,
        because=f"{why.reason.name}, {why.seen} against {why.limit} ({why.key}): a slice is sold.",
        notional=notional,
        purpose=Purpose.TRIM,
    )


def _tier(giver: Stake, scene: Scene) -> str:
    """The tier it is in, was in last, or has by name; else the lowest, which slips the most."""
    tiers = scene.policy.universe.tiers
    last_known = (scene.universe.eligible, scene.state.eligible)
    known = [of[giver.symbol] for of in last_known if of.get(giver.symbol) in tiers]
    named = [tier for tier, rule in tiers.items() if giver.base in rule.assets]
    return (*known, *named, *reversed(tuple(tiers)))[0]
