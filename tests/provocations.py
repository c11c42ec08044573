"""Policies that bring what the shipped one cannot: `python -m tests.occurrences --provoke`.

A code that DRY_RUN can reach under some policy must occur under it on the same real
candles. Each provocation is the shipped configuration with a few keys set, played for
some days; the codes that it exists for are named, so that one which fails is found.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from core.reasons import Reason
from tests.builders.shipped import CONFIG

_NAME = "provoked"
_THRESHOLDS = {"volume_24h_min": "1 USD", "spread_max": "1%", "depth_min": "1 USD"}
EVERYTHING: Mapping[str, object] = {  # however thin it is
    f"universe.tiers.T3.{name}": value for name, value in _THRESHOLDS.items()
}


@dataclass(frozen=True)
class Provocation:
    name: str
    codes: frozenset[Reason]  # that it exists for
    settings: Mapping[str, object] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    killed: bool = False  # by an operator, before it starts


SMALL_CAPS: Mapping[str, object] = {
    f"regime.multipliers.{name}.caps": "0.01x" for name in ("bull", "chop", "bear")
}
ALL_IN_ONE_CYCLE: Mapping[str, object] = {"risk.spacing_min": "0s", "risk.cooldown": "0s"}


def small(share: str) -> Mapping[str, object]:
    """Of every entry."""
    return {f"sizing.base.{tier}": share for tier in ("T1", "T2", "T3")}


PROVOCATIONS: tuple[Provocation, ...] = (
    Provocation(
        "lists and floors",
        frozenset(
            {Reason.RED_FLAG, Reason.STABLE_PAIR, Reason.PRICE_TOO_LOW, Reason.NOT_IN_A_TIER}
        ),
        {
            "universe.red_flags": [{"asset": "DOGE", "reason": "planted"}],
            "universe.stable_assets": ["USD", "USDC", "LTC"],
            "universe.discovery": False,
            "universe.price_min": "1 USD",
        },
    ),
    Provocation(
        "an allowlist",
        frozenset({Reason.NOT_ON_ALLOWLIST}),
        {"universe.allowlist.count": 1, "universe.allowlist.symbols": ["BTC-USD"]},
    ),
    Provocation(
        "another currency",
        frozenset({Reason.QUOTE_NOT_OURS, Reason.NOTHING_ELIGIBLE}),
        arguments=("--profile", "usdt"),
    ),
    Provocation(
        "only the strongest",
        frozenset({Reason.SCORE_TOO_LOW, Reason.CONVICTION_TOO_LOW}),
        {"triggers.score_min": "150%", "strategies.rules.parameters.conviction_min": "70%"},
    ),
    Provocation(
        "no gap and no jump",
        frozenset({Reason.CANDLES_MISSING, Reason.OUTLIER}),
        {
            **EVERYTHING,
            "market.gap_share_max": "0%",
            "triggers.outlier.move_min": "1x",
            "triggers.outlier.volume_max": "100%",
        },
    ),
    Provocation(
        "a small budget",
        frozenset({Reason.STRATEGY_BUDGET}),
        {"strategies.rules.budget.exposure_max": "0.5%"},
    ),
    Provocation(
        "small orders", frozenset({Reason.NOTIONAL_TOO_LARGE}), {"risk.notional_max": "25 USD"}
    ),
    Provocation("small positions", frozenset({Reason.POSITION_FULL}), SMALL_CAPS),
    Provocation(
        "small shares",
        frozenset({Reason.THEME_FULL, Reason.AT_RISK_FULL}),
        {
            "risk.position_max": "60%",
            "risk.theme_max.layer1": "5%",
            "risk.theme_max.meme": "60%",
            "risk.theme_max.payments": "60%",
            **SMALL_CAPS,
            **ALL_IN_ONE_CYCLE,
        },
    ),
    Provocation("no cash to spend", frozenset({Reason.CASH_BUFFER}), {"risk.cash_min": "99.9%"}),
    Provocation(
        "one position",
        frozenset({Reason.POSITIONS_FULL}),
        {"risk.positions_max": 1, **ALL_IN_ONE_CYCLE},
    ),
    Provocation(
        "one trade an hour",
        frozenset({Reason.HOURLY_PACE}),
        {"risk.trades_per_hour_max": 1, **ALL_IN_ONE_CYCLE},
    ),
    Provocation(
        "crosses besides", frozenset({Reason.NO_CROSS}), {"strategies.ema_cross.enabled": True}
    ),
    Provocation(
        "sizes of nothing",
        frozenset({Reason.SIZE_IS_ZERO}),
        {f"regime.multipliers.{name}.size": "0x" for name in ("bull", "chop", "bear")},
    ),
    Provocation(
        "less than the venue takes",
        frozenset({Reason.BELOW_VENUE_MINIMUM}),
        {"risk.notional_min": "0.01 USD", **small("0.005%")},
    ),
    Provocation(
        "books that may not move",
        frozenset({Reason.IMPACT_TOO_HIGH}),
        {
            **{f"risk.impact_max.{tier}": "0.01 bps" for tier in ("T1", "T2", "T3")},
            "risk.depth_multiple_min": "0.5x",
            "risk.notional_max": "100000 USD",
            "app.starting_balances": ["100000 USD"],
        },
    ),
    Provocation(
        "a start too early",
        frozenset({Reason.HISTORY_TOO_SHORT}),
        arguments=("--start", "2025-01-02T12:00:00Z"),
    ),
    Provocation("the kill switch", frozenset({Reason.KILL_SWITCH}), killed=True),
)


def provoked(what: Provocation, folder: Path) -> Sequence[str]:
    """The arguments of a bot under this policy, whose configuration lies in `folder`."""
    config = folder / "config"
    shutil.copytree(CONFIG, config, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    arguments = ["--config", str(config), *what.arguments]
    if what.settings:
        text = yaml.safe_dump(_nested(what.settings))
        (config / "profiles" / f"{_NAME}.yaml").write_text(text, encoding="utf-8")
        arguments += ["--profile", _NAME]
    if what.killed:
        (folder / "var").mkdir()
        (folder / "var" / "KILL").write_text("a provocation", encoding="utf-8")
    return arguments


def _nested(settings: Mapping[str, object]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *path, name = key.split(".")
        section = tree
        for step in path:
            section = section.setdefault(step, {})
        section[name] = value
    return tree
