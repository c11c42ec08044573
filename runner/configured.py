"""What a command line and the four files come to: a Configuration, and what follows from it.

Nothing is opened and nobody is asked here, so every program may call it.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from datetime import timedelta

from config.complaints import ConfigError
from config.loader import Configuration, load
from core.indicators import panel_length
from core.proposals import Strategy
from runner.exit_codes import ExitCode, Refusal
from strategy import registry

# Flags of main_loop that stand for a key of the configuration.
_FLAGS = {
    "mode": "app.mode",
    "exchange": "exchange.name",
    "bar": "market.bar",
    "seed": "market.seed",
    "interval": "loop.interval",
}
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")  # the flag is in seconds, unlike its key


def configure(given: Namespace) -> Configuration:
    """The effective configuration, with the flags of the command line on top."""
    overrides = {
        key: str(value)
        for flag, key in _FLAGS.items()
        if (value := getattr(given, flag, None)) is not None
    }
    if _SECONDS.fullmatch(overrides.get("loop.interval", "")):
        overrides["loop.interval"] += "s"
    try:
        return load(
            given.config,
            profile=given.profile,
            overrides=overrides,
            strategies=registry.parameter_types(),
        )
    except ConfigError as error:
        raise Refusal(ExitCode.USAGE, str(error)) from error


def history_length(configuration: Configuration) -> int:
    """Bars of history that the policy and every enabled strategy look back on."""
    bar = configuration.settings.market.bar
    windows = (
        window
        for name, choice in configuration.strategies.items()
        for window in registry.REGISTRY[name].windows(choice.parameters).values()
    )
    longest = max(windows, default=timedelta(0))
    return max(panel_length(configuration.policy, bar), -(-longest // bar) + 1)


def strategies_of(configuration: Configuration) -> tuple[Strategy, ...]:
    """Every strategy that is enabled, by name."""
    return tuple(
        registry.make(name, choice.parameters) for name, choice in configuration.strategies.items()
    )


def coarse(configuration: Configuration) -> Iterator[str]:
    """What a strategy cannot see at this bar, said once at the start."""
    bar = configuration.settings.market.bar
    for name, choice in configuration.strategies.items():
        for key, why in registry.REGISTRY[name].unresolved(choice.parameters, bar).items():
            yield f"{key}: off, {why}"
