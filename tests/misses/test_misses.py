"""For every denial explain says what would have had to differ; here that change is made.

Where a number of ours decides: the key is set to what explain names, and the verdict
turns; a hair short of it, it stays. Where something else decides, the same situation
with just that otherwise turns it. No code is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import pytest

from config.tree import Plain
from core.reasons import Reason
from runner.nearest_miss import (
    BY_NUMBER,
    CUT_TO_SIZE,
    NO_VERDICT,
    OTHERWISE,
    TIMES_CAPS,
    differ,
    remedy,
)
from tests.keys.leaves import magnitude, value_of
from tests.keys.scenario import Scenario, configured, shipped
from tests.misses.acts import ACTS
from tests.misses.facts import FACTS
from tests.misses.numbers import CUT, NUMBERS, USDC, Miss
from tests.misses.otherwise import Otherwise, paying
from tests.runner.test_nearest_miss import told

# Nothing would have had to differ.
WELL = frozenset({Reason.APPROVED, Reason.REDUCED, Reason.HELD, Reason.NOT_DECIDED})
# What is missing there makes the universe leave the product out before risk is asked.
NEVER_SO = frozenset({"BOOK_TOO_OLD", "BOOK_OFF_CANDLES", "SPREAD_BEYOND_LIMIT"})

ALL_OTHERS = [*FACTS, *ACTS]

Verdict = Mapping[str, str]


def verdict_of(situation: Scenario, symbol: str, **changes: Plain) -> Verdict:
    assert situation.decided is not None
    decision = situation.decided(configured({**situation.settings, **changes}))
    verdict = told(decision, symbol)
    assert verdict is not None
    return verdict


def named(miss: Miss | Otherwise) -> str:
    situation = miss.situation if isinstance(miss, Miss) else miss.before
    return f"{miss.reason.name}: {situation.name}"


def same(one: Verdict, other: Verdict) -> bool:
    return (one["code"], one["key"]) == (other["code"], other["key"])


def the_key(miss: Miss, verdict: Verdict) -> Plain:
    """What the policy holds under the key of the verdict, in this situation."""
    return miss.situation.settings.get(verdict["key"], value_of(shipped(), verdict["key"]))


@pytest.mark.parametrize("miss", NUMBERS, ids=named)
def test_the_key_at_the_number_that_explain_names_turns_the_verdict(miss: Miss) -> None:
    verdict = verdict_of(miss.situation, miss.symbol)
    assert verdict["code"] == miss.reason.name

    change = remedy(verdict)

    assert change is not None
    assert f"{change.key} at {change.value} would have" in differ(verdict)
    turned = verdict_of(miss.situation, miss.symbol, **{change.key: _plain(change.value)})
    assert not same(turned, verdict)


@pytest.mark.parametrize("miss", NUMBERS, ids=named)
def test_a_hair_short_of_that_number_the_verdict_stays(miss: Miss) -> None:
    verdict = verdict_of(miss.situation, miss.symbol)
    change = remedy(verdict)
    assert change is not None

    short = between(change.value, the_key(miss, verdict))

    stayed = verdict_of(miss.situation, miss.symbol, **{change.key: short})
    # Of NO_TRIGGER the kind that is nearest is named, and another may be nearer now.
    assert same(stayed, verdict) or stayed["code"] == verdict["code"] == "NO_TRIGGER"


@pytest.mark.parametrize("miss", CUT, ids=named)
def test_the_number_that_explain_names_lets_all_of_an_order_pass(miss: Miss) -> None:
    """A hair short of it the order is cut, or denied as before."""
    verdict = verdict_of(miss.situation, miss.symbol)
    assert verdict["code"] == miss.reason.name
    assert "would have let all of it pass" in differ(verdict)
    change = remedy(verdict)
    value = change.value if change else scaled_by(the_key(miss, verdict), verdict)

    whole = verdict_of(miss.situation, miss.symbol, **{verdict["key"]: value})
    short = between(value, the_key(miss, verdict))
    part = verdict_of(miss.situation, miss.symbol, **{verdict["key"]: short})

    assert whole["code"] == "APPROVED"
    assert part != whole
    if miss.reason is not Reason.STRATEGY_BUDGET:  # a budget cuts the wish, before risk is asked
        assert part["code"] in ("REDUCED", miss.reason.name)
        assert part["key"] == verdict["key"]


@pytest.mark.parametrize("miss", ALL_OTHERS, ids=named)
def test_with_what_explain_asks_for_and_nothing_else_the_verdict_turns(miss: Otherwise) -> None:
    verdict = verdict_of(miss.before, miss.symbol)
    assert verdict["code"] == miss.reason.name

    assert differ(verdict) == miss.clause
    assert verdict_of(miss.after, miss.symbol)["code"] != miss.reason.name


def test_a_wallet_a_cent_short_of_what_explain_names_stays_short() -> None:
    assert verdict_of(paying("a cent short", "301.49"), USDC)["code"] == "WRONG_WALLET"


def test_every_code_is_tried_or_is_nobodys_verdict() -> None:
    tried = {miss.reason for miss in (*NUMBERS, *CUT)} | {miss.reason for miss in ALL_OTHERS}

    assert [reason.name for reason in Reason if reason not in tried | WELL | NO_VERDICT] == []


def test_every_code_of_a_number_is_tried_as_one() -> None:
    assert {miss.reason for miss in NUMBERS} == BY_NUMBER
    assert {miss.reason for miss in CUT} == CUT_TO_SIZE | TIMES_CAPS


def test_every_sentence_without_a_number_is_tried_or_cannot_be_asked_for() -> None:
    tried = {miss.reason.name for miss in ALL_OTHERS}
    untried = {reason.name for reason in OTHERWISE} - tried - {reason.name for reason in WELL}

    assert untried == NEVER_SO | {"RULE_DECLINED", "ORDER_UNWANTED", "CASH_BUFFER"}


def test_a_code_has_one_answer() -> None:
    kinds = Counter([*BY_NUMBER, *CUT_TO_SIZE, *TIMES_CAPS, *NO_VERDICT])
    kinds.update(reason for reason in OTHERWISE if reason not in BY_NUMBER | CUT_TO_SIZE)

    assert [reason.name for reason in Reason if kinds[reason] != 1] == []


def between(value: str, limit: Plain) -> Plain:
    """The value moved a little way to the limit; a count by one."""
    if value.isdigit():
        step = 1 if int(value) < int(str(limit)) else -1
        return int(value) + step
    wanted, was = magnitude(value), magnitude(limit)
    assert wanted is not None
    assert was is not None
    return written(wanted + (was - wanted) / 50, value)


def scaled_by(limit: Plain, verdict: Verdict) -> str:
    """The key that makes what was seen the limit, whatever the regime makes of it."""
    was, seen, met = magnitude(limit), magnitude(verdict["seen"]), magnitude(verdict["limit"])
    assert was is not None
    assert seen is not None
    assert met is not None
    return written(was * seen / met, "%")


def written(number: Decimal, like: str) -> str:
    """A number in the unit of another text."""
    if like.endswith("%"):
        return f"{number * 100:f}%"
    if like.endswith("x"):
        return f"{number:f}x"
    if like[-1] in "dhms":
        return f"{int(number)}s"
    return f"{number:f} {like.split()[1]}"


def _plain(value: str) -> Plain:
    return int(value) if value.isdigit() else value
