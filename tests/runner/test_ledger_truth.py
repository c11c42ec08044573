"""runner.ledger compare: the books held against what a sandbox tells of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.market import Side
from core.orders import OrderStatus, moved
from infra.ledger import Owner
from runner import ledger as program
from runner.exit_codes import ExitCode
from tests.builders.books import Trader, a_ledger, an_order, balances
from tests.builders.market import NOON
from tests.builders.rehearsal import a_rehearsal, step
from tests.builders.terminal import Answer, asked
from tests.infra.test_ledger import RATES

Truth = dict[str, Any]
Plant = Callable[[Truth], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A LIVE bot that bought two SOL, has a second order open, and one that never arrived."""
    place = tmp_path / "var" / "live" / "coinbase"
    place.mkdir(parents=True)
    (place / "state.json").write_text("{}")
    with closing(a_ledger(place, Owner(mode="LIVE", exchange="coinbase"))) as ledger:
        ledger.open_books(balances(USD="1500"), RATES, NOON)
        Trader(ledger).buys("SOL-USD", "2", "100", "1 USD")
        resting, lost = (an_order(name, Side.BUY, "SOL-USD") for name in ("resting", "lost"))
        ledger.intend((resting, lost), NOON)
        opened = replace(moved(resting, OrderStatus.OPEN), exchange_order_id="venue-2")
        ledger.settle((opened, moved(lost, OrderStatus.NEVER_REACHED)), NOON)
    return tmp_path


def told() -> Truth:
    """The same as the venue tells it, a person's own order among it."""
    names = {"venue-1": "order-1", "venue-2": "resting", "venue-3": "a person"}
    return {
        "balances": {
            "USD": {"available": "1200.00", "hold": "99"},
            "SOL": {"available": "2", "hold": "0"},
            "EUR": {"available": "0", "hold": "0"},
        },
        "orders": [
            {
                "order_id": venue,
                "client_order_id": ours,
                "product_id": "SOL-USD",
                "status": "OPEN",
                "filled_size": "2" if ours == "order-1" else "0",
            }
            for venue, ours in names.items()
        ],
        "fills": [
            {
                "entry_id": "fill-1",
                "order_id": "venue-1",
                "product_id": "SOL-USD",
                "side": "BUY",
                "price": "100.0",
                "size": "2",
                "commission": "1",
                "size_in_quote": False,
            }
        ],
    }


def compared(folder: Path, truth: Truth) -> Answer:
    file = folder / "truth.json"
    file.write_text(json.dumps(truth))
    places = ("--state-dir", folder / "var", "--log-dir", folder / "logs")
    return asked(program.main, "compare", file, *places)


def test_books_and_venue_that_agree_are_told_so(folder: Path) -> None:
    answer = compared(folder, told())
    assert answer.code == ExitCode.FINISHED, answer.out
    size = "3 balances, 2 orders, 1 fills; 1 orders of somebody else"
    assert answer.out == f"the books and the venue agree: {size}\n"


PLANTED: dict[str, tuple[Plant, str]] = {
    "a unit too little": (
        lambda t: t["balances"]["SOL"].update(available="1.99999999"),
        "SOL: 2 by the books, 1.99999999 at the venue",
    ),
    "money nobody knows of": (
        lambda t: t["balances"].update(BTC={"available": "0", "hold": "0.1"}),
        "BTC: 0 by the books, 0.1 at the venue",
    ),
    "an order sent twice": (
        lambda t: t["orders"].append({**t["orders"][1], "order_id": "venue-4"}),
        "order resting: is twice at the venue: venue-2, venue-4",
    ),
    "an order that is gone": (
        lambda t: t["orders"].pop(1),
        "order resting: OPEN by the books, not at the venue",
    ),
    "an order that ended unseen": (
        lambda t: t["orders"][1].update(status="CANCELLED"),
        "order resting of SOL-USD: OPEN by the books, CANCELLED at the venue",
    ),
    "an order that filled unseen": (
        lambda t: t["orders"][1].update(filled_size="0.5"),
        "order resting of SOL-USD: 0 filled by the books, 0.5 at the venue",
    ),
    "a fill that was lost": (
        lambda t: t["fills"].append({**t["fills"][0], "entry_id": "fill-2"}),
        "fill fill-2: at the venue, not in the books",
    ),
    "a fill that was made up": (
        lambda t: t["fills"].clear(),
        "fill fill-1: in the books, not at the venue",
    ),
    "a fee misread": (
        lambda t: t["fills"][0].update(commission="1.01"),
        "fill fill-1: has other numbers in the books than at the venue",
    ),
    "a size in dollars": (
        lambda t: t["fills"][0].update(size_in_quote=True),
        "fill fill-1: has other numbers in the books than at the venue",
    ),
}


@pytest.mark.parametrize("what", PLANTED)
def test_every_difference_is_found_and_named(folder: Path, what: str) -> None:
    plant, line = PLANTED[what]
    truth = told()
    plant(truth)
    answer = compared(folder, truth)
    assert answer.code == ExitCode.FAILED
    assert answer.out.splitlines() == [answer.out.splitlines()[0], line]
    assert answer.out.startswith("the books and the venue differ")


@pytest.mark.parametrize(
    ("plant", "why"),
    [
        (lambda t: t.pop("fills"), "is not what GET /_sandbox/truth answers"),
        (lambda t: t["balances"]["USD"].update(hold="NaN"), "'NaN' is no amount"),
        (lambda t: t["balances"]["USD"].update(hold="much"), "'much' is no amount"),
    ],
)
def test_what_is_no_truth_is_refused(folder: Path, plant: Plant, why: str) -> None:
    truth = told()
    plant(truth)
    answer = compared(folder, truth)
    assert (answer.code, answer.told.count("\n")) == (ExitCode.USAGE, 0)
    assert why in answer.told


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    places = ("--state-dir", folder / "var", "--log-dir", folder / "logs")
    answer = asked(program.main, "compare", folder / "none.json", *places)
    assert answer.code == ExitCode.USAGE
    assert "none.json: cannot be read" in answer.told


def test_a_bot_that_traded_on_the_sandbox_agrees_with_its_truth(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        for _ in range(4):
            step(bot)
            rehearsal.move()
        step(bot)
        answer = compared(tmp_path, rehearsal.venue.admin("truth"))
    assert (answer.code, answer.err) == (ExitCode.FINISHED, "")
    assert " 0 fills" not in answer.out
