"""Ledger: what the books say. `python -m runner.ledger COMMAND`.

  balances   by currency: what the venue must hold, what of it open orders hold, what is foreign
  positions  own lots by product, with cost, fees and profit
  trades     every fill that is booked
  orders     every order that was intended, and what became of it
  check      proves the whole ledger; exit 1 where it does not close
  backup FILE
             copies the ledger to a new file and proves the copy
  compare FILE
             with what a sandbox told of itself (GET /_sandbox/truth; `-` reads it from a pipe):
             every balance, order and fill; exit 1 where they differ
  adopt CURRENCY AMOUNT "why"
             books what came (or, negative, went) from outside: neither gain nor loss. Takes the
             lock, so no bot may run; needs --mode and --exchange

All but adopt read only, and work beside a running bot.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from core.errors import FatalError, RetryableError
from core.money import ZERO, plain
from infra.audit_log import newest_first
from infra.clock import SystemClock
from infra.instance_lock import AlreadyRunning, InstanceLock
from infra.ledger import LedgerReader, Owner, SqliteLedger
from infra.ledger_copy import backup
from infra.naming import new_run_id
from runner import ledger_truth, ledger_views
from runner.command_line import parser, run
from runner.exit_codes import ExitCode, Refusal
from runner.places import Places, find

Table = Sequence[Mapping[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    given = _options(arguments)
    try:
        return _COMMANDS[given.command](given)
    except RetryableError as error:
        raise Refusal(ExitCode.DAMAGED, f"{error.code}: {error}; try again") from error


def _options(arguments: Sequence[str] | None) -> Namespace:
    made = parser("ledger", (__doc__ or "").strip())
    made.add_argument("command", choices=sorted(_COMMANDS), metavar="COMMAND", help="see above")
    made.add_argument("rest", nargs="*", metavar="ARGUMENT", help="of backup, compare, adopt")
    given = made.parse_intermixed_args(arguments)
    wanted = {"backup": 1, "compare": 1, "adopt": 3}.get(given.command, 0)
    if len(given.rest) != wanted:
        form = {
            "backup": "backup FILE",
            "compare": "compare FILE",
            "adopt": 'adopt CURRENCY AMOUNT "why"',
        }
        made.error(f"{given.command}: write {form.get(given.command, given.command)}")
    return given


def _balances(given: Namespace) -> int:
    with closing(_reader(_places(given))) as ledger:
        _tell(given, found := ledger_views.balances(ledger), _named("currency", found))
    return ExitCode.FINISHED


def _positions(given: Namespace) -> int:
    places = _places(given)
    with closing(_reader(places)) as ledger:
        found = ledger_views.positions(ledger, next(newest_first(places.own_log), None))
    _tell(given, found, _named("product", found))
    return ExitCode.FINISHED


def _trades(given: Namespace) -> int:
    with closing(_reader(_places(given))) as ledger:
        found = ledger_views.trades(ledger)
    names = ("at", "symbol", "side", "quantity", "price", "fee", "fee_currency", "fill_id")
    _tell(given, found, _picked(names, found))
    return ExitCode.FINISHED


def _orders(given: Namespace) -> int:
    with closing(_reader(_places(given))) as ledger:
        found = ledger_views.orders(ledger)
    names = ("symbol", "side", "type", "quantity", "price", "filled", "status", "client_order_id")
    _tell(given, found, _picked(names, found))
    return ExitCode.FINISHED


def _check(given: Namespace) -> int:
    places = _places(given)
    with closing(_reader(places)) as ledger:
        checked = ledger.check()
    if given.json:
        print(json.dumps(asdict(checked)))
    else:
        size = f"{checked.fills} fills, {checked.postings} postings"
        print(f"the books {'close' if checked.balanced else 'do not close'}: {size}")
        for what, off in checked.differences.items():
            print(f"{what}: {off}")
    return ExitCode.FINISHED if checked.balanced else ExitCode.FAILED


def _backup(given: Namespace) -> int:
    target = Path(given.rest[0])
    try:
        checked = backup(_places(given).ledger, target)
    except FatalError as error:
        if error.code != "BACKUP_REFUSED":
            raise
        raise Refusal(ExitCode.USAGE, str(error)) from error
    except OSError as error:
        raise Refusal(ExitCode.DAMAGED, f"{target}: {error}") from error
    told = {"backup": str(target), **asdict(checked)}
    words = f"{target}: a copy that closes, {checked.fills} fills, {checked.postings} postings"
    print(json.dumps(told) if given.json else words)
    return ExitCode.FINISHED


def _compare(given: Namespace) -> int:
    source = given.rest[0]
    try:
        text = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        with closing(_reader(_places(given))) as ledger:
            found = ledger_truth.compared(ledger, ledger_truth.truth_of(text))
    except OSError as error:
        raise Refusal(ExitCode.USAGE, f"{source}: cannot be read: {error.strerror}") from error
    except ledger_truth.BadTruth as error:
        raise Refusal(ExitCode.USAGE, f"{source}: {error}") from error
    if given.json:
        print(json.dumps(ledger_truth.members(found)))
    else:
        size = f"{found.balances} balances, {found.orders} orders, {found.fills} fills"
        size += f"; {found.strangers} orders of somebody else" if found.strangers else ""
        print(f"the books and the venue {'agree' if found.agree else 'differ'}: {size}")
        for what, how in found.differences.items():
            print(f"{what}: {how}")
    return ExitCode.FINISHED if found.agree else ExitCode.FAILED


def _adopt(given: Namespace) -> int:
    """Book a flow that the operator confirms, while no bot runs."""
    currency, written, why = given.rest
    amount = _amount(written)
    if given.mode is None or given.exchange is None:
        raise Refusal(ExitCode.USAGE, "adopt: it writes, so name --mode and --exchange")
    if not currency or currency != currency.upper() or not why.strip():
        raise Refusal(ExitCode.USAGE, 'adopt: write a currency in capitals and why, as "paid in"')
    places = Places(given.state_dir, given.log_dir, given.mode, given.exchange)
    if not places.ledger.exists():
        raise Refusal(ExitCode.USAGE, f"{places.ledger}: is not there; no bot has run here yet")
    try:
        lock = InstanceLock.take(places.state_dir, places.mode, new_run_id())
    except AlreadyRunning as error:
        raise Refusal(ExitCode.LOCKED, str(error)) from error
    try:
        with closing(_writer(given, places)) as ledger:
            try:
                ledger.book_flow(currency, amount, _market_time(places), why)
            except FatalError as error:
                if error.code != "FLOW_REFUSED":
                    raise
                raise Refusal(ExitCode.USAGE, f"adopt: {error}") from error
            now = ledger.expected().get(currency, ZERO)
    finally:
        lock.release()
    told = {"adopted": {currency: plain(amount)}, "why": why, "total": plain(now)}
    words = f"booked: {plain(amount)} {currency} from outside; the books hold {plain(now)} now"
    print(json.dumps(told) if given.json else words)
    return ExitCode.FINISHED


def _amount(written: str) -> Decimal:
    try:
        amount = Decimal(written)
    except InvalidOperation:
        amount = ZERO
    if not amount.is_finite() or amount == ZERO:
        raise Refusal(ExitCode.USAGE, f"adopt: {written!r} is no amount; write 100 or -0.5")
    return amount


def _writer(given: Namespace, places: Places) -> SqliteLedger:
    from runner.configured import configure  # the rest of the programs here needs no configuration

    app = configure(given).settings.app
    return SqliteLedger(
        places.ledger,
        Owner(mode=places.mode, exchange=places.exchange),
        quote_currencies=app.quote_currencies,
        capital_max=app.capital_max,
    )


def _market_time(places: Places) -> datetime:
    """When the bot last decided, by the market's clock; a simulated market has its own time."""
    try:
        state = json.loads((places.folder / "state.json").read_bytes())
        return datetime.fromisoformat(state["state"]["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return SystemClock().now()


def _places(given: Namespace) -> Places:
    return find(given.state_dir, given.log_dir, given.mode, given.exchange)


def _reader(places: Places) -> LedgerReader:
    return LedgerReader.open(places.ledger)


def _named(key: str, found: Mapping[str, Mapping[str, Any]]) -> Table:
    return [{key: name, **members} for name, members in found.items()]


def _picked(names: Iterable[str], found: Table) -> Table:
    return [{name: members[name] for name in names} for members in found]


def _tell(given: Namespace, found: object, rows: Table) -> None:
    """All of it as JSON, or the rows as a table; in a pipe as plain columns."""
    if given.json:
        print(json.dumps(found))
    elif not rows:
        print("none")
    elif sys.stdout.isatty():
        _paint(rows)
    else:
        lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        for line in lines:
            print("  ".join(map(str.ljust, line, widths)).rstrip())


def _paint(rows: Table) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable

    table = RichTable(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if _is_number(value) else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console(file=sys.stdout).print(table)


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdigit()


_COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "adopt": _adopt,
    "backup": _backup,
    "balances": _balances,
    "check": _check,
    "compare": _compare,
    "orders": _orders,
    "positions": _positions,
    "trades": _trades,
}


if __name__ == "__main__":
    run(main)
