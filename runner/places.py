"""Where things lie: the folders of one bot, and how a reading program finds them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import FatalError
from infra.log_folder import log_of
from infra.naming import folder_id
from runner.command_line import MODES
from runner.exit_codes import ExitCode, Refusal

_TRACES = ("state.json", "state.prev.json", "ledger.sqlite")


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and files of one mode and exchange."""

    state_dir: Path
    log_dir: Path
    mode: str
    exchange: str

    @property
    def folder(self) -> Path:
        return self.state_dir / self.mode.lower() / self.exchange

    @property
    def logs(self) -> Path:
        return self.log_dir / self.mode.lower()

    @property
    def own_log(self) -> Path:
        """Where this folder's audit log lies now; another bot's start may have set it aside."""
        name = self.folder / "folder_id"
        return log_of(self.logs, folder_id(self.folder)) if name.exists() else self.logs

    @property
    def lived_in(self) -> bool:
        """Whether a bot has run here, also one that died between two of its files."""
        return any((self.folder / name).exists() for name in _TRACES)

    @property
    def tape(self) -> Path:
        return self.folder / "tape"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite"

    @property
    def venue_books(self) -> Path:
        """The simulated venue's own file."""
        return self.folder / "venue.sqlite"

    @property
    def heartbeat(self) -> Path:
        return self.folder / "heartbeat.json"

    @property
    def alerts(self) -> Path:
        """What somebody was told already."""
        return self.folder / "alerts.json"


def missing(path: Path, why: str) -> FatalError:
    """What is gone is never made anew in silence."""
    remedy = "restore it from a backup, or start anew with --state-dir NEW"
    return FatalError(f"{path}: {why}; {remedy}", code="PART_MISSING")


def find(state_dir: Path, log_dir: Path, mode: str | None, exchange: str | None) -> Places:
    """The one bot of a state folder that fits; of several the one that was alive last, and say so.

    Raises Refusal where there is none.
    """
    every = list(_bots(state_dir, log_dir))
    fitting = [
        places
        for places in every
        if (mode is None or places.mode == mode)
        and (exchange is None or places.exchange == exchange)
    ]
    if not fitting:
        others = ", ".join(f"{places.mode} on {places.exchange}" for places in every)
        begin = f"{others} has; name another" if others else "start one or name"
        asked = " ".join(name for name in (mode, exchange) if name is not None)
        told = f"no bot has run here{f' as {asked}' if asked else ''}; {begin} --state-dir"
        raise Refusal(ExitCode.USAGE, f"{state_dir}: {told}")
    newest = max(fitting, key=_last_alive)
    if len(fitting) > 1:
        print(f"reading {newest.mode} on {newest.exchange}, the last one alive", file=sys.stderr)
    return newest


def _bots(state_dir: Path, log_dir: Path) -> Iterator[Places]:
    for folder in sorted(state_dir.glob("*/*/")):
        places = Places(state_dir, log_dir, folder.parent.name.upper(), folder.name)
        # One that waits for its venue for the first time has given a sign of life and no more.
        if places.mode in MODES and (places.lived_in or places.heartbeat.exists()):
            yield places


def _last_alive(places: Places) -> float:
    return places.heartbeat.stat().st_mtime if places.heartbeat.exists() else 0.0


def heartbeat(places: Places) -> dict[str, object]:
    """The last sign of life; empty where there is none or it cannot be read."""
    try:
        told = json.loads(places.heartbeat.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
