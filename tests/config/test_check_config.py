"""python -m runner.check_config, as a person and as a script see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner import check_config
from tests.builders.shipped import CONFIG, a_config_folder, line_of, shipped_configuration

CASH_MIN = line_of("policy.yaml", "cash_min:")


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
        f"{folder}/app.yaml:18: market.seed: is missing; copy `seed: 7` from config/app.yaml:21",
        f"{folder}/app.yaml:21: market.sed: is not a setting; did you mean seed?",
        f"{folder}/policy.yaml:{CASH_MIN}: risk.cash_min: 20 has no unit; write 20%",
        "",
    ]


def test_the_mode_of_the_command_line_is_checked_as_the_bot_would(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check_config.main(["--config", str(CONFIG), "--mode", "LIVE"]) == 2
    assert capsys.readouterr().err.startswith("command line: app.mode: LIVE needs a real venue")
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
        "  read by     core.risk.exposure",
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
    assert check_config.main(["--config", str(folder), "--explain", "risk.cash_min"]) == 0
    assert "a ratio" in capsys.readouterr().out


def test_an_unknown_key_is_answered_with_the_nearest_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check_config.main(["--config", str(CONFIG), "--explain", "risk.cash_mn"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "risk.cash_mn is not a setting; did you mean risk.cash_min" in told.err


def test_every_shipped_key_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("app", "universe.tiers", "universe.tiers.T2.assets", "regime.pinned"):
        assert check_config.main(["--config", str(CONFIG), "--explain", key]) == 0
        assert capsys.readouterr().out.startswith(f"{key}: ")


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
