"""The Overview as a page of text: any width, any height, one fact a line.

Every line is cut to the width, and where lines are short the longest list gives
way first and says how much it leaves out. What matters most stands on top, so a
window that is far too small still shows the level and the equity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from textwrap import wrap

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from runner.overview import Answer, Held, Overview, reason_told

_LEVELS = {"NORMAL": "green", "HALTED": "bold red"}  # the others: yellow
_OUTCOMES = {"PLANNED": "green", "TRADED": "bold green", "FAILED": "bold red", "HALTED": "yellow"}
_GAP = "  "
_TIE = "\N{NO-BREAK SPACE}"  # keeps a code and its count on one line
_ROWS_KEPT = 2  # of the other lists, while positions are shown in full
_MORE = "... and {} more"

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Section:
    """A title with rows in columns below it; the last column is the one that may be cut."""

    title: str
    rows: tuple[Row, ...] = ()


def page(told: Overview, *, width: int, height: int | None) -> Text:
    """At most `height` lines of at most `width` cells; all there is where height is None."""
    lines = [*_head(told), *_account(told)]
    sections = list(_sections(told, width))
    free = None if height is None else height - len(lines)
    shown = _shares([len(section.rows) for section in sections], _rows_in(free, sections))
    airy = free is None or free >= sum(shown) + 2 * len(sections)
    for section, count in zip(sections, shown, strict=True):
        if airy and section.rows:
            lines.append(Text())
        lines.append(Text(section.title, style="bold"))
        lines.extend(_table(section.rows, count))
    return Text("\n").join(_cut(line, width) for line in lines[:height])


def _head(told: Overview) -> Iterator[Text]:
    process = "" if told.process in (None, "RUNNING") else f"{_GAP}{told.process}"
    yield Text.assemble(
        (f"{told.mode} on {told.exchange}", "bold"),
        _GAP,
        (told.level, _LEVELS.get(told.level, "bold yellow")),
        f"{_GAP}cycle {told.cycle}",
        (process, "yellow"),
    )
    if told.standing:
        yield Text(printable(told.standing), style=_LEVELS.get(told.level, "yellow"))
    yield Text.assemble(
        (f"market time {_clock(told.at)}{_GAP}next cycle {_next(told)}", "cyan"),
        f"{_GAP}{told.regime or 'no'} regime",
    )
    if told.protection:
        yield Text(told.protection, style="dim")
    outcome = (told.outcome, _OUTCOMES.get(told.outcome, ""))
    yield Text.assemble(outcome, f"{_GAP}{printable(_gist(told))}")


def _account(told: Overview) -> Iterator[Text]:
    if told.equity is None:
        yield Text("no account in this record: the cycle did not decide", style="yellow")
        return
    yield Text.assemble(
        (f"equity {amount(told.equity)} {told.currency}", "bold"),
        f"{_GAP}day {signed(told.day_pnl)}{_GAP}drawdown {told.drawdown}",
        f"{_GAP}week loss {told.week_loss}" if told.week_loss is not None else "",
    )
    yield Text(f"cash {amount(told.cash)}{_GAP}in positions {amount(told.exposure)}")


def _sections(told: Overview, width: int) -> Iterator[Section]:
    yield Section(
        f"positions: {len(told.positions) or 'none'}",
        tuple(_position(symbol, held) for symbol, held in told.positions.items()),
    )
    yield Section(
        f"planned orders: {len(told.plan) or 'none'}",
        tuple(
            (order.side, order.symbol, f"{order.quantity} at {order.price} {order.time_in_force}")
            for order in told.plan
        ),
    )
    if told.fills:
        yield Section(
            f"fills: {len(told.fills)}",
            tuple(
                (fill.side, fill.symbol, f"{fill.quantity} at {fill.price}", f"fee {fill.fee}")
                for fill in told.fills
            ),
        )
    if told.open_orders:
        yield Section(
            f"open orders: {len(told.open_orders)}{_stuck(told.stuck)}",
            tuple(
                (open_.side, open_.symbol, f"{open_.quantity} at {open_.price}", open_.status)
                for open_ in told.open_orders
            ),
        )
    if told.quarantined:
        yield Section(
            f"standing still: {len(told.quarantined)}", tuple(sorted(told.quarantined.items()))
        )
    if told.breakers:
        yield Section(
            f"circuit breakers: {len(told.breakers)}", tuple(map(_breaker, told.breakers.items()))
        )
    yield Section(
        f"proposals: {len(told.proposals) or 'none'}",
        tuple(
            (made.side, made.symbol, f"{made.rule} {made.conviction:.2f}", *_verdict(made.verdict))
            for made in told.proposals
        ),
    )
    judged = sum(group.count for group in told.verdicts)
    yield Section(
        f"verdicts: {judged or 'none'}, each code with its product nearest to a trigger",
        tuple(
            (group.verdict.code, str(group.count), group.symbol, _against(group.verdict))
            for group in told.verdicts
        ),
    )
    excluded = sorted(told.excluded.items(), key=lambda counted: (-counted[1], counted[0]))
    counts = ", ".join(f"{code}{_TIE}{number}" for code, number in excluded)
    yield Section(
        f"excluded: {sum(told.excluded.values()) or 'none'}",
        tuple((line.replace(_TIE, " "),) for line in wrap(counts, max(width - len(_GAP), 1))),
    )


def _gist(told: Overview) -> str:
    if told.why is not None:
        return reason_told(told.why)
    orders = [order for order in told.plan if order.side != "CANCEL"]
    taken_back = len(told.plan) - len(orders)
    became = f"{len(orders)} of {len(told.proposals)} proposals became orders"
    return f"{became}, {taken_back} taken back" if taken_back else became


def _verdict(answer: Answer | None) -> Row:
    return ("", "") if answer is None else (answer.code, _against(answer))


def _position(symbol: str, held: Held) -> Row:
    worth = (symbol, held.quantity, amount(held.value), signed(held.profit))
    return (*worth, *_exit(held.exit), *((held.stop,) if held.stop else ()))


def _breaker(kept: tuple[str, Mapping[str, object]]) -> Row:
    group, told = kept
    return group, f"{told.get('failures')} failures in a row, {told.get('position')}"


def _stuck(orders: int) -> str:
    return f", {orders} stuck" if orders else ""


def _exit(watched: Answer | None) -> Row:
    """The level with its distance first: what follows may be cut."""
    return ("", "") if watched is None else (watched.code, f"{watched.limit}; {watched.seen}")


def _against(answer: Answer) -> str:
    return f"{answer.seen} against {answer.limit}"


def _next(told: Overview) -> str:
    return "none" if told.next_cycle is None else _clock(told.next_cycle)


def _clock(instant: str) -> str:
    """2025-01-03T19:45:00Z as 2025-01-03 19:45:00."""
    return instant.replace("T", " ").removesuffix("Z")


def amount(written: str | None) -> str:
    """Two decimals for the eye; the record has them all."""
    return "-" if written is None else f"{Decimal(written):,.2f}"


def signed(written: str | None) -> str:
    return "-" if written is None else f"{Decimal(written):+,.2f}"


def printable(text: str) -> str:
    """What came from outside cannot move the cursor or begin a line."""
    return "".join(mark if mark.isprintable() else "?" for mark in text)


def _rows_in(free: int | None, sections: Sequence[Section]) -> int | None:
    return None if free is None else max(free - len(sections), 0)


def _shares(wanted: Sequence[int], places: int | None) -> list[int]:
    """How many rows each section may show: the longest gives way, row by row.

    The first section is the positions. They are money at risk, so they give way last.
    """
    shares = list(wanted)
    while places is not None and sum(shares) > places:
        givers = [at for at in range(1, len(shares)) if shares[at] > _ROWS_KEPT]
        givers = givers or list(range(len(shares)))
        shares[max(givers, key=lambda at: (shares[at], at))] -= 1
    return shares


def _table(rows: Sequence[Row], count: int) -> Iterator[Text]:
    """The first rows in columns; a last line says what is left out, where a line is left."""
    flowing = bool(rows) and len(rows[0]) == 1  # text, whose title says how much there is
    kept, more = rows[:count], len(rows) - count
    if more and count and not flowing:
        kept, more = rows[: count - 1], more + 1
    clean = [[printable(cell) for cell in row] for row in kept]
    widths = [max(map(cell_len, column)) for column in zip(*clean, strict=True)]
    for row in clean:
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
        yield Text(f"{_GAP}{_GAP.join(cells)}".rstrip())
    if len(kept) < count:
        yield Text(f"{_GAP}{_MORE.format(more)}", style="dim")


def _cut(line: Text, width: int) -> Text:
    line.truncate(max(width, 1), overflow="ellipsis")
    return line
