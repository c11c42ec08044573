"""Guards: which products cannot be judged now, because their candles are not fit for it.

A product with holes, a short history or a bad last tick gives numbers too, and
they would be wrong. The guards refuse it before any trigger is believed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.indicators import SEEDED_BARS, change, range_before_last, shown_ratio, some, window_mean
from core.market import Floats, Panel
from core.policy import TriggersPolicy
from core.reasons import Finding, Reason
from core.triggers.watches import Window
from core.wording import count, percent_of


def gapped(
    panel: Panel, policy: TriggersPolicy, windows: tuple[Window, ...]
) -> Mapping[str, Finding]:
    """Products without a trade in too many bars of the longest window.

    Bars before a product's first one are no gaps: that history is short, not holed.
    """
    bars = max(window.length for window in windows) // panel.bar
    columns = min(bars, panel.length)
    if not some(panel.missing[:, -columns:]):
        return {}
    unlisted = np.maximum(columns - panel.known, 0)
    gaps = panel.missing[:, -columns:].sum(axis=-1) - unlisted
    share, limit = shown_ratio(gaps / bars), policy.gap_share_max
    return {
        panel.symbols[row]: Finding(
            Reason.CANDLES_MISSING, percent_of(share[row]), str(limit), "market.gap_share_max"
        )
        for row in np.flatnonzero(share > float(limit.value)).tolist()
    }


def short(
    panel: Panel, policy: TriggersPolicy, windows: tuple[Window, ...]
) -> Mapping[str, Finding]:
    """Products with fewer bars than the longest window takes, or the seed of the ATR."""
    baseline = Window("triggers.volume_spike.baseline", policy.volume_spike.baseline, 2)
    needs = [(SEEDED_BARS, "triggers.atr.window")]
    needs += [(window.bars_needed(panel.bar), window.key) for window in (*windows, baseline)]
    needed, key = max(needs, key=lambda need: need[0])
    few = panel.known < needed
    if not some(few):
        return {}
    return {
        panel.symbols[row]: Finding(
            Reason.HISTORY_TOO_SHORT,
            count(int(panel.known[row]), "bar"),
            count(needed, "bar"),
            key,
        )
        for row in np.flatnonzero(few).tolist()
    }


def outliers(panel: Panel, atr: Floats, policy: TriggersPolicy) -> Mapping[str, Finding]:
    """Products whose last bar jumps without the volume that a real jump would bring.

    The jump is held against the ATR before it: in an ATR that includes the jump, it
    would make itself look small.
    """
    rule = policy.outlier
    usual = range_before_last(panel, atr, panel.bars_in(policy.atr.window))
    reach = shown_ratio(usual * float(rule.move_min) / panel.close[:, -2])
    move = shown_ratio(change(panel, 1))
    jumps = (np.abs(move) >= reach) & (move != 0)
    if not some(jumps):
        return {}
    mean = window_mean(panel.volume, panel.bars_in(policy.volume_spike.baseline))
    volume = panel.volume[:, -1]
    share = shown_ratio(np.divide(volume, mean, out=np.zeros(mean.shape), where=mean > 0))
    jumps &= share < float(rule.volume_max.value)
    return {
        panel.symbols[row]: Finding(
            Reason.OUTLIER,
            f"{percent_of(move[row])} on {percent_of(share[row])} of the mean volume",
            f"{percent_of(reach[row])} on {rule.volume_max} of the mean volume",
            "triggers.outlier.move_min",
        )
        for row in np.flatnonzero(jumps).tolist()
    }
