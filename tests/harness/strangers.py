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

    def deposit(self, _: str) -> None:
        self.outside.exchange.deposit(ME, "USDT", Decimal(self.chance.randint(1, 500)))

    def withdraw(self, _: str) -> None:
        self.outside.exchange.deposit(ME, "USDT", -Decimal(self.chance.randint(1, 500)))

    def withdraw_coins(self, symbol: str) -> None:
        """Somebody moves coins away that we hold: the stop has to go first."""
        self.cancel_all(symbol)
        base = symbol.removesuffix("USDT")
        held = self.outside.exchange._floor.accounts[ME].balance(base)
        amount = Decimal(held.free) / 10**8 * Decimal(self.chance.choice(("0.3", "1")))
        self.outside.exchange.deposit(ME, base, -amount.quantize(Decimal("0.00000001")))

    def cancel_all(self, symbol: str) -> None:
        with suppress(Rejection):
            self.outside.exchange.cancel_open_orders(ME, symbol)

    def exchange_cancels(self, symbol: str) -> None:
        self.outside.exchange.exchange_cancel(symbol=symbol)

    def sell_all(self, symbol: str) -> None:
        self.cancel_all(symbol)
        base = symbol.removesuffix("USDT")
        held = self.outside.exchange._floor.accounts[ME].balance(base)
        amount = (Decimal(held.free) / 10**8).quantize(Decimal("0.0001"), "ROUND_DOWN")
        request = OrderRequest(symbol, "SELL", "MARKET", amount, client_order_id="by-hand")
        self.outside.exchange.place(ME, request)

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
