"""What was told already, and what is due: each alert once, again while it lasts, and its end. Pure.

Time is an argument. An alert counts as told only once a delivery succeeded, so a crash
between the two tells it twice rather than never; what nobody could be told is tried again
ever more rarely, and given up after a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from runner.alerts.alert import PATIENT, Alert, AlertCode, Key, Sight

ENTRIES_MAX = 200  # a storm has a bound; what comes beyond it is not remembered, and not told
_LOOKS_MIN = 2  # a patient alert was seen more than once
_RETRY_FIRST, _RETRY_MAX = timedelta(seconds=10), timedelta(minutes=15)
_TRIES_MAX = 100  # a day
_DOUBLINGS_MAX = 16


class Phase(Enum):
    """What is said of an alert."""

    BEGAN = "began"
    LASTS = "lasts"  # it was told before, and is still so
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may last before they are told, and told again."""

    patience: timedelta  # of an alert that may be a blip
    escalate_after: timedelta  # from its telling on, until it is told again
    repeat_every: timedelta  # and from then on


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert that is on, or whose end is still to be told."""

    alert: Alert
    since: datetime
    looks: int = 1
    over_at: datetime | None = None
    told: Phase | None = None
    told_at: datetime | None = None
    tries: int = 0  # in a row, in vain
    next_try: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say. `at` is when it became due to be said, by the wall clock."""

    phase: Phase
    alert: Alert
    since: datetime
    at: datetime


Memory = Mapping[Key, Entry]


def seen(memory: Memory, sight: Sight, now: datetime) -> Memory:
    """The memory after another look."""
    on = {alert.key: alert for alert in sight.on}
    after = {key: _still(entry, on.get(key), sight, now) for key, entry in memory.items()}
    kept = {key: entry for key, entry in after.items() if not _passed_unnoticed(entry)}
    for key, alert in on.items():
        if key not in kept and len(kept) < ENTRIES_MAX:
            kept[key] = Entry(alert, now)
    return kept


def _still(entry: Entry, alert: Alert | None, sight: Sight, now: datetime) -> Entry:
    if alert is not None:  # one that comes back before its end was told never ended
        return replace(entry, alert=alert, looks=min(entry.looks + 1, _LOOKS_MIN), over_at=None)
    if entry.over_at is not None or entry.alert.code in sight.blind:
        return entry
    return replace(entry, over_at=now, tries=0, next_try=None)


def _passed_unnoticed(entry: Entry) -> bool:
    """A blip of which nothing was said."""
    return entry.over_at is not None and entry.told is None and entry.alert.code in PATIENT


def due(memory: Memory, now: datetime, patience: Patience) -> tuple[Message, ...]:
    """What is to be said now, oldest first."""
    found = [
        Message(phase, entry.alert, entry.since, now)
        for entry in memory.values()
        if (phase := _phase(entry, now, patience)) is not None
        and (entry.next_try is None or entry.next_try <= now)
    ]
    return tuple(sorted(found, key=lambda message: (message.since, message.alert.key)))


def _phase(entry: Entry, now: datetime, patience: Patience) -> Phase | None:
    if entry.over_at is not None:
        return Phase.OVER
    if entry.told is None:
        return Phase.BEGAN if _is_ripe(entry, now, patience) else None
    assert entry.told_at is not None  # it was told
    return Phase.LASTS if now - entry.told_at >= _pause(entry.told, patience) else None


def _is_ripe(entry: Entry, now: datetime, patience: Patience) -> bool:
    if entry.alert.code not in PATIENT:
        return True
    return entry.looks >= _LOOKS_MIN and now - entry.since >= patience.patience


def _pause(told: Phase, patience: Patience) -> timedelta:
    return patience.escalate_after if told is Phase.BEGAN else patience.repeat_every


def told(memory: Memory, message: Message, now: datetime) -> Memory:
    """The memory once somebody was told."""
    key = message.alert.key
    if message.phase is Phase.OVER:
        return {name: entry for name, entry in memory.items() if name != key}
    spoken = replace(memory[key], told=message.phase, told_at=now, tries=0, next_try=None)
    return {**memory, key: spoken}


def in_vain(memory: Memory, message: Message, now: datetime) -> Memory:
    """The memory once nobody could be told. After very many tries it is let go."""
    entry = memory[message.alert.key]
    if entry.tries + 1 >= _TRIES_MAX:
        return told(memory, message, now)
    wait = min(_RETRY_FIRST * 2 ** min(entry.tries, _DOUBLINGS_MAX), _RETRY_MAX)
    again = replace(entry, tries=entry.tries + 1, next_try=now + wait)
    return {**memory, message.alert.key: again}


def members(memory: Memory) -> Iterator[dict[str, object]]:
    """The memory as plain values."""
    for entry in memory.values():
        yield {
            "code": entry.alert.code.name,
            "subject": entry.alert.subject,
            "text": entry.alert.text,
            "since": entry.since.isoformat(),
            "looks": entry.looks,
            "over_at": entry.over_at.isoformat() if entry.over_at is not None else None,
            "told": entry.told.value if entry.told is not None else None,
            "told_at": entry.told_at.isoformat() if entry.told_at is not None else None,
        }


def remembered(member: Mapping[str, object]) -> Entry:
    """The entry of such a member; tries begin anew. ValueError, KeyError or TypeError otherwise."""
    told_before = member["told"]
    entry = Entry(
        Alert(AlertCode[str(member["code"])], str(member["subject"]), str(member["text"])),
        datetime.fromisoformat(str(member["since"])),
        int(str(member["looks"])),
        _instant(member["over_at"]),
        Phase(told_before) if told_before is not None else None,
        _instant(member["told_at"]),
    )
    if (entry.told is None) != (entry.told_at is None):
        raise ValueError("told, and nobody knows when")
    return entry


def _instant(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
