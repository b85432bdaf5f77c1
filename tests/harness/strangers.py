"""What others do to the account and the market while we trade: people, the exchange, the world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from leeward.domain.errors import LeewardError
from leeward.emulator.rejections import Rejection
from leeward.emulator.requests import OrderRequest
from tests.harness.emulated_venue import ME, Outside


@dataclass
class Strangers:
    """Does one thing now and then, by a seed, until `ends_s`; `did` says what."""

    outside: Outside
    chance: Random
    symbols: tuple[str, ...]
    ends_s: float
    did: list[str]

    async def live(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(20, 200))
            if self.outside.loop.time() > self.ends_s:
                return
            name = self.chance.choice(sorted(_DEEDS))
            self.outside.catch_up()
            with suppress(Rejection, LeewardError):  # nothing to cancel, too little to withdraw
                _DEEDS[name](self, self.chance.choice(self.symbols))
                self.did.append(name)
            self.outside.strike("stranger")
            self.outside.catch_up()

    def _take(self, symbol: str, taken: int) -> None:
        """Counts what others took: their own coins first. Where there are any, a stop whose answer
        is lost meanwhile is waited for: a second one might sell them."""
        foreign, base = self.outside.foreign, _base(symbol)
        if foreign.get(base):
            self.outside.excuse(_PROVEN_S)
        foreign[base] = max(0, foreign.get(base, 0) - taken)

    def deposit(self, _: str) -> None:
        self.outside.exchange.deposit(ME, "USDT", Decimal(self.chance.randint(1, 500)))

    def withdraw(self, _: str) -> None:
        self.outside.exchange.deposit(ME, "USDT", -Decimal(self.chance.randint(1, 500)))

    def withdraw_coins(self, symbol: str) -> None:
        """Somebody moves coins away that we hold: the stop has to go first."""
        self.cancel_all(symbol)
        base = _base(symbol)
        held = self.outside.exchange._floor.accounts[ME].balance(base)
        amount = Decimal(held.free) / 10**8 * Decimal(self.chance.choice(("0.3", "1")))
        before = _coins(self.outside, symbol)
        self.outside.exchange.deposit(ME, base, -amount.quantize(Decimal("0.00000001")))
        self._take(symbol, before - _coins(self.outside, symbol))

    def cancel_all(self, symbol: str) -> None:
        with suppress(Rejection):
            self.outside.exchange.cancel_open_orders(ME, symbol)

    def exchange_cancels(self, symbol: str) -> None:
        self.outside.exchange.exchange_cancel(symbol=symbol)

    def sell_all(self, symbol: str) -> None:
        self.cancel_all(symbol)
        held = self.outside.exchange._floor.accounts[ME].balance(_base(symbol))
        amount = (Decimal(held.free) / 10**8).quantize(Decimal("0.0001"), "ROUND_DOWN")
        request = OrderRequest(symbol, "SELL", "MARKET", amount, client_order_id="by-hand")
        before = _coins(self.outside, symbol)
        self.outside.exchange.place(ME, request)
        self._take(symbol, before - _coins(self.outside, symbol))

    def gap(self, symbol: str) -> None:
        """The price falls through every stop at once, and comes back a little."""
        price = Decimal(self.outside.exchange._floor.markets[symbol].last_price) / 10**8
        path = [(price * Decimal(share)).quantize(Decimal("0.01")) for share in ("0.93", "0.96")]
        self.outside.exchange.script_prices(symbol, path)

    def halt(self, symbol: str) -> None:
        seconds = self.chance.uniform(5, 60)
        status = self.chance.choice(("HALT", "BREAK", "CANCEL_ONLY"))
        self.outside.exchange.set_symbol_status(symbol, status)
        self.outside.excuse(seconds + 5)
        trading = lambda: self.outside.exchange.set_symbol_status(symbol, "TRADING")  # noqa: E731 - one call, later
        self.outside.loop.call_later(seconds, trading)

    def outage(self, _: str) -> None:
        seconds = self.chance.uniform(5, 60)
        self.outside.down_until_s = self.outside.loop.time() + seconds
        self.outside.excuse(seconds)


_DEEDS: Mapping[str, Callable[[Strangers, str], None]] = {
    each.__name__: each
    for each in (
        Strangers.deposit,
        Strangers.withdraw,
        Strangers.withdraw_coins,
        Strangers.cancel_all,
        Strangers.exchange_cancels,
        Strangers.sell_all,
        Strangers.gap,
        Strangers.halt,
        Strangers.outage,
    )
}


@dataclass
class Depositor:
    """Brings coins of others beside ours, until `ends_s`: whenever `may_know` says of a symbol that
    the account had the time to find what was taken from it before."""

    outside: Outside
    chance: Random
    symbols: tuple[str, ...]
    ends_s: float
    did: list[str]
    may_know: Callable[[str], bool]

    async def live(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(5, 60))
            symbol, amount = self.chance.choice(self.symbols), self.chance.choice(_AMOUNTS)
            if self.outside.loop.time() > self.ends_s:
                return
            self.outside.catch_up()
            if not self.may_know(symbol):
                continue
            base, before = _base(symbol), _coins(self.outside, symbol)
            self.outside.exchange.deposit(ME, base, Decimal(amount))
            brought = _coins(self.outside, symbol) - before
            self.outside.foreign[base] = self.outside.foreign.get(base, 0) + brought
            self.did.append("deposit_coins")
            self.outside.strike("stranger")
            self.outside.catch_up()


#: So long it takes to prove that an order never arrived, also where a process dies meanwhile.
_PROVEN_S = 90.0
#: From less than can be sold to more than a position has.
_AMOUNTS = ("0.00031", "0.04", "0.7", "12")


def _base(symbol: str) -> str:
    return symbol.removesuffix("USDT")


def _coins(outside: Outside, symbol: str) -> int:
    held = outside.exchange._floor.accounts[ME].balance(_base(symbol))
    return int(held.free + held.locked)
