"""Whether a key may do too much: refused before it is used, by the exchange's own words on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Rights that move money out of the account or borrow: never, by no setting.
FORBIDDEN = {
    "enableWithdrawals": "withdraw",
    "enableInternalTransfer": "transfer to other accounts",
    "permitsUniversalTransfer": "transfer between wallets",
    "enableMargin": "borrow on margin",
    "enablePortfolioMarginTrading": "borrow on portfolio margin",
}
#: Rights without which nothing works.
NEEDED = {
    "enableReading": "read the account",
    "enableSpotAndMarginTrading": "trade on spot",
}
_HARMLESS = frozenset({"ipRestrict", "enableFixApiTrade", "enableFixReadOnly"})


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """`refusals` forbid the key; `notices` are for the log and the operator."""

    refusals: tuple[str, ...]
    notices: tuple[str, ...]


def judge_key(rights: Mapping[str, bool], *, any_ip_allowed: bool) -> KeyVerdict:
    """Returns the verdict on a key with these rights, by the exchange's names for them.

    `any_ip_allowed` waives the IP restriction and nothing else; that it did is a notice.
    """
    refusals = [
        f"the key may {words} ({right}); turn that right off in the exchange's API settings"
        for right, words in FORBIDDEN.items()
        if rights.get(right, False)
    ]
    refusals += [
        f"the key may not {words} ({right}); turn that right on in the exchange's API settings"
        for right, words in NEEDED.items()
        if not rights.get(right, False)
    ]
    notices = [
        f"the key has a right that is not needed here ({right}); better turn it off"
        for right, allowed in rights.items()
        if allowed and right not in FORBIDDEN.keys() | NEEDED.keys() | _HARMLESS
    ]
    if not rights.get("ipRestrict", False):
        words = "the key works from any IP address (ipRestrict)"
        if any_ip_allowed:
            notices.append(f"{words}; waived by venue.allow_any_ip")
        else:
            refusals.append(
                f"{words}; restrict it to this machine's address, or set venue.allow_any_ip "
                "where the address changes"
            )
    return KeyVerdict(tuple(refusals), tuple(notices))
