"""README, CONTRIBUTING and docs/ say nothing that is not so.

Words, codes, programs, keys and commands are looked up in the source; the jq
recipes and the commands that only read run on what real runs have left.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from config.sources import known_keys, read_sources
from core.reasons import Reason
from runner import check_config, explain, ledger, replay, status, verify
from runner.alerts.alert import AlertCode
from runner.exit_codes import ExitCode
from tests.architecture.sources import ROOT, files, tree
from tests.builders.terminal import asked, the_bot
from tests.readme_blocks import quick_start_blocks
from tests.reasons_table import table

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = {
    "README": README,
    "CONTRIBUTING": CONTRIBUTING,
    **{
        path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))
    },
}
TEXTS = "\n".join(PAGES.values())
DRY_RUN_LOG = "logs/dry_run/audit.jsonl"
CYCLES = 80  # of the embedded market: by then PAPER has sold something and holds something else
# Programs that change nothing but a file that they are told to write.
READING = frozenset({"check_config", "explain", "ledger", "replay", "status", "verify"})
TABLES = frozenset(
    {"tests.keys", "tests.reasons_table"}
)  # programs that print one, without options

# Words of the table that name a thing and not a class.
PLAIN_WORDS = frozenset({"quote", "quantity", "notional", "cycle", "wallet", "alias"})
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:home|root|Users|work)/\w")
SECRET = re.compile(
    r"BEGIN [A-Z ]*PRIVATE KEY-----\s*\n?[A-Za-z0-9+/=]{40}|\beyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}"
)


def section(heading: str) -> str:
    (found,) = [part for part in re.split(r"^## ", README, flags=re.M) if part.startswith(heading)]
    return found


def rows(heading: str) -> list[list[str]]:
    """The cells of every table in a section, without header and ruler."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rulers = [number for number, row in enumerate(cells) if set("".join(row)) <= {"-"}]
    skipped = {*rulers, *(number - 1 for number in rulers)}
    return [row for number, row in enumerate(cells) if number not in skipped]


def types(module: ast.Module) -> Iterator[str]:
    """Classes, and names of the module that stand for one or several of them."""
    for node in module.body:
        match node:
            case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


def lines_to_type() -> list[str]:
    """Every line of a shell block, of all pages."""
    typed = [
        line for name in ("sh", "bash") for line in "\n".join(blocks(name, TEXTS)).splitlines()
    ]
    return [line for line in typed if line and not line.startswith("#")]


def recipes() -> list[str]:
    return [line for line in lines_to_type() if "jq " in line]


def programs(text: str = TEXTS) -> list[str]:
    """Every `python -m X` of a text, X alone."""
    return sorted(set(re.findall(r"python3? -m ((?:runner|tests)\.\w+)", text)))


def commands() -> list[list[str]]:
    """Every command that starts a program of ours: its name, then its arguments."""
    typed = (line.split(" | ")[0] for line in lines_to_type())
    starts = (line.partition("python -m ")[2] for line in typed)
    return [shlex.split(start) for start in starts if start.startswith(("runner.", "tests."))]


def readings() -> list[list[str]]:
    """The commands that change nothing of the bot's; those of the rehearsal have their own test."""
    names = {f"runner.{name}" for name in READING}
    read = [words for words in commands() if words[0] in names and words[1:2] != ["adopt"]]
    return [words for words in read if not any("rehearsal" in word for word in words)]


@cache
def help_of(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", program, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def tracked() -> list[Path]:
    """What git would hand to a stranger; every file of ours where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / line for line in listed.stdout.splitlines()]
        return [path for path in paths if path.is_file()]
    return [*files(), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


# Words and codes


def test_the_readme_lists_every_verdict_code_with_its_sentence() -> None:
    assert section("Every verdict code").split("\n\n")[-1].strip() == table()
    assert len(rows("Every verdict code")) == len(Reason)


def test_the_page_on_supervision_lists_every_alert_and_no_other() -> None:
    cells = re.findall(r"^\| (`[A-Z_`, ]+) \|", PAGES["supervision"], flags=re.M)
    assert sorted(re.findall(r"[A-Z_]+", " ".join(cells))) == sorted(AlertCode.__members__)


def test_every_word_of_the_vocabulary_that_names_a_class_is_one() -> None:
    classes = {name for path in files() for name in types(tree(path))}
    told = " / ".join(cells[0] for cells in rows("Words")).split(" / ")
    named = re.findall(r"[A-Z]\w+", " ".join(cells[1] for cells in rows("Words")[9:10]))

    unknown = {word for word in told if word not in PLAIN_WORDS} - classes

    assert unknown == set()
    assert {"Approved", "Reduced", "Denied", "Finding"} <= set(named) & classes


def test_no_word_of_the_vocabulary_means_two_things() -> None:
    words = [word for cells in rows("Words") for word in cells[0].split(" / ")]
    assert len(words) == len(set(words))


# Commands


def test_the_quick_start_is_two_commands_one_to_run_and_one_to_test() -> None:
    run, test = quick_start_blocks()

    assert len(blocks("bash")) == 2
    assert "requirements.txt" in run
    assert "runner.main_loop" in run.splitlines()[-1]
    assert "requirements-dev.txt" in test
    assert "pytest" in test.splitlines()[-1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a reader has let the bot run, in DRY_RUN and then in PAPER."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "config").symlink_to(ROOT / "config")
    assert the_bot(folder, cycles=CYCLES).code == 0
    assert the_bot(folder, "--mode", "PAPER", cycles=CYCLES).code == 0
    return folder


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("recipe", recipes())
def test_every_jq_recipe_runs_and_prints_something(ran: Path, recipe: str) -> None:
    asks_a_program = ".venv/bin/python" in recipe
    assert asks_a_program or re.search(r"logs/(dry_run|paper)/audit", recipe)

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", recipe.replace(".venv/bin/python", sys.executable)],
        cwd=ran,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert asks_a_program or done.stderr == ""
    assert done.stdout.strip() not in ("", "null", "[]", "{}")


def test_there_are_jq_recipes_for_verdicts_fills_profit_and_stops() -> None:
    for asked_for in (".verdicts", ".fills[]", ".day_pnl", ".stop", ".realised"):
        assert any(asked_for in recipe for recipe in recipes()), asked_for


@pytest.mark.parametrize("program", sorted({*programs()} - TABLES))
def test_every_program_of_the_pages_explains_itself(program: str) -> None:
    told = help_of(program)

    assert f"python -m {program}" in told
    assert len(told.splitlines()) > 3


def test_every_program_of_the_table_is_there() -> None:
    named = [cells[0] for cells in rows("Programs") if "python -m" in cells[0]]

    assert len(named) >= 10
    for cell in named:
        (program,) = programs(cell)
        assert (ROOT / f"{program.replace('.', '/')}.py").is_file(), cell


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_flag_of_a_printed_command_is_one(words: list[str]) -> None:
    program, *arguments = words
    told = set(re.findall(r"--[a-z-]+", help_of(program)))

    assert {word for word in arguments if word.startswith("--")} - told == set()


@pytest.mark.parametrize("words", readings(), ids=" ".join)
def test_every_printed_command_that_only_reads_runs(
    ran: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(ran)
    program, *arguments = words

    answer = asked(import_module(program).main, *arguments)

    assert answer.code == 0, answer.err
    assert answer.out


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (check_config, ()),
        (explain, ("BTC-USD", "--last", "3")),
        (ledger, ("balances",)),
        (replay, ()),
        (status, ()),
        (verify, (DRY_RUN_LOG,)),
    ],
    ids=lambda given: str(getattr(given, "__name__", "")),
)
def test_a_reading_program_answers_machines_in_json(
    ran: Path, monkeypatch: pytest.MonkeyPatch, program: ModuleType, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(ran)
    config = ("--config", ROOT / "config") if program is check_config else ()

    answer = asked(program.main, *arguments, *config, "--json")

    assert answer.code == 0, answer.err
    assert json.loads(answer.out)


def test_every_runner_program_is_in_the_readme() -> None:
    guarded = {
        f"runner.{path.stem}"
        for path in files("runner")
        if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
    }

    assert {name for name in programs(section("Programs")) if "runner." in name} == guarded


def test_every_exit_code_is_in_the_readme_and_no_other() -> None:
    told = {int(cells[0]) for cells in rows("Programs") if cells[0].isdecimal()}
    sources = "".join(path.read_text(encoding="utf-8") for path in files("runner"))
    given = {int(ExitCode[name]) for name in re.findall(r"ExitCode\.([A-Z_]+)\b", sources)}

    assert told == given


# Configuration


def test_every_key_that_the_texts_name_is_a_setting() -> None:
    known = set(known_keys(read_sources(ROOT / "config", None, {}).tree))
    sections = {key.split(".")[0] for key in known}
    text = "\n".join(line for line in TEXTS.splitlines() if "jq" not in line)
    named = set(re.findall(r"(?<![\w/.])([a-z]+(?:\.[A-Za-z_0-9]+)+)\b", text))
    files_too = {name for name in named if name.endswith((".py", ".yaml", ".json", ".txt", ".md"))}

    keys = {name for name in named - files_too if name.split(".")[0] in sections}

    assert keys
    assert keys - known == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_folder_that_a_page_names_is_there(page: str) -> None:
    rooms = "core|strategy|config|infra|runner|tests|docs|\\.ci"
    named = set(re.findall(rf"[`(]((?:{rooms})/[a-z_./-]+)[`)]", PAGES[page]))

    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


# What is installed, and what is in the repository


def pins(name: str) -> Iterator[str]:
    """Every requirement line, with the lines of the files it includes."""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            yield from pins(line.removeprefix("-r ").strip())
        elif line.strip() and not line.startswith("#"):
            yield line.strip()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_exact_pins(name: str) -> None:
    assert [pin for pin in pins(name) if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_what_a_pinned_package_pulls_in_is_pinned_too(name: str) -> None:
    pinned = {canonical(pin.split("==")[0]) for pin in pins(name)}
    pulled = {
        f"{package} needs {needed.name}"
        for package in pinned
        for needed in map(Requirement, _requires(package))
        if (needed.marker is None or needed.marker.evaluate({"extra": ""}))
        and canonical(needed.name) not in pinned
    }

    assert pulled == set()


def _requires(package: str) -> list[str]:
    try:
        return requires(package) or []
    except PackageNotFoundError:
        return []  # the next test says so


def test_what_is_installed_is_what_is_pinned() -> None:
    wanted = dict(pin.split("==") for pin in pins("requirements-dev.txt"))
    assert {name: version(name) for name in wanted} == wanted


def test_no_tracked_file_holds_a_secret_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="ignore")
        if SECRET.search(text) or MACHINE_PATH.search(text):
            found.append(str(path.relative_to(ROOT)))

    assert found == []


@pytest.mark.parametrize(
    ("pattern", "planted"),
    [
        (SECRET, "-----BEGIN EC PRIVATE KEY-----\n" + "A" * 40),
        (SECRET, f"eyJ{'a' * 20}.{'b' * 20}.{'c' * 20}"),
        (MACHINE_PATH, "/ho" + "me/somebody"),
        (MACHINE_PATH, "'/wo" + "rk/main'"),
    ],
)
def test_the_search_finds_what_is_planted(pattern: re.Pattern[str], planted: str) -> None:
    assert pattern.search(planted)
