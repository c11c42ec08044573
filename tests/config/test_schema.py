"""The schemas, the YAML and the dataclasses name the same keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib.util import find_spec
from typing import Any, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from config.complaints import Complaint
from config.document import read_document
from config.parse import UNITS
from config.schemas import FILES, FOLDER, Schema, forget, meaning_of, schema_of, units
from config.settings import Settings
from config.tree import Path, Section, dotted, find, keys_of
from core.money import Money, Ratio
from core.policy import Policy, StrategyBudget
from strategy.registry import parameter_types
from tests.builders.shipped import CONFIG

OPTIONAL = {"universe.red_flags.0.until"}
ELSEWHERE = {"triggers.gap_share_max": "market.gap_share_max"}


def shipped(file: str) -> Section:
    unheard: list[Complaint] = []
    tree = read_document(CONFIG / f"{file}.yaml", file, unheard)
    assert tree is not None
    return tree


def declared(part: Schema, path: Path = ()) -> Iterator[tuple[Path, Schema]]:
    """Every key that a schema declares by name, with its own schema."""
    for name, below in part.get("properties", {}).items():
        yield (*path, name), below
        yield from declared(below, (*path, name))


@pytest.mark.parametrize("name", [*FILES, "units"])
def test_a_schema_is_a_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((FOLDER / f"{name}.schema.json").read_text()))


@pytest.mark.parametrize("file", FILES)
def test_every_shipped_key_has_a_meaning_a_unit_and_a_reader(file: str) -> None:
    for path in keys_of(shipped(file)):
        meaning = meaning_of(path)
        assert meaning is not None, dotted(path)
        assert meaning.text.endswith(".")
        assert meaning.unit
        assert find_spec(meaning.reader) is not None, f"{dotted(path)}: {meaning.reader}"


@pytest.mark.parametrize("file", FILES)
def test_every_key_of_a_schema_stands_in_the_shipped_file(file: str) -> None:
    tree = shipped(file)
    keys = [path for path, _ in declared(schema_of(file))]
    assert len(keys) > 5
    assert [dotted(path) for path in keys if find(tree, path) is None] == []


@pytest.mark.parametrize("file", FILES)
def test_every_key_is_required_and_no_other_is_taken(file: str) -> None:
    def sections(part: Schema, path: str) -> Iterator[tuple[str, Schema]]:
        if "properties" in part:
            yield path, part
        for name, below in part.get("properties", {}).items():
            yield from sections(below, f"{path}.{name}")
        for key in ("additionalProperties", "items"):
            if isinstance(part.get(key), dict):
                yield from sections(part[key], f"{path}.0")

    for path, part in sections(schema_of(file), ""):
        optional = {
            name for name in part["properties"] if f"{path}.{name}".removeprefix(".") in OPTIONAL
        }
        named = set(part["properties"]) - optional
        assert part["additionalProperties"] is False, path
        if path != ".strategies":  # a strategy that is not named is off
            assert set(part["required"]) == named, path


def test_schemas_that_were_forgotten_are_read_again() -> None:
    before = schema_of("app")

    forget()

    assert schema_of("app") is not before
    assert schema_of("app") == before


def test_every_file_points_the_editor_at_its_schema() -> None:
    for file in FILES:
        first = (CONFIG / f"{file}.yaml").read_text().split("\n")[0]
        assert first == f"# yaml-language-server: $schema=schema/{file}.schema.json"


def test_every_unit_has_a_reading_a_form_and_examples_that_can_be_read() -> None:
    named = {part["unit"]: part for part in units().values() if "unit" in part}
    assert set(named) == set(UNITS)
    for name, part in named.items():
        assert part["form"]
        for example in part["examples"]:
            UNITS[name](example)


def built_keys(kind: Any, path: Path) -> Iterator[Path]:
    """Every key that the typed configuration reads, down to free names."""
    yield path
    if is_dataclass(kind) and kind not in (Ratio, Money):
        hints = get_type_hints(kind)
        for field in fields(kind):
            yield from built_keys(hints[field.name], (*path, field.name))


def test_every_field_of_the_typed_configuration_is_a_key_of_a_schema() -> None:
    """A field without a key would be a default in code; a key without a field has no effect."""
    keys: set[str] = set()
    for name, kind in get_type_hints(Settings).items():
        keys |= {dotted(path) for path in built_keys(kind, (name,))}
    for name, kind in get_type_hints(Policy).items():
        if is_dataclass(kind):
            keys |= {dotted(path) for path in built_keys(kind, (name,))}
    for name, kind in parameter_types().items():
        keys |= {dotted(path) for path in built_keys(kind, ("strategies", name, "parameters"))}
        keys |= {dotted(p) for p in built_keys(StrategyBudget, ("strategies", name, "budget"))}
    read = {ELSEWHERE.get(key, key) for key in keys}
    named = {dotted(path) for file in FILES for path, _ in declared(schema_of(file))}
    switches = {f"strategies.{name}.enabled" for name in parameter_types()}
    sections = {"strategies", *(f"strategies.{name}" for name in parameter_types())}
    by_regime = {key for key in named if key.split(".")[-1] in ("bull", "chop", "bear", "crash")}
    inside = {key for key in named if ".multipliers." in key}
    assert read - named == set()
    assert named - read - switches - sections - by_regime - inside == set()
