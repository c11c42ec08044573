"""Files, profile and command line to one typed configuration, or every mistake at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.complaints import ConfigError
from config.loader import fingerprint_of, load, rebuild
from config.settings import Mode
from core.market import Regime
from core.money import Money, Ratio
from core.policy import Tactic
from strategy.registry import parameter_types
from tests.builders.shipped import (
    CONFIG,
    a_config_folder,
    complaints_about,
    line_of,
    shipped_configuration,
    shipped_policy,
)


def percent(text: str) -> Ratio:
    return Ratio(Decimal(text) / 100)


def test_the_shipped_files_become_typed_values() -> None:
    found = shipped_configuration()
    settings, policy = found.settings, found.policy
    assert settings.app.mode is Mode.DRY_RUN
    assert settings.app.starting_balances == (
        Money(Decimal(10_000), "USD"),
        Money(Decimal(2_500), "USDC"),
    )
    assert settings.app.disk_reserve == 200_000_000
    assert settings.market.start == datetime(2025, 1, 1, tzinfo=UTC)
    assert settings.market.bar == timedelta(minutes=15)
    assert policy.capital_currency == "USD"
    assert policy.quote_currencies == ("USD", "USDC")
    assert policy.regime.pinned is None
    assert policy.regime.multipliers[Regime.BEAR].size == Decimal("0.6")
    assert policy.triggers.volume_spike.min[Regime.CRASH] == Decimal(4)
    assert policy.triggers.gap_share_max == settings.market.gap_share_max == percent("20")
    assert list(policy.universe.tiers) == ["T1", "T2", "T3"]
    assert policy.universe.themes["meme"] == ("DOGE", "SHIB", "BONK", "PEPE")
    assert policy.risk.spread_max["T3"] == Ratio(Decimal("0.008"))
    assert policy.execution.tiers["T3"].tactic is Tactic.IOC
    assert policy.budgets == {"rules": found.strategies["rules"].budget}
    assert isinstance(found.strategies["rules"].parameters, parameter_types()["rules"])


def test_an_interval_is_a_multiple_of_the_bar_or_a_duration() -> None:
    assert shipped_configuration().settings.loop.interval == timedelta(minutes=15)
    hourly = shipped_configuration(**{"market.bar": "1h"})
    assert hourly.settings.loop.interval == timedelta(hours=1)
    assert hourly.policy.execution.maker_ttl == timedelta(minutes=90)
    quick = shipped_configuration(**{"loop.interval": "60s"})
    assert quick.settings.loop.interval == timedelta(seconds=60)
    assert quick.policy.execution.maker_ttl == timedelta(seconds=90)


def test_a_trigger_that_the_bar_cannot_resolve_is_off_and_named() -> None:
    assert shipped_configuration().notices == ()
    (notice,) = shipped_configuration(**{"market.bar": "1h"}).notices
    assert "15m is no whole number of 1h bars; the trigger price_move_15m is off" in notice


def test_a_pinned_regime_and_a_red_flag_with_and_without_end_are_read(tmp_path: Path) -> None:
    flags = "red_flags: [{asset: LUNA, reason: depegged, until: 2026-01-31}, {asset: X, reason: y}]"
    folder = a_config_folder(
        tmp_path,
        ("policy.yaml", "pinned: none", "pinned: crash"),
        ("universe.yaml", "red_flags: []", flags),
    )
    found = load(folder, profile=None, overrides={}, strategies=parameter_types())
    assert found.policy.regime.pinned is Regime.CRASH
    assert [flag.until for flag in found.policy.universe.red_flags] == [date(2026, 1, 31), None]


def test_a_strategy_that_is_off_is_checked_but_not_chosen(tmp_path: Path) -> None:
    off = ("strategies.yaml", "rules:\n    enabled: true", "rules:\n    enabled: false")
    broken = ("strategies.yaml", "conviction_min: 35%", "conviction_min: 35")
    told = complaints_about(a_config_folder(tmp_path, off, broken))
    assert any("strategies.rules.parameters.conviction_min" in line for line in told)
    assert any("no strategy is enabled" in line for line in told)


def test_all_mistakes_come_out_together_in_reading_order(tmp_path: Path) -> None:
    folder = a_config_folder(
        tmp_path,
        ("app.yaml", "jitter_max: 10%", "jitter_max: 10"),
        ("policy.yaml", "cash_min: 20%", "cash_mn: 20%"),
        ("policy.yaml", "notional_max: 1000 USD", "notional_max: 20 USD"),
        ("universe.yaml", "discovery: true", "discovery: maybe"),
        ("strategies.yaml", "fast: 3h ", "fast: 12h "),
    )
    told = complaints_about(folder, overrides={"market.sed": "7"})
    assert [line.split(": ")[:2] for line in told] == [
        [f"app.yaml:{line_of('app.yaml', 'jitter_max:')}", "loop.jitter_max"],
        [f"policy.yaml:{line_of('policy.yaml', 'risk:')}", "risk.cash_min"],
        [f"policy.yaml:{line_of('policy.yaml', 'cash_min:')}", "risk.cash_mn"],
        [f"policy.yaml:{line_of('policy.yaml', 'notional_max:')}", "risk.notional_max"],
        ["universe.yaml:24", "universe.discovery"],
        [
            f"strategies.yaml:{line_of('strategies.yaml', 'fast:')}",
            "strategies.rules.parameters.momentum.fast",
        ],
        ["command line", "market.sed"],
    ]


def test_a_file_that_is_no_yaml_hides_nothing_in_the_others(tmp_path: Path) -> None:
    folder = a_config_folder(
        tmp_path,
        ("policy.yaml", "regime:\n", "regime: [\n"),
        ("app.yaml", "seed: 7", "seed: seven"),
    )
    told = complaints_about(folder)
    assert [line.split(": ")[1] for line in told] == ["market.seed", "YAML"]


def test_a_missing_section_is_told_in_the_file_in_which_it_belongs(tmp_path: Path) -> None:
    folder = a_config_folder(tmp_path)
    text = (folder / "policy.yaml").read_text()
    (folder / "policy.yaml").write_text(text[: text.index("execution:")])
    (told,) = complaints_about(folder)
    assert told.startswith("policy.yaml:1: execution: is missing; copy the section execution ")


def test_a_strategy_that_nobody_wrote_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        load(CONFIG, profile=None, overrides={}, strategies={"rule": object})
    (complaint,) = (told for told in caught.value.complaints if told.key == "strategies.rules")
    assert complaint.message == "is no strategy; did you mean rule?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picky:
    """Parameters that refuse themselves, with no key to blame."""

    conviction_min: Ratio
    momentum: Mapping[str, str]
    breakout: Mapping[str, str]

    def __post_init__(self) -> None:
        raise ValueError("nothing suits me")


def test_parameters_that_refuse_themselves_are_told_at_their_section() -> None:
    edits = {"strategies.rules.parameters.momentum.enabled": "true"}
    with pytest.raises(ConfigError) as caught:
        load(CONFIG, profile=None, overrides=edits, strategies={"rules": Picky})
    keys = {complaint.key for complaint in caught.value.complaints}
    assert "strategies.rules.parameters.momentum.enabled" in keys  # a truth value is no text


def test_the_command_line_wins_over_the_profile_and_the_profile_over_the_files() -> None:
    assert shipped_configuration().settings.logs.level == "INFO"
    assert shipped_configuration("dev").settings.logs.level == "DEBUG"
    told = shipped_configuration("dev", **{"logs.level": "ERROR"})
    assert told.settings.logs.level == "ERROR"
    assert told.settings.logs.files_kept == 2


@pytest.mark.parametrize(
    ("key", "text", "complaint"),
    [
        ("market.bars", "1h", "market.bars: is not a setting; did you mean market.bar?"),
        ("market.seed", "x", "market.seed: is 'x'; write a whole number, without quotes or unit"),
        ("loop.interval", "60", "loop.interval: 60 has no unit; write 60s"),
        ("risk", "off", "risk: is a section; set one of the keys in it"),
        ("app.name", "sk_secret: x", "secret: the line looks like a secret"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_as_one(key: str, text: str, complaint: str) -> None:
    (told,) = complaints_about(CONFIG, overrides={key: text})
    assert told.startswith(f"command line: {complaint}")


def test_a_mistake_in_a_profile_is_told_with_the_profiles_own_line(tmp_path: Path) -> None:
    folder = a_config_folder(tmp_path)
    overlay = "# why\nrisk:\n  cash_min: 20\n  spred_max: {T1: 1%}\nrsk:\n  cash_min: 1%\n"
    (folder / "profiles" / "mine.yaml").write_text(overlay)
    assert complaints_about(folder, "mine") == [
        "profiles/mine.yaml:3: risk.cash_min: 20 has no unit; write 20%",
        "profiles/mine.yaml:4: risk.spred_max: is not a setting; did you mean spread_max?",
        "profiles/mine.yaml:5: rsk: is not a section of any file; did you mean risk?",
    ]


@pytest.mark.parametrize("name", ["prdo", "../app", "", "/etc/passwd"])
def test_a_profile_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    (told,) = complaints_about(CONFIG, name)
    assert told.startswith(f"command line: --profile: there is no profile {name!r}")
    assert "canary, daily, dev, ema_cross, prod, rehearsal and usdt" in told


def test_in_an_overlay_a_section_merges_and_a_list_is_replaced(tmp_path: Path) -> None:
    folder = a_config_folder(tmp_path)
    (folder / "profiles" / "mine.yaml").write_text(
        "universe:\n  stable_assets: [USD, USDC]\nrisk:\n  spread_max: {T1: 12 bps}\n"
    )
    found = load(folder, profile="mine", overrides={}, strategies=parameter_types()).policy
    assert found.universe.stable_assets == ("USD", "USDC")
    assert found.risk.spread_max == {
        "T1": Ratio(Decimal("0.0012")),
        "T2": Ratio(Decimal("0.004")),
        "T3": Ratio(Decimal("0.008")),
    }


def test_replay_rebuilds_the_same_configuration_from_the_tape() -> None:
    for profile in (None, "canary", "usdt"):
        found = shipped_configuration(profile)
        stored = json.loads(json.dumps(found.effective, sort_keys=True))
        assert rebuild(stored, parameter_types()) == found


def test_the_order_of_lines_in_a_file_decides_nothing(tmp_path: Path) -> None:
    one, other = "  meme: [DOGE, SHIB, BONK, PEPE]\n", "  defi: [UNI, AAVE, LINK, ZRX]\n"
    folder = a_config_folder(
        tmp_path,
        ("universe.yaml", f"  {other}  {one}", f"  {one}  {other}"),
        ("policy.yaml", "    T1: 5%\n    T2: 3%\n", "    T2: 3%\n    T1: 5%\n"),
    )
    found = load(folder, profile=None, overrides={}, strategies=parameter_types())
    assert found == shipped_configuration()
    assert list(found.policy.sizing.base) == ["T1", "T2", "T3"]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    else:
        yield path, value


def changed(tree: Any, path: Sequence[str]) -> Any:
    """A copy of the tree with another value at `path`."""
    if not path:
        return [*tree, "more"] if isinstance(tree, list) else f"{tree}!"
    return {**tree, path[0]: changed(tree[path[0]], path[1:])}


def test_the_fingerprint_changes_with_any_value() -> None:
    effective: Any = shipped_configuration().effective
    keys = [path for path, _ in leaves(effective)]
    prints = {fingerprint_of(changed(effective, path)) for path in keys}
    assert len(keys) > 100
    assert len(prints | {fingerprint_of(effective)}) == len(keys) + 1


def test_the_fingerprint_does_not_depend_on_the_order_in_which_a_tape_holds_the_keys() -> None:
    found = shipped_configuration()
    backwards = dict(reversed(list(found.effective.items())))
    assert list(backwards) != list(found.effective)
    assert fingerprint_of(backwards) == found.fingerprint


@pytest.mark.parametrize(
    ("key", "within", "beyond"),
    [
        ("risk.cash_min", "0%", "-0.01%"),
        ("risk.at_risk_max", "100%", "100.01%"),
        ("risk.book_age_max", "1s", "0.999999s"),
        ("risk.depth_multiple_min", "0.1x", "0x"),
        ("app.capital_max", "1000000 USD", "0 USD"),
        ("logs.file_max", "10 KB", "9 KB"),
        ("loop.interval", "1s", "0.999999s"),
        ("loop.interval", "0.1x", "0.0999x"),
        ("loop.interval", "100x", "101x"),
        ("market.seed", "0", "-1"),
        ("gather.books_per_cycle_max", "100", "101"),
    ],
)
def test_a_value_at_its_bound_is_taken_and_one_beyond_it_is_not(
    key: str, within: str, beyond: str
) -> None:
    assert complaints_about(CONFIG, overrides={key: within}) == []
    (told,) = complaints_about(CONFIG, overrides={key: beyond})
    assert told.startswith(f"command line: {key}: is {beyond}; write ")


def test_a_policy_can_be_had_with_one_key_changed() -> None:
    assert shipped_policy(**{"risk.cash_min": "30%"}).risk.cash_min == percent("30")
