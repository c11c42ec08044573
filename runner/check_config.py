"""python -m runner.check_config: every mistake of the four YAML files at once.

For the person who edits them, before a bot starts with them. It also answers
what a key means, where its value comes from and what reads it. It starts
nothing and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from config.complaints import COMMAND_LINE, Complaint, ConfigError
from config.loader import Configuration, load
from config.schemas import meaning_of
from config.sources import known_keys, read_sources
from config.tree import Items, Leaf, Section, find, plain
from runner.command_line import add_config_options, bare_parser
from strategy.registry import parameter_types

SOUND, MISTAKEN = 0, 2
_ABOUT = """Checks app.yaml, policy.yaml, universe.yaml and strategies.yaml and reports
every mistake at once, as file:line: key: message.

Exit 0: the configuration can be used. Exit 2: it cannot, or usage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The program. Exit 0 if the configuration can be used, 2 if not."""
    given = _options().parse_args(arguments)
    if given.explain is not None:
        return _explain(given)
    try:
        found = _loaded(given)
    except ConfigError as error:
        return _tell_mistakes(error.complaints, given)
    if given.json:
        answer = {"ok": True, "fingerprint": found.fingerprint, "notices": list(found.notices)}
        _print_json({**answer, "mistakes": []})
    else:
        print(f"configuration is sound: {found.fingerprint}")
        for notice in found.notices:
            print(f"notice: {notice}")
    return SOUND


def _loaded(given: argparse.Namespace) -> Configuration:
    return load(
        given.config,
        profile=given.profile,
        overrides=_overrides(given),
        strategies=parameter_types(),
    )


def _options() -> argparse.ArgumentParser:
    made = bare_parser("check_config", _ABOUT)
    add_config_options(made)
    made.add_argument(
        "--explain",
        metavar="KEY",
        help="say what a key means, its value, where that was written, its unit, what reads it",
    )
    made.add_argument("--mode", help="check with this app.mode instead")
    made.add_argument("--exchange", metavar="NAME", help="check with this exchange.name instead")
    for folder in ("--state-dir", "--log-dir"):
        made.add_argument(folder, metavar="DIR", help="taken as everywhere; nothing is read there")
    made.add_argument("--json", action="store_true", help="answer in JSON on stdout")
    return made


def _overrides(given: argparse.Namespace) -> Mapping[str, str]:
    """The keys that the command line sets, as it sets them for the bot."""
    said = {"app.mode": given.mode, "exchange.name": given.exchange}
    return {key: text for key, text in said.items() if text is not None}


def _tell_mistakes(complaints: Sequence[Complaint], given: argparse.Namespace) -> int:
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if given.json:
        mistakes = [
            {
                "file": complaint.place.file,
                "line": complaint.place.line,
                "key": complaint.key,
                "message": complaint.message,
            }
            for complaint in complaints
        ]
        _print_json({"ok": False, "fingerprint": None, "notices": [], "mistakes": mistakes})
    return MISTAKEN


def _explain(given: argparse.Namespace) -> int:
    """One key, also of a configuration that has mistakes elsewhere; its own are told with it."""
    sources = read_sources(given.config, given.profile, _overrides(given))
    misread = [told for told in sources.complaints if told.place.file == COMMAND_LINE]
    if misread:
        return _tell_mistakes(misread, given)
    path = tuple(given.explain.split("."))
    meaning, node = meaning_of(path), find(sources.tree, path)
    if meaning is None or node is None:
        for complaint in sources.complaints:
            print(complaint, file=sys.stderr)
        near = get_close_matches(given.explain, list(known_keys(sources.tree)), n=5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        print(f"{COMMAND_LINE}: --explain: {given.explain} is not a setting{hint}", file=sys.stderr)
        return MISTAKEN
    answer: Mapping[str, object] = {
        "key": given.explain,
        "value": plain(node),
        "file": node.place.file,
        "line": node.place.line,
        "unit": meaning.unit,
        "meaning": meaning.text,
        "part_of": meaning.part_of,
        "reader": meaning.reader,
    }
    if given.json:
        _print_json(answer)
    else:
        print(f"{given.explain}: {_written(node)}")
        print(f"  written in  {node.place}")
        print(f"  unit        {meaning.unit}")
        print(f"  meaning     {meaning.text}")
        if meaning.part_of:
            print(f"  part of     {meaning.part_of}")
        print(f"  read by     {meaning.reader}")
    return _own_mistakes(given)


def _own_mistakes(given: argparse.Namespace) -> int:
    """What is wrong with the key that was asked for, on stderr; what is wrong elsewhere waits."""
    try:
        _loaded(given)
    except ConfigError as error:
        own = [told for told in error.complaints if told.key == given.explain]
        for complaint in own:
            print(complaint, file=sys.stderr)
        return MISTAKEN if own else SOUND
    return SOUND


def _written(node: Leaf | Items | Section) -> str:
    """A value as the YAML has it; of a section, its keys."""
    match node:
        case Leaf(bool() as value, _):
            return str(value).lower()
        case Leaf(value, _):
            return str(value)
        case Items(items, _):
            return f"[{', '.join(_written(item) for item in items)}]"
        case Section(entries, _):
            inner = (f"{key}: {_written(part)}" for key, part in entries.items())
            return f"{{{', '.join(inner)}}}"


def _print_json(answer: Mapping[str, object]) -> None:
    print(json.dumps(answer, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    sys.exit(main())
