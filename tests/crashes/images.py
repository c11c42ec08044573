"""What lies on the disk at one moment, taken as a kill leaves it: without a close or a rollback.

An image holds files as another process would read them at that moment. What SQLite
keeps in shared memory is left out, as after a power cut: it is made anew from the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.crash_points import CrashPoint

Image = Mapping[str, bytes]  # path below the folder -> content

_KINDS = ("tape", "audit", "state", "ledger", "venue")
# The moments at which the last write may have reached the disk in part only.
_TEARABLE = frozenset(
    {
        CrashPoint.ASIDE_WRITTEN,
        CrashPoint.APPENDED,
        CrashPoint.LEDGER_COMMITTED,
        CrashPoint.VENUE_COMMITTED,
    }
)
SHARES = {"one byte": 0.0, "half": 0.5, "all but one byte": 1.0}


@dataclass(frozen=True)
class Moment:
    """A crash point as it was passed: in which market time, at what, and the disk just then."""

    cycle: int  # the how manieth market time
    nth: int  # of the moments of its run
    point: CrashPoint
    image: Image
    before: Image  # at the point before it

    @property
    def touched(self) -> tuple[str, ...]:
        """The files that differ from the moment before."""
        names = sorted(self.image.keys() | self.before.keys())
        return tuple(n for n in names if self.image.get(n) != self.before.get(n))

    @property
    def file(self) -> str:
        """Which of the files that last was written to, in a word; nothing where none was."""
        found = [kind for name in self.touched if (kind := _kind(name))]
        return found[0] if found else ""

    def torn(self) -> Iterator[tuple[str, Image]]:
        """The same moment with the last write cut: its name, and the disk then."""
        if self.point not in _TEARABLE:
            return
        for name in self.touched:
            new = self.image.get(name)
            if new is None or not _kind(name):
                continue
            for share, kept in SHARES.items():
                cut = _cut(self.before.get(name, b""), new, kept)
                yield share, {**self.image, name: cut}


def captured(folder: Path) -> Image:
    """Every file below the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def laid_out(image: Image, folder: Path) -> Path:
    """The image as files in a new folder."""
    for name, content in image.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _kind(name: str) -> str:
    file = name.rsplit("/", 1)[-1]
    if "/tape/" in name:
        return "tape"
    found = [kind for kind in _KINDS if file.startswith(kind)]
    return found[0] if found else ""


def _cut(old: bytes, new: bytes, share: float) -> bytes:
    """`new` as far as it was written, and `old` from there on."""
    first = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    if first is None:
        first = min(len(old), len(new))
    end = len(new) - 1  # one byte less than all of it
    kept = min(end, first + 1 + int(share * max(0, end - first - 1)))
    return new[:kept] + old[kept:]
