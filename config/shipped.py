"""The shipped YAML as the place of every default: which line to copy for a missing key."""

from __future__ import annotations

from functools import cache
from pathlib import Path as File

from config.complaints import Complaint
from config.document import read_document
from config.schemas import home_of
from config.tree import Leaf, Node, Path, Section

FOLDER = File(__file__).parent


@cache
def _shipped(file: str) -> tuple[Section | None, tuple[str, ...]]:
    """A shipped file as a tree and as lines; no tree where somebody broke it."""
    path, unheard = FOLDER / f"{file}.yaml", list[Complaint]()
    tree = read_document(path, f"config/{file}.yaml", unheard)
    lines = tuple(path.read_text(encoding="utf-8").split("\n")) if tree else ()
    return tree, lines


def line_to_copy(path: Path) -> str:
    """ "copy `cash_min: 20%` from config/policy.yaml:85", as exactly as the shipped file allows."""
    file = home_of(path[0])
    if file is None:
        return "it has no shipped value"
    tree, lines = _shipped(file)
    node = _like(tree, path) if tree else None
    if node is None:
        return f"write it again; `runner.check_config --explain {'.'.join(path)}` says what it is"
    written = lines[node.place.line - 1].split(" #")[0].strip()
    if isinstance(node, Leaf):
        value = str(node.value).lower() if isinstance(node.value, bool) else node.value
        return f"copy `{path[-1]}: {value}` from {node.place}"
    if written.startswith(f"{path[-1]}: "):
        return f"copy `{written}` from {node.place}"
    return f"copy the section {path[-1]} from {node.place}"


def _like(node: Node, path: Path) -> Node | None:
    """The node at `path`; for a name that only the operator knows, that of its first sibling."""
    *way, key = path
    for step in way:
        if not isinstance(node, Section) or not node.entries:
            return None
        node = node.entries.get(step) or next(iter(node.entries.values()))
    return node.entries.get(key) if isinstance(node, Section) else None
