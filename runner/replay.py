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

from config.loader import Configuration, rebuild
from core.decide import decide
from core.decision import Decision
from core.next_state import next_state, opened
from core.proposals import Strategy
from core.state import BotState
from infra.audit_log import newest_first
from infra.audit_record import decision_digest
from infra.history import History
from infra.tape import Frame, frames
from runner.command_line import parser, run
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


class Replayer:
    """Grows the state from keyframe to frame and decides each cycle again."""

    def __init__(self) -> None:
        self._state: BotState | None = None
        self._decision: Decision | None = None
        self._history: History | None = None
        self._last: Frame | None = None
        self._configuration: Configuration | None = None
        self._strategies: tuple[Strategy, ...] = ()

    def play(self, frame: Frame) -> tuple[Difference, ...]:
        """Decide the frame's cycle again; frames come in order and begin with a keyframe."""
        state = self._state_for(frame)
        assert self._history is not None
        assert self._configuration is not None
        snapshot = self._history.absorb(frame.reading())
        policy = self._configuration.policy
        decision = decide(snapshot, frame.portfolio, state, policy, self._strategies)
        found = (
            ("inputs", frame.inputs, inputs_digest(snapshot, frame.portfolio, state)),
            ("decision", frame.decision, decision_digest(decision)),
        )
        self._state, self._decision, self._last = state, decision, frame
        return tuple(
            Difference(frame.cycle, what, recorded, replayed)
            for what, recorded, replayed in found
            if recorded != replayed
        )

    def _state_for(self, frame: Frame) -> BotState:
        if frame.key is not None:
            self._configuration = rebuild(
                json.loads(frame.key.effective), strategies=registry.parameter_types()
            )
            self._strategies = tuple(
                registry.make(name, choice.parameters)
                for name, choice in self._configuration.strategies.items()
            )
            self._history = History(self._configuration.settings.market.bar, frame.key.length)
            self._history.restore(frame.key.remembered(), frame.key.closed_at)
            return frame.key.state
        before, decision, last = self._state, self._decision, self._last
        if before is None or decision is None or last is None or frame.previous is None:
            raise Refusal(ExitCode.FAILED, f"the tape begins without a keyframe at {frame.cycle}")
        after = next_state(before, decision, last.portfolio, frame.previous)
        return opened(after, frame.at, frame.controls)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _options(arguments)
    places = find(given.state_dir, given.log_dir, given.mode, given.exchange)
    audited = _audited(places)
    cycles, differing = 0, 0
    first: Difference | None = None
    for frame, differences in _chosen(frames(places.tape), given):
        cycles += 1
        found = (*differences, *_against_audit(frame, audited))
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
    made.add_argument("--from", dest="first", type=int, default=0, metavar="N", help="first cycle")
    made.add_argument("--to", dest="last", type=int, metavar="N", help="last cycle")
    return made.parse_args(arguments)


def _chosen(
    tape: Iterable[Frame], given: Namespace
) -> Iterator[tuple[Frame, tuple[Difference, ...]]]:
    """The cycles asked for. What lies between them and the keyframe before is played unseen."""
    replayer = Replayer()
    unseen: list[Frame] = []
    for frame in tape:
        if given.last is not None and frame.cycle > given.last:
            return
        if frame.key is not None:
            unseen.clear()
        if frame.cycle < given.first:
            unseen.append(frame)
            continue
        for earlier in unseen:
            replayer.play(earlier)
        unseen.clear()
        yield frame, replayer.play(frame)


def _audited(places: Places) -> Mapping[int, str]:
    """Cycle -> the decision digest that its audit line states."""
    return {
        record["cycle"]: record["decision"]
        for record in newest_first(places.logs)
        if record["decision"] is not None
    }


def _against_audit(frame: Frame, audited: Mapping[int, str]) -> Iterator[Difference]:
    stated = audited.get(frame.cycle, frame.decision)
    if stated != frame.decision:
        yield Difference(frame.cycle, "audit line", stated, frame.decision)


if __name__ == "__main__":
    run(main)
