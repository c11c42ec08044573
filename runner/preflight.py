"""Preflight: `python -m runner.preflight`. The doctor, before real money moves.

Each line is OK, WARN or FAIL, with what a FAIL forbids and how to mend it. LIVE starts
only without a FAIL; with own positions, a FAIL of scope entries starts it in REDUCE_ONLY.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing

from config.loader import Configuration
from config.settings import Settings
from core.errors import FatalError
from core.wording import instant
from infra.clock import SystemClock
from infra.ledger_reader import LedgerReader
from runner.command_line import parser, run
from runner.configured import configure, history_length
from runner.doctor import Finding, OwnOrders, Result, Scope, bad, good, machine, venue
from runner.exit_codes import ExitCode, Refusal
from runner.feasibility import market
from runner.markets import RealVenue, market_for
from runner.places import Places


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser("preflight", "Looks at machine, configuration, key and account; sends nothing.")
    made.add_argument("--test-alert", action="store_true", help="send one alert that is a test")
    given = made.parse_args(arguments)
    found = _examined(given)
    if given.json:
        print(json.dumps([_member(finding) for finding in found]))
    else:
        print("\n".join(str(finding) for finding in found))
    failed = any(finding.result is Result.FAIL for finding in found)
    return ExitCode.GATE if failed else ExitCode.FINISHED


def examine(
    configuration: Configuration, places: Places, real: RealVenue | None, ledger: OwnOrders | None
) -> Iterator[Finding]:
    """Every finding, in a fixed order."""
    yield from machine(configuration, places)
    if real is None:
        return
    met = tuple(venue(configuration, real, ledger))
    yield from met
    if not any(f.result is Result.FAIL and f.check in ("venue", "key", "account") for f in met):
        yield from market(configuration, real, ledger)


def allowed(found: Sequence[Finding], *, holds: bool) -> tuple[Finding, ...]:
    """What keeps LIVE to reducing; a Refusal where it may not start at all.

    `holds`: there are own positions or unsettled orders, which nobody else would watch.
    """
    failed = tuple(finding for finding in found if finding.result is Result.FAIL)
    if any(finding.scope is Scope.ALL for finding in failed) or (failed and not holds):
        lines = (f"preflight: {f.check}: {f.seen}; {f.fix}" for f in failed)
        raise Refusal(ExitCode.GATE, "\n".join(lines))
    return failed


def _examined(given: Namespace) -> tuple[Finding, ...]:
    configuration = configure(given)
    settings = configuration.settings
    given.recording = given.start = None
    places = Places(given.state_dir, given.log_dir, settings.app.mode.name, settings.exchange.name)
    return (*_tested(given, settings, places), *_looked_at(given, configuration, places))


def _tested(given: Namespace, settings: Settings, places: Places) -> Iterator[Finding]:
    """Whether a test arrives, where one is asked for. A Refusal where none could."""
    from runner.alerts.delivery import a_test, delivery_of
    from runner.alerts.outside import identity_of
    from runner.alerts.teller import Undelivered

    identity = identity_of(settings, places)
    delivery = delivery_of(settings.alerts, identity)
    if not given.test_alert:
        return
    if delivery is None:
        yield bad("test alert", "nobody is told", "set alerts.command or alerts.apprise")
        return
    try:
        delivery.hand_over(a_test(identity, instant(SystemClock().now())))
    except Undelivered as error:
        yield bad("test alert", str(error), "look at the program, or at the addresses")
    else:
        yield good("test alert", "taken; look whether it arrived")


def _looked_at(
    given: Namespace, configuration: Configuration, places: Places
) -> tuple[Finding, ...]:
    settings = configuration.settings
    if settings.exchange.name != "coinbase":
        return tuple(examine(configuration, places, None, None))
    real = market_for(given, settings, history_length(configuration)).real
    if not places.ledger.is_file():
        return tuple(examine(configuration, places, real, None))
    try:
        with closing(LedgerReader.open(places.ledger)) as ledger:
            return tuple(examine(configuration, places, real, ledger))
    except FatalError as error:
        raise Refusal(ExitCode.DAMAGED, f"{error.code}: {error}") from error


def _member(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "scope": finding.scope.value,
        "result": finding.result.value,
        "seen": finding.seen,
        "fix": finding.fix,
    }


if __name__ == "__main__":
    run(main)
