"""An audit log and the policy as plain data, read without our own readers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_FILES = ("app", "policy", "universe", "strategies")


def records_of(logs: Path) -> Iterator[dict[str, Any]]:
    """Every record of a folder of audit logs, oldest first."""
    for path in sorted(logs.glob("audit-*.jsonl.gz")):
        with gzip.open(path) as file:
            yield from map(json.loads, file)
    with (logs / "audit.jsonl").open("rb") as file:
        yield from map(json.loads, file)


def policy_of(config: Path, profile: str | None = None) -> Mapping[str, Any]:
    """The four files as YAML has them, with a profile laid over them."""
    merged: dict[str, Any] = {}
    for name in _FILES:
        merged |= yaml.safe_load((config / f"{name}.yaml").read_text(encoding="utf-8"))
    if profile is not None:
        text = (config / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8")
        merged = _laid_over(merged, yaml.safe_load(text))
    return merged


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        was = merged.get(key)
        nested = isinstance(was, dict) and isinstance(value, Mapping)
        merged[key] = _laid_over(was, value) if nested and was else value
    return merged
