"""Loss rules: a level at its limit stays, beyond it it falls; a buy after losses waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from core.decision import Outcome
from core.losses import losing_streak, loss_since, monday_of, standing_now
from core.market import Side
from core.money import Price, Quantity
from core.next_state import CLOSED_KEPT, CLOSED_KEPT_FOR, counted, next_state, observed, opened
from core.orders import Fill
from core.reasons import Finding, Reason
from core.risk.verdict import Approved
from core.state import (
    BotState,
    Closed,
    Controls,
    DayOpen,
    Level,
    Sighting,
    Standing,
    WeekOpen,
)
from tests.builders.account import a_portfolio, a_position, a_standing, a_state
from tests.builders.market import NOON
from tests.builders.quiet import a_decision
from tests.builders.risk import a_buy, a_risk_policy, a_sale, a_trade, denial, usd, verdict_on

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = NOON.date()
SUNDAY_MIDNIGHT = datetime(2025, 3, 3, tzinfo=NOON.tzinfo)  # NOON is a Sunday
THOUSAND = usd("1000")
DAY_OPEN, WEEK_OPEN = DayOpen(TODAY, THOUSAND), WeekOpen(date(2025, 2, 24), THOUSAND)


def standing_with(
    cash: str, *, flows: str = "0", standing: Standing | None = None, **anchors: object
) -> Standing:
    """The level of a bot without positions whose cash is all its equity."""
    state = a_state(standing=standing or a_standing(), **anchors)  # type: ignore[arg-type]
    portfolio = a_portfolio(cash=cash, flows=usd(flows))
    return standing_now(state, portfolio.valued(), NOON, a_risk_policy())


# --- levels ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cash", "paused"), [("1000", False), ("960.01", False), ("960", False), ("959.99", True)]
)
def test_a_day_may_lose_its_limit_and_no_cent_more(cash: str, paused: bool) -> None:
    standing = standing_with(cash, day_open=DAY_OPEN)
    assert (standing.level is Level.PAUSED) == paused
    if paused:
        assert standing.code == "DAY_LOSS"
        assert standing.until == SUNDAY_MIDNIGHT
        told = (standing.seen, standing.limit, standing.key)
        assert told == ("4.001%", "4%", "risk.day_loss_max")


@pytest.mark.parametrize(("cash", "paused"), [("920", False), ("919.99", True)])
def test_a_week_may_lose_its_limit_and_then_rests_until_monday(cash: str, paused: bool) -> None:
    standing = standing_with(cash, week_open=WEEK_OPEN)
    assert (standing.level is Level.PAUSED) == paused
    if paused:
        assert (standing.code, standing.until) == ("WEEK_LOSS", SUNDAY_MIDNIGHT)
        assert standing.key == "risk.week_loss_max"


@pytest.mark.parametrize(("cash", "halted"), [("850", False), ("849.99", True)])
def test_a_fall_from_the_peak_halts_and_names_no_end(cash: str, halted: bool) -> None:
    standing = standing_with(cash, equity_peak=THOUSAND, day_open=DayOpen(TODAY, usd("860")))
    assert (standing.level is Level.HALTED) == halted
    if halted:
        assert (standing.code, standing.until) == ("DRAWDOWN", None)
        assert (standing.seen, standing.limit) == ("15.001%", "15%")


def test_an_anchor_of_yesterday_or_last_week_measures_nothing() -> None:
    yesterday, last_week = TODAY - DAY, WEEK_OPEN.monday - 7 * DAY
    standing = standing_with(
        "1", day_open=DayOpen(yesterday, THOUSAND), week_open=WeekOpen(last_week, THOUSAND)
    )
    assert standing.level is Level.NORMAL


def test_money_paid_out_is_no_loss_and_money_paid_in_hides_none() -> None:
    assert standing_with("500", flows="-500", day_open=DAY_OPEN).level is Level.NORMAL
    hidden = standing_with("1900", flows="1000", day_open=DAY_OPEN)
    assert (hidden.level, hidden.seen) == (Level.PAUSED, "5%")  # 100 of 2000


def test_everything_is_lost_where_no_capital_is_left() -> None:
    paid_out = usd("-1000")
    assert str(loss_since(THOUSAND, THOUSAND, paid_out)) == "0%"
    assert str(loss_since(THOUSAND, usd("999"), paid_out)) == "100%"


def test_the_stricter_level_stays_whoever_set_it() -> None:
    killed = a_standing(Level.HALTED, "KILL_SWITCH")
    assert standing_with("1", standing=killed, equity_peak=THOUSAND) == killed
    both = standing_with("800", equity_peak=THOUSAND, day_open=DAY_OPEN, week_open=WEEK_OPEN)
    assert both.code == "DRAWDOWN"
    paused = standing_with("900", day_open=DAY_OPEN)
    assert standing_with("900", standing=paused, day_open=DAY_OPEN) is paused


def test_a_pause_stays_when_the_loss_is_made_good_and_ends_at_its_time() -> None:
    paused = standing_with("900", day_open=DAY_OPEN)
    state = a_state(standing=paused, day_open=DAY_OPEN)
    just_before = opened(state, SUNDAY_MIDNIGHT - timedelta(seconds=1), Controls())
    assert just_before.standing == paused
    midnight = opened(state, SUNDAY_MIDNIGHT, Controls())
    assert midnight.standing.level is Level.NORMAL


def test_resume_ends_a_halt_and_every_loss_counts_from_there() -> None:
    halted = standing_with("800", equity_peak=THOUSAND)
    state = a_state(standing=halted, equity_peak=THOUSAND, day_open=DAY_OPEN, week_open=WEEK_OPEN)
    waiting = opened(state, NOON, Controls())
    assert waiting.standing.level is Level.HALTED
    resumed = opened(state, NOON, Controls(resume="looked at it"))
    poor = a_portfolio(cash="800")
    assert standing_now(resumed, poor.valued(), NOON, a_risk_policy()).level is Level.NORMAL
    after = next_state(resumed, a_decision(), poor, Outcome((), ()))
    assert after.equity_peak == usd("800")
    assert after.day_open == DayOpen(TODAY, usd("800"))
    assert after.week_open == WeekOpen(WEEK_OPEN.monday, usd("800"))


def test_anchors_are_net_of_flows_and_stay_for_their_day_and_week() -> None:
    rich = a_portfolio(cash="1500", flows=usd("500"))
    first = next_state(a_state(), a_decision(), rich, Outcome((), ()))
    assert first.day_open == DAY_OPEN
    later = next_state(first, a_decision(), a_portfolio(cash="900"), Outcome((), ()))
    assert (later.day_open, later.week_open, later.equity_peak) == (DAY_OPEN, WEEK_OPEN, THOUSAND)


def test_a_week_begins_on_monday() -> None:
    assert [monday_of(date(2025, 2, day)).day for day in (23, 24, 25)] == [17, 24, 24]


@pytest.mark.parametrize(
    "code", [Reason.DAY_LOSS, Reason.WEEK_LOSS, Reason.DRAWDOWN], ids=lambda code: code.name
)
def test_a_buy_at_a_level_that_a_loss_set_is_told_the_loss(code: Reason) -> None:
    standing = Standing(Level.PAUSED, code.name, "", NOON, None, "5%", "4%", "risk.x")
    assert denial(verdict_on(a_buy(), standing=standing)) == Finding(code, "5%", "4%", "risk.x")


# --- a buy after a stop, and after losses ----------------------------------------------


@pytest.mark.parametrize(("ago", "allowed"), [(11, False), (12, True), (13, True)])
def test_a_product_that_was_stopped_rests(ago: int, allowed: bool) -> None:
    verdict = verdict_on(a_buy(), memory={"stopped": {"SOL-USD": NOON - ago * HOUR}})
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.STOPPED_RECENTLY, "11h", "12h", "risk.cooldown_after_stop"
        )


def test_a_stop_of_another_product_says_nothing() -> None:
    assert isinstance(verdict_on(a_buy(), memory={"stopped": {"ETH-USD": NOON}}), Approved)


def sales(*profits: str, ago: timedelta = HOUR) -> tuple[Closed, ...]:
    """Sales of one hour each, the last one so long ago."""
    first = ago + (len(profits) - 1) * HOUR
    return tuple(a_sale(profit, ago=first - at * HOUR) for at, profit in enumerate(profits))


@pytest.mark.parametrize(
    ("closed", "allowed"),
    [
        (sales("-1", "-1", "-1"), True),  # as many as allowed
        (sales("-1", "-1", "-1", "-1"), False),
        (sales("-1", "-1", "-1", "-1", ago=6 * HOUR - timedelta(seconds=1)), False),
        (sales("-1", "-1", "-1", "-1", ago=6 * HOUR), True),
        (sales("-1", "-1", "-1", "1", "-1"), True),
        (sales("-1", "-1", "0", "-1", "-1"), True),  # nothing lost ends a streak too
    ],
)
def test_a_streak_of_losses_stops_all_buys_for_a_while(
    closed: tuple[Closed, ...], allowed: bool
) -> None:
    verdict = verdict_on(a_buy(), memory={"closed": closed})
    assert isinstance(verdict, Approved) == allowed
    if closed == sales("-1", "-1", "-1", "-1"):
        assert denial(verdict) == Finding(
            Reason.LOSING_STREAK,
            "1h since the last of 4 sales that lost",
            "6h",
            "risk.cooldown_after_losses",
        )


# --- adding to a position ----------------------------------------------------------------

HELD = a_portfolio(a_position("SOL-USD", price="90"))  # bought a day ago, and in profit


@pytest.mark.parametrize(("adds", "allowed"), [(0, False), (1, True), (2, True)])
def test_a_position_is_added_to_so_often_a_day(adds: int, allowed: bool) -> None:
    verdict = verdict_on(a_buy(), portfolio=HELD, adds_per_day_max=adds)
    assert isinstance(verdict, Approved) == allowed
    assert isinstance(verdict_on(a_buy(), adds_per_day_max=adds), Approved)  # a first buy is none


def test_adds_count_from_the_moment_they_are_sent() -> None:
    sent = (a_trade("SOL-USD", ago=5 * HOUR), a_trade("SOL-USD", ago=4 * HOUR, side=Side.SELL))
    assert denial(verdict_on(a_buy(), portfolio=HELD, sent=sent)) == Finding(
        Reason.ADDS_FULL, "2 adds", "1 add", "risk.adds_per_day_max"
    )


def test_the_buy_that_opened_a_position_is_no_add() -> None:
    opened_now = a_portfolio(a_position("SOL-USD", price="90"))
    sent = (a_trade("SOL-USD", ago=DAY),)  # the very moment of its first lot
    assert isinstance(verdict_on(a_buy(), portfolio=opened_now, sent=sent), Approved)


@pytest.mark.parametrize(("hours", "allowed"), [(23, True), (24, True), (25, False)])
def test_adds_keep_their_distance_from_the_newest_lot(hours: int, allowed: bool) -> None:
    verdict = verdict_on(a_buy(), portfolio=HELD, add_spacing_min=hours * HOUR)
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(Reason.ADD_SPACING, "1d", "1d1h", "risk.add_spacing_min")


def test_adds_keep_their_distance_from_a_buy_that_was_only_sent() -> None:
    sent = (a_trade("SOL-USD", ago=3 * HOUR),)
    found = denial(verdict_on(a_buy(), portfolio=HELD, sent=sent, adds_per_day_max=9))
    assert (found.reason, found.seen) == (Reason.ADD_SPACING, "3h")


@pytest.mark.parametrize(("price", "allowed"), [("99.39", True), ("99.4", False), ("99.41", False)])
def test_a_position_is_added_to_only_while_it_earns(price: str, allowed: bool) -> None:
    """It would bring 99.4, the fee taken off; at its cost it earns nothing."""
    held = a_portfolio(a_position("SOL-USD", price=price))
    verdict = verdict_on(a_buy(), portfolio=held)
    assert isinstance(verdict, Approved) == allowed
    assert isinstance(verdict_on(a_buy(), portfolio=held, add_only_in_profit=False), Approved)
    if price == "99.4":
        assert denial(verdict) == Finding(
            Reason.ADD_NOT_IN_PROFIT, "99.4 USD", "above 99.4 USD", "risk.add_only_in_profit"
        )


# --- what sales leave behind ---------------------------------------------------------------


def closed_after(*sold: Closed, state: BotState | None = None) -> tuple[Closed, ...]:
    """What the state of the next cycle knows, once carrying out a plan closed these."""
    outcome = Outcome((), (), closed=sold)
    return next_state(state or a_state(), a_decision(), a_portfolio(), outcome).closed


def seen(*sold: Closed, state: BotState | None = None) -> tuple[Closed, ...]:
    """What this cycle decides by, once reconciling saw these."""
    return observed(state or a_state(), Sighting(closed=sold)).closed


def sold(profit: str, *, ago: timedelta = timedelta(0), order: str = "id-1") -> Closed:
    return Closed("SOL-USD", order, NOON - ago, usd(profit))


@pytest.mark.parametrize("kept", [closed_after, seen])
def test_the_fills_of_one_order_are_one_sale(kept: Callable[..., tuple[Closed, ...]]) -> None:
    (whole,) = kept(sold("9"), sold("-6"))
    assert whole.profit == usd("3")
    (later,) = kept(sold("-11"), state=a_state(closed=(whole,)))
    assert later.profit == usd("-8")


@pytest.mark.parametrize("kept", [closed_after, seen])
def test_only_the_last_sales_are_remembered(kept: Callable[..., tuple[Closed, ...]]) -> None:
    state = a_state(closed=tuple(a_sale("1", ago=n * HOUR) for n in range(CLOSED_KEPT, 0, -1)))
    closed = kept(sold("-1"), state=state)
    assert len(closed) == CLOSED_KEPT
    assert losing_streak(closed) == closed[-1:]


@pytest.mark.parametrize(
    ("age", "known"), [(timedelta(microseconds=1), True), (timedelta(0), False)]
)
def test_a_sale_is_forgotten_when_no_rest_can_reach_back_to_it(age: timedelta, known: bool) -> None:
    old = sold("-1", ago=CLOSED_KEPT_FOR - age)
    decided_at_noon = a_state(at=NOON, closed=(old,))
    assert bool(closed_after(state=decided_at_noon)) == known
    assert bool(seen(state=decided_at_noon)) == known


def test_after_a_start_the_sales_are_those_of_the_ledger() -> None:
    state = a_state(closed=(sold("-1"),))
    mended = counted(state, (), (sold("5", order="id-2"),), {}, NOON)
    assert mended.closed == (sold("5", order="id-2"),)


def test_fills_alone_close_nothing() -> None:
    fill = Fill(
        fill_id="F-1",
        client_order_id="id-1",
        symbol="SOL-USD",
        side=Side.SELL,
        price=Price(Decimal(90), "USD"),
        quantity=Quantity(Decimal(1), "SOL"),
        fee=usd("1"),
        at=NOON,
    )
    assert next_state(a_state(), a_decision(), a_portfolio(), Outcome((), (fill,))).closed == ()
