"""What a wallet is worth: read from the market, never assumed, and never too much."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FatalError
from core.market import Product, ProductStatus, Snapshot, TopOfBook
from core.money import Money, Toward
from core.rates import Rate, Rates, rate_books, read_rates
from tests.builders.market import NOON, a_product, a_snapshot, a_top

AGE_MAX = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
OLD = NOON - AGE_MAX - SECOND
EARLIER = Rate(Decimal("0.97"), NOON - timedelta(hours=3))


def a_market(*pieces: Product | TopOfBook) -> Snapshot:
    products = [piece for piece in pieces if isinstance(piece, Product)]
    tops = {piece.symbol: piece for piece in pieces if isinstance(piece, TopOfBook)}
    listed = {product.symbol: product for product in products}
    listed |= {symbol: a_product(symbol) for symbol in tops if symbol not in listed}
    return a_snapshot(products=listed, tops=tops)


def an_alias(symbol: str = "BTC-USDC", owner: str = "BTC-USD", **changes: object) -> Product:
    return a_product(symbol, alias_of=owner, **changes)


def rate(
    snapshot: Snapshot, remembered: Rate | None = None, capital: str = "USD", currency: str = "USDC"
) -> Rate | None:
    known = {} if remembered is None else {currency: remembered}
    read = read_rates(snapshot, known, frozenset({capital, currency}), capital, AGE_MAX)
    assert capital not in read.known
    return read.known.get(currency)


DIRECT = a_top("USDC-USD", bid="0.9991", ask="0.9993")
OPPOSITE = a_top("USD-USDC", bid="1.0007", ask="1.0009")
SHARED = a_top("BTC-USD", bid="60000", ask="60001")


def test_a_wallet_is_valued_at_the_bid_of_its_pair() -> None:
    assert rate(a_market(DIRECT)) == Rate(Decimal("0.9991"), NOON)


def test_the_opposite_pair_gives_one_over_its_ask_rounded_down() -> None:
    assert rate(a_market(OPPOSITE)) == Rate(Decimal("0.99910080"), NOON)


def test_products_that_share_a_book_are_at_par_because_the_venue_says_so() -> None:
    assert rate(a_market(an_alias(), SHARED)) == Rate(Decimal(1), NOON)


def test_par_holds_in_both_directions() -> None:
    assert rate(a_market(an_alias(), SHARED), capital="USDC", currency="USD") == Rate(
        Decimal(1), NOON
    )


def test_products_of_one_asset_that_share_no_book_say_nothing_about_a_rate() -> None:
    market = a_market(a_product("BTC-USDC"), a_top("BTC-USDC"), SHARED)
    assert rate(market) is None


@pytest.mark.parametrize("status", [ProductStatus.HALTED, ProductStatus.LIMIT_ONLY])
@pytest.mark.parametrize("closed", ["USDC-USD", "BTC-USDC", "BTC-USD"])
def test_what_does_not_trade_freely_tells_no_rate(closed: str, status: ProductStatus) -> None:
    pieces = {"USDC-USD": (a_product(closed, status=status), DIRECT)}
    alias = an_alias(status=status) if closed == "BTC-USDC" else an_alias()
    owner = a_product("BTC-USD", status=status if closed == "BTC-USD" else ProductStatus.ONLINE)
    assert rate(a_market(*pieces.get(closed, (alias, owner, SHARED)))) is None


def test_a_pair_is_preferred_to_par_and_its_bid_to_the_opposite() -> None:
    assert rate(a_market(DIRECT, OPPOSITE, an_alias(), SHARED)) == Rate(Decimal("0.9991"), NOON)
    assert rate(a_market(OPPOSITE, an_alias(), SHARED)) == Rate(Decimal("0.9991008"), NOON)


@pytest.mark.parametrize(
    ("age", "value"), [(AGE_MAX - SECOND, "0.9991"), (AGE_MAX, "0.9991"), (AGE_MAX + SECOND, "1")]
)
def test_a_source_that_is_too_old_gives_way_to_a_recent_one(age: timedelta, value: str) -> None:
    late = a_top("USDC-USD", bid="0.9991", ask="0.9993", seen_at=NOON - age)
    found = rate(a_market(late, an_alias(), SHARED))
    assert found is not None
    assert found.value == Decimal(value)


def test_where_everything_is_too_old_the_newest_stays_with_its_age() -> None:
    late = a_top("USDC-USD", bid="0.98", ask="0.99", seen_at=OLD)
    assert rate(a_market(late), EARLIER) == Rate(Decimal("0.98"), OLD)
    assert rate(a_market(late), Rate(Decimal("0.97"), OLD + SECOND)) == Rate(
        Decimal("0.97"), OLD + SECOND
    )


def test_without_a_source_the_last_known_rate_stays() -> None:
    assert rate(a_market(), EARLIER) == EARLIER


def test_what_was_never_valued_has_no_rate() -> None:
    assert rate(a_market()) is None


def test_the_rate_of_one_currency_never_serves_another() -> None:
    assert rate(a_market(DIRECT, an_alias(), SHARED), currency="EURC") is None


def test_a_price_too_small_to_be_a_rate_is_none() -> None:
    assert rate(a_market(a_top("USDC-USD", bid="0.000000001", ask="1"))) is None


def test_rates_are_read_from_pairs_of_the_capital_currency_and_one_shared_book_each() -> None:
    listed = [
        *(a_product(symbol) for symbol in ("USDC-USD", "USD-EUR", "USDC-EUR", "BTC-USD")),
        *(a_product(symbol) for symbol in ("ADA-USD", "ETH-USD")),
        an_alias("ETH-USDC", "ETH-USD"),
        an_alias("BTC-USDC", "BTC-USD"),
        an_alias("ADA-USDC", "ADA-USD", status=ProductStatus.HALTED),
        an_alias("DOT-USDC", "DOT-USD"),
    ]
    found = rate_books(listed, frozenset({"USD", "USDC", "EUR"}), "USD")
    assert found == {"USDC-USD", "USD-EUR", "BTC-USD"}


# Crossing from one currency to the other.


RATES = Rates("USD", {"USDC": Rate(Decimal("0.9991"), NOON), "EUR": Rate(Decimal(3), NOON)})


def usdc(amount: str) -> Money:
    return Money(Decimal(amount), "USDC")


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


@pytest.mark.parametrize(
    ("money", "toward", "paid"),
    [
        (usd("9.991"), Toward.FLOOR, "10"),
        (usd("9.991"), Toward.CEILING, "10"),
        (usd("100"), Toward.FLOOR, "100.09008107"),
        (usd("100"), Toward.CEILING, "100.09008108"),
        (usd("0"), Toward.CEILING, "0"),
    ],
)
def test_money_is_paid_in_another_currency_rounded_in_the_direction_named(
    money: Money, toward: Toward, paid: str
) -> None:
    found = RATES.paid_in("USDC", money, toward=toward)
    assert (found.amount, found.currency) == (Decimal(paid), "USDC")


def test_worth_is_exact() -> None:
    assert RATES.worth(usdc("100.09008107")) == usd("99.999999997037")


def test_the_capital_currency_is_never_converted() -> None:
    odd = Money(Decimal(1) / Decimal(3), "USD")
    assert RATES.worth(odd) == RATES.paid_in("USD", odd, toward=Toward.FLOOR) == odd


@given(
    st.decimals(0, 10**9, places=8),
    st.decimals(Decimal("0.00000001"), 10**6, places=8),
)
def test_what_is_spent_is_never_worth_more_and_what_it_costs_never_less(
    amount: Decimal, value: Decimal
) -> None:
    rates = Rates("USD", {"USDC": Rate(value, NOON)})
    money = Money(amount, "USD")
    assert rates.worth(rates.paid_in("USDC", money, toward=Toward.FLOOR)) <= money
    assert money <= rates.worth(rates.paid_in("USDC", money, toward=Toward.CEILING))


def test_money_without_a_rate_is_a_fault_and_never_a_zero() -> None:
    with pytest.raises(FatalError, match="without a rate"):
        RATES.worth(Money(Decimal(1), "GBP"))
    with pytest.raises(FatalError, match="without a rate"):
        RATES.paid_in("GBP", usd("1"), toward=Toward.FLOOR)


def test_only_the_capital_currency_crosses_into_another() -> None:
    with pytest.raises(ValueError, match="is not in USD"):
        RATES.paid_in("EUR", usdc("1"), toward=Toward.FLOOR)


@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_rate_is_positive(value: str) -> None:
    with pytest.raises(ValueError, match="positive"):
        Rate(Decimal(value), NOON)


def test_a_rate_has_an_age_and_the_capital_currency_is_always_of_now() -> None:
    assert RATES.age("USD", NOON + AGE_MAX) == timedelta(0)
    assert RATES.age("USDC", NOON + AGE_MAX) == AGE_MAX
    assert RATES.age("GBP", NOON) is None
