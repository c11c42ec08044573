"""What a person sees while the bot runs: a page on a terminal, lines in a pipe, or nothing."""

from __future__ import annotations

import logging
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from io import StringIO

import pytest

from runner import live_view
from runner.live_view import LiveView, covered
from runner.screen import Lines, Screen, Silence, cycle_line, screen_for
from tests.builders.glance import (
    DUE,
    a_shown_order,
    a_shown_record,
    a_turn,
)

ALTERNATE_ON, ALTERNATE_OFF = "\x1b[?1049h", "\x1b[?1049l"


class Terminal(StringIO):
    """A terminal that remembers everything it was sent."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _a_good_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def view(terminal: Terminal) -> Iterator[LiveView]:
    shown = LiveView(terminal)
    yield shown
    shown.close()


def given(**flags: bool) -> Namespace:
    return Namespace(**{"quiet": False, "once": False, "json": False, **flags})


def test_a_terminal_gets_the_live_view(terminal: Terminal) -> None:
    assert isinstance(screen_for(given(), terminal), LiveView)


def test_a_pipe_gets_lines() -> None:
    assert isinstance(screen_for(given(), StringIO()), Lines)


def test_a_single_cycle_gets_a_line_that_stays(terminal: Terminal) -> None:
    assert isinstance(screen_for(given(once=True), terminal), Lines)


@pytest.mark.parametrize("name", ["", "dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    name: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", name)

    assert isinstance(screen_for(given(), terminal), Lines)


def test_quiet_is_silence_even_on_a_terminal(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    screen: Screen = screen_for(given(quiet=True), terminal)

    screen.say("a notice")
    screen.cycle(a_turn(a_shown_record()), DUE)
    screen.summary()
    screen.close()

    assert isinstance(screen, Silence)
    assert (terminal.getvalue(), *capsys.readouterr()) == ("", "", "")


def test_a_cycle_is_one_line_in_a_pipe_without_colours() -> None:
    pipe = StringIO()

    Lines(pipe).cycle(a_turn(a_shown_record()), DUE)

    assert pipe.getvalue() == (
        "2025-03-01T12:00:00Z #42    NO_TRADE NORMAL  chop  3 of 4 eligible, 0 triggers, "
        "0 proposals: ETH-USD NO_TRIGGER 0.4% against 1%\n"
    )


def test_a_line_on_a_terminal_has_the_colour_of_its_outcome(terminal: Terminal) -> None:
    Lines(terminal).cycle(a_turn(a_shown_record(outcome="FAILED")), DUE)

    assert terminal.getvalue().startswith("\x1b[31;1m")
    assert terminal.getvalue().endswith("\x1b[0m\n")


def test_a_line_names_the_orders_where_there_are_any() -> None:
    line = cycle_line(a_shown_record(plan=[a_shown_order("ETH-USD")]))

    assert line.endswith(": BUY 0.1125 ETH-USD at 2775.44 (GTD)")


def test_the_summary_counts_what_happened() -> None:
    pipe = StringIO()
    lines = Lines(pipe)
    lines.cycle(a_turn(a_shown_record()), DUE)
    lines.cycle(a_turn(a_shown_record(cycle=43, at="2025-03-01T12:15:00Z")), DUE)
    pipe.truncate(0)

    lines.summary()

    told = [" ".join(line.strip("│ \n").split()) for line in pipe.getvalue().splitlines()]
    assert any("2 cycles, 2025-03-01T12:00:00Z to 2025-03-01T12:15:00Z" in line for line in told)
    assert "verdicts: NO_TRIGGER │ 4" in told
    assert "exclusions: STABLE_PAIR │ 2" in told


def test_a_run_without_cycles_has_no_summary() -> None:
    pipe = StringIO()

    Lines(pipe).summary()

    assert pipe.getvalue() == ""


def test_a_cycle_that_could_not_be_written_down_adds_no_line_and_counts_nothing() -> None:
    pipe = StringIO()
    lines = Lines(pipe)

    lines.cycle(a_turn(None), DUE)
    lines.summary()

    assert pipe.getvalue() == ""


def test_the_view_covers_the_terminal_and_gives_it_back_before_the_summary(
    view: LiveView, terminal: Terminal
) -> None:
    view.cycle(a_turn(a_shown_record()), DUE)
    view.summary()

    sent = terminal.getvalue()
    assert sent.index(ALTERNATE_ON) < sent.index("equity 10,123.46 USD")
    assert sent.index("equity 10,123.46 USD") < sent.index(ALTERNATE_OFF)
    assert sent.index(ALTERNATE_OFF) < sent.index("1 cycles, 2025-03-01T12:00:00Z")


def test_notices_before_the_first_cycle_are_plain_lines(view: LiveView, terminal: Terminal) -> None:
    view.say("momentum: off")

    assert terminal.getvalue() == "momentum: off\n"


def test_what_is_said_under_the_page_is_told_when_the_terminal_is_given_back(
    view: LiveView, terminal: Terminal
) -> None:
    view.cycle(a_turn(a_shown_record()), DUE)
    view.say("the recording is used up")
    view.close()

    assert terminal.getvalue().endswith("the recording is used up\n")


def test_errors_under_the_page_are_not_lost(
    view: LiveView, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    before = sys.stderr
    view.cycle(a_turn(a_shown_record()), DUE)

    print("FAILED STATE_NOT_WRITTEN", file=sys.stderr)
    view.close()

    assert sys.stderr is before
    assert terminal.getvalue().endswith("FAILED STATE_NOT_WRITTEN\n")


def test_errors_that_go_to_a_file_are_left_alone(
    view: LiveView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", StringIO())
    before = sys.stderr

    view.cycle(a_turn(a_shown_record()), DUE)

    assert sys.stderr is before


def test_closing_twice_gives_the_terminal_back_once(view: LiveView, terminal: Terminal) -> None:
    view.cycle(a_turn(a_shown_record()), DUE)

    view.close()
    view.close()

    assert terminal.getvalue().count(ALTERNATE_OFF) == 1


@pytest.fixture
def _broken_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault in drawing")

    monkeypatch.setattr(live_view, "covered", broken)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)


@pytest.mark.usefixtures("_broken_drawing")
def test_a_fault_in_drawing_ends_the_page_and_never_a_cycle(
    view: LiveView, terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "runner"):
        view.cycle(a_turn(a_shown_record()), DUE)
        view.join()
        view.cycle(a_turn(a_shown_record(cycle=43)), DUE)
        view.cycle(a_turn(a_shown_record(cycle=44)), DUE)
    view.summary()

    after = terminal.getvalue().split(ALTERNATE_OFF)[1]
    assert "the live view failed, see bot.log; plain lines from here on" in after
    assert after.count("the live view failed") == 1
    assert [after.count(f"#{cycle} ") for cycle in (42, 43, 44)] == [0, 1, 1]
    assert "3 cycles" in after
    assert "a fault in drawing" in caplog.text


def test_the_page_of_a_cycle_that_could_not_be_written_down_says_so() -> None:
    shown = covered(a_turn(None), DUE, ["disk full"], width=80, height=24)

    assert shown.plain == "cycle 42 failed and could not be written down\ndisk full"


def test_the_last_things_said_stand_at_the_foot_within_the_height() -> None:
    shown = covered(a_turn(a_shown_record()), DUE, ["one", "two" * 40], width=30, height=6)

    lines = shown.plain.splitlines()
    assert len(lines) == 6
    assert lines[-2:] == ["one", "two" * 9 + "tw…"]


def test_the_page_names_the_nearest_product_of_the_same_cycle_and_the_next_one() -> None:
    turn = a_turn(a_shown_record(), nearest=("ADA-USD", "ETH-USD"))

    shown = covered(turn, DUE, [], width=80, height=24).plain

    assert "next cycle 2025-03-01 12:15:00" in shown
    assert "NO_TRIGGER  2  ADA-USD  0.1% against 1%" in shown
