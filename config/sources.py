"""Where values come from: four files, then a profile, then the command line.

Each source lies over the one before it, and every value keeps the place it came
from, so that a mistake in a profile is reported in the profile. Nothing is
checked here but that a file can be read and a section stands in its own file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as File

from config.complaints import COMMAND_LINE, Complaint, Place, listed, nearest
from config.document import read_document, scalar
from config.schemas import FILES, home_of, meaning_of, sections_of
from config.secret_scan import secrets_in
from config.tree import Leaf, Section, dotted, find, keys_of, laid_over, with_leaf

_PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


@dataclass(frozen=True, slots=True)
class Sources:
    """All that was written, merged, and what could not be read of it."""

    tree: Section
    readable: tuple[str, ...]  # those of the four files whose text is a tree
    complaints: tuple[Complaint, ...]


def read_sources(directory: File, profile: str | None, overrides: Mapping[str, str]) -> Sources:
    """Files, profile and command line as one tree. Never raises: mistakes are complaints."""
    complaints: list[Complaint] = []
    tree = Section({}, Place(str(directory)))
    if not directory.is_dir():
        told = f"{directory} is no folder; name the one that holds app.yaml"
        return Sources(tree, (), (Complaint(Place(COMMAND_LINE), "--config", told),))
    readable = []
    for file in FILES:
        document = _base_file(directory, file, complaints)
        if document is not None:
            readable.append(file)
            tree = laid_over(tree, document)
    if profile is not None:
        overlay = _profile(directory / "profiles", profile, complaints)
        tree = laid_over(tree, overlay) if overlay else tree
    for key, text in overrides.items():
        tree = _overridden(tree, key, text, complaints)
    return Sources(tree, tuple(readable), tuple(complaints))


def _base_file(directory: File, file: str, complaints: list[Complaint]) -> Section | None:
    """One of the four files, without sections that belong in another."""
    path = directory / f"{file}.yaml"
    document = read_document(path, str(path), complaints)
    if document is None:
        return None
    own = sections_of(file)
    for name, node in document.entries.items():
        if name not in own:
            home = home_of(name)
            where = f"; it belongs in {home}.yaml" if home else nearest(name, own)
            message = f"is not a section of {file}.yaml{where}"
            complaints.append(Complaint(node.place, name, message))
    mine = {name: node for name, node in document.entries.items() if name in own}
    return Section(mine, document.place)


def _profile(folder: File, name: str, complaints: list[Complaint]) -> Section | None:
    """The overlay of that name, without sections that no file has."""
    path = folder / f"{name}.yaml"
    if not _PROFILE.fullmatch(name) or not path.is_file():
        known = sorted(found.stem for found in folder.glob("*.yaml"))
        have = f"{folder} has {listed(known, 'and')}" if known else f"{folder} has none"
        message = f"there is no profile {name!r}{nearest(name, known)} ({have})"
        complaints.append(Complaint(Place(COMMAND_LINE), "--profile", message))
        return None
    overlay = read_document(path, str(path), complaints)
    if overlay is None:
        return None
    every = [section for file in FILES for section in sections_of(file)]
    for section, node in overlay.entries.items():
        if section not in every:
            message = f"is not a section of any file{nearest(section, every)}"
            complaints.append(Complaint(node.place, section, message))
    known_only = {key: node for key, node in overlay.entries.items() if key in every}
    return Section(known_only, overlay.place)


def _overridden(tree: Section, key: str, text: str, complaints: list[Complaint]) -> Section:
    """The tree with one value from the command line."""
    place = Place(COMMAND_LINE)
    secrets = list(secrets_in(f"{key}: {text}", COMMAND_LINE))
    if secrets:
        complaints.append(Complaint(place, "secret", secrets[0].message))
        return tree
    path = tuple(key.split("."))
    if meaning_of(path) is None:
        known = list(known_keys(tree))
        message = f"is not a setting{nearest(key, known)}"
        complaints.append(Complaint(place, key, message))
        return tree
    if isinstance(find(tree, path), Section):
        complaints.append(Complaint(place, key, "is a section; set one of the keys in it"))
        return tree
    return with_leaf(tree, path, Leaf(scalar(text), place))


def known_keys(tree: Section) -> Iterator[str]:
    """Every key that stands in the merged configuration, dotted."""
    return (dotted(path) for path in keys_of(tree))
