"""What coins are worth whose candles a session does not take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from leeward.domain.answers import Found
from leeward.engine.books import Books
from leeward.venues.venue import Venue


async def other_prices(
    books: Books, traded: Sequence[str], venue: Venue, known: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Returns the prices of symbols that are held and not traded; where the venue does not say,
    those known before, else what was paid."""
    found = {}
    for symbol in books.symbols():
        position = books.position(symbol)
        held = position is not None or not books.dust(symbol).is_zero
        if not held or symbol in traded:
            continue
        answer = await venue.last_price(symbol)
        if isinstance(answer, Found):
            found[symbol] = answer.value.value
        elif symbol not in known:
            paid = None if position is None else position.entry_price
            found[symbol] = Decimal(0) if paid is None else paid.value
    return found
