"""The core cannot look at a clock, a file or chance, and computes only what is exact everywhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import files, name, tree

# `import datetime` is legal; asking it for the present is not, under whatever name.
CLOCKS = frozenset({"now", "utcnow", "today", "fromtimestamp"})
CALLS = frozenset({"open", "input", "print", "eval", "exec", "__import__", "breakpoint"})
MODULES = frozenset(
    {"asyncio", "importlib", "io", "json", "logging", "os", "pathlib", "random", "secrets"}
    | {"socket", "sqlite3", "subprocess", "sys", "threading", "time", "requests", "yaml"}
)
# Not bit-exact across cuts of history, subsets of symbols or machines.
INEXACT = frozenset(
    {"cumsum", "cumprod", "dot", "matmul", "einsum", "exp", "log", "log2", "log10", "power"}
    | {"float_power", "expm1", "log1p", "sin", "cos", "tanh"}
)


def impurities(module: ast.Module) -> Iterator[str]:
    """What a pure module may not do, as far as its text shows."""
    for node in ast.walk(module):
        match node:
            case ast.Attribute(attr=attr) if attr in CLOCKS:
                yield f"line {node.lineno}: asks for the present with {attr}"
            case ast.Call(func=ast.Name(id=called)) if called in CALLS:
                yield f"line {node.lineno}: calls {called}"
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.split(".")[0] in MODULES:
                        yield f"line {node.lineno}: imports {alias.name}"
            case ast.ImportFrom(module=source) if (source or "").split(".")[0] in MODULES:
                yield f"line {node.lineno}: imports from {source}"
            case ast.ImportFrom(module="uuid", names=names):
                for alias in names:
                    if alias.name not in ("UUID", "uuid5"):
                        yield f"line {node.lineno}: takes {alias.name} from uuid"


def inexactness(module: ast.Module) -> Iterator[str]:
    """Arithmetic whose last bit depends on the machine or on how history was cut."""
    for node in ast.walk(module):
        match node:
            case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
                yield f"line {node.lineno}: multiplies matrices"
            case ast.BinOp(op=ast.Pow()) | ast.AugAssign(op=ast.Pow()):
                yield f"line {node.lineno}: takes a power"
            case ast.Attribute(value=ast.Name(id="np" | "numpy" | "math"), attr=attr):
                if attr in INEXACT:
                    yield f"line {node.lineno}: uses {attr}"
            case ast.Attribute(attr="cumsum" | "dot"):
                yield f"line {node.lineno}: uses {node.attr}"


@pytest.mark.parametrize("path", files("core", "strategy"), ids=name)
def test_core_and_strategy_touch_nothing_outside(path: Path) -> None:
    assert list(impurities(tree(path))) == []


@pytest.mark.parametrize("path", files("core", "strategy"), ids=name)
def test_core_and_strategy_compute_the_same_on_every_machine(path: Path) -> None:
    assert list(inexactness(tree(path))) == []


@pytest.mark.parametrize(
    "planted",
    [
        "from datetime import datetime\nx = datetime.now()",
        "import datetime as d\nx = d.date.today()",
        "clock = object()\nx = clock.utcnow()",
        "import os.path",
        "from pathlib import Path",
        "def f():\n    import random",
        "open('x')",
        "__import__('os')",
        "from uuid import uuid4",
    ],
)
def test_the_purity_check_finds_a_planted_defect(planted: str) -> None:
    assert list(impurities(ast.parse(planted))) != []


@pytest.mark.parametrize(
    "planted", ["a @ b", "a ** 2", "x **= 3", "np.exp(a)", "a.cumsum(-1)", "math.log(2)"]
)
def test_the_exactness_check_finds_a_planted_defect(planted: str) -> None:
    assert list(inexactness(ast.parse(planted))) != []


def wall_clock_reads(module: ast.Module) -> Iterator[int]:
    """Lines that ask the machine what time it is."""
    for node in ast.walk(module):
        match node:
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=attr):
                if attr in ("now", "utcnow", "today"):
                    yield node.lineno
            case ast.Attribute(value=ast.Name(id="time"), attr="time" | "time_ns"):
                yield node.lineno


def test_only_one_file_reads_the_wall_clock() -> None:
    readers = [name(path) for path in files() if list(wall_clock_reads(tree(path)))]
    assert readers == ["infra/clock.py"]


@pytest.mark.parametrize("planted", ["datetime.now(UTC)", "date.today()", "time.time()"])
def test_the_wall_clock_check_finds_a_planted_defect(planted: str) -> None:
    assert list(wall_clock_reads(ast.parse(planted))) == [1]
