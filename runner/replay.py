"""Replay: decides every recorded cycle again from the tape, and counts the differences.

    python -m runner.replay [--from N] [--to N] [--json]

The state is not read from the tape but grown cycle by cycle from the last
keyframe, so replay proves decide() and next_state() alike. Any difference is a
failure of the promise that the same inputs give the same decision.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from config.loader import Configuration, rebuild
from core.account import Portfolio
from core.decide import decide
from core.decision import Decision
from core.market import Snapshot
from core.next_state import next_state, observed, opened
from core.state import BotState
from infra.audit_log import newest_first
from infra.audit_record import decision_digest
from infra.history import History
from infra.tape import Frame, Keyframe, frames
from runner.command_line import parser, run, whole
from runner.exit_codes import ExitCode, Refusal
from runner.framing import inputs_digest
from runner.places import Places, find
from strategy import registry


@dataclass(frozen=True, slots=True)
class Difference:
    """A cycle that came out otherwise: in which digest, as recorded and as replayed."""

    cycle: int
    what: str
    recorded: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Stand:
    """All that one recorded cycle stood on."""

    snapshot: Snapshot
    portfolio: Portfolio
    state: BotState
    configuration: Configuration

    def decide(self) -> Decision:
        strategies = tuple(
            registry.make(name, choice.parameters)
            for name, choice in self.configuration.strategies.items()
        )
        policy = self.configuration.policy
        return decide(self.snapshot, self.portfolio, self.state, policy, strategies)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One cycle decided again."""

    frame: Frame
    stand: Stand
    decision: Decision

    def differences(self) -> Iterator[Difference]:
        stand, frame = self.stand, self.frame
        inputs = inputs_digest(stand.snapshot, stand.portfolio, stand.state)
        found = (
            ("inputs", frame.inputs, inputs),
            ("decision", frame.decision, decision_digest(self.decision)),
        )
        for what, recorded, replayed in found:
            if recorded != replayed:
                yield Difference(frame.cycle, what, recorded, replayed)


@lru_cache(maxsize=2)
def _configuration(effective: str) -> Configuration:
    """Keyframe after keyframe holds the same one, and to build it takes long."""
    return rebuild(json.loads(effective), strategies=registry.parameter_types())


class Replayer:
    """Grows the state from keyframe to frame and decides each cycle again."""

    def __init__(self) -> None:
        self._last: Replayed | None = None
        self._history: History | None = None

    def play(self, frame: Frame) -> Replayed:
        """Decide the frame's cycle again; frames come in order and begin with a keyframe."""
        stand = self._begun(frame, frame.key) if frame.key is not None else self._grown(frame)
        self._last = Replayed(frame, stand, stand.decide())
        return self._last

    def _begun(self, frame: Frame, key: Keyframe) -> Stand:
        configuration = _configuration(key.effective)
        self._history = History(configuration.settings.market.bar, key.length)
        self._history.restore(key.remembered(), key.closed_at)
        snapshot = self._history.absorb(frame.reading())
        return Stand(snapshot, frame.portfolio, key.state, configuration)

    def _grown(self, frame: Frame) -> Stand:
        last = self._last
        if last is None or self._history is None or frame.previous is None:
            raise Refusal(ExitCode.FAILED, f"the tape begins without a keyframe at {frame.cycle}")
        after = next_state(last.stand.state, last.decision, last.stand.portfolio, frame.previous)
        state = observed(opened(after, frame.at, frame.controls), frame.sighting)
        snapshot = self._history.absorb(frame.reading())
        return Stand(snapshot, frame.portfolio, state, last.stand.configuration)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _options(arguments)
    places = find(given.state_dir, given.log_dir, given.mode, given.exchange)
    audited = _audited(places)
    cycles, differing = 0, 0
    first: Difference | None = None
    for replayed in replayed_cycles(frames(places.tape), given.first, given.last):
        cycles += 1
        found = (*replayed.differences(), *_against_audit(replayed.frame, audited))
        differing += bool(found)
        first = first or next(iter(found), None)
    if cycles == 0:
        raise Refusal(ExitCode.FAILED, f"{places.tape}: holds no cycle in that range")
    if given.json:
        told = asdict(first) if first is not None else None
        print(json.dumps({"cycles": cycles, "differences": differing, "first": told}))
    else:
        print(f"{cycles} cycles, {differing} differences")
        if first is not None:
            print(
                f"first in cycle {first.cycle}, {first.what}: {first.recorded} was recorded, "
                f"{first.replayed} came out"
            )
    return ExitCode.FAILED if differing else ExitCode.FINISHED


def _options(arguments: Sequence[str] | None) -> Namespace:
    made = parser("replay", "Decides every recorded cycle again and counts the differences.")
    made.add_argument(
        "--from", dest="first", type=whole, default=0, metavar="N", help="first cycle"
    )
    made.add_argument("--to", dest="last", type=whole, metavar="N", help="last cycle")
    return made.parse_args(arguments)


def replayed_cycles(
    tape: Iterable[Frame], first: int = 0, last: int | None = None
) -> Iterator[Replayed]:
    """The cycles asked for. What lies between them and the keyframe before is played unseen."""
    replayer = Replayer()
    unseen: list[Frame] = []
    for frame in tape:
        if last is not None and frame.cycle > last:
            return
        if frame.key is not None:
            unseen.clear()
        if frame.cycle < first:
            unseen.append(frame)
            continue
        for earlier in unseen:
            replayer.play(earlier)
        unseen.clear()
        yield replayer.play(frame)


def _audited(places: Places) -> Mapping[int, str]:
    """Cycle -> the decision digest that its audit line states."""
    return {
        record["cycle"]: record["decision"]
        for record in newest_first(places.own_log)
        if record["decision"] is not None
    }


def _against_audit(frame: Frame, audited: Mapping[int, str]) -> Iterator[Difference]:
    stated = audited.get(frame.cycle, frame.decision)
    if stated != frame.decision:
        yield Difference(frame.cycle, "audit line", stated, frame.decision)


if __name__ == "__main__":
    run(main)
