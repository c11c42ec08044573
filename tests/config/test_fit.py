"""What fits a schema here fits it for jsonschema, whose word counts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.complaints import Complaint
from config.document import read_document
from config.fit import fits
from config.schemas import FILES, Schema, schema_of
from config.shape import errors
from config.tree import plain
from tests.builders.shipped import CONFIG

TEXTS = (
    *("", " ", "x", "X1", "none", "true", "BTC", "BTC-USD", "T1", "maker", "DRY_RUN", "INFO"),
    *("0%", "3%", "100%", "101%", "1000%", "-1%", "3", "80 bps", "3.5", "0x", "1x", "2.5x", "-2x"),
    *("0 USD", "5 USD", "-5 USD", "1e9 USD", "0s", "1s", "15m", "24h", "9999d", "1.5x", "1 MB"),
    *("2025-01-01", "2025-01-01T00:00:00Z", "bull", "0", "12:00"),
)
NUMBERS = (-(10**20), -1, 0, 1, 2, 7, 60, 1000, 10**20)
ODD: tuple[object, ...] = (
    *TEXTS,
    *NUMBERS,
    *(True, False, [], ["BTC"], ["BTC", "BTC"], ["BTC", 1], [True, 1], [["BTC"]], ["x"] * 2000),
    *({}, {"x": 1}, {"T1": "3%"}, {"count": 0, "symbols": []}, {"bull": "2%"}, {"T1": {}}),
)


def parts_of(schema: Schema) -> Iterator[Schema]:
    """The schema, and every schema in it."""
    yield schema
    below = [*schema.get("properties", {}).values(), schema.get("items")]
    below += [schema.get("additionalProperties"), schema.get("propertyNames")]
    for part in below:
        if isinstance(part, dict):
            yield from parts_of(part)


def shipped(file: str) -> object:
    unheard: list[Complaint] = []
    tree = read_document(CONFIG / f"{file}.yaml", file, unheard)
    assert tree is not None
    return plain(tree)


@pytest.mark.parametrize("file", FILES)
def test_the_shipped_files_fit(file: str) -> None:
    assert fits(shipped(file), schema_of(file))


@pytest.mark.parametrize("file", FILES)
def test_what_fits_is_what_jsonschema_has_nothing_against(file: str) -> None:
    for part in parts_of(schema_of(file)):
        for value in ODD:
            fit, sound = fits(value, part), not any(errors(value, part))
            assert fit == sound, f"{value!r} with {dict(part)}"


@pytest.mark.parametrize(
    "schema",
    [{"multipleOf": 2}, {"type": "number"}, {"properties": {"x": {"type": "integer", "odd": 1}}}],
)
def test_a_keyword_that_is_not_known_is_left_to_jsonschema(schema: Schema) -> None:
    assert not fits({"x": 1}, schema)
    assert not fits(1, schema)


def test_a_sound_configuration_is_loaded_without_jsonschema() -> None:
    script = (
        "import sys; from tests.builders.shipped import shipped_policy; shipped_policy();"
        "sys.exit('jsonschema' in sys.modules)"
    )

    assert (
        subprocess.run([sys.executable, "-c", script], cwd=CONFIG.parent, check=False).returncode
        == 0
    )
