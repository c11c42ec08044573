"""Protective exits: when a position is left, whatever the strategy that opened it thinks.

Every position has exactly one plan: a stop and a target from the buy that opened
it, or from the policy, a trailing stop and a longest time. Each cycle looks at all of
them and says which is nearest. An exit goes around allocation, budgets and every
limit on buying; it never asks how large or how fresh, only what there is to sell and
down to which price.

A level is reached when the price is at it, as a stop order at a venue is; a longest
time is a limit, and at a limit is allowed. The price is the bid of a fresh book;
without one the close of the last bar, because a position whose book is late needs
watching more, not less. In a crash every distance shrinks; the longest time does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from core.account import Portfolio, Position
from core.errors import FatalError
from core.market import Panel, Regime, Side, Snapshot, base_of
from core.money import (
    ONE,
    ZERO,
    Price,
    Ratio,
    Toward,
    added,
    divided,
    multiplied,
    plain,
    rounded_down,
    rounded_up,
    subtracted,
)
from core.policy import ExitsPolicy, Policy
from core.proposals import ExitTerms, Purpose, TradeProposal
from core.reasons import Finding, Reason
from core.state import BotState, ExitLevel, ExitPlan, Standing, Wish
from core.wording import percent, span

STRATEGY = "exits"
STOPS = frozenset({Reason.STOP_LOSS, Reason.TRAILING_STOP})
_DIGITS = 10  # of a level: more would pretend


@dataclass(frozen=True, slots=True)
class Exits:
    """What the positions want of this cycle, and for each what was looked at."""

    proposals: tuple[TradeProposal, ...]  # by symbol
    watched: Mapping[str, Finding]  # every position: the exit that fired, or HELD and the nearest
    armed: Mapping[str, Armed]  # likewise

    def kept_out(self, wanted: Iterable[TradeProposal]) -> Mapping[str, Finding]:
        """Proposal id -> why it waits: what a protective exit sells is nobody else's business."""
        leaving = {base_of(proposal.symbol): proposal for proposal in self.proposals}
        return {
            proposal.id: Finding(
                Reason.EXITING, leave.rule, "no exit of the asset", self.watched[leave.symbol].key
            )
            for proposal in wanted
            if (leave := leaving.get(base_of(proposal.symbol))) is not None
        }


@dataclass(frozen=True, slots=True)
class Armed:
    """The prices at which a position is left now, in quote currency."""

    stop: Decimal  # the nearest one, a trailing one too
    target: Decimal


@dataclass(frozen=True, slots=True)
class Seen:
    """The price a position is judged by, and what it is."""

    price: Price
    words: str
    fresh: bool  # the bid of a book that is recent enough to sell by


@dataclass(frozen=True, slots=True)
class Watch:
    """One level that the price may reach."""

    reason: Reason
    name: str
    level: ExitLevel
    side: Side  # SELL: reached by falling to it, BUY: by rising

    def reached(self, price: Decimal) -> bool:
        return price <= self.level.price if self.side is Side.SELL else price >= self.level.price

    def away(self, price: Decimal) -> Decimal:
        """The distance as a share of the price, without a sign."""
        distance = subtracted(self.level.price, price).copy_abs()
        return divided(distance, price, toward=Toward.FLOOR)

    def told(self, price: Price) -> str:
        where = "beyond" if self.reached(price.amount) else "away"
        away = percent(Ratio(self.away(price.amount)))
        return f"{self.name} {plain(self.level.price)} {price.quote}, {away} {where}"


def exit_plans(
    state: BotState, portfolio: Portfolio, panel: Panel, policy: ExitsPolicy
) -> Mapping[str, ExitPlan]:
    """The plan of every position as of this cycle; FatalError for one that can have none."""
    return {
        symbol: _plan(position, state, panel, policy)
        for symbol, position in sorted(portfolio.positions.items())
    }


def protective_exits(
    snapshot: Snapshot,
    portfolio: Portfolio,
    plans: Mapping[str, ExitPlan],
    tiers: Mapping[str, str],
    regime: Regime,
    policy: Policy,
) -> Exits:
    """A sale of the whole position wherever an exit fires, and a finding for every position."""
    proposals: list[TradeProposal] = []
    watched: dict[str, Finding] = {}
    armed: dict[str, Armed] = {}
    for symbol, plan in plans.items():
        seen = _price_of(portfolio.positions[symbol], snapshot, portfolio, policy)
        watches = tuple(_watches(plan, regime, policy.exits))
        armed[symbol] = _armed(watches)
        watched[symbol] = finding = _finding(plan, seen, watches, snapshot.at, policy.exits)
        if finding.reason is not Reason.HELD:
            tier = tiers.get(symbol) or _widest(policy.exits)
            proposals.append(_sale(portfolio.positions[symbol], plan, seen, finding, tier, policy))
    return Exits(tuple(proposals), watched, armed)


def all_out(
    exits: Exits,
    standing: Standing,
    snapshot: Snapshot,
    portfolio: Portfolio,
    plans: Mapping[str, ExitPlan],
    policy: Policy,
) -> Exits:
    """With a sale of every position, once the operator wants everything sold."""
    if standing.code != Reason.FLATTEN.name:
        return exits
    proposals = {proposal.symbol: proposal for proposal in exits.proposals}
    watched = dict(exits.watched)
    for symbol in plans.keys() - proposals.keys():
        position = portfolio.positions[symbol]
        seen = _price_of(position, snapshot, portfolio, policy)
        watched[symbol] = finding = Finding(Reason.FLATTEN, seen.words, "nothing held", "level")
        tier = _widest(policy.exits)
        proposals[symbol] = _sale(position, plans[symbol], seen, finding, tier, policy)
    leaving = tuple(proposals[symbol] for symbol in sorted(proposals))
    return Exits(leaving, watched, exits.armed)


def as_written(measured: float) -> Decimal:
    """A price measured in floats, to ten significant digits, as the audit record shows it."""
    return Decimal(f"{measured:.{_DIGITS}g}")


def _plan(position: Position, state: BotState, panel: Panel, policy: ExitsPolicy) -> ExitPlan:
    """The plan it has, carried on; a new one where the position is new; new levels after an add.

    An add brings its own levels, but a stop only ever rises.
    """
    entry = _average_cost(position)
    opened_at = min(lot.opened_at for lot in position.lots)
    added_at = max(lot.opened_at for lot in position.lots)
    known = state.exits.get(position.symbol)
    if known is not None and known.added_at < opened_at:
        known = None  # what it was made for is sold; this is another position of the product
    if known is None or known.added_at < added_at:
        stop, target = _levels(entry, state.wished.get(position.symbol), added_at, policy)
    else:
        stop, target = known.stop, known.target
    if known is not None and known.stop.price > stop.price:
        stop = known.stop
    before = known.highest_close if known is not None else entry
    closes = _closes_since(position.symbol, opened_at, panel)
    return ExitPlan(
        symbol=position.symbol,
        stop=stop,
        target=target,
        entry=entry,
        opened_at=opened_at,
        added_at=added_at,
        highest_close=max(before, entry, closes),
        attempts=known.attempts if known is not None else 0,
    )


def _average_cost(position: Position) -> Decimal:
    """Of a unit, fees included. Without lots, or lots that cost nothing, there is no level."""
    quantity, cost = position.quantity.amount, position.cost.amount
    if not quantity > ZERO or not cost > ZERO:
        raise FatalError(
            "a position cannot be watched: its lots have no cost to measure a loss from",
            code=Reason.NO_EXIT_PLAN.name,
            symbol=position.symbol,
            quantity=plain(quantity),
            cost=plain(cost),
        )
    return _short(divided(cost, quantity, toward=Toward.CEILING), Toward.CEILING)


def _levels(
    entry: Decimal, wish: Wish | None, added_at: datetime, policy: ExitsPolicy
) -> tuple[ExitLevel, ExitLevel]:
    """Stop and target as the buy asked for them; from the policy where no buy is remembered."""
    if wish is not None and wish.at <= added_at:
        return wish.stop, wish.target
    stop = multiplied(entry, subtracted(ONE, policy.stop_loss.value))
    target = multiplied(entry, added(ONE, policy.take_profit.value))
    return (
        ExitLevel(_short(stop, Toward.CEILING), "exits.stop_loss"),
        ExitLevel(_short(target, Toward.FLOOR), "exits.take_profit"),
    )


def _closes_since(symbol: str, opened_at: datetime, panel: Panel) -> Decimal:
    """The highest close of the bars that closed after the entry; zero where there is none.

    A missing bar carries the close before it, which may be from before the entry.
    """
    if opened_at >= panel.closed_at or symbol not in panel.symbols:
        return ZERO
    bars = min(-((opened_at - panel.closed_at) // panel.bar), panel.length)
    row = panel.symbols.index(symbol)
    traded = ~panel.missing[row, -bars:]
    highest = np.maximum.reduce(panel.close[row, -bars:], where=traded, initial=0.0)
    return as_written(float(highest))


def _price_of(position: Position, snapshot: Snapshot, portfolio: Portfolio, policy: Policy) -> Seen:
    """The bid of a fresh book, else the last close, else what the position was last valued at."""
    symbol, quote = position.symbol, position.quote
    top = snapshot.tops.get(symbol)
    if top is not None and snapshot.at - top.seen_at <= policy.risk.book_age_max:
        bid = Price(top.bid, quote)
        return Seen(bid, f"bid {bid}", fresh=True)
    panel = snapshot.panel
    if symbol in panel.symbols:
        row = panel.symbols.index(symbol)
        if panel.known[row] > 0:
            close = Price(as_written(float(panel.close[row, -1])), quote)
            return Seen(close, f"close {close}, no fresh book", fresh=False)
    mark = portfolio.marks[symbol]
    return Seen(mark, f"mark {mark}, no fresh book and no candle", fresh=False)


def _watches(plan: ExitPlan, regime: Regime, policy: ExitsPolicy) -> Iterator[Watch]:
    """The levels that are armed, in the order in which they speak."""
    tighten = policy.crash_tighten if regime is Regime.CRASH else ONE
    stop = _nearer(plan.stop, plan.entry, tighten, Toward.CEILING)
    yield Watch(Reason.STOP_LOSS, "stop", stop, Side.SELL)
    gain = multiplied(policy.trailing_from.value, tighten)
    if plan.highest_close >= multiplied(plan.entry, added(ONE, gain)):
        fall = multiplied(policy.trailing.value, tighten)
        price = multiplied(plan.highest_close, subtracted(ONE, fall))
        level = ExitLevel(_short(price, Toward.CEILING), "exits.trailing")
        yield Watch(Reason.TRAILING_STOP, "trailing stop", level, Side.SELL)
    target = _nearer(plan.target, plan.entry, tighten, Toward.FLOOR)
    yield Watch(Reason.TAKE_PROFIT, "target", target, Side.BUY)


def _armed(watches: tuple[Watch, ...]) -> Armed:
    (target,) = [watch.level.price for watch in watches if watch.side is Side.BUY]
    return Armed(max(watch.level.price for watch in watches if watch.side is Side.SELL), target)


def _nearer(level: ExitLevel, entry: Decimal, tighten: Decimal, toward: Toward) -> ExitLevel:
    """The level at its distance from the entry times `tighten`.

    A stop that an add has raised above the average cost, or a target that fell below it,
    has no distance that could shrink.
    """
    distance = subtracted(level.price, entry)
    inverted = distance >= ZERO if toward is Toward.CEILING else distance <= ZERO
    if tighten == ONE or inverted:
        return level
    price = added(entry, multiplied(distance, tighten))
    return ExitLevel(_short(price, toward), level.key)


def _finding(
    plan: ExitPlan, seen: Seen, watches: tuple[Watch, ...], at: datetime, policy: ExitsPolicy
) -> Finding:
    """The first exit that fires; else HELD, with the level that is nearest."""
    price = seen.price
    for watch in watches:
        if watch.reached(price.amount):
            return Finding(watch.reason, seen.words, watch.told(price), watch.level.key)
    held = at - plan.opened_at
    if held > policy.held_max:
        limit = span(policy.held_max)
        return Finding(Reason.HELD_TOO_LONG, span(held), limit, "exits.held_max")
    nearest = min(watches, key=lambda watch: watch.away(price.amount))
    return Finding(Reason.HELD, seen.words, nearest.told(price), nearest.level.key)


def _sale(
    position: Position, plan: ExitPlan, seen: Seen, finding: Finding, tier: str, policy: Policy
) -> TradeProposal:
    """All of it, at first within the tier's slippage; through the book once that failed.

    A price that is no fresh bid is a guess, so it is gone through at once.
    """
    first = plan.attempts == 0 and seen.fresh
    slippage = policy.exits.slippage_max[tier] if first else policy.exits.through_max
    quantity = position.quantity
    return TradeProposal(
        symbol=position.symbol,
        side=Side.SELL,
        strategy=STRATEGY,
        rule=finding.reason.name.lower(),
        tier=tier,
        conviction=1.0,
        breakdown={"exit": 1.0},
        stop_loss=float(plan.stop.price),
        take_profit=float(plan.target.price),
        because=f"{finding.reason.sentence} Seen {finding.seen}; {finding.limit}.",
        notional=seen.price.of(quantity),
        purpose=Purpose.EXIT,
        exit=ExitTerms(quantity, seen.price, slippage),
    )


def _widest(policy: ExitsPolicy) -> str:
    """The tier of a product that is in none: the one that gives way furthest."""
    return max(policy.slippage_max, key=lambda tier: (policy.slippage_max[tier], tier))


def _short(price: Decimal, toward: Toward) -> Decimal:
    """Ten significant digits: levels stay exact in later products, and fit a sentence."""
    unit = Decimal((0, (1,), price.adjusted() - _DIGITS + 1))
    return rounded_down(price, unit) if toward is Toward.FLOOR else rounded_up(price, unit)
