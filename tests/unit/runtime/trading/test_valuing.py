"""What coins are worth that a session holds and does not trade."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.accounts import ACCOUNT, fill, intent, opened, own
from tests.harness.virtual_loop import VirtualLoop, run_virtual

from leeward.domain.answers import Asked, Found
from leeward.domain.money import Price
from leeward.engine.books import books_of
from leeward.engine.records import Record, Role
from leeward.runtime.trading.valuing import other_prices

HELD = ("AUSDT", "BUSDT", "CUSDT")


def bought(symbol: str) -> tuple[Record, ...]:
    entry = intent(symbol=symbol)
    return entry, opened(entry), own(entry, Role.ENTRY, fill(1, "1", symbol=symbol))


def test_no_decision_waits_long_for_prices_of_what_is_not_traded() -> None:
    books = books_of([each for name in HELD for each in bought(name)], ACCOUNT, "USDT")

    async def ask(symbol: str) -> Asked[Price]:
        await asyncio.sleep(20 if symbol == "AUSDT" else 2)
        return Found(Price(Decimal(7)))

    async def work(loop: VirtualLoop) -> None:
        known = {"AUSDT": Decimal(5)}
        found = await other_prices(books, (), ask, known, loop.clock(0))
        assert found == {"BUSDT": 7, "CUSDT": 7}
        assert loop.time() < 3

    run_virtual(work)
