"""The desk of an account: keeps every symbol as it is wanted, whatever happens at the venue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.engine.records import IntentMade, Noted
from leeward.runtime.settings import TradingSettings
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.runtime.trading.memory import Memory
from leeward.runtime.trading.steps import Means
from leeward.runtime.trading.tending import Tender
from leeward.venues.binance_codec_events import ListEvent, OrderEvent
from leeward.venues.binance_user_stream import Told
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue


@dataclass
class Desk:
    venue: Venue
    keeper: Bookkeeper
    rules: Mapping[str, SymbolRules]
    settings: TradingSettings
    clock: Clock
    server_now_ms: Callable[[], int]
    alarm: Callable[[Noted], None]
    timeframe: Timeframe
    _tenders: dict[str, Tender] = field(default_factory=dict, init=False)
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _audit_wanted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._means = Means(
            self.venue,
            self.keeper,
            self.clock,
            self.server_now_ms,
            self.timeframe,
            self.alarm,
            self._want_audit,
            self.settings.protection_deadline_s,
        )
        for symbol, rules in self.rules.items():
            self._tenders[symbol] = Tender(self._means, symbol, Memory(rules))

    async def enter(self, intents: Iterable[IntentMade]) -> None:
        """Sends committed entries, each once, and looks after what they bought."""
        async with asyncio.TaskGroup() as group:
            for intent in intents:
                group.create_task(self._tenders[intent.key.symbol].enter(intent))

    async def tend(self, symbol: str) -> bool:
        return await self._tenders[symbol].tend()

    async def tend_all(self) -> bool:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each.tend()) for each in self._tenders.values()]
        return all(task.result() for task in tasks)

    def hint(self, told: Told) -> None:
        match told:
            case OrderEvent(report):
                if report.symbol in self._tenders:
                    self._tenders[report.symbol].doubt(report.client_order_id)
            case ListEvent(report):
                pass
        self._woken.set()

    @property
    def settled(self) -> bool:
        """Whether the venue is known to hold what is wanted, in every symbol."""
        return all(tender.settled for tender in self._tenders.values())

    async def recover(self) -> None:
        for order in self.keeper.books.live_orders():
            self._tenders[order.symbol].doubt(order.client_order_id)
        await self.tend_all()

    def _want_audit(self) -> None:
        self._audit_wanted = True
        self._woken.set()
