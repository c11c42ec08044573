"""The keys of app.yaml: where the bot runs and how, seen in the whole process."""

from __future__ import annotations

from config.tree import Plain
from tests.builders.account import a_portfolio
from tests.keys.deciding import BTC, SOL, a_market, deciding
from tests.keys.leaves import value_of
from tests.keys.running import (
    backoffs,
    book,
    carrier,
    cash,
    cycle_ids,
    decision,
    depths_asked,
    doctor,
    fees,
    gates,
    history,
    log_files,
    log_lines,
    old_archives,
    on_a_stage,
    products,
    traded,
    wakes,
    wired,
)
from tests.keys.scenario import Change, Refused, Row, Scenario, both, shipped

RECORDED: dict[str, Plain] = {"exchange.name": "recorded"}

TETHER: dict[str, Plain] = {
    "app.quote_currencies": ["USDT"],
    "app.starting_balances": ["10000 USDT"],
    "app.capital_max": "100000 USDT",
    "universe.price_min": "0.000001 USDT",
    "risk.notional_min": "25 USDT",
    "risk.notional_max": "1000 USDT",
    **{
        f"universe.tiers.{tier}.{name}": str(
            value_of(shipped(), f"universe.tiers.{tier}.{name}")
        ).replace("USD", "USDT")
        for tier in ("T1", "T2", "T3")
        for name in ("volume_24h_min", "depth_min")
    },
}
WALLETS = deciding(
    "products in three currencies",
    a_market(BTC, SOL, "ADA-USDC", "XRP-USDT"),
    wishes=(),
    portfolio=a_portfolio(usdc="2500"),
)
EMBEDDED = wired("the embedded market begins", decision, "--fast")
STARTS = wired("the bot starts", products, "--fast")
MODELLED = wired("a recording has no books", book, "--fast", settings=RECORDED)
RESTING = traded("an entry rests at the simulated venue", latency="0s")
SLOW = traded("an entry is on its way to the simulated venue", latency="20m")
HELD_BACK = on_a_stage("more cash than may be used", cash, {"app.capital_max": "6000 USD"})
FULL_DISK: dict[str, Plain] = {"app.disk_reserve": "9000000 GB"}
WAKING = wired("the second cycle is due", wakes)
LOUD = wired("lines of every level", log_lines, "--fast")


def many_lines(**settings: Plain) -> Scenario:
    keys = {key.replace("_", ".", 1): value for key, value in settings.items()}
    return wired("a hundred lines of a kilobyte", log_files, "--fast", settings=keys)


ON_COINBASE: dict[str, Plain] = {"app.mode": "LIVE", "exchange.name": "coinbase"}
LIVE_KEY = Scenario("the key may withdraw", doctor, ON_COINBASE)
LIVE = Scenario("LIVE is asked for", gates, ON_COINBASE)
# Nobody listens there: whoever asks it has no market to start with.
NOBODY: dict[str, Plain] = {"exchange.base_url": "127.0.0.1:1"}

APP: dict[str, Row] = {
    "app.name": (Change("other", on_a_stage("an order is planned", cycle_ids)),),
    "app.mode": (
        Change("PAPER", wired("a mode is chosen", carrier, "--fast")),
        Refused("LIVE", "LIVE needs a real venue"),
    ),
    "app.capital_currency": (Change("USDT", STARTS, along=TETHER),),
    "app.quote_currencies": (
        Change(["USD"], WALLETS),
        Change(["USD", "USDC", "USDT"], WALLETS),
    ),
    "app.starting_balances": (
        Change(["10000 USD"], on_a_stage("the books are opened", cash)),
        Change(["10000 USD", "2500 USDC", "7 ADA"], on_a_stage("the books are opened", cash)),
    ),
    "app.capital_max": both("4000 USD", "8000 USD", HELD_BACK),
    "app.audit_keep": both("200d", "800d", on_a_stage("a day is over", old_archives)),
    "app.disk_reserve": (
        Change("1 MB", wired("a disk without room", products, "--fast", settings=FULL_DISK)),
        Change("9000000 GB", STARTS),
    ),
    "exchange.name": (
        Change("recorded", STARTS),
        Change("coinbase", wired("a market is met", products, "--once", settings=NOBODY)),
    ),
    "exchange.read_only": (Change(False, LIVE),),
    "exchange.transfer_portfolio": (Change("Default", LIVE_KEY),),
    "market.bar": (
        Change("1m", wired("the history is laid out", history, "--fast")),
        Change("5m", EMBEDDED),
        Change("1h", EMBEDDED),
        Refused("1d", "no enabled trigger can be measured on 1d bars"),  # see profiles/daily.yaml
    ),
    "market.start": (
        Change("2024-12-01T00:00:00Z", EMBEDDED),
        Change("2025-02-01T00:00:00Z", EMBEDDED),
    ),
    "market.seed": both(6, 8, EMBEDDED),
    # A fee is what the venue says it takes; orders that rest are filled by none yet.
    "market.maker_fee": both("20 bps", "80 bps", wired("the fees are asked for", fees, "--fast")),
    "market.taker_fee": both("30 bps", "90 bps", wired("the fees are asked for", fees, "--fast")),
    "market.book_model.spread_min": (
        Change(
            "1 bps",
            wired(
                "a recording of narrow books",
                book,
                "--fast",
                settings={**RECORDED, "market.book_model.spread_range_share": "0%"},
            ),
        ),
        Change("50 bps", MODELLED),
    ),
    "market.book_model.spread_range_share": both("5%", "20%", MODELLED),
    "market.book_model.depth_volume_share": both("5%", "20%", MODELLED),
    "market.matching.volume_share_max": both("5%", "20%", RESTING),
    "market.matching.latency": (Change("20m", RESTING), Change("0s", SLOW)),
    "gather.books_per_cycle_max": both(2, 6, on_a_stage("depths are asked for", depths_asked)),
    "loop.interval": (Change("0.5x", WAKING), Change("1.2x", WAKING)),
    "loop.jitter_max": (Change("5%", WAKING), Refused("11%", "at most 10%")),
    "loop.backoff_first": both("2s", "10s", wired("cycles fail", backoffs)),
    "loop.backoff_max": both("1m", "10m", wired("cycles fail", backoffs)),
    "logs.level": (
        Change("DEBUG", LOUD),
        Change("WARNING", LOUD),
        Change("ERROR", LOUD),
    ),
    "logs.file_max": both("10 KB", "200 KB", many_lines(logs_file_max="20 KB", logs_files_kept=50)),
    "logs.files_kept": both(1, 4, many_lines(logs_file_max="20 KB", logs_files_kept=2)),
}
