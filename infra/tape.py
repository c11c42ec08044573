"""The tape: the exact inputs of every cycle, so that each can be decided again.

One file a day of the market's clock. A file and a process start begin with a
keyframe that holds everything; after it a frame holds only what is new. Frames
are length, checksum, zstd of msgpack. A last frame without its end is the mark of
a crash and is moved aside; damage anywhere else is an error, never an end.
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path
from struct import Struct

import numpy as np
import zstandard

from core.account import Portfolio
from core.decision import Outcome
from core.errors import FatalError
from core.market import Balance, Bars, Counts, Depth, Fees, Floats, Product, TopOfBook
from core.state import BotState, Controls, Sighting
from infra.codec import pack, unpack
from infra.disk import append_durably
from infra.history import Reading, Remembered

_HEADER = Struct("<II")  # length and CRC-32 of the compressed payload
_LEVEL = 3
_FRAME_MAX = 64 * 1024 * 1024


class DamagedTape(FatalError):
    """A frame in the middle of a file does not match its checksum."""

    code = "DAMAGED_TAPE"


@dataclass(frozen=True, slots=True)
class PackedBars:
    """Bars as bytes, like kind beside like kind so that they compress."""

    opened: bytes
    prices: bytes

    @classmethod
    def of(cls, bars: Bars) -> PackedBars:
        # As np.diff and np.stack, without their overhead: most calls bring a single bar.
        steps = bars.opened.copy()
        steps[1:] -= bars.opened[:-1]
        told = np.concatenate((bars.open, bars.high, bars.low, bars.close, bars.volume))
        return cls(_shuffled(steps), _shuffled(told))

    def bars(self) -> Bars:
        opened = np.cumsum(_restored(self.opened).view(np.int64))
        table = _restored(self.prices).view(np.float64).reshape(5, -1)
        return Bars(opened, *(np.ascontiguousarray(row) for row in table))


def _shuffled(values: Floats | Counts) -> bytes:
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(octets.T).tobytes()


def _restored(data: bytes) -> np.ndarray:
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(8, -1).T).reshape(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyframe:
    """Everything a cycle stands on. `state` is the one in which it decides."""

    state: BotState
    products: tuple[Product, ...]
    bars: Mapping[str, PackedBars]
    through: Mapping[str, datetime]
    depths: Mapping[str, Depth]
    closed_at: datetime  # of the remembered grid
    length: int  # bars of the panel
    effective: str  # the effective configuration, canonical JSON
    identity: Mapping[str, str]  # of the market

    def remembered(self) -> Remembered:
        bars = {symbol: packed.bars() for symbol, packed in self.bars.items()}
        return Remembered(self.products, bars, self.through, self.depths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One cycle: what was read before it decided, and the digest of what it decided."""

    cycle: int
    at: datetime
    key: Keyframe | None
    config: str
    previous: Outcome | None  # of the cycle before; None where a keyframe holds its effect
    controls: Controls
    portfolio: Portfolio
    sighting: Sighting
    server_time: datetime | None
    products: tuple[Product, ...] | None  # only when the list changed
    tops: Mapping[str, TopOfBook]
    depths: Mapping[str, Depth]
    bars: Mapping[str, PackedBars]
    through: Mapping[str, datetime]
    balances: tuple[Balance, ...]
    fees: Fees
    missing: Mapping[str, str]
    inputs: str
    decision: str

    def reading(self) -> Reading:
        return Reading(
            at=self.at,
            server_time=self.server_time,
            products=self.products,
            tops=self.tops,
            depths=self.depths,
            bars={symbol: packed.bars() for symbol, packed in self.bars.items()},
            through=self.through,
            balances=self.balances,
            fees=self.fees,
            missing=self.missing,
        )


@dataclass(slots=True)
class TapeFolder:
    """Appends frames; the only writer of its folder."""

    folder: Path
    _day: str = ""
    _file: FileIO | None = None

    def needs_keyframe(self, at: datetime) -> bool:
        """Whether the next frame begins a file or a process."""
        return self._file is None or _day_of(at) != self._day

    def append(self, frame: Frame) -> None:
        """Write one frame durably: one fsync. An OSError leaves the tape as it was."""
        if self.needs_keyframe(frame.at):
            self._open(_day_of(frame.at))
        assert self._file is not None
        # A compressor that is kept holds the 2 MB of a keyframe for 128 frames more.
        payload = zstandard.compress(pack(frame), level=_LEVEL)
        append_durably(self._file, _HEADER.pack(len(payload), zlib.crc32(payload)) + payload)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def repair(self) -> None:
        """Move a torn end of the newest file aside; call once before the first append."""
        for path in sorted(self.folder.glob("*.tape"))[-1:]:
            whole = _whole_length(path)
            data = path.read_bytes()
            if whole < len(data):
                path.with_suffix(".tape.torn").write_bytes(data[whole:])
                os.truncate(path, whole)

    def _open(self, day: str) -> None:
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = FileIO(self.folder / f"{day}.tape", "a")
        self._day = day


def frames(folder: Path) -> Iterator[Frame]:
    """Every whole frame, oldest first; a torn end of the newest file is left out."""
    paths = sorted(folder.glob("*.tape"))
    for path in paths:
        whole = _whole_length(path)
        if whole < path.stat().st_size and path != paths[-1]:
            raise DamagedTape(f"{path}: damaged after byte {whole}; restore it from a backup")
        for payload in _payloads(path, whole):
            yield _frame(payload)


def days(folder: Path) -> Iterator[Iterator[Frame]]:
    """The whole frames of each file, the newest file first; each begins with a keyframe."""
    for path in sorted(folder.glob("*.tape"), reverse=True):
        whole = _whole_length(path)
        if whole:
            yield map(_frame, _payloads(path, whole))


def last_frame(folder: Path) -> Frame | None:
    """The newest whole frame."""
    for path in sorted(folder.glob("*.tape"), reverse=True):
        payloads = deque(_payloads(path, _whole_length(path)), maxlen=1)
        if payloads:
            return _frame(payloads[0])
    return None


def _frame(payload: bytes) -> Frame:
    return unpack(zstandard.decompress(payload, max_output_size=_FRAME_MAX), Frame)


def _payloads(path: Path, whole: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while file.tell() < whole:
            length, _ = _HEADER.unpack(file.read(_HEADER.size))
            yield file.read(length)


def _whole_length(path: Path) -> int:
    """Bytes up to the end of the last whole frame. A broken frame before others is damage."""
    end, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while size - end >= _HEADER.size:
            length, checksum = _HEADER.unpack(file.read(_HEADER.size))
            if length > size - end - _HEADER.size:
                return end
            if zlib.crc32(file.read(length)) != checksum:
                after = size - end - _HEADER.size - length
                if after == 0:
                    return end
                raise DamagedTape(f"{path}: the frame at byte {end} is damaged; restore a backup")
            end += _HEADER.size + length
    return end


def _day_of(at: datetime) -> str:
    return at.date().isoformat()
