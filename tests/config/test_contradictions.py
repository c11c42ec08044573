"""Values that are each right and cannot both be meant: both keys are named, with their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.triggers import TriggerKind
from tests.builders.shipped import CONFIG, a_config_folder, complaints_about, line_of

SHIPPED_BALANCES = "[10000 USD, 2500 USDC]"
ONE_WALLET = ("app.yaml", SHIPPED_BALANCES, "[10000 USD]")  # whose worth is clear without a rate


def told_with(**overrides: str) -> list[str]:
    return complaints_about(CONFIG, overrides=overrides)


# (dotted key, contradicting text, a text that just fits, the other key as it is cited); the
# size of an entry counts with the largest multiplier that a regime can give it, 1.2x.
LIMITS = [
    ("risk.notional_max", "24.99 USD", "25 USD", "risk.notional_min: 25 USD (policy.yaml:"),
    ("risk.trades_per_day_max", "5", "6", "risk.trades_per_hour_max: 6 (policy.yaml:"),
    ("risk.at_risk_max", "7.99%", "8%", "risk.position_max: 8% (policy.yaml:"),
    ("regime.trend_bull_min", "-1.01%", "-1%", "regime.trend_bear_max: -1% (policy.yaml:"),
    ("regime.drawdown_crash_min", "6%", "7%", "regime.drawdown_bear_min: 7% (policy.yaml:"),
    (
        "triggers.reversal.lookback",
        "2h45m",
        "3h",
        "triggers.reversal.low_age_max: 3h (policy.yaml:",
    ),
    ("triggers.atr.max", "0.09%", "0.1%", "triggers.atr.min: 0.1% (policy.yaml:"),
    (
        "loop.backoff_max",
        "4s",
        "5s",
        f"loop.backoff_first: 5s (app.yaml:{line_of('app.yaml', 'backoff_first:')})",
    ),
    (
        "execution.maker_ttl",
        "14m59s",
        "15m",
        f"loop.interval: 1x (app.yaml:{line_of('app.yaml', 'interval:')})",
    ),
    (
        "execution.maker_ttl",
        "0.99x",
        "1x",
        f"loop.interval: 1x (app.yaml:{line_of('app.yaml', 'interval:')})",
    ),
    ("alerts.repeat_every", "29m", "30m", "alerts.escalate_after: 30m"),
    ("exchange.cycle_deadline", "3.9s", "4s", "exchange.read_timeout: 4s"),
    ("exchange.retry_wait_max", "0.19s", "0.2s", "exchange.retry_wait_first: 0.2s"),
    ("sizing.base.T1", "8.01%", "8%", "risk.position_max: 8% (policy.yaml:"),
    ("sizing.base.T3", "0.2%", "0.21%", "risk.notional_min: 25 USD (policy.yaml:"),
    ("risk.theme_max.meme", "0.24%", "0.25%", "risk.notional_min: 25 USD (policy.yaml:"),
    ("risk.cash_min", "99.76%", "99.75%", "risk.notional_min: 25 USD (policy.yaml:"),
    (
        "strategies.rules.budget.exposure_max",
        "0.24%",
        "0.25%",
        "risk.notional_min: 25 USD (policy.yaml:",
    ),
]


@pytest.mark.parametrize(("key", "beyond", "at", "other"), LIMITS)
def test_a_limit_that_contradicts_another_is_refused_and_one_that_meets_it_is_not(
    tmp_path: Path, key: str, beyond: str, at: str, other: str
) -> None:
    folder = a_config_folder(tmp_path, ONE_WALLET)
    assert complaints_about(folder, overrides={key: at}) == []
    (complaint,) = complaints_about(folder, overrides={key: beyond})
    assert complaint.startswith(f"command line: {key}: ")
    assert other in complaint


def test_a_position_that_holds_no_order_names_the_balance_too(tmp_path: Path) -> None:
    poor = ("app.yaml", SHIPPED_BALANCES, "[300 USD]")
    told = complaints_about(a_config_folder(tmp_path, poor))
    (position,) = [line for line in told if ": risk.position_max: " in line]
    assert "8% of app.starting_balances: [300 USD] (app.yaml:9) is 24 USD" in position
    assert "below risk.notional_min: 25 USD (policy.yaml:" in position


def test_capital_above_its_cap_counts_as_foreign_when_room_is_measured(tmp_path: Path) -> None:
    folder = a_config_folder(tmp_path, ONE_WALLET)
    told = complaints_about(folder, overrides={"app.capital_max": "300 USD"})
    assert any(": risk.position_max: " in line and "is 24 USD" in line for line in told)


def test_no_room_is_measured_in_an_account_that_needs_a_rate_to_be_worth_anything() -> None:
    assert told_with(**{"sizing.base.T3": "0.01%"}) == []


def test_one_of_the_wallets_is_in_the_capital_currency(tmp_path: Path) -> None:
    edit = ("app.yaml", "quote_currencies: [USD, USDC]", "quote_currencies: [USDC]")
    (complaint,) = complaints_about(a_config_folder(tmp_path, edit))
    assert "app.quote_currencies: none of them is app.capital_currency: USD" in complaint
    assert complaint.endswith("; add USD")


def test_a_coin_is_no_wallet(tmp_path: Path) -> None:
    edit = ("app.yaml", "quote_currencies: [USD, USDC]", "quote_currencies: [USD, BTC]")
    told = complaints_about(a_config_folder(tmp_path, edit))
    assert any("universe.stable_assets: lacks BTC of app.quote_currencies" in line for line in told)


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        ("sizing.base", "sizing.base.T3"),
        ("risk.spread_max", "risk.spread_max.T3"),
        ("risk.impact_max", "risk.impact_max.T3"),
        ("execution.tiers", "execution.tiers.T3"),
    ],
)
def test_a_tier_without_its_limits_is_named_in_both_places(
    tmp_path: Path, section: str, entry: str
) -> None:
    old = {
        "sizing.base": "    T3: 1.5%\n",
        "risk.spread_max": ", T3: 80 bps}",
        "risk.impact_max": ", T3: 40 bps}",
        "execution.tiers": "    T3: {tactic: ioc, slippage_max: 40 bps}\n",
    }[section]
    new = "}" if old.endswith("}") else ""
    (complaint,) = complaints_about(a_config_folder(tmp_path, ("policy.yaml", old, new)))
    assert complaint.startswith("policy.yaml:")
    assert f": {entry}: is missing, but universe.tiers.T3 (universe.yaml:19) needs it" in complaint


def test_limits_for_a_tier_and_a_theme_that_do_not_exist_are_refused() -> None:
    assert told_with(**{"risk.spread_max.T4": "1%", "risk.theme_max.memes": "5%"}) == [
        "command line: risk.spread_max.T4: "
        "is for nothing: universe.tiers (universe.yaml:8) has no T4",
        "command line: risk.theme_max.memes: "
        "is for nothing: universe.themes (universe.yaml:30) has no memes; did you mean meme?",
    ]


def test_a_theme_without_a_limit_is_refused(tmp_path: Path) -> None:
    extra = ("universe.yaml", "  hysteresis:", "    games: [AXS]\n  hysteresis:")
    (complaint,) = complaints_about(a_config_folder(tmp_path, extra))
    assert "risk.theme_max.games: is missing, but universe.themes.games: [AXS]" in complaint
    assert "(universe.yaml:35) needs it" in complaint


@pytest.mark.parametrize(
    ("old", "new", "key", "told"),
    [
        (
            "assets: [SOL, XRP]",
            "assets: [SOL, BTC]",
            "universe.tiers.T2.assets",
            "BTC is also in universe.tiers.T1.assets: [BTC, ETH] (universe.yaml:10)",
        ),
        (
            "assets: []",
            "assets: [USDC]",
            "universe.tiers.T3.assets",
            "USDC is also in universe.stable_assets: [USD, USDC,",
        ),
        (
            "stable_assets: [USD, USDC,",
            "stable_assets: [USDC,",
            "universe.stable_assets",
            "lacks app.capital_currency: USD (app.yaml:7)",
        ),
        (
            "    count: 0\n",
            "    count: 2\n",
            "universe.allowlist.count",
            "is 2, but universe.allowlist.symbols: [] (universe.yaml:7) has 0",
        ),
        (
            "    symbols: []",
            "    symbols: [BTC-USD]",
            "universe.allowlist.count",
            "is 0, but universe.allowlist.symbols: [BTC-USD] (universe.yaml:7) has 1",
        ),
        (
            "    count: 0\n    symbols: []",
            "    count: 1\n    symbols: [BTC-EUR]",
            "universe.allowlist.symbols",
            "BTC-EUR is not paid in app.quote_currencies: [USD, USDC] (app.yaml:8)",
        ),
        (
            "    count: 0\n    symbols: []",
            "    count: 1\n    symbols: [USDC-USD]",
            "universe.allowlist.symbols",
            "USDC-USD buys what is in universe.stable_assets: [USD, USDC,",
        ),
        (
            "price_min: 0.000001 USD",
            "price_min: 0.000001 EUR",
            "universe.price_min",
            "0.000001 EUR is not in app.capital_currency: USD (app.yaml:7); write it in USD",
        ),
    ],
)
def test_names_that_do_not_fit_each_other_are_told_with_both_keys(
    tmp_path: Path, old: str, new: str, key: str, told: str
) -> None:
    (complaint,) = complaints_about(a_config_folder(tmp_path, ("universe.yaml", old, new)))
    assert complaint.startswith("universe.yaml:")
    assert f": {key}: {told}" in complaint


def test_an_allowlist_of_exactly_the_symbols_meant_is_taken(tmp_path: Path) -> None:
    five = "    count: 2\n    symbols: [BTC-USD, ETH-USD]"
    edit = ("universe.yaml", "    count: 0\n    symbols: []", five)
    assert complaints_about(a_config_folder(tmp_path, edit)) == []


def test_another_capital_currency_is_told_at_every_amount_of_the_old_one() -> None:
    told = told_with(**{"app.capital_currency": "EUR"})
    keys = {line.split(": ")[1] for line in told}
    assert keys == {
        "app.capital_max",
        "app.quote_currencies",
        "app.starting_balances",
        "risk.notional_max",
        "risk.notional_min",
        "universe.price_min",
        "universe.stable_assets",
        *(f"universe.tiers.T{n}.{key}" for n in "123" for key in ("depth_min", "volume_24h_min")),
    }


def test_coins_beside_the_cash_are_no_contradiction_but_a_currency_twice_is(
    tmp_path: Path,
) -> None:
    coins = ("app.yaml", SHIPPED_BALANCES, "[10000 USD, 1 BTC]")
    assert complaints_about(a_config_folder(tmp_path / "coins", coins)) == []
    twice = ("app.yaml", SHIPPED_BALANCES, "[10000 USD, 1 USD]")
    (complaint,) = complaints_about(a_config_folder(tmp_path / "twice", twice))
    assert "app.starting_balances: USD stands there more than once" in complaint


def test_the_weather_cannot_be_read_from_money() -> None:
    (complaint,) = told_with(**{"regime.reference": "USDT"})
    assert "regime.reference: USDT is also in universe.stable_assets" in complaint


@pytest.mark.parametrize("exchange", ["embedded", "recorded"])
def test_live_on_a_simulated_market_is_refused(exchange: str) -> None:
    ready = {"app.mode": "LIVE", "exchange.read_only": "false"}
    (complaint,) = told_with(**ready, **{"exchange.name": exchange})
    assert f"LIVE needs a real venue, but exchange.name: {exchange} (command line)" in complaint


def test_alerts_go_one_way(tmp_path: Path) -> None:
    both = {"alerts.command": "tell-me", "alerts.apprise": "true"}
    (complaint,) = complaints_about(a_config_folder(tmp_path), overrides=both)
    assert "alerts.apprise: apprise is on beside alerts.command: tell-me" in complaint


def test_a_bar_that_leaves_no_trigger_is_refused_and_names_the_bar(tmp_path: Path) -> None:
    told = told_with(**{"market.bar": "1d"})
    assert any(
        line.startswith(f"policy.yaml:{line_of('policy.yaml', 'triggers:')}: triggers: ")
        and line.endswith("see market.bar: 1d (command line)")
        for line in told
    )


def test_rules_without_an_enabled_trigger_are_refused_and_another_strategy_is_not() -> None:
    kinds = [kind.value for kind in TriggerKind]
    off = {f"triggers.{kind}.enabled": "false" for kind in kinds}
    (complaint,) = told_with(**off)
    assert complaint.startswith(
        f"policy.yaml:{line_of('policy.yaml', 'triggers:')}: triggers: none is enabled, and "
        "strategies.rules.enabled: true"
    )
    other = {"strategies.rules.enabled": "false", "strategies.ema_cross.enabled": "true"}
    assert told_with(**off, **other) == []
    assert told_with(**{f"triggers.{kind}.enabled": "false" for kind in kinds[1:]}) == []


def test_a_stretch_that_no_window_can_show_is_refused() -> None:
    """Of 16 values none lies more than 15 / sqrt(16) deviations from their mean."""
    short = {"triggers.oversold.window": "4h"}
    assert told_with(**short, **{"triggers.oversold.min.crash": "3.75x"}) == []
    (complaint,) = told_with(**short, **{"triggers.oversold.min.crash": "3.76x"})
    assert complaint.startswith(
        "command line: triggers.oversold.min.crash: 3.76x can never be reached: of 16 closes "
        "none lies more than 3.75x the standard deviation below their mean"
    )
    off = {"triggers.oversold.enabled": "false", "triggers.oversold.min.crash": "3.76x"}
    assert told_with(**short, **off) == []


def test_a_bot_without_an_enabled_strategy_is_refused(tmp_path: Path) -> None:
    (complaint,) = told_with(**{"strategies.rules.enabled": "false"})
    assert complaint.startswith("strategies.yaml:4: strategies: no strategy is enabled; set ")
    assert "strategies.rules.enabled: false (command line)" in complaint
    folder = a_config_folder(tmp_path)
    (folder / "strategies.yaml").write_text("strategies: {}\n")
    (complaint,) = complaints_about(folder)
    assert complaint.startswith("strategies.yaml:1: strategies: no strategy is enabled")


def test_an_enabled_strategy_without_a_budget_names_both_keys(tmp_path: Path) -> None:
    folder = a_config_folder(tmp_path)
    text = (folder / "strategies.yaml").read_text()
    start, end = text.index("    budget:"), text.index("    parameters:")
    (folder / "strategies.yaml").write_text(text[:start] + text[end:])
    (complaint,) = complaints_about(folder)
    assert complaint == (
        "strategies.yaml:5: strategies.rules.budget: is missing, "
        "but strategies.rules.enabled: true (strategies.yaml:6) needs it"
    )


def test_a_broken_value_is_complained_about_once_and_silences_only_its_own_pairs() -> None:
    told = told_with(**{"risk.notional_min": "25", "risk.trades_per_day_max": "5"})
    assert [line.split(": ")[1] for line in told] == [
        "risk.notional_min",
        "risk.trades_per_day_max",
    ]


def test_a_bar_that_there_is_not_is_the_only_thing_told_of_it() -> None:
    (complaint,) = told_with(**{"market.bar": "7m"})
    assert complaint.startswith("command line: market.bar: is '7m'")
