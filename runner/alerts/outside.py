"""Outside: all who watch the bot without being part of it, and what each of them is told when.

People get alerts, a supervisor hears that the process lives, a watcher is pinged. None of
them is waited for, and none of them is asked anything.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from config.settings import AlertSettings, Settings
from core.errors import BotError
from core.ports import Books
from core.reasons import Reason
from infra.clock import SystemClock
from infra.heartbeat import ENDED
from infra.ping import Pinger
from infra.sd_notify import Supervisor
from runner.alerts.alert import EVERY, Alert, AlertCode, Sight
from runner.alerts.delivery import Identity, delivery_of
from runner.alerts.memory import Patience
from runner.alerts.teller import MemoryFile, Teller
from runner.alerts.watch import Facts, Failure, Holding, sight_of
from runner.cycle import Turn
from runner.exit_codes import ExitCode, Refusal
from runner.places import Places, heartbeat

PING_VARIABLE = "TRADER_PING_URL"
PING_FORM = re.compile(r"https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?")
# Starts that were refused, and of which somebody must know.
_REFUSALS = {
    ExitCode.USAGE: AlertCode.START_REFUSED,  # such as a key file that cannot be read
    ExitCode.GATE: AlertCode.START_REFUSED,
    ExitCode.DAMAGED: AlertCode.START_REFUSED,
    ExitCode.KEY_REFUSED: AlertCode.KEY_REFUSED,
}


@dataclass(slots=True, kw_only=True)
class Outside:
    """Who watches. Without a teller and a pinger a supervisor at most does."""

    supervisor: Supervisor
    teller: Teller | None = None
    pinger: Pinger | None = None
    crashed: bool = False  # the process before this one did not end by its own choice
    drain: float = 0.0  # seconds for what is due at the end
    _last: Sight | None = None
    _ready: bool = False

    def alive(self) -> None:
        """Called wherever the process is and means to be: between cycles, and in every wait."""
        self.supervisor.alive()

    def waiting(self, why: str) -> None:
        """The venue does not answer yet: the process is up, and the bot will be."""
        self._up(f"waiting for the venue: {why}")
        self._look(AlertCode.VENUE_UNREACHABLE, why)

    def started(self) -> None:
        """Everything is open and proved; the first cycle comes."""
        self._up("started")
        if self.crashed:
            self._look(AlertCode.CRASHED, "the process before this one left no word of its end")

    def _up(self, status: str) -> None:
        if self._ready:
            self.supervisor.status(status)
        else:
            self.supervisor.ready(status)
        self._ready = True
        self.supervisor.alive()

    def turned(self, done: Turn, ledger: Books) -> None:
        """A cycle has ended, well or not."""
        standing = done.state.standing
        told = f"cycle {done.state.cycle}, {standing.level.name} {standing.code}".rstrip()
        self.supervisor.status(told)
        self.supervisor.alive()
        if self.teller is not None:
            self._report(sight_of(facts_of(done, ledger)))
        if self.pinger is not None and done.outcome is not None:
            self.pinger.ping()

    def refused(self, refusal: Refusal) -> None:
        """The start came to nothing. A second start beside a bot that runs is nobody's news."""
        if self._ready:
            self.supervisor.stopping()
        code = _REFUSALS.get(ExitCode(refusal.code))
        if code is not None:
            self._look(code, f"exit code {int(refusal.code)}: {refusal}")
        self.close()

    def stopping(self) -> None:
        """The process is about to end by its own choice."""
        self.supervisor.stopping()

    def leaving(self, code: ExitCode) -> None:
        """It has done what it could before its end."""
        if code is ExitCode.UNPROVED:
            self._look(AlertCode.UNPROVED, "its name stands on stderr and in runner.ledger orders")

    def close(self) -> None:
        """Tell what is due, for a bounded time."""
        if self.teller is not None:
            self.teller.close(self.drain)
        if self.pinger is not None:
            self.pinger.close(self.drain)

    def _look(self, code: AlertCode, text: str) -> None:
        """One thing is wrong, and the rest was not looked at."""
        self._report(Sight((Alert(code, "", text),), EVERY - {code}))

    def _report(self, sight: Sight) -> None:
        if self.teller is not None and (sight.on or sight != self._last):
            self.teller.report(sight)
        self._last = sight


def nobody() -> Outside:
    """For bots that nobody watches: tests, and programs that run a few cycles."""
    return Outside(supervisor=Supervisor("", 0.0, SystemClock()))


def outside_of(settings: Settings, places: Places) -> Outside:
    """As the configuration and the environment say. A Refusal where it could never work."""
    alerts, clock = settings.alerts, SystemClock()
    delivery = delivery_of(alerts, identity_of(settings, places))
    url = ping_url_of(alerts)
    seconds = alerts.timeout.total_seconds()
    return Outside(
        supervisor=Supervisor.of(os.environ, clock),
        teller=None
        if delivery is None
        else Teller(delivery, MemoryFile(places.alerts), patience_of(alerts), clock),
        pinger=None if url is None else Pinger(url, seconds),
        crashed=ended_badly(places),
        drain=seconds,
    )


def identity_of(settings: Settings, places: Places) -> Identity:
    return Identity(settings.app.name, places.mode, places.exchange, str(places.state_dir))


def patience_of(alerts: AlertSettings) -> Patience:
    return Patience(alerts.patience, alerts.escalate_after, alerts.repeat_every)


def ping_url_of(alerts: AlertSettings) -> str | None:
    """The watcher's address; one of the environment lies over that of the YAML."""
    told = os.environ.get(PING_VARIABLE, "").strip()
    if told and not PING_FORM.fullmatch(told):
        raise Refusal(ExitCode.USAGE, f"{PING_VARIABLE}: is no https address; write one, or none")
    return told or alerts.ping_url


def ended_badly(places: Places) -> bool:
    """Whether the last sign of life is of a process that meant to go on."""
    return heartbeat(places).get("state", ENDED) != ENDED


def facts_of(done: Turn, ledger: Books) -> Facts:
    """What a cycle left behind, as far as it can be had."""
    record = done.record
    account = (record or {}).get("portfolio") or {}
    return Facts(
        state=done.state,
        holding=_holding(ledger),
        failure=_failure(done),
        decision=done.decision,
        orders=done.outcome.orders if done.outcome is not None else (),
        quarantined=account.get("quarantined", {}),
        missing=done.missing,
    )


def _failure(done: Turn) -> Failure | None:
    if done.outcome is not None:
        return None
    if done.record is None:
        return Failure(Reason.STATE_NOT_WRITTEN.name, "the failed cycle could not be recorded")
    why = done.record["why"]
    return Failure(why["code"], why["text"])


def _holding(ledger: Books) -> Holding | None:
    try:
        return Holding(tuple(sorted(ledger.positions())), ledger.unsettled())
    except BotError:
        return None
