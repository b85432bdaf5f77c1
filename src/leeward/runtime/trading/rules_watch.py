"""Keeps the symbols' rules up to date, and leaves in time what the exchange stops trading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn

from leeward.domain.answers import Found, Unavailable
from leeward.domain.rules import SymbolRules
from leeward.domain.times import iso
from leeward.engine.records import Noted, PlanChanged, Severity
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.market import Market
from leeward.venues.binance_errors import NO_SYMBOL
from leeward.venues.timing import Clock

_RULES_S: Final = 600.0
#: So long before a symbol stops trading what is held of it is sold.
_AHEAD_MS: Final = 24 * 3_600_000


@dataclass
class RulesWatch:
    """Asks for the rules of the symbols, and with a key for the schedule of delistings. A symbol on
    it is not bought any more, and sold a day ahead, while there is a market."""

    market: Market
    desk: Desk
    keeper: Bookkeeper
    clock: Clock
    alarm: Callable[[Noted], None]
    _ends_ms: Mapping[str, int] = field(default_factory=dict, init=False)

    async def run(self) -> NoReturn:
        await self.look_at_schedule()
        while True:
            await self.clock.sleep(_RULES_S)
            await self.look()

    async def look(self) -> None:
        told = await self._told(tuple(self.market.rules))
        for symbol, rules in told.items():
            self._learn(symbol, rules)
        self.desk.learn_rules(told)
        await self.look_at_schedule()

    async def _told(self, symbols: tuple[str, ...]) -> Mapping[str, SymbolRules]:
        """Returns the rules that the exchange tells. One symbol that it has no more spoils the
        answer for all: then they are asked for one by one."""
        found = await self.market.rest.rules(symbols)
        if isinstance(found, Found):
            return found.value
        told: dict[str, SymbolRules] = {}
        is_spoilt = isinstance(found, Unavailable) and found.code == NO_SYMBOL
        if is_spoilt and len(symbols) > 1:
            for symbol in symbols:
                told |= await self._told((symbol,))
        return told

    async def look_at_schedule(self) -> None:
        """Learns which symbols end when; where nobody answers, what was announced holds."""
        http = self.market.rest.http
        if http.key is None or not http.addresses.wallet:
            return
        found = await self.market.rest.delistings()
        if isinstance(found, Found):
            now_ms, ours = self.market.server_now_ms(), self._ours()
            ends_ms = {name: each for name, each in found.value.items() if name in ours}
            for symbol, end_ms in ends_ms.items():
                if self._ends_ms.get(symbol) != end_ms:
                    words = f"{symbol}: the exchange stops trading it at {iso(end_ms)}"
                    words += "; it is not bought any more, and sold a day ahead"
                    self.alarm(Noted("delisting", words, Severity.CRITICAL, now_ms, symbol))
            self._ends_ms = ends_ms
            for symbol, rules in self.market.rules.items():
                self.market.rules[symbol] = replace(rules, ends_ms=self._ends_ms.get(symbol))
        await self._leave()

    def _ours(self) -> set[str]:
        return {*self.market.rules, *(each.symbol for each in self.keeper.books.positions())}

    def _learn(self, symbol: str, rules: SymbolRules) -> None:
        before = self.market.rules.get(symbol)
        if before is not None and before.status is not rules.status:
            words = f"{symbol}: the exchange says {rules.status}, and said {before.status}"
            at_ms = self.market.server_now_ms()
            self.alarm(Noted("symbol_status", words, Severity.WARNING, at_ms, symbol))
        self.market.rules[symbol] = replace(rules, ends_ms=self._ends_ms.get(symbol))

    async def _leave(self) -> None:
        now_ms = self.market.server_now_ms()
        for held in self.keeper.books.positions():
            end_ms = self._ends_ms.get(held.symbol)
            if held.closing is None and end_ms is not None and end_ms - now_ms <= _AHEAD_MS:
                why = f"the exchange stops trading it at {iso(end_ms)}"
                change = PlanChanged(held.position_id, held.plan, "delisting", now_ms, why)
                await self.keeper.commit(change, urgent=True)
                await self.desk.tend_all(0.0)
