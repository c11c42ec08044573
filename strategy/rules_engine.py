"""The rules strategy: runs its rules in order and keeps the strongest proposal per product.

For every triggered product that it lets pass it says which number was short, so
that no product's verdict is a shrug. It buys only; it sizes nothing and can veto
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from core.money import Ratio
from core.proposals import Proposals, StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.triggers import Direction, Trigger, TriggerKind
from core.wording import percent, percent_of
from strategy.rules import breakout, mean_reversion, momentum, resolution, reversal
from strategy.rules.breakout import BreakoutRule
from strategy.rules.buying import KEYS, STRATEGY, Answer
from strategy.rules.contradictions import RuleParameters, contradictions
from strategy.rules.conviction import share
from strategy.rules.mean_reversion import MeanReversionRule
from strategy.rules.momentum import MomentumRule, windows_apart
from strategy.rules.reversal import ReversalRule, too_many_asked


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesParameters:
    """`strategies.rules.parameters`, key by key. A contradiction is a ValueError that starts
    with its key; of several all are named, parted by semicolons.
    """

    conviction_min: Ratio
    momentum: MomentumRule
    breakout: BreakoutRule
    mean_reversion: MeanReversionRule
    reversal: ReversalRule

    def __post_init__(self) -> None:
        complaints = (
            *contradictions(self.conviction_min, self.rules),
            *windows_apart(self.momentum),
            *too_many_asked(self.reversal),
        )
        if complaints:
            raise ValueError("; ".join(complaints))

    @property
    def rules(self) -> Mapping[str, RuleParameters]:
        """By name, in the order in which they speak."""
        return {
            momentum.NAME: self.momentum,
            breakout.NAME: self.breakout,
            mean_reversion.NAME: self.mean_reversion,
            reversal.NAME: self.reversal,
        }


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table of rules."""

    name: str
    parameters: RuleParameters
    kinds: frozenset[TriggerKind]  # the triggers it acts on
    direction: Direction  # and which way they must have gone
    propose: Callable[[Trigger, StrategyContext], Answer]

    def acts_on(self, trigger: Trigger) -> bool:
        return trigger.kind in self.kinds and trigger.direction is self.direction


@dataclass(frozen=True, slots=True)
class RulesEngine:
    """Implements core.proposals.Strategy."""

    parameters: RulesParameters

    @property
    def name(self) -> str:
        return STRATEGY

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In order: of two equally sure rules the earlier one speaks."""
        asked, named = self.parameters, self.parameters.rules
        proposers: tuple[Callable[[Trigger, StrategyContext], Answer], ...] = (
            partial(momentum.propose, rule=asked.momentum),
            partial(breakout.propose, rule=asked.breakout),
            partial(mean_reversion.propose, rule=asked.mean_reversion),
            partial(reversal.propose, rule=asked.reversal),
        )
        rooms = (momentum, breakout, mean_reversion, reversal)
        return tuple(
            Rule(room.NAME, named[room.NAME], room.KINDS, room.DIRECTION, propose)
            for room, propose in zip(rooms, proposers, strict=True)
        )

    def propose(self, context: StrategyContext) -> Proposals:
        wanted: list[TradeProposal] = []
        declined: dict[str, Finding] = {}
        rules = self.rules
        for symbol in sorted(context.triggers):
            match self._answer(symbol, rules, context):
                case TradeProposal() as proposal:
                    wanted.append(proposal)
                case Finding() as finding:
                    declined[symbol] = finding
        return Proposals(tuple(wanted), declined)

    def _answer(
        self, symbol: str, rules: tuple[Rule, ...], context: StrategyContext
    ) -> TradeProposal | Finding:
        """The strongest proposal, or the word of the first rule that looked at the product."""
        fired, answers = context.triggers[symbol], []
        for rule in rules:
            trigger = next(filter(rule.acts_on, fired), None)  # the strongest of them
            if trigger is not None and rule.parameters.enabled:
                answers.append(_asked(rule, trigger, context))
        proposals = [answer for answer in answers if isinstance(answer, TradeProposal)]
        if proposals:
            strongest = max(proposals, key=lambda proposal: proposal.conviction)
            return self._sure_enough(strongest)
        findings = [answer for answer in answers if isinstance(answer, Finding)]
        # A rule that looked says more than one that may not.
        findings.sort(key=lambda finding: finding.reason is Reason.RULE_NOT_IN_REGIME)
        return findings[0] if findings else _no_rule(fired, rules)

    def _sure_enough(self, proposal: TradeProposal) -> TradeProposal | Finding:
        least = self.parameters.conviction_min
        if proposal.conviction >= share(least):
            return proposal
        return Finding(
            Reason.CONVICTION_TOO_LOW,
            percent_of(proposal.conviction),
            percent(least),
            f"{KEYS}.conviction_min",
        )


def windows(parameters: RulesParameters) -> Mapping[str, timedelta]:
    """For start-up: how far back each enabled rule looks, by key. The Panel must reach that far."""
    found: dict[str, timedelta] = {}
    for name, rule in parameters.rules.items():
        if rule.enabled:
            found |= resolution.windows(name, rule)
    return found


def unresolved(parameters: RulesParameters, bar: timedelta) -> Mapping[str, str]:
    """For start-up: each window of an enabled rule that `bar` cannot resolve -> the sentence.

    A rule with such a window proposes nothing and says so for every trigger it would act on.
    """
    found: dict[str, str] = {}
    for name, rule in parameters.rules.items():
        if rule.enabled:
            found |= resolution.blurred(name, rule, bar)
    return found


def _asked(rule: Rule, trigger: Trigger, context: StrategyContext) -> Answer:
    """The rule's answer, if policy lets it speak in this regime."""
    regime, allowed = context.regime.regime, rule.parameters.regimes
    if regime in allowed:
        return rule.propose(trigger, context)
    return Finding(
        Reason.RULE_NOT_IN_REGIME,
        regime.value,
        ", ".join(one.value for one in allowed),
        f"{KEYS}.{rule.name}.regimes",
    )


def _no_rule(fired: tuple[Trigger, ...], rules: tuple[Rule, ...]) -> Finding:
    """Nobody acts on these triggers: names what would, and a rule that is switched off."""
    served = {
        (kind, rule.direction) for rule in rules if rule.parameters.enabled for kind in rule.kinds
    }
    off = (
        rule.name for rule in rules if not rule.parameters.enabled and any(map(rule.acts_on, fired))
    )
    name = next(off, None)
    key = f"{KEYS}.{name}.enabled" if name else KEYS
    seen = {(trigger.kind, trigger.direction) for trigger in fired}
    return Finding(Reason.NO_RULE, _listed(seen), _listed(served), key)


def _listed(moves: Iterable[tuple[TriggerKind, Direction]]) -> str:
    """Kinds with the way they went, where they went one: price_move_15m down, volume_spike."""
    return ", ".join(
        sorted(
            kind.value if way is Direction.NONE else f"{kind.value} {way.value}"
            for kind, way in moves
        )
    )
