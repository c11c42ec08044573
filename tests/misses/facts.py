"""What the market, the venue and the lists say against a product, and the same without it."""

from __future__ import annotations

from core.market import ProductStatus
from core.reasons import Reason
from tests.keys.crosses import CROSSED, OLDER
from tests.keys.deciding import ADA, BTC, SOL, a_market, deciding
from tests.keys.strategies import CLIMB_IN_BEAR, PARAMETERS
from tests.keys.triggers import RISEN, climbed, jumped
from tests.keys.universe import ALL, FLAG, LIST_OF_ONE, LIST_OF_TWO, seen
from tests.misses.numbers import USDC, given
from tests.misses.otherwise import (
    CALM,
    EUR,
    EUR_PAYS,
    GONE,
    KINDS,
    Otherwise,
    course,
    online,
    two_wallets,
    without,
)

FACTS: tuple[Otherwise, ...] = (
    Otherwise(
        Reason.PRODUCT_NOT_ONLINE,
        online(ProductStatus.HALTED),
        "the venue would have had to offer the product as online",
        online(ProductStatus.ONLINE),
    ),
    Otherwise(
        Reason.QUOTE_NOT_OURS,
        seen("SOL is paid in euros", EUR),
        "app.quote_currencies and universe.stable_assets with EUR in them would have let it pass",
        seen("the euro is money", EUR, settings=EUR_PAYS),
        EUR,
    ),
    Otherwise(
        Reason.STABLE_PAIR,
        seen("EURC is listed", "EURC-USD"),
        "universe.stable_assets without EURC would have let it pass",
        seen("EURC is an asset", "EURC-USD", settings={"universe.stable_assets": ["USD", "USDC"]}),
        "EURC-USD",
    ),
    Otherwise(
        Reason.NOT_ON_ALLOWLIST,
        seen("SOL is allowed", *ALL, settings=LIST_OF_ONE),
        "universe.allowlist.symbols with BTC-USD in it, and counted, would have let it pass",
        seen("SOL and BTC are allowed", *ALL, settings=LIST_OF_TWO),
        BTC,
    ),
    Otherwise(
        Reason.RED_FLAG,
        seen("SOL has a red flag", SOL, settings={"universe.red_flags": [FLAG]}),
        "universe.red_flags without its asset would have let it pass",
        seen("SOL has none", SOL),
    ),
    Otherwise(
        Reason.NOT_IN_A_TIER,
        seen("ADA is in no tier", ADA, settings={"universe.discovery": False}),
        "universe.discovery at true would have let it pass, or a tier that names ADA",
        seen("ADA may be discovered", ADA),
        ADA,
    ),
    Otherwise(
        Reason.HISTORY_MISSING,
        course("SOL has no candle", [GONE] * 350),
        "the venue would have had to give candles",
        course("SOL has a history", [100.0] * 350),
    ),
    Otherwise(
        Reason.BOOK_MISSING,
        deciding("SOL has no book", without("tops", a_market(SOL)), wishes=()),
        "the venue would have had to show both sides of a book",
        seen("SOL has a book", SOL),
    ),
    Otherwise(
        Reason.RATE_UNKNOWN,
        two_wallets("nobody knows what USDC is worth", rate=False),
        "the market would have had to show what its wallet is worth",
        two_wallets("USDC has a rate"),
        USDC,
    ),
    Otherwise(
        Reason.OTHER_WALLET,
        two_wallets("SOL is as well paid in USD"),
        "its wallet or book would have had to be the better one",
        two_wallets("the USDC book is tighter", ask="100.00"),
        USDC,
    ),
    Otherwise(
        Reason.HISTORY_TOO_SHORT,
        course("SOL is listed for a day", [*[GONE] * 250, *[100.0] * 100]),
        "it would have had to have 257 bars, which triggers.atr.window takes",
        course("SOL is listed for long enough", [*[GONE] * 93, *[100.0] * 257]),
    ),
    Otherwise(
        Reason.OUTLIER,
        jumped(12),
        "the jump would have had to be smaller, or traded: 1.6% on 25% of the mean volume",
        jumped(12, volume=1000.0),
    ),
    Otherwise(
        Reason.NO_TRIGGER,
        CALM,
        "momentum 0% would have had to reach 2.5% (triggers.momentum.min.chop)",
        given(climbed("chop")(0.025), CALM.settings),
    ),
    Otherwise(
        Reason.NO_RULE,
        given(
            RISEN,
            {f"{PARAMETERS}.{rule}.enabled": False for rule in ("momentum", "breakout")},
        ),
        f"a rule would have had to act on {KINDS} ({PARAMETERS}.momentum.enabled)",
        RISEN,
    ),
    Otherwise(
        Reason.RULE_NOT_IN_REGIME,
        CLIMB_IN_BEAR,
        f"{PARAMETERS}.momentum.regimes with bear in it would have let the rule look",
        given(CLIMB_IN_BEAR, {f"{PARAMETERS}.momentum.regimes": ["bull", "chop", "bear"]}),
    ),
    Otherwise(
        Reason.NO_CROSS, OLDER, "the fast average would have had to cross the slow one", CROSSED
    ),
)
