"""Counts what commissions in a third asset cost: paid from coins that are in no equity, they would
make every loss look smaller than it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from leeward.database.errors import DatabaseDown
from leeward.domain.answers import Found
from leeward.domain.money import Money
from leeward.engine.books import FeesElsewhere
from leeward.engine.ledger import product, total
from leeward.engine.records import FeesValued, Noted, Severity
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue

_LOOK_S: Final = 10.0


@dataclass
class FeeValues:
    """Values new commissions at the last price of their asset, once, as they are paid. What has no
    price is told, and tried again."""

    venue: Venue
    keeper: Bookkeeper
    clock: Clock
    server_now_ms: Callable[[], int]
    alarm: Callable[[Noted], None]
    _told: set[str] = field(default_factory=set)

    async def run(self) -> NoReturn:
        while True:
            await self.clock.sleep(_LOOK_S)
            await self.look()

    async def look(self) -> None:
        for paid in self.keeper.books.fees_elsewhere():
            if paid.unvalued:
                await self._value(paid)

    async def _value(self, paid: FeesElsewhere) -> None:
        books, at_ms = self.keeper.books, self.server_now_ms()
        answer = await self.venue.last_price(f"{paid.asset}{books.quote}")
        if isinstance(answer, Found):
            value = total((paid.value, product(paid.unvalued, answer.value.value)))
            try:
                await self.keeper.commit(
                    FeesValued(paid.asset, paid.paid, Money(value, books.quote), at_ms)
                )
            except DatabaseDown:
                return  # the watchdogs say so; they are valued once it is back
        elif paid.asset not in self._told:
            self._told.add(paid.asset)
            words = f"fees of {paid.unvalued:f} {paid.asset} are not valued: {answer.why}"
            self.alarm(Noted("fees_not_valued", words, Severity.WARNING, at_ms, paid.asset))
