"""The gates before LIVE. Each one that is shut is named in a line of its own.

Nothing here asks the venue; what it says of us is preflight's business. A default opens
no gate: real orders need a mode, a permission in the configuration and a word of today.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator

from config.settings import Mode, Settings
from config.sources import read_sources
from config.tree import find
from runner.exit_codes import ExitCode, Refusal

CONFIRMED = "TRADER_CONFIRM_LIVE"


def pass_gates(given: Namespace, settings: Settings) -> None:
    """Refusal with every shut gate; nothing where the mode sends nothing."""
    if settings.app.mode is not Mode.LIVE:
        return
    shut = tuple(_shut(given, settings))
    if shut:
        raise Refusal(ExitCode.GATE, "\n".join(shut))


def _shut(given: Namespace, settings: Settings) -> Iterator[str]:
    if settings.exchange.read_only:
        yield f"{_written(given)}: exchange.read_only: is true, and LIVE sends orders; write false"
    if not given.confirm_live and os.environ.get(CONFIRMED, "") != "YES":
        yield f"--confirm-live: LIVE is not confirmed; add it, or set {CONFIRMED}=YES"


def _written(given: Namespace) -> str:
    """Where it says so: a profile may take a permission back that app.yaml gives."""
    node = find(read_sources(given.config, given.profile, {}).tree, ("exchange", "read_only"))
    return "app.yaml" if node is None else str(node.place)
