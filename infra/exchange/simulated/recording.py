"""A recording: a folder of candle files, read once, checked whole, never changed.

Knows the files' names, how several files of one product join, and what the
folder as a whole is: its products, its span, its digest (which is the identity
of the market it stands for). It plays nothing; see player.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.market import Bars, Product, ProductStatus
from core.wording import count, span
from infra.exchange.simulated.candle_file import BadRecording, read_candles
from infra.exchange.simulated.product_list import NAME, product_of, read_product_list

__all__ = ["BadRecording", "Recording"]

_CANDLE_FILE = re.compile(r"([A-Z0-9]+-[A-Z0-9]+)_(\d+[a-z])(?:_.*)?\.csv(?:\.gz)?")


class _CandleFile(NamedTuple):
    path: Path
    symbol: str
    bar: str


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Closed candles of some products at one bar size; every array is read-only."""

    bar: timedelta
    bars: Mapping[str, Bars]  # sorted by symbol
    products: Mapping[str, Product]  # as they are while they trade
    first: datetime  # open of the first bar of all
    last: datetime  # close of the last bar of all
    digest: str  # "sha256:..." of what `sha256sum FILES` prints for the files used, by name
    notices: tuple[str, ...]  # what was inferred or ignored, for people

    @classmethod
    def read(cls, folder: Path, bar: timedelta) -> Recording:
        """The candles of `bar` size in `folder`. Raises BadRecording with file and line."""
        pieces: dict[str, list[tuple[Path, Bars]]] = {}
        sums: list[str] = []
        for file in _files_of(folder, bar):
            raw = _bytes(file.path, sums)
            piece = file.path, read_candles(file.path, raw, bar)
            pieces.setdefault(file.symbol, []).append(piece)
        bars = {symbol: _joined(pieces[symbol]) for symbol in sorted(pieces)}
        first = min(_time(series.opened[0]) for series in bars.values())
        listing = folder / NAME
        listed = read_product_list(listing, _bytes(listing, sums)) if listing.exists() else {}
        products = {
            symbol: _since(first, product_of(symbol, listed.get(symbol), series, listing), series)
            for symbol, series in bars.items()
        }
        return cls(
            bar=bar,
            bars=bars,
            products=products,
            first=first,
            last=max(_time(series.opened[-1]) for series in bars.values()) + bar,
            digest=f"sha256:{sha256(''.join(sums).encode()).hexdigest()}",
            notices=(*_ignored(folder), *_product_notices(products)),
        )

    def start_after(self, warm_up: int) -> datetime:
        """The first decision time that has `warm_up` bars behind it, gaps counted as bars."""
        start = self.first + warm_up * self.bar
        if start > self.last:
            held = count((self.last - self.first) // self.bar, "bar")
            raise BadRecording(
                f"--recording: holds {held} of {span(self.bar)}; the warm-up alone is {warm_up}:"
                " record more or choose a smaller bar"
            )
        return start


def _files_of(folder: Path, bar: timedelta) -> list[_CandleFile]:
    if not folder.is_dir():
        raise BadRecording(f"{folder}: there is no such folder; name it with --recording DIR")
    there = [
        _CandleFile(path, match[1], match[2])
        for path in sorted(folder.iterdir())
        if (match := _CANDLE_FILE.fullmatch(path.name)) and path.is_file()
    ]
    chosen = [file for file in there if file.bar == span(bar)]
    if not chosen:
        bars = ", ".join(sorted({file.bar for file in there})) or "none"
        raise BadRecording(
            f"{folder}: no candles of {span(bar)} (SYMBOL_{span(bar)}_*.csv or .csv.gz);"
            f" bars that are there: {bars}"
        )
    return chosen


def _ignored(folder: Path) -> Iterator[str]:
    """Candle-like files that are left out because of their name."""
    for path in sorted(folder.iterdir()):
        if path.name.endswith((".csv", ".csv.gz")) and not _CANDLE_FILE.fullmatch(path.name):
            yield f"{path.name} is ignored: candles are named SYMBOL_BAR_*.csv or .csv.gz"


def _product_notices(products: Mapping[str, Product]) -> Iterator[str]:
    inferred = [symbol for symbol, product in products.items() if product.inferred]
    if inferred:
        yield f"increments and minimums are inferred where no {NAME} tells: {', '.join(inferred)}"
    for symbol, product in products.items():
        if product.status is not ProductStatus.ONLINE:
            yield f"{symbol} is {product.status.value} in {NAME}, so it is here"


def _since(first: datetime, product: Product, series: Bars) -> Product:
    """The product with the date of its listing, where the recording shows it."""
    begun = _time(series.opened[0])
    return product if begun == first else replace(product, listed_at=begun)


def _joined(pieces: list[tuple[Path, Bars]]) -> Bars:
    """Files of one product in the order of their times; overlapping ones are a mistake."""
    if len(pieces) == 1:
        return pieces[0][1]
    pieces = sorted(pieces, key=lambda piece: int(piece[1].opened[0]))
    for (before, earlier), (path, later) in pairwise(pieces):
        if later.opened[0] <= earlier.opened[-1]:
            raise BadRecording.at(path, 2, f"overlaps {before.name}; keep one of them")
    joined = Bars(
        *(
            np.concatenate([getattr(bars, field.name) for _, bars in pieces])
            for field in fields(Bars)
        )
    )
    for field in fields(Bars):
        getattr(joined, field.name).flags.writeable = False
    return joined


def _bytes(path: Path, sums: list[str]) -> bytes:
    """The content of a file that is used; its line of sha256sum is added to `sums`."""
    try:
        raw = path.read_bytes()
    except OSError as flaw:
        raise BadRecording(f"{path}: cannot be read: {flaw.strerror}") from None
    sums.append(f"{sha256(raw).hexdigest()}  {path.name}\n")
    return raw


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
