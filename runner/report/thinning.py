"""Half a million points on a screen of two thousand: fewer, and none that would be missed.

Each stretch of a series keeps its first and last point, its highest and its lowest, so
that no peak and no fall disappears.
"""

from __future__ import annotations

from collections.abc import Sequence

POINTS_MAX = 2_000
_KEPT = 4  # points of each stretch


def kept_rows(values: Sequence[float], points_max: int = POINTS_MAX) -> list[int]:
    """Rows to draw, in order; all of them where they are few enough."""
    count = len(values)
    if count <= points_max:
        return list(range(count))
    stretches = max(1, points_max // _KEPT)
    rows: set[int] = set()
    for number in range(stretches):
        first, end = number * count // stretches, (number + 1) * count // stretches
        stretch = range(first, end)
        rows |= {first, end - 1}
        rows |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return sorted(rows)
