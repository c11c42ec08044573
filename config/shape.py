"""Shape: is every key there, known, and of the right form and size?

Runs the JSON Schema over the merged tree and turns what it says into one clear
line a mistake. What values mean to each other is `config.contradictions`.
jsonschema is imported only here, and only when `config.fit` found something that
does not fit: it is a tenth of a second that a sound configuration should not pay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, cast

from config.complaints import Complaint, Place, listed, nearest, shown
from config.fit import beyond, fits, is_single, misread
from config.schemas import Schema, schema_of, sections_of
from config.shipped import line_to_copy
from config.tree import Path, Section, dotted, place_of, plain

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


@cache
def _kind() -> Callable[[Schema], Validator]:
    """JSON Schema with our two keywords, made once per process."""
    from jsonschema import validators

    ours = {"unit": _unit_keyword, "limits": _limits_keyword}
    kind = validators.extend(validators.Draft202012Validator, ours)  # type: ignore[no-untyped-call]
    return cast("Callable[[Schema], Validator]", kind)


def errors(value: Any, schema: Schema) -> Iterator[ValidationError]:
    """All that jsonschema has against the value."""
    return iter(_kind()(schema).iter_errors(value))


def _unit_keyword(
    _validator: object, unit: str, instance: object, _schema: Schema
) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if trouble := misread(instance, unit):
        yield ValidationError(trouble)


def _limits_keyword(
    _validator: object, bounds: Mapping[str, str | list[str]], instance: object, schema: Schema
) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    yield from map(ValidationError, beyond(instance, bounds, schema["unit"]))


@dataclass(frozen=True, slots=True)
class _Fault:
    """One error of the validator, as far as its wording needs it."""

    keyword: str
    at: Path
    value: Any
    rule: Any  # what the schema says under the keyword
    schema: Schema
    message: str
    in_a_name: bool  # the fault is in a key, not in a value


def _faults(value: object, schema: Schema) -> Iterator[_Fault]:
    if fits(value, schema):
        return
    for error in errors(value, schema):
        yield _Fault(
            keyword=str(error.validator),
            at=tuple(str(step) for step in error.absolute_path),
            value=error.instance,
            rule=error.validator_value,
            schema=cast("Schema", error.schema),
            message=error.message,
            in_a_name="propertyNames" in error.absolute_schema_path,
        )


def shape_complaints(tree: Section, files: tuple[str, ...]) -> list[Complaint]:
    """What the schemas of `files` have against their sections in `tree`, one per key."""
    told: dict[Path, Complaint] = {}
    for file in files:
        mine = {name: tree.entries[name] for name in sections_of(file) if name in tree.entries}
        for fault in _faults(plain(Section(mine, tree.place)), schema_of(file)):
            for path, message in _worded(fault):
                place = place_of(tree, path) if path[0] in tree.entries else _top(tree, file)
                told.setdefault(path, Complaint(place, dotted(path), message))
    return list(told.values())


def _top(tree: Section, file: str) -> Place:
    """Where a whole section is missing: the first line of the file in which it belongs."""
    return Place(str(File(tree.place.file) / f"{file}.yaml"), 1)


def _worded(fault: _Fault) -> Iterator[tuple[Path, str]]:
    """The key and the sentence of each mistake in one fault."""
    match fault.keyword:
        case "additionalProperties":
            known = fault.schema["properties"]
            for key in sorted(set(fault.value) - set(known)):
                yield (*fault.at, key), f"is not a setting{nearest(key, known)}"
        case "required":
            for key in sorted(set(fault.rule) - set(fault.value)):
                path = (*fault.at, key)
                yield path, f"is missing; {line_to_copy(path)}"
        case _ if fault.in_a_name:
            yield (*fault.at, fault.value), f"is no name for this; write {_form(fault.schema)}"
        case _:
            message = _value_worded(fault)
            if message:
                yield fault.at, message


def _value_worded(fault: _Fault) -> str | None:
    """What is wrong with one value; None where the `unit` keyword says it better."""
    value, rule, schema = fault.value, fault.rule, fault.schema
    match fault.keyword:
        case "type" | "pattern" if "unit" in schema and is_single(value):
            return None
        case "type" | "pattern" | "minLength" | "maxLength":
            return _misfit(value, schema)
        case "enum":
            choices = [str(choice) for choice in rule]
            return f"is {shown(value)}; write {listed(choices)}{nearest(str(value), choices)}"
        case "minimum":
            return f"is {value}; write at least {rule}"
        case "maximum":
            return f"is {value}; write at most {rule}"
        case "minItems" | "minProperties":
            return f"holds {len(value)}; at least {rule} must be there"
        case "maxItems" | "maxProperties":
            return f"holds {len(value)}; at most {rule} may be there"
        case "uniqueItems":
            twice = sorted({str(item) for item in value if value.count(item) > 1})
            return f"names {listed(twice, 'and')} more than once"
        case _:
            return fault.message


def _misfit(value: object, schema: Schema) -> str:
    form = _form(schema)
    if isinstance(value, list | dict):
        return f"is {'a list' if isinstance(value, list) else 'a section'}; write {form}"
    if value == "":
        return f"has no value; write {form}"
    needs_quotes = schema.get("type") == "string" and isinstance(value, int)
    quotes = ", and put it in quotes" if needs_quotes else ""
    return f"is {shown(value)}; write {form}{quotes}"


def _form(schema: Schema) -> str:
    """What a value should look like, with an example where the schema has one."""
    match schema.get("type"):
        case "object":
            keys = schema.get("properties")
            return f"a section with {listed(keys, 'and')}" if keys else "a section"
        case "boolean":
            return "true or false"
        case "integer":
            return "a whole number, without quotes or unit"
        case kind:
            form = str(schema.get("form", "a list" if kind == "array" else "text"))
    examples = schema.get("examples")
    return f"{form}, such as {listed(map(str, examples))}" if examples else form
