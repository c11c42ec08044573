"""The overlays that ship: each loads, and each keeps its promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from config.schemas import FILES, schema_of
from config.settings import Mode
from core.money import Money, Ratio
from core.policy import Resting
from infra.exchange.coinbase.access import ADDRESS, AUTHORITY, access_of
from infra.exchange.coinbase.keys import BadAccess
from tests.builders.shipped import CONFIG, shipped_configuration

PROFILES = sorted(path.stem for path in (CONFIG / "profiles").glob("*.yaml"))


def test_the_profiles_are_these() -> None:
    assert PROFILES == ["canary", "daily", "dev", "ema_cross", "prod", "rehearsal", "usdt"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_loads_says_why_it_exists_and_arms_nothing(name: str) -> None:
    found = shipped_configuration(name)
    assert found.settings.app.mode is Mode.DRY_RUN
    assert found.settings.exchange.read_only or name == "rehearsal"
    assert (CONFIG / "profiles" / f"{name}.yaml").read_text().startswith("# ")


@pytest.mark.parametrize("address", ["api.coinbase.com", "192.168.1.7:8740"])
def test_the_rehearsal_may_send_and_leads_to_this_machine_only(
    tmp_path: Path, address: str
) -> None:
    terms = shipped_configuration("rehearsal").settings.exchange
    authority = tmp_path / "ca.pem"
    authority.touch()
    sandbox = {AUTHORITY: str(authority)}
    assert not terms.read_only
    assert access_of(terms, sandbox).is_loopback
    with pytest.raises(BadAccess, match="only a sandbox on 127"):
        access_of(terms, {ADDRESS: address, **sandbox})


def test_ema_cross_is_the_example_strategy_and_no_other() -> None:
    assert list(shipped_configuration("ema_cross").strategies) == ["ema_cross"]


def test_dev_decides_exactly_as_the_shipped_policy() -> None:
    assert shipped_configuration("dev").policy == shipped_configuration().policy


def test_prod_decides_so_too_but_leaves_its_stops_with_the_venue() -> None:
    shipped, prod = shipped_configuration().policy, shipped_configuration("prod").policy
    assert prod.exits.resting is Resting.BRACKET
    assert replace(prod, exits=replace(prod.exits, resting=Resting.WATCHED)) == shipped


def test_the_canary_leaves_its_stops_with_the_venue() -> None:
    assert shipped_configuration("canary").policy.exits.resting is Resting.BRACKET


def test_the_canary_is_nowhere_bolder_than_the_shipped_policy() -> None:
    canary, shipped = shipped_configuration("canary").policy, shipped_configuration().policy
    assert canary.risk.notional_max < shipped.risk.notional_max
    assert canary.risk.cash_min > shipped.risk.cash_min
    for name in ("position_max", "at_risk_max", "positions_max", "trades_per_hour_max"):
        assert getattr(canary.risk, name) < getattr(shipped.risk, name)
    assert canary.risk.trades_per_day_max < shipped.risk.trades_per_day_max
    assert canary.risk.cooldown > shipped.risk.cooldown
    for theme, most in canary.risk.theme_max.items():
        assert most < shipped.risk.theme_max[theme]


def test_under_usdt_no_amount_is_left_in_another_currency() -> None:
    found = shipped_configuration("usdt")
    assert found.policy.capital_currency == "USDT"
    assert found.policy.quote_currencies == ("USDT",)
    assert " USD'" not in str(found.effective)
    assert found.policy.risk.notional_min.currency == "USDT"
    dollars = shipped_configuration().policy.risk.notional_min
    assert found.policy.risk.notional_min == Money(dollars.amount, "USDT")


def test_under_daily_a_daily_bar_resolves_everything_that_is_on() -> None:
    found = shipped_configuration("daily")
    assert found.settings.market.bar == timedelta(days=1)
    assert found.notices == ()
    assert found.policy.triggers.score_min == Ratio(
        shipped_configuration().policy.triggers.score_min.value
    )


def test_under_daily_a_book_modelled_from_a_day_that_moved_an_eighth_can_be_bought_from() -> None:
    """A model made for quarters of an hour would find a spread that no tier allows."""
    found = shipped_configuration("daily")
    model, tier = found.settings.market.book_model, found.policy.universe.tiers["T1"]
    assert model.spread_range_share.value * Decimal("0.125") <= tier.spread_max.value


def test_a_profile_may_hold_any_section() -> None:
    assert sum(len(schema_of(file)["properties"]) for file in FILES) == 16
