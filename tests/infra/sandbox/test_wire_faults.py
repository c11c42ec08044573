"""What goes wrong on demand goes wrong as it was asked for, and the truth stays the truth."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.infra.sandbox.served import API, Reply, Running, order, sandbox

ORDERS = f"POST {API}/orders"
FAR = {"base_size": "0.001", "limit_price": "20000"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with sandbox(tmp_path_factory.mktemp("faults"), "--no-rate-limits") as running:
        yield running


@pytest.fixture
def venue(served: Running) -> Iterator[Running]:
    yield served
    served.admin("faults", {})


def strike(venue: Running, **rule: object) -> None:
    assert venue.admin("faults", {"rules": [rule]}) == {"rules": 1}


def known(venue: Running, client_id: str) -> bool:
    return client_id in [row["client_order_id"] for row in venue.admin("truth")["orders"]]


def create(venue: Running, client_id: str) -> Reply:
    return venue.ask("POST", f"{API}/orders", order(client_id, "limit_limit_gtc", **FAR))


@pytest.mark.parametrize("acted", [False, True])
def test_a_server_error_strikes_before_or_after_the_venue_acts(venue: Running, acted: bool) -> None:
    strike(venue, kind="status", status=503, body="html", on=ORDERS, after=acted)

    answer = create(venue, f"503-{acted}")

    assert answer.status == 503
    assert answer.body.startswith(b"<html>")
    assert known(venue, f"503-{acted}") is acted


@pytest.mark.parametrize("acted", [False, True])
def test_a_cut_connection_leaves_the_client_without_an_answer(venue: Running, acted: bool) -> None:
    strike(venue, kind="cut", on=ORDERS, after=acted, count=1)

    with pytest.raises(requests.ConnectionError):
        create(venue, f"cut-{acted}")

    assert known(venue, f"cut-{acted}") is acted


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("rate_limited", 429, b'{"errors":[{"id":"rate_limit_exceeded"'),
        ("unauthorized", 401, b"Unauthorized"),
        ("html", 200, b"<html>"),
        ("empty", 200, b""),
    ],
)
def test_answers_of_another_form(venue: Running, kind: str, status: int, body: bytes) -> None:
    strike(venue, kind=kind, on=f"GET {API}/accounts")

    answer = venue.ask("GET", f"{API}/accounts")

    assert answer.status == status
    assert answer.body.startswith(body)
    assert (kind == "empty") == (answer.body == b"")


def test_a_late_answer_is_late_after_the_venue_has_acted(venue: Running) -> None:
    strike(venue, kind="slow", on=ORDERS, seconds=20)

    with pytest.raises(requests.ReadTimeout):
        venue.session.post(
            f"https://{venue.address}{API}/orders",
            json=order("late", "limit_limit_gtc", **FAR),
            headers={"Authorization": f"Bearer {venue.token('POST', f'{API}/orders')}"},
            timeout=0.5,
        )

    assert known(venue, "late")


def test_fields_of_tomorrow_nulls_and_strange_states(venue: Running) -> None:
    placed = create(venue, "strange").told["success_response"]["order_id"]

    def seen(kind: str) -> Any:
        strike(venue, kind=kind)
        return venue.order(placed)

    assert seen("new_fields")["field_of_tomorrow"]
    nulled = seen("nulls")
    assert (nulled["order_configuration"], nulled["edit_history"]) == (None, None)
    assert seen("strange_status")["status"] == "ORDER_STATUS_OF_TOMORROW"


def test_a_new_order_is_not_found_for_a_while_and_the_truth_has_it(venue: Running) -> None:
    strike(venue, kind="order_late", seconds=600)
    placed = create(venue, "hidden").told["success_response"]["order_id"]

    assert venue.ask("GET", f"{API}/orders/historical/{placed}").status == 404
    listed = venue.get("orders/historical/batch", limit="1000")["orders"]
    assert placed not in [row["order_id"] for row in listed]
    assert known(venue, "hidden")


def test_fill_rows_come_twice_or_late(venue: Running) -> None:
    placed = venue.create("rows", "market_market_ioc", quote_size="10")
    mine = {"order_ids": placed["success_response"]["order_id"]}
    strike(venue, kind="twice")
    twice = venue.get("orders/historical/fills", **mine)["fills"]

    strike(venue, kind="fills_late", seconds=600)
    placed = venue.create("rows-2", "market_market_ioc", quote_size="10")
    mine = {"order_ids": placed["success_response"]["order_id"]}

    assert len(twice) == 2
    assert twice[0] == twice[1]
    assert venue.get("orders/historical/fills", **mine)["fills"] == []
    assert venue.order(mine["order_ids"])["number_of_fills"] == "1"


def test_a_slow_cancel_is_queued_first_and_a_second_one_is_a_duplicate(venue: Running) -> None:
    placed = create(venue, "slow cancel").told["success_response"]["order_id"]
    strike(venue, kind="cancel_slow", seconds=600)

    first, second = (
        venue.post("orders/batch_cancel", {"order_ids": [placed]})["results"][0] for _ in range(2)
    )
    row = venue.order(placed)

    assert (first["success"], second["success"]) == (True, False)
    assert second["failure_reason"] == "DUPLICATE_CANCEL_REQUEST"
    assert (row["status"], row["pending_cancel"]) == ("CANCEL_QUEUED", True)


def test_a_cancelled_order_is_still_told_as_open(venue: Running) -> None:
    placed = create(venue, "still open").told["success_response"]["order_id"]
    strike(venue, kind="open_after_cancel", seconds=600)
    venue.post("orders/batch_cancel", {"order_ids": [placed]})

    truth = {row["order_id"]: row["status"] for row in venue.admin("truth")["orders"]}
    opened = venue.get("orders/historical/batch", order_status="OPEN", limit="1000")["orders"]

    assert truth[placed] == "CANCELLED"
    assert venue.order(placed)["status"] == "OPEN"
    assert placed in [row["order_id"] for row in opened]


def test_a_clock_that_is_off_shows_in_the_time_and_the_date_and_refuses_tokens(
    venue: Running,
) -> None:
    right = venue.get("time")["epochSeconds"]
    strike(venue, kind="clock_skew", seconds=600)
    told = venue.ask("GET", f"{API}/time", token=None)

    assert int(told.told["epochSeconds"]) - int(right) == 600
    assert parsedate_to_datetime(told.headers["Date"]).timestamp() == int(right) + 600
    assert venue.ask("GET", f"{API}/accounts").status == 401


def test_the_journal_names_the_faults_and_the_plan_counts_them(venue: Running) -> None:
    before = venue.admin("journal")["count"]
    strike(venue, kind="status", status=500, on=f"GET {API}/accounts", count=1)
    statuses = [venue.ask("GET", f"{API}/accounts").status for _ in range(2)]

    entries = venue.admin(f"journal?after={before}")["requests"]
    assert statuses == [500, 200]
    assert [entry["faults"] for entry in entries] == [["status"], []]
    assert venue.admin("faults") == {"struck": [1]}


def test_a_plan_with_a_mistake_changes_nothing(venue: Running) -> None:
    strike(venue, kind="status", status=500, on=f"GET {API}/accounts")
    no = venue.ask("POST", "/_sandbox/faults", {"rules": [{"kind": "fire"}]}, token=None)

    assert no.status == 400
    assert venue.ask("GET", f"{API}/accounts").status == 500
