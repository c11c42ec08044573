"""What is written comes back as it was, and what would not is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as any_

from core.errors import FatalError
from core.market import Balance, Depth, Level, Side
from core.money import Money
from core.state import BotState, DayOpen, Membership, Sent
from infra.codec import (
    NotReadable,
    NotRepresentable,
    canonical_json,
    digest,
    from_json,
    pack,
    to_json,
    unpack,
)
from infra.tape import Frame
from tests.builders.account import a_state
from tests.builders.market import NOON, a_depth
from tests.builders.records import a_failed_record, a_record, chained, stdlib_json


def a_full_state() -> BotState:
    """Every kind of member that a state can hold."""
    return a_state(
        memberships={"SOL-USD": Membership("T2", 3), "ACME-USD": Membership(None, 1)},
        excluded={"ACME-USD": "VOLUME_TOO_LOW"},
        sent=(Sent("SOL-USD", Side.BUY, NOON - timedelta(microseconds=1)),),
        nearest=("SOL-USD", "BTC-USD"),
        equity_peak=Money(Decimal("10000.10"), "USD"),
        day_open=DayOpen(date(2025, 3, 2), Money(Decimal("-0.00000001"), "USD")),
    )


def test_a_state_comes_back_as_it_was_from_both_forms() -> None:
    state = a_full_state()

    assert from_json(to_json(state), BotState) == state
    assert unpack(pack(state), BotState) == state


def test_a_depth_comes_back_with_its_levels() -> None:
    depth = a_depth()

    back = unpack(pack(depth), Depth)

    assert back == depth
    assert type(back.bids[0]) is Level


@given(
    any_.decimals(allow_nan=False, allow_infinity=False),
    any_.datetimes(timezones=any_.just(UTC)),
    any_.timedeltas(),
)
def test_amounts_times_and_spans_come_back_to_the_last_digit(
    amount: Decimal, at: datetime, span: timedelta
) -> None:
    balance = Balance("USD", amount, Decimal(0))

    assert str(unpack(pack(balance), Balance).total) == str(amount)
    assert str(from_json(to_json(balance), Balance).total) == str(amount)
    assert from_json(to_json((at, span)), tuple[datetime, timedelta]) == (at, span)


@pytest.mark.parametrize("odd", ["NaN", "sNaN", "-NaN7", "Infinity", "-Infinity"])
def test_an_amount_that_is_no_number_is_refused_both_ways(odd: str) -> None:
    with pytest.raises(NotRepresentable, match="no amount"):
        pack(Balance("USD", Decimal(odd), Decimal(0)))
    with pytest.raises(NotRepresentable, match="no amount"):
        to_json({"market": [Balance("USD", Decimal(odd), Decimal(0))]})
    with pytest.raises(FatalError):
        from_json(f'{{"currency":"USD","total":"{odd}","held":"0"}}'.encode(), Balance)


ZONES = [None, timezone(timedelta(hours=1))]


@pytest.mark.parametrize("zone", ZONES, ids=["naive", "another zone"])
def test_a_time_that_is_not_utc_is_refused_both_ways(zone: timezone | None) -> None:
    odd = datetime(2025, 3, 2, 12, tzinfo=zone)

    with pytest.raises(NotRepresentable, match="no time in UTC"):
        to_json(Sent("SOL-USD", Side.BUY, odd))
    text = f'{{"symbol":"SOL-USD","side":"BUY","at":"{odd.isoformat()}"}}'
    with pytest.raises(NotRepresentable, match="no time in UTC"):
        from_json(text.encode(), Sent)


@dataclass(frozen=True, slots=True)
class Measured:
    value: float


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_refused(odd: float) -> None:
    with pytest.raises(NotRepresentable, match="no number"):
        pack(Measured(odd))


@pytest.mark.parametrize("odd", [np.float64(1.5), np.int64(1), object(), {1, 2}, {1: "one"}])
def test_what_would_come_back_as_something_else_is_refused(odd: object) -> None:
    with pytest.raises(NotRepresentable):
        pack(odd)
    with pytest.raises(NotRepresentable):
        canonical_json({"member": odd})


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b'{"currency":"USD"}', b"[]", b"\xff", b"[" * 5000], ids=range(6)
)
def test_what_cannot_be_read_is_one_kind_of_error(damaged: bytes) -> None:
    with pytest.raises(NotReadable, match="no Balance"):
        from_json(damaged, Balance)
    with pytest.raises(NotReadable, match="no Balance"):
        unpack(damaged, Balance)


def test_the_same_value_gives_the_same_bytes_whatever_the_order_it_was_made_in() -> None:
    one = {"b": Decimal(1), "a": Decimal(2)}
    other = {"a": Decimal(2), "b": Decimal(1)}

    assert pack(one) == pack(other)
    assert to_json(one) == to_json(other)


def enums_in(kind: Any, seen: set[Any]) -> Iterator[type[Enum]]:
    """Every enum that a value of this type can hold, as its annotations say."""
    if kind in seen:
        return
    seen.add(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        yield kind
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        for hint in get_type_hints(kind).values():
            yield from enums_in(hint, seen)
    for argument in get_args(kind):
        yield from enums_in(argument, seen)


def test_no_enum_on_disk_is_a_sentence_that_somebody_may_reword() -> None:
    """msgspec writes an enum's value, so a value must be a name for ever."""
    found = [*enums_in(BotState, set()), *enums_in(Frame, set())]

    assert {"Level", "Side", "OrderStatus", "BookOrigin"} <= {kind.__name__ for kind in found}
    for kind in found:
        assert {member.value.upper() for member in kind} == {member.name for member in kind}


TEXTS = any_.text(any_.characters(codec="utf-8"))
SHORT = any_.integers(-(10**9), 10**9).map(lambda whole: whole / 10_000)
PLAIN = any_.recursive(
    any_.none() | any_.booleans() | any_.integers(-(2**53), 2**53) | SHORT | TEXTS,
    lambda inner: any_.lists(inner) | any_.dictionaries(TEXTS, inner),
)


@given(PLAIN)
def test_canonical_json_is_what_the_standard_library_writes(value: object) -> None:
    assert canonical_json(value) == stdlib_json(value)


def test_records_are_written_as_the_standard_library_writes_them() -> None:
    for record in chained([a_record(1), a_failed_record(2)]):
        assert canonical_json(record) == stdlib_json(record)
        assert canonical_json(json.loads(stdlib_json(record))) == stdlib_json(record)


@pytest.mark.parametrize("fine", [0.0001, -0.5, 1.0, 99999999999.9999, 0.0, -0.0, 1e14])
def test_a_number_of_four_decimals_is_written(fine: float) -> None:
    assert canonical_json(fine) == stdlib_json(fine)


@pytest.mark.parametrize(
    "odd", [0.00001, 0.12345, 1e15, 1e22, math.nan, math.inf, 2**53 + 1, Decimal(1), b"text", NOON]
)
def test_a_number_that_writers_disagree_on_is_refused(odd: object) -> None:
    with pytest.raises(NotRepresentable):
        canonical_json({"deep": [{"member": odd}]})


def test_a_text_that_is_no_unicode_is_refused_and_not_a_crash() -> None:
    with pytest.raises(NotRepresentable, match="no Unicode"):
        canonical_json({"why": "\udc80"})


def test_a_digest_names_its_function() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert digest(b"") == f"sha256:{empty}"


def test_a_mapping_is_looked_through_to_its_members() -> None:
    inner: Mapping[str, object] = {"a": ({"b": [Decimal("NaN")]},)}

    with pytest.raises(NotRepresentable):
        pack(inner)
