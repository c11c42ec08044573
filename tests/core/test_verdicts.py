"""One answer for every product: the last stage that spoke about it has the word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.account import Portfolio
from core.allocation import Allocation
from core.changes import Changes
from core.decision import ProductVerdict
from core.errors import FatalError
from core.execution import OrderPlan
from core.exits import Exits
from core.proposals import Proposals, StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Denied, Reduced, Verdict
from core.sizing import Sizes
from core.state import ChangeMemory
from core.triggers import Attention
from core.universe import Universe
from core.verdicts import Stages, ask, product_verdicts
from core.wallets import Choice
from tests.builders.account import a_portfolio, a_position
from tests.builders.risk import a_buy, a_sell, an_exit, usd

SOL, ETH = "SOL-USD", "ETH-USD"
BUY = a_buy(SOL)


def because(reason: Reason) -> Finding:
    return Finding(reason, "seen", "limit", "key")


def stages(
    *,
    elsewhere: dict[str, Finding] | None = None,
    passed: dict[str, Finding] | None = None,
    declined: dict[str, Finding] | None = None,
    wanted: tuple[TradeProposal, ...] = (),
    lost: dict[str, Finding] | None = None,
    dropped: dict[str, Finding] | None = None,
    reviews: tuple[Verdict, ...] = (),
    refused: dict[str, Finding] | None = None,
    exits: Exits | None = None,
    kept_out: dict[str, Finding] | None = None,
    changed: dict[str, Finding] | None = None,
) -> Stages:
    return Stages(
        Choice({}, elsewhere or {}),
        Attention((), passed or {}, ()),
        Proposals(wanted, declined or {}),
        exits or Exits((), {}, {}),
        kept_out or {},
        Allocation((), lost or {}),
        Sizes((), dropped or {}),
        Changes((), (), changed or {}, ChangeMemory()),
        reviews,
        OrderPlan((), refused or {}),
    )


def verdicts(
    said: Stages, *eligible: str, portfolio: Portfolio | None = None
) -> dict[str, ProductVerdict]:
    universe = Universe(dict.fromkeys(eligible, "T2"), {}, {})
    return dict(product_verdicts(said, universe, portfolio or a_portfolio()))


def test_a_product_whose_asset_is_traded_elsewhere_has_that_for_its_verdict() -> None:
    said = verdicts(stages(elsewhere={SOL: because(Reason.OTHER_WALLET)}), SOL)
    assert said[SOL].finding.reason is Reason.OTHER_WALLET
    assert said[SOL].proposal is None


def test_a_product_that_was_passed_over_has_that_for_its_verdict() -> None:
    said = verdicts(stages(passed={SOL: because(Reason.NO_TRIGGER)}), SOL)
    assert said == {SOL: ProductVerdict(because(Reason.NO_TRIGGER), None)}


LATER: tuple[tuple[Reason, dict[str, object]], ...] = (
    (Reason.RULE_DECLINED, {"declined": {SOL: because(Reason.RULE_DECLINED)}}),
    (Reason.OUTBID, {"lost": {BUY.id: because(Reason.OUTBID)}}),
    (Reason.SIZE_IS_ZERO, {"dropped": {BUY.id: because(Reason.SIZE_IS_ZERO)}}),
    (Reason.COOLDOWN, {"reviews": (Denied(BUY, because(Reason.COOLDOWN)),)}),
    (Reason.REDUCED, {"reviews": (Reduced(BUY, because(Reason.REDUCED)),)}),
    (Reason.BELOW_VENUE_MINIMUM, {"refused": {BUY.id: because(Reason.BELOW_VENUE_MINIMUM)}}),
)


@pytest.mark.parametrize("spoken", range(1, len(LATER) + 1))
def test_whoever_speaks_last_has_the_word(spoken: int) -> None:
    said: dict[str, object] = {"passed": {SOL: because(Reason.NO_TRIGGER)}, "wanted": (BUY,)}
    for _, words in LATER[:spoken]:
        said |= words
    answer = verdicts(stages(**said), SOL)[SOL]  # type: ignore[arg-type]
    reason = LATER[spoken - 1][0]
    assert answer.finding.reason is reason
    assert answer.proposal == (None if reason is Reason.RULE_DECLINED else BUY.id)


def test_an_approval_says_how_much_was_approved() -> None:
    said = verdicts(stages(wanted=(BUY,), reviews=(Approved(BUY),)), SOL)
    asked = Finding(Reason.APPROVED, "300 USD", "300 USD", "risk")
    assert said[SOL] == ProductVerdict(asked, BUY.id)


def test_a_position_without_any_other_word_is_held() -> None:
    portfolio = a_portfolio(a_position(ETH, quantity="2"))
    held = because(Reason.HELD)
    said = verdicts(stages(exits=Exits((), {ETH: held}, {})), portfolio=portfolio)
    assert said[ETH] == ProductVerdict(held, None, held)


def test_a_proposal_speaks_louder_than_the_position_it_is_about() -> None:
    portfolio = a_portfolio(a_position(SOL))
    denied = Denied(BUY, because(Reason.POSITION_FULL))
    held = Exits((), {SOL: because(Reason.HELD)}, {})
    said = verdicts(stages(wanted=(BUY,), reviews=(denied,), exits=held), SOL, portfolio=portfolio)
    assert said[SOL].finding.reason is Reason.POSITION_FULL
    assert said[SOL].exit == because(Reason.HELD)


def test_a_position_that_no_exit_watches_is_a_fault_of_the_program() -> None:
    with pytest.raises(FatalError, match=r"silent=\['ETH-USD'\]"):
        verdicts(stages(), portfolio=a_portfolio(a_position(ETH)))


def test_an_exit_speaks_for_what_it_kept_out_and_names_what_fired_it() -> None:
    portfolio, leaving = a_portfolio(a_position(SOL)), an_exit()
    fired = Exits((leaving,), {SOL: because(Reason.STOP_LOSS)}, {})
    kept = {BUY.id: because(Reason.EXITING)}
    allowed = stages(wanted=(BUY,), exits=fired, kept_out=kept, reviews=(Approved(leaving),))
    said = verdicts(allowed, SOL, portfolio=portfolio)[SOL]
    assert (said.finding.reason, said.proposal) == (Reason.STOP_LOSS, leaving.id)
    denied = (Denied(leaving, because(Reason.ORDER_PENDING)),)
    said = verdicts(replace(allowed, reviews=denied), SOL, portfolio=portfolio)[SOL]
    assert (said.finding.reason, said.proposal) == (Reason.ORDER_PENDING, leaving.id)
    assert said.exit == because(Reason.STOP_LOSS)


def test_what_is_seen_of_an_own_order_speaks_louder_than_the_market() -> None:
    stale = because(Reason.ORDER_UNWANTED)
    said = verdicts(stages(passed={SOL: because(Reason.NO_TRIGGER)}, changed={SOL: stale}), SOL)
    assert said[SOL].finding == stale


def test_an_own_order_in_a_product_that_is_out_gets_no_verdict_of_its_own() -> None:
    assert verdicts(stages(changed={SOL: because(Reason.ORDER_UNWANTED)})) == {}


def test_of_two_proposals_the_one_that_is_carried_out_has_the_word() -> None:
    sale = a_sell(SOL)
    reviews = (Approved(sale), Denied(BUY, because(Reason.POSITION_FULL)))
    assert verdicts(stages(wanted=(BUY, sale), reviews=reviews), SOL)[SOL].proposal == sale.id


def test_verdicts_come_sorted_by_symbol() -> None:
    passed = {name: because(Reason.NO_TRIGGER) for name in ("XRP-USD", SOL, ETH)}
    assert list(verdicts(stages(passed=passed), *passed)) == [ETH, SOL, "XRP-USD"]


def test_silence_about_an_eligible_product_is_a_fault_of_the_program() -> None:
    with pytest.raises(FatalError, match=r"silent=\['SOL-USD'\]") as fault:
        verdicts(stages(), SOL)
    assert fault.value.code == "BROKEN_RULE"


def test_a_verdict_on_what_nobody_asked_about_is_one_too() -> None:
    with pytest.raises(FatalError, match=r"uncalled=\['SOL-USD'\]"):
        verdicts(stages(passed={SOL: because(Reason.NO_TRIGGER)}))


class Says:
    """A strategy that says what it is told to."""

    name = "rules"

    def __init__(self, wanted: tuple[TradeProposal, ...], declined: dict[str, Finding]) -> None:
        self.answer = Proposals(wanted, declined)

    def propose(self, context: StrategyContext) -> Proposals:
        return self.answer


def test_all_strategies_are_asked_and_the_later_word_on_a_trigger_stays() -> None:
    other = replace(BUY, strategy="grid")
    first = Says((BUY,), {ETH: because(Reason.NO_RULE)})
    second = Says((other,), {ETH: because(Reason.RULE_DECLINED)})
    together = ask((first, second), None)  # type: ignore[arg-type]
    assert together.wanted == (BUY, other)
    assert together.declined == {ETH: because(Reason.RULE_DECLINED)}


def test_a_proposal_is_recorded_as_it_was_last_touched() -> None:
    bare, sized = replace(BUY, notional=None), replace(BUY, notional=usd("120"))
    lost = replace(a_buy(ETH), notional=None)
    said = stages(wanted=(bare, lost))
    said = replace(said, changes=Changes((), (sized,), {}, ChangeMemory()))
    assert said.proposals() == (lost, sized)
