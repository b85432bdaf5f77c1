"""What an account is worth at the venue, before a session is put together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.accounts import SYMBOL, fill, intent, money, opened, own

from leeward.domain.answers import Asked, Found, Unavailable
from leeward.domain.errors import RetryLater
from leeward.domain.money import Price
from leeward.domain.orders import Balance
from leeward.engine.books import Books
from leeward.engine.records import Role
from leeward.risk.limits import RiskLimits
from leeward.runtime.trading.facts import most_to_lose
from leeward.runtime.trading.market import Market, equity_of


@dataclass
class Venue:
    """Knows balances, and a price or none."""

    price: str | None
    code: int | None = None
    coins: str = "2.5"

    async def balances(self) -> Asked[tuple[Balance, ...]]:
        coins = Balance(money("0", "BTC"), money(self.coins, "BTC"))
        return Found((Balance(money("7000"), money("1000")), coins))

    async def last_price(self, symbol: str) -> Asked[Price]:
        assert symbol == SYMBOL
        if self.price is None:
            return Unavailable("no line", code=self.code)
        return Found(Price(Decimal(self.price)))


def held() -> Books:
    """The books of an account that holds one of the 2.5 coins."""
    books, made = Books("live:test:main", "USDT"), intent()
    for record in (made, opened(made), own(made, Role.ENTRY, fill(1, "1"))):
        books.apply(record)
    return books


def market_of(price: str | None, code: int | None = None, coins: str = "2.5") -> Market:
    return Market(Venue(price, code, coins), {}, "USDT")  # type: ignore[arg-type] # as much of it as is asked


def test_what_it_may_lose_is_reckoned_of_cash_and_of_the_positions_held() -> None:
    equity = asyncio.run(equity_of(market_of("2000"), held().positions()))
    assert equity == (money("10000"), money("2000"))
    words = most_to_lose(*equity, RiskLimits())
    assert words.startswith(
        "Equity 10,000.00 USDT, 2,000.00 of it in open positions. At most 5,000.00 USDT (50.0%)"
        " is in the market at once, 1,000.00 USDT (10.0%) of it in one position: "
    )


@pytest.mark.parametrize(("coins", "worth"), [("0", "0"), ("0.25", "500")])
def test_a_position_sold_meanwhile_is_worth_what_is_left_of_it(coins: str, worth: str) -> None:
    equity = asyncio.run(equity_of(market_of("2000", coins=coins), held().positions()))
    assert equity == (money(Decimal(8000) + Decimal(worth)), money(worth))


def test_without_a_price_of_what_is_held_nothing_is_promised() -> None:
    with pytest.raises(RetryLater, match="no price of BTCUSDT from the venue"):
        asyncio.run(equity_of(market_of(None), held().positions()))


def test_a_coin_that_the_exchange_has_no_more_hinders_no_start() -> None:
    equity = asyncio.run(equity_of(market_of(None, -1121), held().positions()))
    assert equity == (money("8100"), money("100"))
