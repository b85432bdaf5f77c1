"""What a reading of the balances is worth: it may lag behind, fail, or show what was over."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from leeward.domain.orders import Fill
from leeward.engine.facts import Doubt, VenueFacts
from leeward.engine.ledger import Ledger, changes, difference, total

_ZERO = Decimal(0)

#: Two readings of the same difference count when they are this far apart; for longer a balance of
#: zero, which an exchange has been seen to show by mistake, and one of before the last trades.
SPACED_MS = 10_000
SPACED_LATE_MS = 300_000
#: How far the time of a reading may be off the venue's.
_SKEW_MS = 1_000


def doubt_of(asset: str) -> str:
    """Returns the name of a doubt about a balance."""
    return f"balance/{asset}"


def was_gone(facts: VenueFacts, books: Ledger, asset: str, there: Decimal) -> bool:
    """Returns whether all of an asset was seen to be gone, twice, before what is there came."""
    before = facts.doubts.get(doubt_of(asset))
    if before is None or not there:
        return False
    all_gone = before.amount == difference(_ZERO, books.balance(asset))
    return all_gone and before.last_ms - before.since_ms >= SPACED_MS


def was_held(facts: VenueFacts, books: Ledger, asset: str, there: Decimal) -> bool:
    """Returns whether the account held just that much before its last trades, and the difference
    was not there before them already. One that stays while trades move what is there is none of a
    reading that lags behind."""
    since_ms, until_ms = facts.at_ms - SPACED_LATE_MS, facts.at_ms
    held = books.balance(asset)
    trades = [each for fills in facts.fills.values() for each in fills]
    before = facts.doubts.get(doubt_of(asset))
    if before is not None and before.amount == difference(there, held):
        until_ms = before.since_ms + _SKEW_MS
        if total(_moved(each, books, asset) for each in trades if each.time_ms > until_ms):
            return False
    for fill in sorted(trades, key=lambda each: each.time_ms, reverse=True):
        held = difference(held, _moved(fill, books, asset))
        if since_ms < fill.time_ms <= until_ms and held == there:
            return True
    return False


def _moved(fill: Fill, books: Ledger, asset: str) -> Decimal:
    moved = changes(fill, books.base(fill.symbol), books.quote)
    return total(amount for name, amount in moved if name == asset)


def standing(facts: VenueFacts, books: Ledger) -> Mapping[str, Doubt]:
    """Returns the doubts about balances that the reading shows again or, where there is none, does
    not contradict: a pass that compares nothing forgets none of them. One of coins that are all
    gone, which may be a reading that failed, begins anew."""
    kept = {}
    for name, doubt in facts.doubts.items():
        asset = name.rpartition("/")[2]
        held = books.balance(asset)
        there = total((held, doubt.amount))
        if facts.balances:
            there = facts.balances.get(asset, _ZERO)
        if doubt_of(asset) == name and there and difference(there, held) == doubt.amount:
            kept[name] = doubt
    return kept
