"""The rules strategy: runs its rules in order and keeps the strongest proposal per product.

For every triggered product that it lets pass it says which number was short, so
that no product's verdict is a shrug. It buys only; it sizes nothing and can veto
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from core.money import Ratio
from core.proposals import Proposals, StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.triggers import TriggerKind
from core.wording import percent, percent_of
from strategy.rules import breakout, momentum
from strategy.rules.breakout import BreakoutRule
from strategy.rules.buying import KEYS, STRATEGY, Answer
from strategy.rules.contradictions import RuleParameters, contradictions
from strategy.rules.conviction import share
from strategy.rules.momentum import MomentumRule, windows_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesParameters:
    """`strategies.rules.parameters`, key by key. A contradiction is a ValueError that starts
    with its key; of several all are named, parted by semicolons.
    """

    conviction_min: Ratio
    momentum: MomentumRule
    breakout: BreakoutRule

    def __post_init__(self) -> None:
        rules: Mapping[str, RuleParameters] = {
            momentum.NAME: self.momentum,
            breakout.NAME: self.breakout,
        }
        complaints = (*contradictions(self.conviction_min, rules), *windows_apart(self.momentum))
        if complaints:
            raise ValueError("; ".join(complaints))


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table of rules."""

    name: str
    enabled: bool
    kinds: frozenset[TriggerKind]  # the triggers it acts on
    propose: Callable[[str, StrategyContext], Answer]


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
        rises, breaks = self.parameters.momentum, self.parameters.breakout
        run_momentum = partial(momentum.propose, rule=rises)
        run_breakout = partial(breakout.propose, rule=breaks)
        return (
            Rule(momentum.NAME, rises.enabled, momentum.KINDS, run_momentum),
            Rule(breakout.NAME, breaks.enabled, breakout.KINDS, run_breakout),
        )

    def propose(self, context: StrategyContext) -> Proposals:
        wanted: list[TradeProposal] = []
        declined: dict[str, Finding] = {}
        for symbol in sorted(context.triggers):
            match self._answer(symbol, context):
                case TradeProposal() as proposal:
                    wanted.append(proposal)
                case Finding() as finding:
                    declined[symbol] = finding
        return Proposals(tuple(wanted), declined)

    def _answer(self, symbol: str, context: StrategyContext) -> TradeProposal | Finding:
        """The strongest proposal, or the word of the rule that came nearest to one."""
        answers = [rule.propose(symbol, context) for rule in self.rules if rule.enabled]
        proposals = [answer for answer in answers if isinstance(answer, TradeProposal)]
        if proposals:
            strongest = max(proposals, key=lambda proposal: proposal.conviction)
            return self._sure_enough(strongest)
        findings = [answer for answer in answers if isinstance(answer, Finding)]
        return findings[0] if findings else self._no_rule(symbol, context)

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

    def _no_rule(self, symbol: str, context: StrategyContext) -> Finding:
        """Nobody acts on these triggers: names what would, and a rule that is switched off."""
        fired = {trigger.kind for trigger in context.triggers[symbol]}
        served = {kind for rule in self.rules if rule.enabled for kind in rule.kinds}
        off = (rule.name for rule in self.rules if not rule.enabled and rule.kinds & fired)
        name = next(off, None)
        key = f"{KEYS}.{name}.enabled" if name else KEYS
        return Finding(Reason.NO_RULE, _listed(fired), _listed(served), key)


def windows(parameters: RulesParameters) -> Mapping[str, timedelta]:
    """For start-up: how far back each enabled rule looks, by key. The Panel must reach that far."""
    rule = parameters.momentum
    return momentum.windows(rule) if rule.enabled else {}


def unresolved(parameters: RulesParameters, bar: timedelta) -> Mapping[str, str]:
    """For start-up: each window of an enabled rule that `bar` cannot resolve -> the sentence.

    A rule with such a window proposes nothing and says so for every trigger it would act on.
    """
    rule = parameters.momentum
    return dict(momentum.unresolved(rule, bar)) if rule.enabled else {}


def _listed(kinds: set[TriggerKind]) -> str:
    return ", ".join(sorted(kind.value for kind in kinds))
