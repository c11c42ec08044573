"""What happened, in sentences a person would say; every number in them is in report.json."""

from __future__ import annotations

from collections.abc import Iterator

from core.wording import count
from runner.report.figures import DAYS_MIN, change, deepest_fall
from runner.report.story import Story, cents


def percentage(share: float) -> str:
    """Two decimals, with its sign where it is a loss."""
    return f"{share * 100:.2f}%"


def amount(story: Story, text: str) -> str:
    """10000.5 -> 10,000.50 USD."""
    return f"{float(text):,.2f} {story.setting.currency}"


def headline(story: Story) -> str:
    gained = change(story.chronicle.equity)
    verb = "gained" if gained >= 0 else "lost"
    return f"The bot {verb} {percentage(abs(gained))}"


def sentences(story: Story) -> Iterator[str]:
    """The summary, most important first."""
    told = story.summary()
    yield (
        f"From {told['from']} to {told['to']} it turned {amount(story, told['start_equity'])} "
        f"into {amount(story, told['end_equity'])}, in {count(told['cycles'], 'cycle')} of "
        f"{told['bar']}."
    )
    if story.held is not None:
        yield (
            f"Buying and holding {_products(story)} would have brought "
            f"{percentage(change(story.held))}."
        )
    yield from _falls(story)
    yield from _trading(story)
    yield f"On average {percentage(told['invested_mean'])} of equity was invested."
    if story.chronicle.halted_at is not None:
        yield (
            f"It halted on {told['halted_at'][:10]} ({told['halted_by']}) and bought nothing "
            "after that: only a person ends a halt, and nobody speaks in a backtest."
        )
    if told["failed"]:
        named = ", ".join(f"{code} {number}" for code, number in told["failed"].items())
        yield f"Cycles that came to no decision: {named}."
    yield _ratios(story)


def _products(story: Story) -> str:
    held = sorted(story.chronicle.first_asks)
    return held[0] if len(held) == 1 else f"equal parts of {count(len(held), 'product')}"


def _falls(story: Story) -> Iterator[str]:
    told, fall = story.summary(), story.fall
    if fall.depth <= 0:
        yield "Equity never fell below a value it had reached."
        return
    deepest = f"Its deepest fall from a peak was {percentage(fall.depth)}"
    dates = f" ({told['max_drawdown_from'][:10]} to {told['max_drawdown_to'][:10]})"
    held = "" if story.held is None else _held_fall(story.held)
    yield f"{deepest}{dates}{held}."


def _held_fall(held: list[float]) -> str:
    return f"; that of buy-and-hold {percentage(deepest_fall(held).depth)}"


def _trading(story: Story) -> Iterator[str]:
    sales, fills = story.sales, story.chronicle.fills
    if not fills:
        yield "It never traded."
        return
    if sales.win_rate is None:
        yield f"It had {count(len(fills), 'fill')} and sold nothing."
    else:
        factor = sales.profit_factor
        won = f"{count(sales.count, 'sale')}, {sales.won} of them with a profit"
        each = "" if factor is None else f"; for each {story.setting.currency} lost it won "
        yield (
            f"It made {won} ({percentage(sales.win_rate)})"
            f"{each}{'' if factor is None else f'{factor:.2f}'}."
        )
    fees = cents(story.fees)
    share = float(story.fees) / story.chronicle.equity[0]
    yield f"Fees took {amount(story, fees)}, {percentage(share)} of what it began with."


def _ratios(story: Story) -> str:
    found = story.ratios
    if found.sharpe is None:
        if found.days < DAYS_MIN:
            needed = f"it takes {DAYS_MIN} days, and this run has {found.days} whole ones"
            return f"No Sharpe or Sortino ratio is given: {needed}."
        return "No Sharpe or Sortino ratio is given: equity did not move."
    sortino = "no day lost" if found.sortino is None else f"{found.sortino:.2f}"
    return (
        f"Sharpe ratio {found.sharpe:.2f}, Sortino ratio {sortino}, from "
        f"{count(found.days, 'daily return')} of equity (mean over standard deviation, or over "
        "the root mean square of losing days; times the root of 365; no interest)."
    )


def assumptions(story: Story) -> Iterator[str]:
    """What this backtest takes for granted, and in which direction that errs."""
    setting = story.setting
    yield (
        "The bot is the one that trades: the same cycle, risk checks, ledger and recovery, "
        "against a simulated venue. It sees closed bars only."
    )
    if story.chronicle.modelled:
        yield f"The recording holds no books. {setting.book_model}"
    yield (
        "A resting limit order fills only when a later bar trades through its price, never at a "
        "touch; when a bar touches both a stop and a target, the stop is taken."
    )
    yield (
        f"Fees are {setting.maker_fee} as maker and {setting.taker_fee} as taker, whatever the "
        "volume. Equity values lots at the bid less the taker fee, so a buy costs at once what "
        "leaving would."
    )
    yield (
        "Orders of the bot move no later price. The venue answers at once and never fails here; "
        "faults are tested elsewhere."
    )
    yield (
        "Buy-and-hold spends all cash in the first cycle, in equal parts on every product with a "
        "book then, at the ask with the taker fee. It ignores every limit the bot has."
    )
    yield (
        "Products are those of the recording. If they were chosen knowing how they did, every "
        "result here is too good. What happened once need not happen again."
    )
