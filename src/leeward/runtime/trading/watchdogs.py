"""What may go wrong around a session, looked at every second: each finding tightens the trading
state while it lasts and is cleared when it is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from leeward.engine.records import TradingState
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.runtime.trading.standing import Standing
from leeward.venues.timing import Clock

PERIOD_S: Final = 1.0
#: A loop that was held up for so long did not look after stops meanwhile.
_LAG_S = 2.0
_STEP_MS = 1_000
_STALE_S = 45.0
#: A comparison of many symbols takes a while, where answers are slow or lost.
_UNCOMPARED_S = 180.0
#: After a stall or a step of the clock, entries wait for so long.
_QUIET_MS = 60_000
_DISK_EVERY_S = 5.0
_LITTLE, _ENOUGH = 100 << 20, 200 << 20
_REDUCING = TradingState.REDUCING


@dataclass
class Watchdogs:
    """`behind_s` is how long the oldest due candle has been missing; `blocked_s` for how long the
    exchange keeps us out; `uncompared_s` for how long a comparison with it is overdue; `free_bytes`
    is the room for database and journal; `resync` asks for the exchange's time anew;
    `orders_an_hour` is the limit."""

    standing: Standing
    keeper: Bookkeeper
    clock: Clock
    server_now_ms: Callable[[], int]
    behind_s: Callable[[], float]
    blocked_s: Callable[[], float]
    uncompared_s: Callable[[], float]
    resync: Callable[[], None]
    free_bytes: Callable[[], int]
    orders_an_hour: int
    lag_s: float = 0.0
    _last: tuple[float, int] | None = None
    _slept_s: float = 0.0
    _disk_at_s: float = 0.0

    async def run(self) -> NoReturn:
        while True:
            await self.look()
            await self.clock.sleep(PERIOD_S)

    async def look(self) -> None:
        """Looks at everything once, and has the state reviewed."""
        now_s = self.clock.monotonic_s()
        self._look_at_time(now_s)
        self._look_at_market()
        if now_s >= self._disk_at_s:
            self._disk_at_s = now_s + _DISK_EVERY_S
            self._look_at_disk()
        await self._look_at_database()
        await self.standing.review()
        self._slept_s = self.clock.monotonic_s()

    def _look_at_time(self, now_s: float) -> None:
        now_ms, last = self.clock.now_ms(), self._last
        self._last = now_s, now_ms
        if last is None:
            return
        passed_s = now_s - last[0]
        # A look may wait for the database; the loop goes on meanwhile.
        self.lag_s = max(0.0, now_s - self._slept_s - PERIOD_S)
        until_ms = self.server_now_ms() + _QUIET_MS
        if self.lag_s > _LAG_S:
            words = f"the event loop stood still for {self.lag_s:.1f} s"
            self.standing.demand(_REDUCING, "loop_lag", words, until_ms)
        step_ms = now_ms - last[1] - passed_s * 1000
        if abs(step_ms) > _STEP_MS:
            self.resync()
            words = f"the computer's date moved by {step_ms / 1000:+.1f} s"
            self.standing.demand(_REDUCING, "clock_step", words, until_ms)

    def _look_at_market(self) -> None:
        behind_s = self.behind_s()
        self._tell("stale_candles", behind_s > _STALE_S, f"a candle is {behind_s:.0f} s overdue")
        blocked_s = self.blocked_s()
        words = f"the exchange keeps this address out for {blocked_s:.0f} s more"
        self._tell("exchange_ban", blocked_s > 0, words)
        uncompared_s = self.uncompared_s()
        words = f"the comparison of books and exchange is {uncompared_s:.0f} s overdue"
        self._tell("not_compared", uncompared_s > _UNCOMPARED_S, words)
        made = self.keeper.books.orders_last_hour(self.server_now_ms())
        words = f"{made} orders within an hour; the limit is {self.orders_an_hour}"
        self._tell("max_orders_per_hour", made >= self.orders_an_hour, words)

    def _look_at_disk(self) -> None:
        free = self.free_bytes()
        # What was too little is enough again only well above it.
        full = free < (_ENOUGH if "disk" in self.standing.causes else _LITTLE)
        self._tell("disk", full, f"{free >> 20} MB free beside the database")

    async def _look_at_database(self) -> None:
        durable = self.keeper.is_durable or await self.keeper.replay()
        self._tell("database", not durable, "the database is down or behind: the journal is used")

    def _tell(self, cause: str, wrong: bool, words: str) -> None:
        if wrong:
            self.standing.demand(_REDUCING, cause, words)
        else:
            self.standing.clear(cause)
