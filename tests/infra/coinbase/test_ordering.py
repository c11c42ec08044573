"""Orders out: what is sent, and which answers are believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.errors import RetryableError
from core.market import Side
from core.money import Price, Quantity
from core.orders import (
    CancelAnswer,
    Order,
    OrderStatus,
    OrderType,
    PlannedCancel,
    PlannedOrder,
    TimeInForce,
)
from core.ports import Answer
from core.reasons import Finding, Reason
from infra.exchange.coinbase.link import Request, Urgency
from infra.exchange.coinbase.wire.placing import configuration, creation
from tests.builders.coinbase import Scene, a_scene, an_order_row, lost, said

OWN = "3a7b42c6-0000-5000-8000-000000000001"
THEIRS = "e5ed0e4f-0000-4000-8000-000000000001"
END = datetime(2026, 11, 20, 12, 20, tzinfo=UTC)


def an_order(**changes: Any) -> PlannedOrder:
    """A resting buy of a tenth at a hundred, until twenty past."""
    order = PlannedOrder(
        client_order_id=OWN,
        symbol="BTC-USD",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTD,
        post_only=True,
        end_time=END,
        price=Price(Decimal(100), "USD"),
        quantity=Quantity(Decimal("0.10"), "BTC"),
        reason="rules:BTC-USD:BUY",
    )
    return replace(order, **changes)


def a_stop(kind: OrderType = OrderType.STOP_LIMIT, **changes: Any) -> PlannedOrder:
    fields = {
        "side": Side.SELL,
        "type": kind,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "end_time": None,
        "stop": Price(Decimal("91.50"), "USD"),
    }
    return an_order(**{**fields, **changes})


def echoed(order: PlannedOrder, **changes: object) -> dict[str, Any]:
    """An accepted answer that repeats the intent."""
    kind, members = configuration(order)
    accepted = {
        "order_id": THEIRS,
        "product_id": order.symbol,
        "side": order.side.value,
        "client_order_id": order.client_order_id,
        "attached_order_id": "",
    }
    return {
        "success": True,
        "success_response": {**accepted, **changes},
        "order_configuration": {kind: {**members, "rfq_disabled": False}},
    }


def submitted(answer: object, order: PlannedOrder | None = None, shown: object = None) -> Answer:
    scene = a_scene({"POST /orders": answer, "GET /orders/historical/": shown})
    return scene.exchange.submit(order or an_order())


# What is sent


@pytest.mark.parametrize(
    ("order", "kind", "members"),
    [
        (
            an_order(),
            "limit_limit_gtd",
            {
                "base_size": "0.1",
                "limit_price": "100",
                "post_only": True,
                "end_time": "2026-11-20T12:20:00Z",
            },
        ),
        (
            an_order(time_in_force=TimeInForce.GTC, end_time=None, post_only=False),
            "limit_limit_gtc",
            {"base_size": "0.1", "limit_price": "100", "post_only": False},
        ),
        (
            an_order(time_in_force=TimeInForce.IOC, end_time=None, post_only=False),
            "sor_limit_ioc",
            {"base_size": "0.1", "limit_price": "100"},
        ),
        (
            a_stop(),
            "stop_limit_stop_limit_gtc",
            {
                "base_size": "0.1",
                "limit_price": "100",
                "stop_price": "91.5",
                "stop_direction": "STOP_DIRECTION_STOP_DOWN",
            },
        ),
        (
            a_stop(side=Side.BUY),
            "stop_limit_stop_limit_gtc",
            {
                "base_size": "0.1",
                "limit_price": "100",
                "stop_price": "91.5",
                "stop_direction": "STOP_DIRECTION_STOP_UP",
            },
        ),
        (
            a_stop(OrderType.BRACKET),
            "trigger_bracket_gtc",
            {"base_size": "0.1", "limit_price": "100", "stop_trigger_price": "91.5"},
        ),
        (
            a_stop(OrderType.BRACKET, time_in_force=TimeInForce.GTD, end_time=END),
            "trigger_bracket_gtd",
            {
                "base_size": "0.1",
                "limit_price": "100",
                "stop_trigger_price": "91.5",
                "end_time": "2026-11-20T12:20:00Z",
            },
        ),
    ],
)
def test_an_order_is_written_in_the_venues_words(
    order: PlannedOrder, kind: str, members: dict[str, object]
) -> None:
    assert creation(order) == {
        "client_order_id": OWN,
        "product_id": "BTC-USD",
        "side": order.side.value,
        "order_configuration": {kind: members},
    }


def test_a_tiny_quantity_is_written_without_an_exponent() -> None:
    _, members = configuration(an_order(quantity=Quantity(Decimal("1E-8"), "BTC")))

    assert members["base_size"] == "0.00000001"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (an_order(symbol="BTC-PERP-INTX"), "perpetuals are not traded"),
        (an_order(symbol="BIP-20DEC30-CDE"), "futures are shown and never traded"),
        (an_order(time_in_force=TimeInForce.IOC, end_time=None), "never post-only"),
        (a_stop(post_only=True), "never post-only"),
        (a_stop(OrderType.BRACKET, post_only=True), "never post-only"),
        (a_stop(time_in_force=TimeInForce.IOC), "no STOP_LIMIT order is IOC here"),
    ],
)
def test_what_the_venue_does_not_offer_is_refused_before_it_is_sent(
    order: PlannedOrder, words: str
) -> None:
    scene = a_scene({})

    answer = scene.exchange.submit(order)

    assert answer.status is OrderStatus.REFUSED
    assert words in answer.told
    assert words in scene.exchange.preview(order)
    assert scene.exchange.requests == 0


@pytest.mark.parametrize(
    ("side", "urgency"), [(Side.BUY, Urgency.ENTRY), (Side.SELL, Urgency.EXIT)]
)
def test_a_sale_goes_before_a_buy(side: Side, urgency: Urgency) -> None:
    order = an_order(side=side)
    scene = a_scene({"POST /orders": said(echoed(order))})
    scene.exchange.submit(order)

    assert [request.urgency for request in scene.link.asked] == [urgency]


# What is believed


@pytest.mark.parametrize("order", [an_order(), a_stop(), a_stop(OrderType.BRACKET)])
def test_an_answer_that_repeats_the_intent_is_believed(order: PlannedOrder) -> None:
    assert submitted(said(echoed(order)), order) == Answer(OrderStatus.OPEN, THEIRS)


def test_numbers_may_be_written_differently() -> None:
    echo = echoed(an_order())
    echo["order_configuration"]["limit_limit_gtd"] |= {
        "base_size": "0.1000",
        "limit_price": "1E+2",
        "end_time": "2026-11-20T12:20:00.000000000Z",
    }

    assert submitted(said(echo)).status is OrderStatus.OPEN


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"side": "SELL"}, "side"),
        ({"product_id": "BTC-USDC"}, "product"),
        ({"client_order_id": "another"}, "client order id"),
        ({"order_id": ""}, "order id"),
    ],
)
def test_another_order_is_not_ours(changes: dict[str, object], what: str) -> None:
    answer = submitted(said(echoed(an_order(), **changes)))

    assert answer.status is OrderStatus.UNKNOWN
    assert what in answer.told
    assert answer.exchange_order_id is None


@pytest.mark.parametrize(
    ("member", "other", "what"),
    [
        ("limit_price", "100.01", "price"),
        ("base_size", "1", "quantity"),
        ("post_only", False, "post-only"),
        ("end_time", "2026-11-20T12:21:00Z", "end"),
        ("stop_price", "90", "stop"),
    ],
)
def test_other_terms_are_not_ours(member: str, other: object, what: str) -> None:
    echo = echoed(an_order())
    echo["order_configuration"]["limit_limit_gtd"][member] = other

    answer = submitted(said(echo))

    assert answer.status is OrderStatus.UNKNOWN
    assert f"the venue's order {what} is" in answer.told


def test_another_kind_is_not_ours() -> None:
    echo = echoed(an_order())
    echo["order_configuration"] = {
        "limit_limit_gtc": echo["order_configuration"]["limit_limit_gtd"]
    }

    assert submitted(said(echo)).status is OrderStatus.UNKNOWN


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            {
                "error": "INSUFFICIENT_FUND",
                "message": "Insufficient balance in source account",
                "error_details": "",
                "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND",
            },
            "INSUFFICIENT_FUND: PREVIEW_INSUFFICIENT_FUND: Insufficient balance in source account",
        ),
        (
            {
                "error": "UNKNOWN_FAILURE_REASON",
                "message": "",
                "preview_failure_reason": "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
            },
            "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
        ),
        ({"new_order_failure_reason": "A_REASON_OF_2031"}, "A_REASON_OF_2031"),
        ({}, "refused without a reason"),
        (None, "refused without a reason"),
    ],
)
def test_a_no_at_status_200_is_a_no_in_the_venues_words(error: object, words: str) -> None:
    answer = submitted(said({"success": False, "error_response": error}))

    assert answer == Answer(OrderStatus.REFUSED, told=words)


@pytest.mark.parametrize("status", [400, 401, 403, 429])
def test_a_definite_no_is_a_refusal_in_the_venues_words(status: int) -> None:
    answer = submitted(said({"error": "INVALID_ARGUMENT", "message": "no"}, status))

    assert answer == Answer(OrderStatus.REFUSED, told=f"{status}: INVALID_ARGUMENT: no")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lost("TIMEOUT"), "TIMEOUT"),
        (lost("CONNECTION_LOST"), "CONNECTION_LOST"),
        (said({"error": "INTERNAL"}, 500), "SERVER_ERROR"),
        (said(b"<html>gateway</html>", 502), "HTML_ANSWER"),
        (said(b"<html>challenge</html>", 200), "HTML_ANSWER"),
        (said(b"", 200), "ANSWER_UNREADABLE"),
        (said({"success": "yes"}), "ANSWER_UNREADABLE"),
        (said([]), "ANSWER_UNREADABLE"),
        (said({"success": True, "success_response": {"order_id": 7}}), "ANSWER_UNREADABLE"),
    ],
)
def test_silence_and_nonsense_are_unknown(answer: object, code: str) -> None:
    found = submitted(answer)

    assert found.status is OrderStatus.UNKNOWN
    assert found.told.startswith(f"{code}: ")


@pytest.mark.parametrize("empty", [None, {}])
def test_an_answer_that_repeats_nothing_is_looked_up(empty: object) -> None:
    echo = echoed(an_order()) | {"order_configuration": empty}
    shown = said({"order": an_order_row()})

    assert submitted(said(echo), shown=shown) == Answer(OrderStatus.OPEN, THEIRS)
    for other in (said({"order": an_order_row(side="SELL")}), said({}, 404), said({}, 400)):
        assert submitted(said(echo), shown=other).status is OrderStatus.UNKNOWN


def sent_twice(second: object, shown: object) -> Answer:
    order = an_order()
    scene = a_scene({"POST /orders": [lost(), second], "GET /orders/historical/": shown})
    assert scene.exchange.submit(order).status is OrderStatus.UNKNOWN
    return scene.exchange.submit(order)


def test_an_id_that_is_sent_again_is_answered_with_the_old_order_so_that_is_looked_at() -> None:
    echo = said(echoed(an_order()))

    same = sent_twice(echo, said({"order": an_order_row(status="FILLED", filled_size="0.1")}))
    assert same == Answer(OrderStatus.FILLED, THEIRS)

    other = sent_twice(echo, said({"order": an_order_row(client_order_id="older")}))
    assert other.status is OrderStatus.UNKNOWN


def test_a_no_to_the_second_sending_says_nothing_of_the_first() -> None:
    no = said({"success": False, "error_response": {"error": "INSUFFICIENT_FUND"}})

    assert sent_twice(no, said({})).status is OrderStatus.UNKNOWN
    assert sent_twice(said({"error": "X"}, 400), said({})).status is OrderStatus.UNKNOWN
    used = said({"success": False, "error_response": {"error": "DUPLICATE_CLIENT_ORDER_ID"}})
    assert submitted(used).status is OrderStatus.UNKNOWN


def test_an_order_that_never_left_may_be_sent_for_the_first_time_later() -> None:
    no = said({"success": False, "error_response": {"error": "INSUFFICIENT_FUND"}})
    scene = a_scene({"POST /orders": [lost("UNREACHABLE", sent=False), no]})
    with pytest.raises(RetryableError):
        scene.exchange.submit(an_order())

    assert scene.exchange.submit(an_order()).status is OrderStatus.REFUSED


# Previews and edits


def test_a_preview_tells_the_venues_objection_or_nothing() -> None:
    def objection(answer: object) -> str:
        return a_scene({"POST /orders/preview": answer}).exchange.preview(an_order())

    assert objection(said({"errs": [], "warning": ["UNKNOWN"], "quote_size": "10"})) == ""
    both = {"errs": ["PREVIEW_INSUFFICIENT_FUND", "PREVIEW_OF_2031"], "order_total": ""}
    assert objection(said(both)) == "PREVIEW_INSUFFICIENT_FUND, PREVIEW_OF_2031"
    assert "INVALID_ARGUMENT" in objection(said({"error": "INVALID_ARGUMENT"}, 400))
    with pytest.raises(RetryableError):
        objection(said({"error": "INTERNAL"}, 500))


def test_a_preview_carries_no_order_id() -> None:
    scene = a_scene({"POST /orders/preview": said({"errs": []})})
    scene.exchange.preview(an_order())

    (asked,) = scene.link.asked
    assert asked.body is not None
    assert set(asked.body) == {"product_id", "side", "order_configuration"}


def edited(answer: object) -> Answer:
    scene = a_scene({"POST /orders/edit": answer})
    found = scene.exchange.edit(
        THEIRS, Price(Decimal("101.50"), "USD"), Quantity(Decimal(2), "BTC")
    )
    assert scene.link.asked[0].body == {"order_id": THEIRS, "price": "101.5", "size": "2"}
    return found


def test_an_edit_sends_both_numbers_and_its_answer_has_two_shapes() -> None:
    filler = {"edit_failure_reason": "UNKNOWN_EDIT_ORDER_FAILURE_REASON"}

    assert edited(said({"success": True, "errors": []})) == Answer(OrderStatus.OPEN, THEIRS)
    assert edited(said({"success": True, "errors": filler})).status is OrderStatus.OPEN
    assert edited(said({"success": True, "errors": None})).status is OrderStatus.OPEN
    no = {"success": False, "errors": [{"edit_failure_reason": "ONLY_OPEN_ORDERS_CAN_BE_EDITED"}]}
    assert edited(said(no)) == Answer(OrderStatus.REFUSED, THEIRS, "ONLY_OPEN_ORDERS_CAN_BE_EDITED")
    assert edited(said({"error": "X"}, 400)).status is OrderStatus.REFUSED
    assert edited(lost()).status is OrderStatus.UNKNOWN
    assert edited(said({"errors": []})).status is OrderStatus.UNKNOWN


# Cancels


def a_cancel(exchange_order_id: str | None = THEIRS) -> PlannedCancel:
    order = Order(
        planned=an_order(), cycle=1, status=OrderStatus.OPEN, exchange_order_id=exchange_order_id
    )
    return PlannedCancel(order, Finding(next(iter(Reason)), "seen", "limit", "key"))


def result(
    order_id: str, reason: str = "UNKNOWN_CANCEL_FAILURE_REASON", *, success: bool = False
) -> dict[str, object]:
    return {"success": success, "failure_reason": reason, "order_id": order_id}


def cancelled(answer: object) -> CancelAnswer:
    return a_scene({"POST /orders/batch_cancel": answer}).exchange.cancel(a_cancel())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (result(THEIRS, success=True), CancelAnswer.ACCEPTED),
        (result(THEIRS, "DUPLICATE_CANCEL_REQUEST"), CancelAnswer.ACCEPTED),
        (result(THEIRS, "UNKNOWN_CANCEL_ORDER"), CancelAnswer.REFUSED),
        (result(THEIRS, "ORDER_IS_FULLY_FILLED"), CancelAnswer.REFUSED),
        (result(THEIRS), CancelAnswer.UNKNOWN),
        (result(THEIRS, "COMMANDER_REJECTED_CANCEL_ORDER"), CancelAnswer.UNKNOWN),
        (result(THEIRS, "ORDER_IS_BEING_REPLACED"), CancelAnswer.UNKNOWN),
        (result(THEIRS, "A_REASON_OF_2031"), CancelAnswer.UNKNOWN),
        (result("somebody else's", success=True), CancelAnswer.UNKNOWN),
    ],
)
def test_only_success_counts_and_only_over_is_over(
    answer: dict[str, object], expected: CancelAnswer
) -> None:
    assert cancelled(said({"results": [answer]})) is expected


@pytest.mark.parametrize(
    "answer",
    [lost(), said({}, 500), said({}, 400), said(b"Unauthorized", 401), said({"results": None})],
)
def test_a_cancel_without_a_clear_answer_is_unknown(answer: object) -> None:
    assert cancelled(answer) is CancelAnswer.UNKNOWN


def test_a_cancel_that_never_left_says_so_and_one_without_an_id_is_not_sent() -> None:
    with pytest.raises(RetryableError):
        cancelled(lost("UNREACHABLE", sent=False))

    scene = a_scene({})
    assert scene.exchange.cancel(a_cancel(None)) is CancelAnswer.UNKNOWN
    assert scene.exchange.requests == 0


def many(count: int) -> tuple[Scene, tuple[CancelAnswer, ...]]:
    def answer(request: Request) -> object:
        assert request.body is not None
        ids = request.body["order_ids"]
        assert isinstance(ids, list)
        return said({"results": [result(name, success=True) for name in reversed(ids)]})

    scene = a_scene({"POST /orders/batch_cancel": answer})
    return scene, scene.exchange.cancel_all([f"id-{at}" for at in range(count)])


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (100, 1), (101, 2)])
def test_many_are_cancelled_a_hundred_at_a_time(count: int, requests: int) -> None:
    scene, answers = many(count)

    assert answers == (CancelAnswer.ACCEPTED,) * count
    assert scene.exchange.requests == requests
    assert all(request.urgency is Urgency.EXIT for request in scene.link.asked)
