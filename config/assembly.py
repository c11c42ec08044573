"""Every section of the tree as its dataclass, as far as it can be made.

Two things are settled first, because they span sections: a duration that is
given as a multiple of another one, and a key that two sections read. Nothing is
raised here: what cannot be made is left out and its complaint kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast, get_type_hints

from config import parse
from config.complaints import Complaint, nearest
from config.settings import Settings
from config.tree import Leaf, Path, Section, dotted, find, with_leaf
from config.typed import Typist
from core import wording
from core.policy import Policy, StrategyBudget

_POLICY_SECTIONS = ("universe", "regime", "triggers", "sizing", "risk", "execution", "exits")
# Where the YAML may give a multiple of another duration: (key, of which key), in this order.
_PACES: tuple[tuple[Path, Path], ...] = (
    (("loop", "interval"), ("market", "bar")),
    (("execution", "maker_ttl"), ("loop", "interval")),
)
# A key that another section reads as well: (where it is written, where it is also read).
_SHARED: tuple[tuple[Path, Path], ...] = (
    (("market", "gap_share_max"), ("triggers", "gap_share_max")),
)


@dataclass(frozen=True, slots=True)
class StrategyChoice:
    """An enabled strategy: what it may ask for, and its parameters as its own dataclass."""

    budget: StrategyBudget
    parameters: object


@dataclass(frozen=True, slots=True)
class Assembly:
    """What could be made of a tree. Settings and Policy can be had once nothing is wrong."""

    values: Mapping[str, object]  # every value that could be read, by dotted key
    chosen: Mapping[str, StrategyChoice]  # every strategy that could be made, also if it is off
    complaints: tuple[Complaint, ...]
    _settings: Mapping[str, object]
    _policy: Mapping[str, object]

    def settings(self) -> Settings:
        return Settings(**cast("Any", self._settings))

    def policy(self, strategies: Mapping[str, StrategyChoice]) -> Policy:
        """The policy sections, with what they share with the others."""
        app = self.settings().app
        return Policy(
            capital_currency=app.capital_currency,
            quote_currencies=app.quote_currencies,
            budgets={name: choice.budget for name, choice in strategies.items()},
            **cast("Any", self._policy),
        )


def assembled(written: Section, strategies: Mapping[str, type[object]]) -> Assembly:
    """Settings, policy and strategies from the tree; `strategies` names their parameters."""
    tree, unsettled = _settled(written)
    typist = Typist(tree)
    kinds = get_type_hints(Settings)
    settings = {
        field.name: typist.build(kinds[field.name], (field.name,)) for field in fields(Settings)
    }
    kinds = get_type_hints(Policy)
    policy = {name: typist.build(kinds[name], (name,)) for name in _POLICY_SECTIONS}
    chosen = _strategies(typist, tree, strategies)
    complaints = tuple(told for told in typist.complaints if told.key not in unsettled)
    return Assembly(typist.values, chosen, complaints, settings, policy)


def _settled(tree: Section) -> tuple[Section, set[str]]:
    """The tree with multiples of durations worked out and shared keys in both places.

    Also the keys that had to stay open because what they depend on is broken.
    """
    unsettled = set()
    for path, of in _PACES:
        node = find(tree, path)
        if not isinstance(node, Leaf):
            continue
        try:
            pace = parse.pace(str(node.value))
        except ValueError:
            continue  # the schema complains
        span = _span(tree, of, pace)
        if span is None:
            unsettled.add(dotted(path))
        else:
            tree = with_leaf(tree, path, Leaf(wording.span(span), node.place))
    for path, also in _SHARED:
        node = find(tree, path)
        if isinstance(node, Leaf) and find(tree, also[:-1]) is not None:
            tree = with_leaf(tree, also, node)
        unsettled.add(dotted(also))
    return tree, unsettled


def _span(tree: Section, of: Path, pace: timedelta | Decimal) -> timedelta | None:
    """The duration itself, or that multiple of the one at `of`; None where that is broken."""
    if isinstance(pace, timedelta):
        return pace
    node = find(tree, of)
    try:
        whole = parse.duration(str(node.value)) if isinstance(node, Leaf) else None
        return parse.stretched(whole, pace) if whole is not None else None
    except (ValueError, OverflowError):
        return None


def _strategies(
    typist: Typist, tree: Section, known: Mapping[str, type[object]]
) -> Mapping[str, StrategyChoice]:
    """Budget and parameters of every strategy that is named, also of those that are off."""
    section = find(tree, ("strategies",))
    chosen: dict[str, StrategyChoice] = {}
    for name in sorted(section.entries) if isinstance(section, Section) else ():
        path = ("strategies", name)
        if name not in known:
            typist.refuse(path, f"is no strategy{nearest(name, known)}")
            continue
        typist.build(bool, (*path, "enabled"))
        budget = typist.build(StrategyBudget, (*path, "budget"))
        parameters = typist.build(known[name], (*path, "parameters"))
        if budget is not None and parameters is not None:
            chosen[name] = StrategyChoice(budget, parameters)
    return chosen
