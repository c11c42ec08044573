"""Values that are each right and cannot both be meant.

Only real contradictions are errors: a bot that can never do what one of the two
keys asks for. A limit that merely binds more tightly than another is the
operator's choice. Every complaint names both keys with file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from config.complaints import Complaint
from config.facts import Facts
from config.naming import NAMING
from config.settings import Mode
from core.money import ONE, Money, Ratio, subtracted
from core.policy import RegimeMultipliers, TriggersPolicy
from core.triggers import unreachable, unusable

Check = Callable[[Facts], Iterator[Complaint]]

SIMULATED_EXCHANGES = ("embedded", "recorded")

# (the smaller, the larger, what they are)
_ORDERED: tuple[tuple[str, str, type], ...] = (
    ("risk.notional_min", "risk.notional_max", Money),
    ("risk.position_max", "risk.at_risk_max", Ratio),
    ("risk.trades_per_hour_max", "risk.trades_per_day_max", int),
    ("risk.day_loss_max", "risk.drawdown_max", Ratio),  # the peak is never below the day's open
    ("risk.week_loss_max", "risk.drawdown_max", Ratio),
    ("regime.trend_bear_max", "regime.trend_bull_min", Ratio),
    ("regime.drawdown_bear_min", "regime.drawdown_crash_min", Ratio),
    ("triggers.atr.min", "triggers.atr.max", Ratio),
    ("triggers.reversal.low_age_max", "triggers.reversal.lookback", timedelta),
    ("loop.backoff_first", "loop.backoff_max", timedelta),
    ("alerts.escalate_after", "alerts.repeat_every", timedelta),
    ("loop.interval", "execution.maker_ttl", timedelta),
    ("exchange.read_timeout", "exchange.cycle_deadline", timedelta),
    ("exchange.retry_wait_first", "exchange.retry_wait_max", timedelta),
    ("exits.resting_gap", "exits.through_max", Ratio),
    ("exits.resting_drift_min", "exits.trailing", Ratio),  # or it would hardly ever be replaced
)


def ordered(facts: Facts) -> Iterator[Complaint]:
    """Pairs of which one may not be beyond the other; equal is allowed."""
    for low, high, kind in _ORDERED:
        small: Any = facts.get(low, kind)
        large: Any = facts.get(high, kind)
        if small is None or large is None or not _same_currency(small, large):
            continue
        if large < small:
            message = f"{_written(facts, high)} is below {facts.cited(low)}; raise it or lower that"
            yield facts.complaint(high, message)


def through_reaches_further(facts: Facts) -> Iterator[Complaint]:
    """The second attempt of an exit never asks for a better price than the first."""
    through = facts.get("exits.through_max", Ratio)
    for tier in facts.names("exits.slippage_max") or ():
        key = f"exits.slippage_max.{tier}"
        first = facts.get(key, Ratio)
        if through is not None and first is not None and first > through:
            message = f"{_written(facts, key)} is above {facts.cited('exits.through_max')}"
            yield facts.complaint(key, message)


def _same_currency(one: object, other: object) -> bool:
    if isinstance(one, Money) and isinstance(other, Money):
        return one.currency == other.currency
    return True


def _written(facts: Facts, key: str) -> str:
    """The value of a key as it was written."""
    return facts.cited(key).removeprefix(f"{key}: ").rpartition(" (")[0]


def bar_resolves_triggers(facts: Facts) -> Iterator[Complaint]:
    """Windows that the bar cannot measure and without which no product could be judged."""
    policy, bar = facts.get("triggers", TriggersPolicy), facts.get("market.bar", timedelta)
    if policy is None or bar is None:
        return
    for key, why in {**unusable(policy, bar), **unreachable(policy, bar)}.items():
        told = why.removeprefix(f"{key}: ")
        yield facts.complaint(key, f"{told}; see {facts.cited('market.bar')}")


def rules_hear_triggers(facts: Facts) -> Iterator[Complaint]:
    """The rules act on triggers alone; other strategies look at every product by themselves."""
    policy = facts.get("triggers", TriggersPolicy)
    if policy is not None and policy.are_off and "rules" in enabled_strategies(facts):
        told = (
            f"none is enabled, and {facts.cited('strategies.rules.enabled')} acts on nothing else"
        )
        yield facts.complaint("triggers", told)


def starting_cash(facts: Facts) -> Money | None:
    """The simulated account's own cash in the capital currency, or None if that is unclear.

    It is unclear where another wallet holds some: no rate is known before the market is.
    """
    currency = facts.get("app.capital_currency", str)
    balances = facts.values.get("app.starting_balances")
    most = facts.get("app.capital_max", Money)
    if not isinstance(balances, tuple) or most is None or most.currency != currency:
        return None
    quotes = facts.words("app.quote_currencies")
    mine = [balance for balance in balances if balance.currency in (*quotes, currency)]
    if [balance.currency for balance in mine] != [currency]:
        return None
    own: Money = mine[0]
    return min(own, most, key=lambda money: money.amount)


def room_for_the_smallest_order(facts: Facts) -> Iterator[Complaint]:
    """Shares of the starting balance that are smaller than the smallest order: never a trade."""
    cash, least = starting_cash(facts), facts.get("risk.notional_min", Money)
    if cash is None or least is None or least.currency != cash.currency:
        return
    for key, share, what in _shares(facts):
        room = share.of(cash)
        if room < least:
            yield facts.complaint(
                key,
                f"{_written(facts, key)} {what} {facts.cited('app.starting_balances')} is "
                f"{room}, below {facts.cited('risk.notional_min')}; no order would ever fit",
            )


def _shares(facts: Facts) -> Iterator[tuple[str, Ratio, str]]:
    """Every share of equity that must hold at least one order."""
    cash_min = facts.get("risk.cash_min", Ratio)
    if cash_min is not None:
        rest = Ratio(subtracted(ONE, cash_min.value))
        yield "risk.cash_min", rest, "kept as cash: what is left of"
    if (position_max := facts.get("risk.position_max", Ratio)) is not None:
        yield "risk.position_max", position_max, "of"
    for theme in facts.names("risk.theme_max") or ():
        if (theme_max := facts.get(f"risk.theme_max.{theme}", Ratio)) is not None:
            yield f"risk.theme_max.{theme}", theme_max, "of"
    best = _largest_multiplier(facts)
    for tier in facts.names("sizing.base") or ():
        if best and (base := facts.get(f"sizing.base.{tier}", Ratio)) is not None:
            yield f"sizing.base.{tier}", base.times(best), "at full conviction in any regime of"
    for name in enabled_strategies(facts):
        key = f"strategies.{name}.budget.exposure_max"
        if (exposure_max := facts.get(key, Ratio)) is not None:
            yield key, exposure_max, "of"


def _largest_multiplier(facts: Facts) -> Decimal | None:
    """How much a regime can add to a size at most."""
    names = facts.names("regime.multipliers") or ()
    found = [facts.get(f"regime.multipliers.{name}", RegimeMultipliers) for name in names]
    sizes = [multipliers.size for multipliers in found if multipliers is not None]
    return max(sizes) if sizes and len(sizes) == len(names) else None


def base_within_position(facts: Facts) -> Iterator[Complaint]:
    """One entry at full conviction is never meant to be larger than the whole position."""
    most = facts.get("risk.position_max", Ratio)
    for tier in facts.names("sizing.base") or ():
        base = facts.get(f"sizing.base.{tier}", Ratio)
        if most is not None and base is not None and base > most:
            key = f"sizing.base.{tier}"
            yield facts.complaint(
                key, f"{_written(facts, key)} is above {facts.cited('risk.position_max')}"
            )


def own_currency(facts: Facts) -> Iterator[Complaint]:
    """All limits are in the capital currency, and one of the wallets is."""
    capital = facts.get("app.capital_currency", str)
    if capital is None:
        return
    cited = facts.cited("app.capital_currency")
    quotes = facts.words("app.quote_currencies")
    if quotes and capital not in quotes:
        yield facts.complaint("app.quote_currencies", f"none of them is {cited}; add {capital}")
    for key, money in facts.each(Money):
        if money.currency != capital and not key.startswith("app.starting_balances."):
            yield facts.complaint(key, f"{money} is not in {cited}; write it in {capital}")
    yield from _balances(facts, capital)


def _balances(facts: Facts, capital: str) -> Iterator[Complaint]:
    balances = facts.values.get("app.starting_balances")
    if not isinstance(balances, tuple):
        return
    currencies = [balance.currency for balance in balances]
    if capital not in currencies:
        message = f"none of them is in {facts.cited('app.capital_currency')}; nothing to trade with"
        yield facts.complaint("app.starting_balances", message)
    for currency in sorted({name for name in currencies if currencies.count(name) > 1}):
        yield facts.complaint("app.starting_balances", f"{currency} stands there more than once")


def live_needs_a_venue(facts: Facts) -> Iterator[Complaint]:
    """A simulated market takes no real orders."""
    exchange = facts.get("exchange.name", str)
    if facts.get("app.mode", Mode) is Mode.LIVE and exchange in SIMULATED_EXCHANGES:
        message = f"LIVE needs a real venue, but {facts.cited('exchange.name')} is simulated"
        yield facts.complaint("app.mode", message)


def told_one_way(facts: Facts) -> Iterator[Complaint]:
    """An alert counts as told once one program has taken it, so there is one program."""
    if facts.get("alerts.command", str) is not None and facts.get("alerts.apprise", bool):
        message = f"apprise is on beside {facts.cited('alerts.command')}; take one of them"
        yield facts.complaint("alerts.apprise", message)


def enabled_strategies(facts: Facts) -> tuple[str, ...]:
    names = facts.names("strategies") or ()
    return tuple(name for name in names if facts.get(f"strategies.{name}.enabled", bool))


def strategies_have_work(facts: Facts) -> Iterator[Complaint]:
    """At least one strategy is on, and each that is on has a budget."""
    names = facts.names("strategies")
    known = [facts.get(f"strategies.{name}.enabled", bool) for name in names or ()]
    if names is not None and None not in known and not any(known):
        which = " or ".join(facts.cited(f"strategies.{name}.enabled") for name in names)
        also = f"; set {which} to true" if names else "; copy it from the shipped strategies.yaml"
        yield facts.complaint("strategies", f"no strategy is enabled{also}")
    for name in enabled_strategies(facts):
        budget, switch = f"strategies.{name}.budget", f"strategies.{name}.enabled"
        if facts.names(budget) is None:
            yield facts.complaint(budget, f"is missing, but {facts.cited(switch)} needs it")


CHECKS: tuple[Check, ...] = (
    own_currency,
    *NAMING,
    ordered,
    through_reaches_further,
    bar_resolves_triggers,
    rules_hear_triggers,
    base_within_position,
    room_for_the_smallest_order,
    live_needs_a_venue,
    told_one_way,
    strategies_have_work,
)


def contradictions(facts: Facts, checks: Iterable[Check] = CHECKS) -> Iterator[Complaint]:
    """All of them."""
    for check in checks:
        yield from check(facts)
