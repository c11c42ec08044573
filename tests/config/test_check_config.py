"""python -m runner.check_config, as a person and as a script see it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from config.sources import known_keys, read_sources
from core.market import Regime
from runner import check_config
from tests.builders.shipped import CONFIG, a_config_folder, line_of, shipped_configuration

CASH_MIN = line_of("policy.yaml", "cash_min:")
KEYS = sorted(known_keys(read_sources(CONFIG, None, {}).tree))
SECTIONS = frozenset(key for key in KEYS if any(other.startswith(f"{key}.") for other in KEYS))
# Given by the operator, or by the regime: what reads them goes over all of them.
FREE_NAMES = frozenset({"T1", "T2", "T3", "layer1", "defi", "meme", "payments"}) | frozenset(
    regime.value for regime in Regime
)
# What a key is called where it acts, if not by its own name.
ELSEWHERE = {
    "app.audit_keep": "keep",
    "app.disk_reserve": "reserve",
    "strategies.rules.enabled": "strategies",
}
MARKET, SEED = line_of("app.yaml", "market:"), line_of("app.yaml", "seed:")


def test_a_sound_configuration_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_config.main(["--config", str(CONFIG)]) == 0
    told = capsys.readouterr()
    assert told.out == f"configuration is sound: {shipped_configuration().fingerprint}\n"
    assert told.err == ""


def test_every_mistake_is_a_line_on_stderr_and_the_exit_code_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = a_config_folder(
        tmp_path,
        ("policy.yaml", "cash_min: 20%", "cash_min: 20"),
        ("app.yaml", "seed: 7", "sed: 7"),
    )
    assert check_config.main(["--config", str(folder)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.split("\n") == [
        f"{folder}/app.yaml:{MARKET}: market.seed: is missing; copy `seed: 7` from "
        f"config/app.yaml:{SEED}",
        f"{folder}/app.yaml:{SEED}: market.sed: is not a setting; did you mean seed?",
        f"{folder}/policy.yaml:{CASH_MIN}: risk.cash_min: 20 has no unit; write 20%",
        "",
    ]


def test_the_mode_of_the_command_line_is_checked_as_the_bot_would(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check_config.main(["--config", str(CONFIG), "--mode", "LIVE"]) == 2
    told = capsys.readouterr().err
    assert "command line: app.mode: LIVE needs a real venue" in told
    assert check_config.main(["--config", str(CONFIG), "--mode", "PAPER"]) == 0


def test_json_carries_mistakes_and_soundness(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = a_config_folder(tmp_path, ("policy.yaml", "cash_min: 20%", "cash_min: 20"))
    assert check_config.main(["--config", str(folder), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["mistakes"] == [
        {
            "file": f"{folder}/policy.yaml",
            "line": CASH_MIN,
            "key": "risk.cash_min",
            "message": "20 has no unit; write 20%",
        }
    ]
    assert check_config.main(["--config", str(CONFIG), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert answer["fingerprint"] == shipped_configuration().fingerprint


def test_a_key_is_explained_with_value_source_unit_meaning_and_reader(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check_config.main(["--config", str(CONFIG), "--explain", "risk.cash_min"]) == 0
    assert capsys.readouterr().out.split("\n") == [
        "risk.cash_min: 20%",
        f"  written in  {CONFIG}/policy.yaml:{CASH_MIN}",
        "  unit        a ratio, at least 0%, less than 100%",
        "  meaning     Share of equity that must stay as cash.",
        "  part of     risk: What may become an order. At a limit is allowed, beyond it is not.",
        "  read by     core.risk.cash",
        "",
    ]


def test_an_explanation_names_the_profile_that_set_the_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--config", str(CONFIG), "--profile", "canary", "--explain", "risk.cash_min"]
    assert check_config.main([*options, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["value"] == "70%"
    assert answer["file"] == f"{CONFIG}/profiles/canary.yaml"
    assert answer["line"] > 0


def test_a_key_can_be_explained_while_another_one_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = a_config_folder(tmp_path, ("policy.yaml", "cash_min: 20%", "cash_min: 20"))
    assert check_config.main(["--config", str(folder), "--explain", "risk.cooldown"]) == 0
    told = capsys.readouterr()
    assert "a duration" in told.out
    assert told.err == ""


def test_what_is_wrong_with_the_key_itself_is_told_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = a_config_folder(tmp_path, ("policy.yaml", "cash_min: 20%", "cash_min: 20"))
    assert check_config.main(["--config", str(folder), "--explain", "risk.cash_min"]) == 2
    told = capsys.readouterr()
    assert "a ratio" in told.out
    assert "risk.cash_min: 20 has no unit; write 20%" in told.err


def test_a_key_under_a_profile_that_is_not_there_is_not_explained_without_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--config", str(CONFIG), "--profile", "canari", "--explain", "risk.cash_min"]
    assert check_config.main(options) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "there is no profile 'canari'; did you mean canary?" in told.err


def test_a_nested_key_says_what_it_is_a_part_of(capsys: pytest.CaptureFixture[str]) -> None:
    key = "triggers.momentum.min.chop"
    assert check_config.main(["--config", str(CONFIG), "--explain", key]) == 0
    told = capsys.readouterr().out
    assert "part of     triggers.momentum.min: The rise that fires, by regime." in told


def test_an_unknown_key_is_answered_with_the_nearest_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check_config.main(["--config", str(CONFIG), "--explain", "risk.cash_mn"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "risk.cash_mn is not a setting; did you mean risk.cash_min" in told.err


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_explained_in_full(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_config.main(["--config", str(CONFIG), "--explain", key, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"key", "value", "file", "line", "unit", "meaning", "part_of", "reader"}
    assert told["key"] == key
    assert told["value"] == value_at(key)
    assert told["unit"]
    assert told["meaning"].endswith("."), "a sentence says what it is for"
    line = Path(told["file"]).read_text(encoding="utf-8").split("\n")[told["line"] - 1]
    assert f"{key.split('.')[-1]}:" in line, f"{key} does not stand in {line!r}"
    assert named_in(told["reader"], key), f"{told['reader']} does not speak of {key}"


@pytest.mark.parametrize("key", KEYS[::8])
def test_a_key_is_explained_to_people_with_the_same_facts(
    key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_config.main(["--config", str(CONFIG), "--explain", key]) == 0
    first, *facts = capsys.readouterr().out.rstrip("\n").split("\n")
    assert first.startswith(f"{key}: ")
    part = ["part"] if "." in key else []
    assert [fact.split()[0] for fact in facts] == ["written", "unit", "meaning", *part, "read"]
    assert all(len(fact.strip()) > len("written in  ") for fact in facts)


def test_a_reader_that_speaks_of_something_else_is_found() -> None:
    assert named_in("core.risk.cash", "risk.cash_min")
    assert not named_in("core.risk.exposure", "risk.cash_min")


def value_at(key: str) -> object:
    """As the effective configuration has it."""
    found: Any = shipped_configuration().effective
    for step in key.split("."):
        found = found[step]
    return found


def named_in(module: str, key: str) -> bool:
    """Whether the module, or one in the package, speaks of the key; of a name, its section."""
    found = find_spec(module)
    assert found is not None, f"{module} does not exist"
    assert found.origin is not None
    path = Path(found.origin)
    files = path.parent.rglob("*.py") if found.submodule_search_locations else [path]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    *sections, name = key.split(".")
    spoken = {ELSEWHERE.get(key, name), *(sections[-1:] if name in FREE_NAMES else ())}
    return key in SECTIONS or any(re.search(rf"\b{word}\b", text) for word in spoken)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_fingerprint_is_the_same_in_every_process(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runner.check_config", "--config", str(CONFIG), "--json"],
        cwd=CONFIG.parent,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout)["fingerprint"] == shipped_configuration().fingerprint
