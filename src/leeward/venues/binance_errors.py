"""Binance's error codes, and what each asks of the one who sent the request: one table.

Codes are those of the exchange's error documentation; -2010 and -2011 mean many things and are
told apart by their text. A code that is not here counts as UNKNOWN: what is not understood is asked
for before anything else is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from leeward.domain.answers import Reaction

_FIX, _UNKNOWN, _STOP, _WAIT = (
    Reaction.FIX_REQUEST,
    Reaction.UNKNOWN,
    Reaction.STOP,
    Reaction.WAIT,
)

REACTIONS: Final[Mapping[int, Reaction]] = MappingProxyType(
    {
        # Execution status not known: the order may have been carried out.
        -1000: _UNKNOWN,
        -1001: _UNKNOWN,
        -1006: _UNKNOWN,
        -1007: _UNKNOWN,
        -1008: _UNKNOWN,  # overloaded: "not executed" by its text, yet asked for all the same
        # Too fast.
        -1003: _WAIT,
        -1015: _WAIT,
        -1034: _WAIT,
        # The clock.
        -1021: Reaction.RESYNC,
        # Key, signature, account: an operator has to act.
        -1002: _STOP,
        -1022: _STOP,
        -2014: _STOP,
        -2015: _STOP,
        -1016: _STOP,  # the service was shut down
        # Asking for what is not there, or not there any more.
        -2013: Reaction.ABSENT,
        -2026: Reaction.ARCHIVED,
        # Cancel refused, partial replacement, amend refused.
        -2011: Reaction.ASK,
        -2021: Reaction.READ_LEGS,
        -2022: Reaction.READ_LEGS,
        -2038: Reaction.ASK,
        -2039: Reaction.ASK,  # client id and order id do not match: which one is ours?
        # The engine refused a new order; its text decides, this is for texts not listed below.
        -2010: _FIX,
        -2016: Reaction.SYMBOL_CLOSED,
        # Filters and malformed requests.
        -1013: _FIX,
        -1014: _FIX,
        -1020: _FIX,
    }
    | dict.fromkeys(
        [
            *range(-1106, -1099),
            *(-1108, -1111, -1112),
            *range(-1122, -1113),
            *(-1125, -1127, -1128, -1130, -1134, -1135, -1139, -1145, -1151),
            *(-1152, -1153, -1155, -1161),  # binary encoding, which this client never asks for
            *(-1158, -1160, -1165, -1166, -1167, -1168, -1196, -1197, -1198, -1199),
            *(-1194, -1210, -1211, -1220, -1222, -1223, -1224, -1225),
            *(-2035, -2036, -2042, -2043),
        ],
        _FIX,
    )
)

#: The exchange has no such symbol, or has it no more.
NO_SYMBOL: Final = -1121

#: What order lists answer where orders answer -2013: reported, but not in the documentation of spot
#: (and another thing on futures), so it counts by its text alone.
_NO_LIST = -2018

#: -2010 and -2011 (and -1013, for what the API refuses before the engine), by the start of the
#: text.
_TEXTS: Final = (
    ("Account has insufficient balance", Reaction.FUNDS),
    ("Duplicate order sent", Reaction.DUPLICATE),
    ("Market is closed", Reaction.SYMBOL_CLOSED),
    ("Order would trigger immediately", Reaction.PRICE_MOVED),
    ("Order would immediately match and take", Reaction.PRICE_MOVED),
    ("The relationship of the prices for the orders is not correct", Reaction.PRICE_MOVED),
    ("Order book liquidity is less than", Reaction.PRICE_MOVED),
    ("This action is disabled on this account", Reaction.STOP),
    ("This account may not place or cancel orders", Reaction.STOP),
    ("This symbol is not permitted for this account", Reaction.STOP),
    ("Rest API trading is not enabled", Reaction.STOP),
    ("Order list does not exist", Reaction.ABSENT),
    ("Unknown order sent", Reaction.ASK),
    ("Order was not canceled due to cancel restrictions", Reaction.ASK),
)
_BY_TEXT: Final = frozenset({-1013, -2010, -2011, _NO_LIST})


def reaction_to(code: int, text: str) -> Reaction:
    """Returns what an error asks for; UNKNOWN for a code that is not documented."""
    if code in _BY_TEXT:
        for start, reaction in _TEXTS:
            if text.startswith(start):
                return reaction
    return REACTIONS.get(code, Reaction.UNKNOWN)
