"""Hostile, broken and merely careless YAML."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.complaints import Complaint
from config.document import BYTES_MAX, DEPTH_MAX, NODES_MAX, composed, read_document
from config.tree import Section, find, plain


def told_about(text: str) -> list[str]:
    complaints: list[Complaint] = []
    composed(text, "app.yaml", complaints)
    return [str(complaint) for complaint in complaints]


def read(text: str) -> Section:
    complaints: list[Complaint] = []
    tree = composed(text, "app.yaml", complaints)
    assert tree is not None
    assert complaints == []
    return tree


def test_a_value_stays_text_unless_it_is_a_plain_whole_number_or_a_truth_value() -> None:
    text = """
a: [7, -7, 0, true, false]
b: ["7", 'true', 07, 7.0, 1_000, 0x10, 1e3, yes, off, null, ~, 12:30]
c: {ratio: 3%, money: 25 USD, day: 2026-01-31, at: 2025-01-01T00:00:00Z}
"""
    assert plain(read(text)) == {
        "a": [7, -7, 0, True, False],
        "b": ["7", "true", "07", "7.0", "1_000", "0x10", "1e3", "yes", "off", "null", "~", "12:30"],
        "c": {"ratio": "3%", "money": "25 USD", "day": "2026-01-31", "at": "2025-01-01T00:00:00Z"},
    }


def test_every_key_knows_its_line() -> None:
    tree = read("# a comment\nrisk:\n  cash_min: 20%\n  theme_max: {meme: 5%}\n  list:\n    - a\n")
    lines = {
        ("risk",): 2,
        ("risk", "cash_min"): 3,
        ("risk", "theme_max", "meme"): 4,
        ("risk", "list", "0"): 6,
    }
    for path, line in lines.items():
        node = find(tree, path)
        assert node is not None
        assert node.place.line == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: YAML: the file is empty"),
        ("# only a comment\n", "1: YAML: the file is empty"),
        ("- a\n- b\n", "1: YAML: the file is no mapping"),
        ("just words\n", "1: YAML: the file is no mapping"),
        ("a: 1\nb: [1, 2\nc: 3\n", "3: YAML: this is not YAML"),
        ("a: 1\n\tb: 2\n", "2: YAML: this is not YAML: a tab stands there; indent"),
        ("a: b: c\n", "1: YAML: this is not YAML"),
        ("a: 1\nb: \x07\n", "2: YAML: this is not YAML: "),
        ("a: 1\nb: 2\na: 3\n", "3: YAML: the key a stands here again, first in line 1"),
        ("{a: 1, a: 2}", "1: YAML: the key a stands here again"),
        ("a: 1\n---\nb: 2\n", "2: YAML: holds a second document"),
        ("a: !!python/object/apply:os.system [id]\n", "1: YAML: tags (!name) are refused"),
        ("a: ! x\n", "1: YAML: tags (!name) are refused"),
        ("? !key a\n: 1\n", "1: YAML: tags (!name) are refused"),
        ("a: &x 1\n", "1: YAML: anchors (&name) are refused"),
        ("b: 1\na: *x\n", "2: YAML: aliases (*name) are refused"),
        ("a:\n  <<: *x\n", "2: YAML: aliases (*name) are refused"),
        ("? [a, b]\n: 1\n", "1: YAML: a key is plain text"),
        ("? \n: 1\n", "1: YAML: a key is plain text"),
        ('"a\\nb": 1\n', "1: YAML: a key is plain text"),
        ('a: "x\\0y"\n', "1: YAML: a value holds line breaks or control characters"),
        ('a: "\\e[31m"\n', "1: YAML: a value holds line breaks or control characters"),
        ("a: |\n  two\n  lines\n", "1: YAML: a value holds line breaks"),
        ("[" * 5_000, "1: YAML: the file is nested more than"),
        ("a: " + "{a: " * 5_000, "1: YAML: the file is nested more than"),
        ("a: [" + "1," * NODES_MAX + "]", "1: YAML: the file holds more than"),
    ],
)
def test_yaml_that_is_not_plain_is_refused_with_its_line(text: str, told: str) -> None:
    complaints = told_about(text)
    assert complaints
    assert complaints[0].startswith(f"app.yaml:{told}")


def test_a_bomb_of_aliases_is_refused_and_never_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    complaints = told_about("\n".join(lines))
    assert len([line for line in complaints if "anchors" in line]) == 10
    assert len([line for line in complaints if "aliases" in line]) == 81


def test_small_mistakes_in_the_text_do_not_hide_each_other() -> None:
    complaints = told_about("a: &x 1\nb: !t 2\nb: 3\nc: *x\n")
    assert [line.split(": ")[0] for line in complaints] == [
        "app.yaml:1",
        "app.yaml:2",
        "app.yaml:3",
        "app.yaml:4",
    ]


def test_nesting_at_the_limit_is_allowed_and_one_deeper_is_not() -> None:
    def nested(depth: int) -> str:
        return "a: " + "[" * (depth - 1) + "x" + "]" * (depth - 1)

    assert told_about(nested(DEPTH_MAX)) == []
    assert "nested" in told_about(nested(DEPTH_MAX + 1))[0]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"a: 1\nb: \x00\n", "app.yaml:2: YAML: the file holds NUL bytes"),
        (b"a: 1\nb: \xff\xfe\n", "app.yaml:2: YAML: the file is not UTF-8"),
        (b"a: 1\n" + b"#" * BYTES_MAX, "app.yaml:1: YAML: the file is larger than 256 KB"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, raw: bytes, told: str) -> None:
    (tmp_path / "app.yaml").write_bytes(raw)
    complaints: list[Complaint] = []
    assert read_document(tmp_path / "app.yaml", "app.yaml", complaints) is None
    assert [str(complaint) for complaint in complaints] == [told]


def test_a_file_of_exactly_the_largest_size_is_read(tmp_path: Path) -> None:
    text = b"a: 1\n"
    (tmp_path / "app.yaml").write_bytes(text + b"#" * (BYTES_MAX - len(text)))
    complaints: list[Complaint] = []
    assert read_document(tmp_path / "app.yaml", "app.yaml", complaints) is not None
    assert complaints == []


def test_a_missing_file_and_a_folder_in_its_place_are_named(tmp_path: Path) -> None:
    complaints: list[Complaint] = []
    (tmp_path / "risk.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    read_document(tmp_path / "app.yaml", "app.yaml", complaints)
    read_document(tmp_path / "risk.yaml", "risk.yaml", complaints)
    read_document(tmp_path / "pipe.yaml", "pipe.yaml", complaints)
    assert "there is no such file; copy the shipped config/app.yaml" in complaints[0].message
    assert "cannot be read" in complaints[1].message
    assert "cannot be read: it is a pipe" in complaints[2].message


PEM = "-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIexampleexample\\n-----END EC PRIVATE KEY-----"
SECRETS = [
    ("api_key: abc", "abc"),
    ("  COINBASE_API_SECRET: hunter2", "hunter2"),
    ('{"privateKey": "hunter2"}', "hunter2"),
    ("passphrase: hunter2", "hunter2"),
    (f'pem: "{PEM}"', "MHcCAQ"),
    ("note: organizations/11111111/apiKeys/22222222", "22222222"),
    ("organizations/1/apiKeys/33333333: x", "33333333"),
    ("# organizations/11111111/apiKeys/22222222", "22222222"),
    ("note: n1QhGk7Vw2Zc9XbL4RtY6UpS8DfJ3MaE5Ko0iB+/HqNgTyWd==", "n1QhGk7"),
    ("note: 9f86d081884c7d659a2feaa0c55ad015", "9f86d0"),
    ("command: curl https://me:hunter2@example.com/", "hunter2"),
    ("ping_url: mailtos://me:hunter2@example.com", "hunter2"),
]


@pytest.mark.parametrize(("line", "secret"), SECRETS)
def test_a_secret_in_a_file_is_refused_and_never_repeated(line: str, secret: str) -> None:
    complaints = told_about(f"app:\n  mode: nonsense\n{line}\nmore: [\n")
    assert len(complaints) == 1
    assert complaints[0].startswith("app.yaml:3: secret: the line looks like a secret")
    assert secret not in complaints[0]


@pytest.mark.parametrize(
    "line",
    [
        "# ---------------------------------------------------------",
        "symbols: [BTC-USD, ETH-USD, SOL-USD]",
        "trades_per_hour_max_of_the_whole_account_24h: 6",
        "# yaml-language-server: $schema=schema/app.schema.json",
        "ping_url: https://watcher.example/ping:1",
        "command: /usr/local/bin/tell-me --to me@example.com",
    ],
)
def test_ordinary_lines_are_no_secrets(line: str) -> None:
    assert not [told for told in told_about(f"a: 1\n{line}\n") if "secret" in told]
