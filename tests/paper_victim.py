"""Trades on paper at random until somebody kills it, and says after each step what its books hold.

python -m tests.paper_victim FOLDER SEED
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
from dataclasses import replace
from pathlib import Path

from leeward.domain.orders import TimeInForce
from leeward.venues import paper_journal
from leeward.venues.governor import Lane
from leeward.venues.paper import PaperVenue
from leeward.venues.paper_books import PaperBooks
from tests.paper import SYMBOL, TERMS, buy, candle, hour, sell, stop_at, venue_in


def digest(books: PaperBooks) -> str:
    """Returns a fingerprint of all that the books hold."""
    return hashlib.sha256(json.dumps(books.whole(), sort_keys=True).encode()).hexdigest()


async def step(venue: PaperVenue, dice: random.Random, number: int) -> None:
    """Does one thing at random; what is refused is as good as what is done."""
    name, k = f"v{number}", number
    price = dice.choice(("90.00", "94.00", "99.00"))
    names = [order.client_id for order in venue._books.open_orders()] or ["none"]
    match dice.randrange(8):
        case 0:
            await venue.place(buy(name), Lane.ENTRY)
        case 1:
            await venue.place(sell(name), Lane.EXIT)
        case 2:
            await venue.place(stop_at(name, price, "0.5"), Lane.PROTECTION)
        case 3:
            await venue.replace(dice.choice(names), stop_at(name, price, "0.5"), Lane.PROTECTION)
        case 4:
            await venue.cancel(SYMBOL, dice.choice(names), Lane.EXIT)
        case 5:
            await venue.place(buy(name, "0.5", price, TimeInForce.GTC), Lane.ENTRY)
        case 6:
            venue.offer_open(SYMBOL, hour(k), 100.0)
        case 7:
            low = dice.choice((89.0, 93.0, 98.0, 100.0))
            venue.offer_candle(candle(k, 100.0, 101.0, low, 100.0))
            venue.offer_open(SYMBOL, hour(k + 1), 100.0)


async def main(folder: Path, seed: int) -> None:
    paper_journal._MOST_ROWS = 9
    venue = venue_in(folder, replace(TERMS, patience_s=0.001))
    dice, number = random.Random(seed), seed * 1_000_000  # noqa: S311 - not for secrets
    while True:
        number += 1
        await step(venue, dice, number)
        told = {"number": venue._books.number, "digest": digest(venue._books)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
