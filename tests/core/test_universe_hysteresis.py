"""A product near a limit does not come and go every cycle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from core.market import ProductStatus, Snapshot
from core.policy import Hysteresis, Policy
from core.reasons import Finding, Reason
from core.state import Membership
from core.universe import Universe, select_universe
from tests.builders.account import a_portfolio, a_state
from tests.builders.market import (
    a_product,
    a_snapshot,
)
from tests.builders.risk import a_policy, a_universe_policy
from tests.builders.universe import a_volume, universe_of

OUTSIDER = Membership(None, 0)
GOOD = a_snapshot()
DULL = a_snapshot(panel=a_volume("SOL-USD", 9_999))
HALTED = a_snapshot(products={"SOL-USD": a_product(status=ProductStatus.HALTED)})


def cycles(
    snapshots: Sequence[Snapshot],
    memberships: Mapping[str, Membership],
    policy: Policy | None = None,
) -> Iterator[Universe]:
    """One universe after the other, each with the memory of the one before."""
    state = a_state(memberships=memberships)
    for snapshot in snapshots:
        universe = select_universe(snapshot, state, policy or a_policy(), a_portfolio().rates)
        state = replace(state, memberships=universe.memberships)
        yield universe


def told(universe: Universe) -> str:
    """The tier of SOL, or the code that keeps it out."""
    tier = universe.eligible.get("SOL-USD")
    return tier if tier is not None else universe.excluded["SOL-USD"].reason.name


@pytest.mark.parametrize(
    ("start", "snapshots", "expected"),
    [
        pytest.param(None, [GOOD], ["T2"], id="a new folder lets in at once"),
        pytest.param(OUTSIDER, [GOOD, GOOD], ["ENTERING", "T2"], id="two good cycles let in"),
        pytest.param(
            OUTSIDER,
            [GOOD, DULL, GOOD, GOOD],
            ["ENTERING", "VOLUME_TOO_LOW", "ENTERING", "T2"],
            id="a bad cycle starts the count again",
        ),
        pytest.param(
            OUTSIDER,
            [GOOD, HALTED, GOOD, GOOD],
            ["ENTERING", "PRODUCT_NOT_ONLINE", "ENTERING", "T2"],
            id="so does a fact",
        ),
        pytest.param(
            Membership("T2", 0),
            [DULL, DULL, DULL, DULL, DULL],
            ["T2", "T2", "T2", "VOLUME_TOO_LOW", "VOLUME_TOO_LOW"],
            id="the fourth bad cycle puts out",
        ),
        pytest.param(
            Membership("T2", 0),
            [DULL, DULL, DULL, GOOD, DULL, DULL, DULL, DULL],
            ["T2"] * 7 + ["VOLUME_TOO_LOW"],
            id="a good cycle forgives",
        ),
        pytest.param(
            Membership("T2", 0),
            [HALTED, GOOD, GOOD],
            ["PRODUCT_NOT_ONLINE", "ENTERING", "T2"],
            id="a fact puts out at once",
        ),
        pytest.param(
            Membership("T2", 3), [DULL], ["VOLUME_TOO_LOW"], id="the memory outlives a restart"
        ),
    ],
)
def test_a_product_comes_and_goes_with_hysteresis(
    start: Membership | None, snapshots: list[Snapshot], expected: list[str]
) -> None:
    memberships = {} if start is None else {"SOL-USD": start}
    assert [told(universe) for universe in cycles(snapshots, memberships)] == expected


def test_an_entering_product_says_how_long_it_has_qualified() -> None:
    universe = universe_of(a_snapshot(), {"SOL-USD": OUTSIDER})
    assert universe.excluded["SOL-USD"] == Finding(
        Reason.ENTERING, "1 cycle", "2 cycles", "universe.hysteresis.enter_cycles"
    )


def test_hysteresis_of_one_cycle_is_none() -> None:
    policy = a_policy(
        universe=a_universe_policy(hysteresis=Hysteresis(enter_cycles=1, exit_cycles=1))
    )
    walked = cycles([GOOD, DULL, GOOD], {"SOL-USD": OUTSIDER}, policy)
    assert [told(universe) for universe in walked] == ["T2", "VOLUME_TOO_LOW", "T2"]


def test_a_first_cycle_without_anything_eligible_does_not_look_like_a_new_folder() -> None:
    walked = cycles([HALTED, GOOD, GOOD], {})
    assert [told(universe) for universe in walked] == ["PRODUCT_NOT_ONLINE", "ENTERING", "T2"]


def test_a_new_listing_qualifies_like_any_other() -> None:
    walked = list(cycles([GOOD, a_snapshot("BTC-USD", "SOL-USD")], {}))
    assert walked[1].excluded["BTC-USD"].reason is Reason.ENTERING
    assert walked[1].eligible == {"SOL-USD": "T2"}


def test_the_memory_drops_what_is_no_longer_listed() -> None:
    before = {"LUNA-USD": Membership("T3", 1), "SOL-USD": Membership("T2", 2)}
    universe = universe_of(a_snapshot("BTC-USD", "SOL-USD"), before)
    assert universe.memberships == {"BTC-USD": Membership(None, 1), "SOL-USD": Membership("T2", 0)}


def test_a_discovered_member_moves_to_the_tier_it_meets_now() -> None:
    t1, t2 = a_snapshot("ADA-USD"), a_snapshot("ADA-USD", panel=a_volume("ADA-USD", 10_000))
    walked = cycles([t1, t2, t1], {"ADA-USD": Membership("T1", 0)})
    assert [universe.eligible["ADA-USD"] for universe in walked] == ["T1", "T2", "T1"]


def test_a_discovered_member_keeps_its_tier_while_it_meets_none() -> None:
    none = a_snapshot("ADA-USD", panel=a_volume("ADA-USD", 1))
    assert universe_of(none, {"ADA-USD": Membership("T1", 2)}).eligible == {"ADA-USD": "T1"}


def test_a_depth_nobody_sees_does_not_lift_a_member() -> None:
    unseen = a_snapshot("ADA-USD", depths={})
    assert universe_of(unseen, {"ADA-USD": Membership("T3", 0)}).eligible == {"ADA-USD": "T3"}
    assert universe_of(unseen, {"ADA-USD": Membership("T2", 0)}).eligible == {"ADA-USD": "T2"}
    seen = a_snapshot("ADA-USD")
    assert universe_of(seen, {"ADA-USD": Membership("T3", 0)}).eligible == {"ADA-USD": "T1"}


def test_a_member_of_a_tier_that_the_policy_lost_enters_anew() -> None:
    universe = universe_of(a_snapshot(), {"SOL-USD": Membership("T9", 0)})
    assert universe.excluded["SOL-USD"].reason is Reason.ENTERING
