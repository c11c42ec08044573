"""Step 1, gather: every read of the world, once, in a fixed order.

A piece that could not be had is missing with its reason; gather never fails a
cycle. It reads no more than the decision can use: candles only of products that
might be bought or are held, depth only of the few that matter most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from core.errors import RetryableError
from core.market import Bars, Depth, Product
from core.policy import Policy
from core.ports import MarketData, Venue
from core.state import BotState
from infra.history import History, Reading, floor_to_bar

Piece = TypeVar("Piece")
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads one cycle's worth of a market, knowing what History already holds."""

    market: MarketData
    venue: Venue
    history: History
    policy: Policy
    books_per_cycle_max: int

    def read(self, state: BotState, held: Iterable[str]) -> Reading:
        """What the market tells at the decision time of `state`, positions first."""
        assert state.at is not None
        tries = _Tries()
        products = tries.piece("products", self.market.products)
        watched = self._watched(products, frozenset(held))
        bars, through = self._new_bars(watched, state.at, tries)
        return Reading(
            at=state.at,
            server_time=tries.piece("server_time", self.market.server_time),
            products=None if products == self.history.products else products,
            tops=tries.piece("tops", lambda: self.market.tops(watched)) or {},
            depths=self._depths(watched, state, frozenset(held), tries),
            bars=bars,
            through=through,
            balances=tries.piece("balances", self.venue.balances) or (),
            fees=self.market.fees(),
            missing=tries.missing,
        )

    def _watched(
        self, products: tuple[Product, ...] | None, held: frozenset[str]
    ) -> tuple[str, ...]:
        listed = self.history.products if products is None else products
        return tuple(
            sorted(p.symbol for p in listed if p.symbol in held or _worth_reading(p, self.policy))
        )

    def _new_bars(
        self, watched: tuple[str, ...], at: datetime, tries: _Tries
    ) -> tuple[Mapping[str, Bars], Mapping[str, datetime]]:
        closed_at = floor_to_bar(at, self.history.bar)
        oldest = closed_at - self.history.bar * self.history.length
        bars: dict[str, Bars] = {}
        through: dict[str, datetime] = {}
        for symbol in watched:
            since = self.history.through(symbol) or oldest
            if since >= closed_at:
                continue
            answer = tries.piece(f"candles {symbol}", self._asking(symbol, since, closed_at))
            if answer is not None:
                through[symbol] = closed_at
                if len(answer):
                    bars[symbol] = answer
        return bars, through

    def _asking(self, symbol: str, since: datetime, until: datetime) -> Callable[[], Bars]:
        return lambda: self.market.bars(symbol, self.history.bar, since, until)

    def _depths(
        self, watched: tuple[str, ...], state: BotState, held: frozenset[str], tries: _Tries
    ) -> Mapping[str, Depth]:
        """Own positions first, then the products nearest to a trigger, then the oldest book."""
        per_request = self.market.depths_per_request
        wanted = self._by_need(watched, state, held, self.books_per_cycle_max * per_request)
        depths: dict[str, Depth] = {}
        for start in range(0, len(wanted), per_request):
            part = wanted[start : start + per_request]
            answer = tries.piece(f"depth {part[0]}", self._asking_depths(part))
            depths |= answer or {}
        return depths

    def _asking_depths(self, part: tuple[str, ...]) -> Callable[[], Mapping[str, Depth]]:
        return lambda: self.market.depths(part)

    def _by_need(
        self, watched: tuple[str, ...], state: BotState, held: frozenset[str], places: int
    ) -> tuple[str, ...]:
        """The last place goes to the oldest book, so that every product's depth is seen at last."""
        nearness = {symbol: rank for rank, symbol in enumerate(state.nearest)}
        urgent = sorted(
            watched, key=lambda name: (name not in held, nearness.get(name, len(nearness)), name)
        )
        first = urgent[: max(places - 1, 0)]
        rest = sorted(set(watched) - set(first), key=self._oldest_depth_first)
        return tuple(first + rest[: places - len(first)])

    def _oldest_depth_first(self, symbol: str) -> tuple[bool, datetime, str]:
        seen_at = self.history.depth_seen_at(symbol)
        return (seen_at is not None, seen_at or _NEVER, symbol)


@dataclass(slots=True)
class _Tries:
    """Calls that may fail: the answer, or the reason filed under the piece's name."""

    missing: dict[str, str] = field(default_factory=dict)

    def piece(self, name: str, ask: Callable[[], Piece]) -> Piece | None:
        try:
            return ask()
        except RetryableError as error:
            self.missing[name] = f"{error.code}: {error}"
            return None


def _worth_reading(product: Product, policy: Policy) -> bool:
    """Whether the universe could ever hold the product; the rest is excluded unread."""
    allowed = policy.universe.allowlist
    return (
        product.quote in policy.quote_currencies
        and product.base not in policy.universe.stable_assets
        and (allowed.count == 0 or product.symbol in allowed.symbols)
    )
