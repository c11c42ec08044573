"""Names that one file gives and another uses: tiers, themes, assets, symbols.

A name without its entry would have no limit, and an entry without its name
would limit nothing; both are mistakes, and each complaint names both keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from config.complaints import Complaint, nearest
from config.facts import Facts
from core.policy import Allowlist

# (the section that gives the names, a section that must have an entry for each)
_ENTRIES = (
    ("universe.tiers", "sizing.base"),
    ("universe.tiers", "risk.spread_max"),
    ("universe.tiers", "risk.impact_max"),
    ("universe.tiers", "execution.tiers"),
    ("universe.tiers", "exits.slippage_max"),
    ("universe.themes", "risk.theme_max"),
)


def entries_match_names(facts: Facts) -> Iterator[Complaint]:
    """Each tier and theme has exactly one entry wherever limits are given by it."""
    for given, used in _ENTRIES:
        names, entries = facts.names(given), facts.names(used)
        if names is None or entries is None:
            continue
        for name in sorted(set(names) - set(entries)):
            message = f"is missing, but {facts.cited(f'{given}.{name}')} needs it"
            yield facts.complaint(f"{used}.{name}", message)
        for name in sorted(set(entries) - set(names)):
            hint = nearest(name, names)
            message = f"is for nothing: {facts.cited(given)} has no {name}{hint}"
            yield facts.complaint(f"{used}.{name}", message)


def one_tier_per_asset(facts: Facts) -> Iterator[Complaint]:
    """An asset named in two tiers would have two sets of limits."""
    owner: dict[str, str] = {}
    for tier in facts.names("universe.tiers") or ():
        key = f"universe.tiers.{tier}.assets"
        for asset in facts.words(key):
            first = owner.setdefault(asset, key)
            if first != key:
                yield facts.complaint(key, f"{asset} is also in {facts.cited(first)}")


def stable_is_money(facts: Facts) -> Iterator[Complaint]:
    """What is stable is paid with and never traded; what we pay with is stable."""
    stable = facts.words("universe.stable_assets")
    if not stable:
        return
    cited = facts.cited("universe.stable_assets")
    capital = facts.get("app.capital_currency", str)
    if capital is not None and capital not in stable:
        message = f"lacks {facts.cited('app.capital_currency')}; what we pay with is no asset"
        yield facts.complaint("universe.stable_assets", message)
    for currency in facts.words("app.quote_currencies"):
        if currency not in stable and currency != capital:
            message = f"lacks {currency} of {facts.cited('app.quote_currencies')}; no coin pays"
            yield facts.complaint("universe.stable_assets", message)
    for tier in facts.names("universe.tiers") or ():
        key = f"universe.tiers.{tier}.assets"
        for asset in facts.words(key):
            if asset in stable:
                yield facts.complaint(key, f"{asset} is also in {cited}")
    reference = facts.get("regime.reference", str)
    if reference in stable:
        message = f"{reference} is also in {cited}, and money has no weather"
        yield facts.complaint("regime.reference", message)


def allowlist_is_exact(facts: Facts) -> Iterator[Complaint]:
    """The count is the operator's proof that the list is the one that was meant."""
    allowlist = facts.get("universe.allowlist", Allowlist)
    if allowlist is None:
        return
    key, named = "universe.allowlist.symbols", len(allowlist.symbols)
    if allowlist.count != named:
        message = f"is {allowlist.count}, but {facts.cited(key)} has {named}"
        yield facts.complaint("universe.allowlist.count", message)
    quotes = facts.words("app.quote_currencies")
    stable = facts.words("universe.stable_assets")
    for symbol in allowlist.symbols:
        base, _, quote = symbol.partition("-")
        if quotes and quote not in quotes:
            message = f"{symbol} is not paid in {facts.cited('app.quote_currencies')}"
            yield facts.complaint(key, message)
        if base in stable:
            yield facts.complaint(
                key, f"{symbol} buys what is in {facts.cited('universe.stable_assets')}"
            )


NAMING: tuple[Callable[[Facts], Iterator[Complaint]], ...] = (
    entries_match_names,
    one_tier_per_asset,
    stable_is_money,
    allowlist_is_exact,
)
