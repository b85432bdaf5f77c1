"""What coins are worth whose candles a session does not take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from leeward.domain.answers import Asked, Found
from leeward.domain.money import Price
from leeward.engine.books import Books
from leeward.runtime.trading.means import answered
from leeward.venues.timing import Clock

AskPrice: TypeAlias = Callable[[str], Coroutine[Any, Any, Asked[Price]]]


async def other_prices(
    books: Books,
    traded: Sequence[str],
    last_price: AskPrice,
    known: Mapping[str, Decimal],
    clock: Clock,
) -> dict[str, Decimal]:
    """Returns the prices of symbols that are held and not traded; where the venue does not say
    in time, those known before, else what was paid. A decision waits for it."""
    held = [
        symbol
        for symbol in books.symbols()
        if symbol not in traded
        and (books.position(symbol) is not None or not books.dust(symbol).is_zero)
    ]
    answers = await asyncio.gather(*(answered(clock, last_price(each)) for each in held))
    found = {}
    for symbol, answer in zip(held, answers, strict=True):
        position = books.position(symbol)
        if isinstance(answer, Found):
            found[symbol] = answer.value.value
        elif symbol not in known:
            paid = None if position is None else position.entry_price
            found[symbol] = Decimal(0) if paid is None else paid.value
    return found
