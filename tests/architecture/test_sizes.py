"""Small stays small only when a rule says so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import Function, files, functions, name, tree

FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 6
VAGUE = frozenset({"utils", "helpers", "common", "models", "base", "manager", "misc"})


def lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def parameters(function: Function) -> list[ast.arg]:
    arguments = function.args
    return [
        argument
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if argument.arg not in ("self", "cls")
    ]


def oversized(module: ast.Module) -> Iterator[str]:
    for function in functions(module):
        if lines(function) > FUNCTION_LINES_MAX:
            yield f"{function.name}: {lines(function)} lines"
        if len(parameters(function)) > PARAMETERS_MAX:
            yield f"{function.name}: {len(parameters(function))} parameters"


def boolean_parameters(module: ast.Module) -> Iterator[str]:
    """A bool says nothing at the call; keyword-only ones at least say their name."""
    for function in functions(module):
        positional = (*function.args.posonlyargs, *function.args.args)
        for argument in positional:
            if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "bool":
                yield f"{function.name}({argument.arg})"


def broad_handlers(module: ast.Module) -> Iterator[int]:
    """Handlers of everything that do not raise again."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.id if isinstance(node.type, ast.Name) else None
        broad = node.type is None or caught in ("Exception", "BaseException")
        if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
            yield node.lineno


@pytest.mark.parametrize("path", files(), ids=name)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", files(), ids=name)
def test_a_function_fits_a_screen_and_takes_few_arguments(path: Path) -> None:
    assert list(oversized(tree(path))) == []


@pytest.mark.parametrize("path", files(), ids=name)
def test_no_call_hides_its_meaning_behind_a_boolean(path: Path) -> None:
    assert list(boolean_parameters(tree(path))) == []


@pytest.mark.parametrize("path", files(), ids=name)
def test_a_module_says_why_it_exists(path: Path) -> None:
    assert ast.get_docstring(tree(path))


def test_no_file_is_named_after_nothing() -> None:
    assert [name(path) for path in files() if path.stem in VAGUE] == []


def test_everything_is_caught_in_one_place_only() -> None:
    found = {name(path): list(broad_handlers(tree(path))) for path in files()}
    assert [path for path, where in found.items() if where] == ["runner/main_loop.py"]
    assert len(found["runner/main_loop.py"]) == 1


def test_the_size_checks_find_planted_defects() -> None:
    long = "def f():\n" + "    x = 1\n" * 61
    wide = "def f(a, b, c, d, e, f, g): ..."
    assert list(oversized(ast.parse(long))) == ["f: 62 lines"]
    assert list(oversized(ast.parse(wide))) == ["f: 7 parameters"]
    assert list(boolean_parameters(ast.parse("def f(fast: bool): ..."))) == ["f(fast)"]
    assert list(broad_handlers(ast.parse("try:\n    x\nexcept Exception:\n    pass"))) == [3]
