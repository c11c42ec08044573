"""The repository's own configuration, and edited copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from config.complaints import ConfigError
from config.loader import Configuration, load
from core.policy import Policy
from strategy.registry import parameter_types

CONFIG = Path(__file__).parents[2] / "config"


def shipped_configuration(profile: str | None = None, **overrides: str) -> Configuration:
    """The shipped files under a profile; overrides by dotted key: **{"risk.cash_min": "30%"}."""
    return _shipped(profile, tuple(sorted(overrides.items())))


def shipped_policy(**overrides: str) -> Policy:
    """The policy of the shipped files; overrides by dotted key."""
    return shipped_configuration(**overrides).policy


@cache
def _shipped(profile: str | None, overrides: tuple[tuple[str, str], ...]) -> Configuration:
    return load(CONFIG, profile=profile, overrides=dict(overrides), strategies=parameter_types())


def a_config_folder(folder: Path, *edits: tuple[str, str, str]) -> Path:
    """A copy of the shipped files with (file, old text, new text) replaced, each exactly once."""
    copy = folder / "config"
    shutil.copytree(CONFIG, copy, ignore=shutil.ignore_patterns("*.py", "schema", "__pycache__"))
    for file, old, new in edits:
        text = (copy / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    return copy


def complaints_about(
    folder: Path, profile: str | None = None, overrides: Mapping[str, str] | None = None
) -> list[str]:
    """Every complaint about a folder as a person reads it, without the folder's own path."""
    try:
        load(folder, profile=profile, overrides=overrides or {}, strategies=parameter_types())
    except ConfigError as error:
        return [str(told).replace(f"{folder}/", "") for told in error.complaints]
    return []


def line_of(file: str, start: str) -> int:
    """The number of the one line of a shipped file that begins so, its indentation aside."""
    lines = (CONFIG / file).read_text(encoding="utf-8").split("\n")
    (found,) = (at for at, line in enumerate(lines, start=1) if line.strip().startswith(start))
    return found
