"""One row for each kind of mistake that a single file can hold, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.shipped import a_config_folder, complaints_about, line_of

# By file: (old text, new text, the complaint's line or how it begins, its key and message).
POLICY = [
    ("cash_min: 20%", "cash_min: 20", "cash_min:", "risk.cash_min: 20 has no unit; write 20%"),
    (
        "cash_min: 20%",
        "cash_min: 100%",
        "cash_min:",
        "risk.cash_min: is 100%; write less than 100%",
    ),
    ("cash_min: 20%", "cash_min: -1%", "cash_min:", "risk.cash_min: is -1%; write at least 0%"),
    (
        "at_risk_max: 60%",
        "at_risk_max: 101%",
        "at_risk_max:",
        "risk.at_risk_max: is 101%; write at most 100%",
    ),
    (
        "at_risk_max: 60%",
        "at_risk_max: [60%]",
        "at_risk_max:",
        "risk.at_risk_max: is a list; write a ratio, such as 3% or 80 bps",
    ),
    (
        "at_risk_max: 60%",
        "at_risk_max:",
        "at_risk_max:",
        "risk.at_risk_max: has no value; write a ratio, such as 3% or 80 bps",
    ),
    (
        "at_risk_max: 60%",
        "at_risk_max: true",
        "at_risk_max:",
        "risk.at_risk_max: is true; write a ratio, such as 3% or 80 bps",
    ),
    (
        "at_risk_max: 60%",
        "at_risk_mx: 60%",
        "at_risk_max:",
        "risk.at_risk_mx: is not a setting; did you mean at_risk_max?",
    ),
    (
        "  positions_max: 10\n",
        "",
        "risk:",
        "risk.positions_max: is missing; copy `positions_max: 10` from config/policy.yaml:",
    ),
    (
        "positions_max: 10",
        "positions_max: 0",
        "positions_max:",
        "risk.positions_max: is 0; write at least 1",
    ),
    (
        "positions_max: 10",
        "positions_max: 10.5",
        "positions_max:",
        "risk.positions_max: is '10.5'; write a whole number, without quotes or unit",
    ),
    ("cooldown: 2h", "cooldown: 31d", "cooldown:", "risk.cooldown: is 31d; write at most 30d"),
    (
        "pinned: none",
        "pinned: off",
        "pinned:",
        "regime.pinned: is 'off'; write none, bull, chop, bear or crash",
    ),
    (
        "pinned: none",
        "pinned: bul",
        "pinned:",
        "regime.pinned: is 'bul'; write none, bull, chop, bear or crash; did you mean bull?",
    ),
    (
        "{tactic: maker, slippage_max: 10 bps}",
        "{tactic: market, slippage_max: 10 bps}",
        "T1: {tactic",
        "execution.tiers.T1.tactic: is 'market'; write maker or ioc",
    ),
    (
        "impact_max: {T1: 10 bps,",
        "impact_max: {big: 1%, T1: 10 bps,",
        "impact_max:",
        "risk.impact_max.big: ",
    ),
    ("risk:\n", "risks:\n", "risk:", "risks: is not a section of policy.yaml; did you mean risk?"),
    (
        "notional_max: 1000 USD",
        "notional_max: 1000",
        "notional_max:",
        "risk.notional_max: 1000 has no unit; write 1000 USD",
    ),
]
APP = [
    ("read_only: true", "read_only: yes", 16, "exchange.read_only: is 'yes'; write true or false"),
    ("mode: DRY_RUN ", "mode: dry_run ", 6, "app.mode: is 'dry_run'; write DRY_RUN, PAPER or LIVE"),
    (
        "name: 247trader ",
        "name: 247 ",
        5,
        "app.name: is 247; write a name of small letters, digits and dashes, such as",
    ),
    (
        "start: 2025-01-01T00:00:00Z",
        "start: 2025-01-32T00:00:00Z",
        "start:",
        "market.start: '2025-01-32T00:00:00Z' does not exist",
    ),
    (
        "ping_url: none ",
        "ping_url: http://watcher.example/ping ",
        "ping_url:",
        "alerts.ping_url: is 'http://watcher.example/ping'; write an https address",
    ),
    ("apprise: false", "apprise: on", "apprise:", "alerts.apprise: is 'on'; write true or false"),
    ("bar: 15m", "bar: 7m", "bar:", "market.bar: is '7m'; write 1m, 5m, 15m, 1h or 1d"),
    ("interval: 1x ", "interval: 0.5s ", "interval:", "loop.interval: is 0.5s; write at least 1s"),
    (
        "interval: 1x ",
        "interval: 0.01x ",
        "interval:",
        "loop.interval: is 0.01x; write at least 0.1x",
    ),
    (
        "quote_currencies: [USD, USDC]",
        "quote_currencies: [USD, A1, A2, A3, A4, A5, A6, A7, A8]",
        8,
        "app.quote_currencies: holds 9; at most 8 may be there",
    ),
    (
        "quote_currencies: [USD, USDC]",
        "quote_currencies: USD",
        8,
        "app.quote_currencies: is 'USD'; write a list",
    ),
    (
        "[10000 USD, 2500 USDC]",
        "[10000]",
        9,
        "app.starting_balances.0: 10000 has no unit; write 10000 USD",
    ),
    (
        "gather:\n",
        "risk:\n  cash_min: 1%\ngather:\n",
        "gather:",
        "risk: is not a section of app.yaml; it belongs in policy.yaml",
    ),
]
UNIVERSE = [
    (
        "assets: [BTC, ETH]",
        "assets: [BTC, BTC]",
        10,
        "universe.tiers.T1.assets: names BTC more than once",
    ),
    (
        "assets: [BTC, ETH]",
        "assets: [btc]",
        10,
        "universe.tiers.T1.assets.0: is 'btc'; write an asset in capitals",
    ),
    (
        "red_flags: []",
        "red_flags: [{asset: A, reason: b, until: soon}]",
        29,
        "universe.red_flags.0.until: 'soon' is not a date; write it like 2026-01-31",
    ),
    ("red_flags: []", "red_flags: [{asset: A}]", 29, "universe.red_flags.0.reason: is missing"),
    (
        "      depth_min: 5000 USD\n",
        "",
        14,
        "universe.tiers.T2.depth_min: is missing; copy `depth_min: 5000 USD` from config/univ",
    ),
]
STRATEGIES = [
    ("  rules:\n", "  grid:\n", 5, "strategies.grid: is "),
    (
        "stop_atr: 2x ",
        "stop_atr: 2 ",
        "stop_atr: 2x ",
        "strategies.rules.parameters.momentum.stop_atr: 2 has no unit; write 2x",
    ),
    (
        "fast: 3h ",
        "fast: 13h ",
        "fast:",
        "strategies.rules.parameters.momentum.fast: must be shorter than momentum.slow",
    ),
]


def check(file: str, folder: Path, row: tuple[str, str, int | str, str]) -> None:
    old, new, line, said = row
    told = complaints_about(a_config_folder(folder, (file, old, new)))
    number = line if isinstance(line, int) else line_of(file, line)
    wanted = f"{file}:{number}: {said}"
    assert [complaint for complaint in told if complaint.startswith(wanted)], "\n".join(told)


@pytest.mark.parametrize("row", POLICY)
def test_a_mistake_in_policy_yaml_names_line_key_and_what_to_do(
    tmp_path: Path, row: tuple[str, str, int | str, str]
) -> None:
    check("policy.yaml", tmp_path, row)


@pytest.mark.parametrize("row", APP)
def test_a_mistake_in_app_yaml_names_line_key_and_what_to_do(
    tmp_path: Path, row: tuple[str, str, int | str, str]
) -> None:
    check("app.yaml", tmp_path, row)


@pytest.mark.parametrize("row", UNIVERSE)
def test_a_mistake_in_universe_yaml_names_line_key_and_what_to_do(
    tmp_path: Path, row: tuple[str, str, int | str, str]
) -> None:
    check("universe.yaml", tmp_path, row)


@pytest.mark.parametrize("row", STRATEGIES)
def test_a_mistake_in_strategies_yaml_names_line_key_and_what_to_do(
    tmp_path: Path, row: tuple[str, str, int | str, str]
) -> None:
    check("strategies.yaml", tmp_path, row)
