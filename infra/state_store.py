"""state.json: the BotState on disk, checked, versioned, and never read as something it is not.

Two generations are kept. A damaged file is never taken for an empty one: the
generation before is used where it is sound, and whether it fits the ledger is for
the caller to say; else the bot refuses to start. The state of another mode,
exchange or market is refused, and so is one of a newer version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import FatalError
from core.state import BotState
from infra.codec import NotReadable, canonical_json, digest, from_json, to_json
from infra.disk import aside, replace_durably

SCHEMA = 1
_DAMAGED = ".damaged"


class DamagedState(FatalError):
    """Neither generation of the state can be read."""

    code = "DAMAGED_STATE"


class ForeignState(FatalError):
    """The folder belongs to another mode, exchange, market or version."""

    code = "FOREIGN_STATE"


class _Unsound(Exception):
    """Why one generation cannot be used."""


@dataclass(slots=True)
class StateFile:
    """The state of one folder; `market` is the identity of the market it was made on."""

    folder: Path
    mode: str
    exchange: str
    market: Mapping[str, str]
    generation: int = field(default=0, init=False)  # of the state last read or written
    recovered_from: str | None = field(default=None, init=False)  # why the newest was not used

    @property
    def path(self) -> Path:
        return self.folder / "state.json"

    @property
    def previous(self) -> Path:
        return self.folder / "state.prev.json"

    def load(self) -> BotState | None:
        """The last state that was written; None in a folder where nothing has happened yet.

        Raises DamagedState or ForeignState. Where the generation before had to serve,
        `recovered_from` says why.
        """
        aside(self.path).unlink(missing_ok=True)
        if not self.path.exists() and not self.previous.exists():
            return None
        try:
            return self._read(self.path)
        except _Unsound as newest:
            self.recovered_from = f"{self.path} {newest}; {self.previous.name} was used"
            return self._read_previous(str(newest))

    def save(self, state: BotState) -> None:
        """Durable when it returns: two fsyncs. An OSError leaves the last generation in place."""
        members = {**self._owner(), "generation": self.generation + 1, "schema": SCHEMA}
        members["state"] = json.loads(to_json(state))
        members["checksum"] = digest(canonical_json(members))
        self._set_damage_aside()
        replace_durably(self.path, canonical_json(members) + b"\n", keep=self.previous)
        self.generation += 1

    def _owner(self) -> dict[str, Any]:
        return {"mode": self.mode, "exchange": self.exchange, "market": dict(self.market)}

    def _read_previous(self, newest: str) -> BotState:
        try:
            return self._read(self.previous)
        except _Unsound as before:
            raise DamagedState(
                f"{self.path} {newest} and {self.previous.name} {before}; restore one of them "
                "from a backup, or start anew with --state-dir NEW"
            ) from before

    def _read(self, path: Path) -> BotState:
        members = _members(path)
        self._check_schema(path, members)
        body = {name: member for name, member in members.items() if name != "checksum"}
        try:
            sound = members.get("checksum") == digest(canonical_json(body))
        except FatalError as error:
            raise _Unsound(f"holds what was never written ({error})") from error
        if not sound:
            raise _Unsound("does not match its checksum")
        self._check_owner(path, members)
        try:
            state = from_json(canonical_json(members["state"]), BotState)
            self.generation = int(members["generation"])
        except (KeyError, TypeError, ValueError, NotReadable) as error:
            raise _Unsound(f"holds no state that this version knows ({error})") from error
        return state

    def _check_schema(self, path: Path, members: Mapping[str, Any]) -> None:
        """A newer version may reckon its checksum otherwise, so this comes before that."""
        schema = members.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise ForeignState(
                f"{path}: has schema {schema} and this version knows {SCHEMA}; "
                "run the version that wrote it, or start anew with --state-dir NEW"
            )

    def _check_owner(self, path: Path, members: Mapping[str, Any]) -> None:
        ours = self._owner()
        theirs = {name: members.get(name) for name in ours}
        if theirs != ours:
            raise ForeignState(
                f"{path}: belongs to {_told(theirs)} and this run is {_told(ours)}; "
                "run what it belongs to, or start anew with --state-dir NEW"
            )

    def _set_damage_aside(self) -> None:
        """A newest file that could not be used must not become the generation to fall back on."""
        if self.recovered_from is None:
            return
        if self.path.exists():
            self.path.replace(self.path.with_name(self.path.name + _DAMAGED))
        self.recovered_from = None


def _members(path: Path) -> dict[str, Any]:
    try:
        members = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise _Unsound("is not there") from error
    except OSError as error:
        raise _Unsound(f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise _Unsound(f"is not whole ({error})") from error
    if not isinstance(members, dict):
        raise _Unsound("is not an object")
    return members


def _told(owner: Mapping[str, Any]) -> str:
    market = owner["market"] if isinstance(owner["market"], dict) else {}
    told = ", ".join(f"{name} {value}" for name, value in sorted(market.items()))
    return f"{owner['mode']} on {owner['exchange']} ({told})"
