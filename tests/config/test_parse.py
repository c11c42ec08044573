"""Text to values with units, and back by core.wording."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import parse
from config.schemas import units
from core.money import Money, Ratio
from core.wording import instant, percent, span, times


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("ratio", "3%", Ratio(Decimal("0.03"))),
        ("ratio", "0.5%", Ratio(Decimal("0.005"))),
        ("ratio", "-1%", Ratio(Decimal("-0.01"))),
        ("ratio", "80 bps", Ratio(Decimal("0.008"))),
        ("multiple", "2x", Decimal(2)),
        ("multiple", "1.5x", Decimal("1.5")),
        ("money", "25 USD", Money(Decimal(25), "USD")),
        ("money", "0.000001 USDT", Money(Decimal("0.000001"), "USDT")),
        ("duration", "15m", timedelta(minutes=15)),
        ("duration", "60m", timedelta(hours=1)),
        ("duration", "1h30m", timedelta(hours=1, minutes=30)),
        ("duration", "2d", timedelta(days=2)),
        ("duration", "0.25s", timedelta(milliseconds=250)),
        ("bytes", "10 MB", 10_000_000),
        ("bytes", "1 GB", 1_000_000_000),
        ("instant", "2025-01-01T00:00:00Z", datetime(2025, 1, 1, tzinfo=UTC)),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("pace", "60s", timedelta(seconds=60)),
        ("pace", "1.5x", Decimal("1.5")),
    ],
)
def test_a_quantity_is_read_with_its_unit(unit: str, text: str, value: object) -> None:
    assert parse.UNITS[unit](text) == value


@pytest.mark.parametrize(
    ("unit", "text", "told"),
    [
        ("ratio", "20", "20 has no unit; write 20%"),
        ("ratio", "0.07", "0.07 has no unit; write 0.07%"),
        ("multiple", "3", "3 has no unit; write 3x"),
        ("money", "25", "25 has no unit; write 25 USD"),
        ("duration", "15", "15 has no unit; write 15m"),
        ("bytes", "10", "10 has no unit; write 10 MB"),
        ("instant", "2025", "2025 has no unit; write 2025-01-01T00:00:00Z"),
        ("ratio", "", "has no value; write a ratio, such as 3% or 80 bps"),
    ],
)
def test_a_bare_number_is_refused_with_the_right_form(unit: str, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        parse.UNITS[unit](text)


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("ratio", "3 %"),
        ("ratio", "3%%"),
        ("ratio", "80bps"),
        ("ratio", "1e2%"),
        ("ratio", "1_0%"),
        ("ratio", "+3%"),
        ("ratio", "03%"),
        ("ratio", "٣%"),
        ("ratio", "nan%"),
        ("ratio", "1234567890123%"),
        ("multiple", "-2x"),
        ("multiple", "x"),
        ("money", "25 usd"),
        ("money", "-25 USD"),
        ("money", "25  USD"),
        ("money", "$25"),
        ("duration", "1m1h"),
        ("duration", "-5m"),
        ("duration", "1.5h"),
        ("duration", "15 m"),
        ("duration", "1h1h"),
        ("bytes", "10 mb"),
        ("bytes", "1.5 GB"),
        ("instant", "2025-01-01T00:00:00"),
        ("instant", "2025-01-01T00:00:00+01:00"),
        ("instant", "2025-02-30T00:00:00Z"),
        ("date", "2025-02-29"),
        ("date", "31.01.2026"),
        ("pace", "1.5"),
    ],
)
def test_nothing_is_guessed_from_what_is_nearly_a_quantity(unit: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"write|does not exist"):
        parse.UNITS[unit](text)


numbers = st.decimals(0, 999_999, places=6, allow_nan=False)


@given(numbers)
def test_a_ratio_that_was_written_in_a_record_can_be_pasted_into_a_file(number: Decimal) -> None:
    ratio = Ratio(number)
    assert parse.ratio(percent(ratio)) == ratio
    assert parse.ratio(str(ratio)) == ratio


@given(numbers, st.sampled_from(["USD", "USDT", "EUR"]))
def test_money_that_was_written_can_be_read(amount: Decimal, currency: str) -> None:
    money = Money(amount, currency)
    assert parse.money(str(money)) == money


@given(st.timedeltas(timedelta(0), timedelta(days=9_999)))
def test_a_duration_that_was_written_can_be_read(value: timedelta) -> None:
    assert parse.duration(span(value)) == value


@given(st.integers(0, 10**9))
def test_a_multiple_that_was_written_can_be_read(ten_thousandths: int) -> None:
    value = ten_thousandths / 10_000
    assert float(parse.multiple(times(value))) == value


@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_that_was_written_can_be_read(value: datetime) -> None:
    assert parse.instant(instant(value)) == value


@pytest.mark.parametrize("unit", sorted(parse.UNITS))
@given(text=st.text("0123456789.-%xdhms bpUSDTKMGBZ:", max_size=14))
def test_the_editor_and_the_bot_agree_on_the_form_of_a_quantity(unit: str, text: str) -> None:
    """The schema's pattern is for editors, the parser decides; they may not part."""
    assert (re.search(units()[unit]["pattern"], text) is not None) == has_form(unit, text)


def has_form(unit: str, text: str) -> bool:
    """Whether the parser takes the form; a day that does not exist still has one."""
    try:
        parse.UNITS[unit](text)
    except ValueError as error:
        return "does not exist" in str(error)
    return True


def test_a_stretched_duration_is_exact_to_the_microsecond() -> None:
    assert parse.stretched(timedelta(minutes=15), Decimal("1.5")) == timedelta(minutes=22.5)
    assert parse.stretched(timedelta(seconds=1), Decimal("0.3333333")) == timedelta(
        microseconds=333_333
    )
