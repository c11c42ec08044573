"""Resolution: whether the bars can show a rule what its windows ask for.

Asked of every rule in the same way, at the start and again before it speaks: a rule
whose window the bars cannot resolve, or reach, says so and proposes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Protocol

from core.market import Panel
from core.reasons import Finding, Reason
from core.wording import count, span
from strategy.rules.buying import KEYS


class Looking(Protocol):
    """How far back a rule looks, by the key below its own name."""

    @property
    def windows(self) -> Mapping[str, timedelta]: ...


def windows(name: str, rule: Looking) -> Mapping[str, timedelta]:
    """The windows of the rule called `name`, by policy key."""
    return {f"{KEYS}.{name}.{key}": window for key, window in rule.windows.items()}


def blurred(name: str, rule: Looking, bar: timedelta) -> Iterator[tuple[str, str]]:
    """Each window that is no whole number of bars: its key, and the sentence that says so."""
    for key, window in rule.windows.items():
        if window % bar:
            yield f"{KEYS}.{name}.{key}", f"{span(window)} is no whole number of {span(bar)} bars"


def unseen(
    symbol: str, panel: Panel, name: str, rule: Looking, seeds: Mapping[str, int]
) -> Finding | None:
    """Why the rule cannot look at the product: a blurred window, or too short a history.

    A window takes as many bars as it holds, or those that `seeds` names for its key.
    """
    for key, sentence in blurred(name, rule, panel.bar):
        return Finding(Reason.RULE_DECLINED, sentence, "a whole number of bars", key)
    needs = {key: window // panel.bar for key, window in rule.windows.items()} | dict(seeds)
    key, needed = max(needs.items(), key=lambda need: need[1])
    known = int(panel.known[panel.symbols.index(symbol)])
    if known >= needed:
        return None
    return Finding(
        Reason.HISTORY_TOO_SHORT,
        count(known, "bar"),
        count(needed, "bar"),
        f"{KEYS}.{name}.{key}",
    )
