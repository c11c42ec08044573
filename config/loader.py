"""The whole way from text to typed configuration. All mistakes come out together.

    files > profile > command line > shape > types > contradictions > Configuration

Later steps look only at what earlier ones could read, so one broken key hides
nothing that is wrong elsewhere. The effective tree of plain texts is what the
tape stores: `rebuild` makes the same Policy from it without any file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path as File
from typing import cast

from config.assembly import StrategyChoice, assembled
from config.complaints import COMMAND_LINE, Complaint, ConfigError, Place
from config.contradictions import contradictions, enabled_strategies
from config.facts import Facts
from config.schemas import FILES, sections_of
from config.settings import Settings
from config.shape import shape_complaints
from config.sources import Sources, read_sources
from config.tree import Node, Plain, Section, find, plain, planted
from core import regime, triggers
from core.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All of it, typed, with the texts it was made from."""

    settings: Settings
    policy: Policy
    strategies: Mapping[str, StrategyChoice]  # the enabled ones, sorted by name
    effective: Mapping[str, Plain]  # the merged tree of plain texts, keys sorted
    fingerprint: str  # "sha256:..." over the canonical JSON of `effective`
    notices: tuple[str, ...]  # what will be off, and why; no mistake


def load(
    directory: File,
    *,
    profile: str | None,
    overrides: Mapping[str, str],
    strategies: Mapping[str, type[object]],
) -> Configuration:
    """The configuration in `directory` under a profile and the command line's dotted keys.

    `strategies` maps the name of each strategy to the dataclass of its parameters.
    Raises ConfigError with every mistake there is.
    """
    return _configured(read_sources(directory, profile, overrides), strategies)


def rebuild(
    effective: Mapping[str, Plain], strategies: Mapping[str, type[object]]
) -> Configuration:
    """The same configuration from the effective tree that a tape holds, without files."""
    tree = planted(effective, Place("recorded configuration"))
    return _configured(Sources(cast("Section", tree), FILES, ()), strategies)


def fingerprint_of(effective: Mapping[str, Plain]) -> str:
    """SHA-256 over the canonical JSON of the texts: keys sorted, no spaces, UTF-8."""
    text = json.dumps(effective, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _configured(sources: Sources, strategies: Mapping[str, type[object]]) -> Configuration:
    tree = sources.tree
    shape = shape_complaints(tree, sources.readable)
    assembly = assembled(tree, strategies)
    facts = Facts(tree, _without(assembly.values, shape))
    complaints = _once_each(sources, shape, list(contradictions(facts)), assembly.complaints)
    if complaints:
        raise ConfigError(_in_reading_order(complaints, tree.place))

    enabled = {name: assembly.chosen[name] for name in enabled_strategies(facts)}
    settings, policy = assembly.settings(), assembly.policy(enabled)
    effective = cast("Mapping[str, Plain]", plain(tree))
    return Configuration(
        settings=settings,
        policy=policy,
        strategies=enabled,
        effective=effective,
        fingerprint=fingerprint_of(effective),
        notices=tuple(_notices(policy, settings.market.bar)),
    )


def _without(values: Mapping[str, object], shape: list[Complaint]) -> Mapping[str, object]:
    """The values that nothing was said against."""
    bad = {told.key for told in shape}
    return {key: value for key, value in values.items() if key not in bad}


def _once_each(
    sources: Sources,
    shape: list[Complaint],
    crossed: list[Complaint],
    typed: Iterable[Complaint],
) -> list[Complaint]:
    """All complaints, but one per key.

    That a key is missing is told best by who needs it; of a value, its form before
    its meaning.
    """
    needed = {told.key for told in crossed if _find(sources.tree, told.key) is None}
    shape = [told for told in shape if told.key not in needed]
    unread = [name for file in FILES if file not in sources.readable for name in sections_of(file)]
    said = [*unread, *(told.key for told in shape)]
    crossed = [told for told in crossed if not _covered(told.key, said)]
    said += [told.key for told in crossed]
    return [
        *sources.complaints,
        *shape,
        *crossed,
        *(told for told in typed if not _covered(told.key, said)),
    ]


def _find(tree: Section, key: str) -> Node | None:
    return find(tree, tuple(key.split(".")))


def _covered(key: str, said: Iterable[str]) -> bool:
    """Whether a complaint about `key` or a section that holds it was made already."""
    return any(key == told or key.startswith(f"{told}.") for told in said)


def _in_reading_order(complaints: Iterable[Complaint], root: Place) -> list[Complaint]:
    """File by file in the order of the four, then profiles, then the command line; by line."""
    order = [str(File(root.file) / f"{file}.yaml") for file in FILES]

    def where(complaint: Complaint) -> tuple[int, str, int, str]:
        file = complaint.place.file
        rank = order.index(file) if file in order else len(order) + (file == COMMAND_LINE)
        return rank, file, complaint.place.line, complaint.key

    return sorted(dict.fromkeys(complaints), key=where)


def _notices(policy: Policy, bar: timedelta) -> Iterator[str]:
    """What the bar cannot measure although it is asked for."""
    for kind, why in triggers.unresolved(policy.triggers, bar).items():
        yield f"{why}; the trigger {kind} is off"
    if policy.regime.pinned is None:
        for why in regime.unresolved(policy.regime, bar).values():
            yield f"{why}; regime.when_unknown holds for ever"
