"""Faults on demand: a plan of rules, seeded, so that the same requests fail the same way again.

A rule names what goes wrong, on which requests, how often. The plan comes from a file or
over the admin address; the requests of the admin address itself never fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from hashlib import sha256
from pathlib import Path

import msgspec


class Kind(Enum):
    """What goes wrong. The value is the word of the plan."""

    # instead of, or after, acting
    STATUS = "status"  # an HTTP error of `status`, its body by `body`
    RATE_LIMITED = "rate_limited"  # 429, never acted upon
    UNAUTHORIZED = "unauthorized"  # 401 in plain text, as a good key gets it under load
    CUT = "cut"  # the connection ends without an answer
    ECHO = "echo"  # an HTTP error of `status` that repeats the caller's token
    # in the answer, which is otherwise right
    SLOW = "slow"  # comes after `seconds`
    HTML = "html"  # 200 with a page
    EMPTY = "empty"  # 200 with nothing
    NULLS = "nulls"  # fields that a client expects to be objects or lists are null
    STRANGE_STATUS = "strange_status"  # order states that nobody has heard of
    NEW_FIELDS = "new_fields"  # every object has a field more
    TWICE = "twice"  # fill rows come twice
    # in what the venue shows, for `seconds` of real time after the event
    ORDER_LATE = "order_late"  # 404 and not listed after its create
    FILLS_LATE = "fills_late"  # not yet among the fills
    OPEN_AFTER_CANCEL = "open_after_cancel"  # still told as open
    CANCEL_SLOW = "cancel_slow"  # stays in CANCEL_QUEUED, where a fill may win
    CLOCK_SKEW = "clock_skew"  # the venue's clock is off by `seconds`, for tokens too
    # on streams
    STREAM_GAP = "stream_gap"  # a message is left out, its number too
    STREAM_TWICE = "stream_twice"  # a message comes twice
    STREAM_CLOSE = "stream_close"  # a clean close
    STREAM_CUT = "stream_cut"  # an abrupt end
    STREAM_STALL = "stream_stall"  # open, and silent from here on


_KEPT_IN_FORCE = frozenset(
    {
        *(Kind.ORDER_LATE, Kind.FILLS_LATE, Kind.OPEN_AFTER_CANCEL),
        *(Kind.CANCEL_SLOW, Kind.CLOCK_SKEW),
    }
)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that goes wrong, and when."""

    kind: Kind
    on: str = ""  # requests that begin so: "POST /api/v3/brokerage/orders"; "" is every one
    share: float = 1.0  # of those requests, by the seed
    skip: int = 0  # of them, before the first
    count: int | None = None  # at most so many; None: no end
    after: bool = False  # after acting instead of before; STATUS, CUT and ECHO
    status: int = 500
    body: str = "json"  # json, html or text
    seconds: float = 0.0


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a plan file holds."""

    seed: int = 0
    rules: list[Rule] = []


class BadPlan(Exception):
    """The plan cannot be read; the text says where and why."""


def read_plan(raw: bytes, where: str) -> Plan:
    """A plan from JSON; `where` is the file or the address, for the message."""
    try:
        plan = msgspec.json.decode(raw, type=Plan)
    except msgspec.DecodeError as flaw:  # a wrong shape is one of these too
        raise BadPlan(f"{where}: {flaw}; see docs/sandbox.md") from None
    for number, rule in enumerate(plan.rules):
        if not 0 <= rule.share <= 1:
            raise BadPlan(f"{where}: rules[{number}].share: {rule.share} is not between 0 and 1")
        if rule.body not in ("json", "html", "text"):
            raise BadPlan(f"{where}: rules[{number}].body: write json, html or text")
        if not 100 <= rule.status <= 599:
            raise BadPlan(f"{where}: rules[{number}].status: {rule.status} is no HTTP status")
        if rule.seconds < 0 and rule.kind is not Kind.CLOCK_SKEW:
            raise BadPlan(f"{where}: rules[{number}].seconds: {rule.seconds} is negative")
    return plan


def read_plan_file(path: Path | None) -> Plan:
    if path is None:
        return Plan()
    try:
        raw = path.read_bytes()
    except OSError as flaw:
        raise BadPlan(f"{path}: cannot be read: {flaw.strerror}; name a plan") from None
    return read_plan(raw, str(path))


class Faults:
    """The plan in force, and how often each of its rules was met and has struck."""

    def __init__(self, plan: Plan) -> None:
        self.replace(plan)

    def replace(self, plan: Plan) -> None:
        self._plan = plan
        self._met = [0] * len(plan.rules)
        self._struck = [0] * len(plan.rules)

    @property
    def struck(self) -> Sequence[int]:
        """How often each rule has struck."""
        return tuple(self._struck)

    def strike(self, request: str) -> tuple[Rule, ...]:
        """What goes wrong with this request or message ("POST /path"), in the plan's order."""
        return tuple(
            rule
            for number, rule in enumerate(self._plan.rules)
            if rule.kind not in _KEPT_IN_FORCE and self._strikes(number, rule, request)
        )

    def delay(self, kind: Kind, request: str) -> float:
        """Seconds that a rule in force takes from an event; 0 without one. Counts as a strike."""
        return sum(
            rule.seconds
            for number, rule in enumerate(self._plan.rules)
            if rule.kind is kind and self._strikes(number, rule, request)
        )

    def skew(self) -> float:
        """Seconds by which the venue's clock is off."""
        return sum(rule.seconds for rule in self._plan.rules if rule.kind is Kind.CLOCK_SKEW)

    def _strikes(self, number: int, rule: Rule, request: str) -> bool:
        if not request.startswith(rule.on):
            return False
        self._met[number] += 1
        spent = rule.count is not None and self._struck[number] >= rule.count
        if spent or self._met[number] <= rule.skip or not self._drawn(number, rule.share):
            return False
        self._struck[number] += 1
        return True

    def _drawn(self, number: int, share: float) -> bool:
        drawn = sha256(f"{self._plan.seed}|{number}|{self._met[number]}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") < share * 2**64
