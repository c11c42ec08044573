"""Loss rules that set the level: a day, a week and a peak that equity may not fall too far from.

Exists so that a bad hour ends before it is a bad year. It compares equity net of
external flows with its anchors, so money paid in is no gain and money paid out no
loss. It can only make the level stricter: what ends a halt is an operator's word,
what ends a pause is the time it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from core.account import Portfolio, Valued
from core.money import ONE, ZERO, Money, Ratio, Toward, multiplied
from core.policy import RiskPolicy
from core.reasons import Reason
from core.state import BotState, Closed, Level, Standing
from core.wording import percent

_NEVER = datetime.max.replace(tzinfo=UTC)
_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)


def standing_now(state: BotState, valued: Valued, at: datetime, policy: RiskPolicy) -> Standing:
    """The level of the state, or the stricter one that present losses ask for."""
    standing = state.standing
    for asked in _asked(state, valued, at, policy):
        if _strictness(asked) > _strictness(standing):
            standing = asked
    return standing


def net_equity(portfolio: Portfolio) -> Money:
    """Equity as if nothing had ever been paid in or out since the first start."""
    return portfolio.equity - portfolio.flows


def loss_since(anchor: Money, net: Money, flows: Money) -> Ratio:
    """What was lost of the capital since net equity stood at `anchor`; zero after a gain.

    The capital is the anchor with all flows until now: after money was paid in, the same
    loss is a smaller share of what there is.
    """
    lost = anchor - net
    if lost.amount <= ZERO:
        return Ratio(ZERO)
    capital = anchor + flows
    if capital.amount <= ZERO:
        return Ratio(ONE)
    return lost.share_of(capital, toward=Toward.CEILING)


def losing_streak(closed: tuple[Closed, ...]) -> tuple[Closed, ...]:
    """The sales at the end that lost, oldest first; one that lost nothing ends the streak."""
    streak: list[Closed] = []
    for sale in reversed(closed):
        if sale.profit.amount >= ZERO:
            break
        streak.append(sale)
    return tuple(reversed(streak))


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _asked(state: BotState, valued: Valued, at: datetime, policy: RiskPolicy) -> Iterator[Standing]:
    """The level of every rule that is broken now. An anchor of another day or week is none."""
    peak, day, week = state.equity_peak, state.day_open, state.week_open
    flows = valued.portfolio.flows
    net = valued.equity - flows
    if peak is not None and _lost_more(peak, net, flows, policy.drawdown_max):
        lost = loss_since(peak, net, flows)
        limit = (policy.drawdown_max, "risk.drawdown_max")
        yield _level(Reason.DRAWDOWN, lost, limit, at, None)
    if (
        week is not None
        and week.monday == monday_of(at.date())
        and _lost_more(week.equity, net, flows, policy.week_loss_max)
    ):
        lost = loss_since(week.equity, net, flows)
        limit = (policy.week_loss_max, "risk.week_loss_max")
        yield _level(Reason.WEEK_LOSS, lost, limit, at, _midnight(week.monday) + _WEEK)
    if (
        day is not None
        and day.day == at.date()
        and _lost_more(day.equity, net, flows, policy.day_loss_max)
    ):
        lost = loss_since(day.equity, net, flows)
        limit = (policy.day_loss_max, "risk.day_loss_max")
        yield _level(Reason.DAY_LOSS, lost, limit, at, _midnight(day.day) + _DAY)


def _lost_more(anchor: Money, net: Money, flows: Money, most: Ratio) -> bool:
    """Says what comparing `loss_since` would, by a product instead of a quotient.

    That quotient is rounded up to more digits than any limit has, so it is above `most`
    exactly where the loss itself is.
    """
    lost = anchor - net
    if lost.amount <= ZERO:
        return False  # no limit is below zero
    capital = anchor + flows
    if capital.amount <= ZERO:
        return most.value < ONE
    return lost.amount > multiplied(most.value, capital.amount)


def _level(
    reason: Reason, lost: Ratio, limit: tuple[Ratio, str], at: datetime, until: datetime | None
) -> Standing:
    """PAUSED where the pause has an end, HALTED where only an operator can end it."""
    most, key = limit
    seen = percent(lost, toward=Toward.CEILING)
    return Standing(
        level=Level.HALTED if until is None else Level.PAUSED,
        code=reason.name,
        why=f"{reason.sentence} Lost {seen}, {percent(most)} is allowed ({key}).",
        since=at,
        until=until,
        seen=seen,
        limit=percent(most),
        key=key,
    )


def _strictness(standing: Standing) -> tuple[int, datetime]:
    """The level first, then how long it lasts; equals change nothing."""
    return standing.level.strictness, standing.until or _NEVER


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
