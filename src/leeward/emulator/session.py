"""One session of the emulator: the exchange with its clock, keys, limits, faults and sockets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from leeward.domain.candles import Candles
from leeward.domain.errors import unknown_name
from leeward.domain.times import iso
from leeward.emulator.clock import AuthClock, Clock, ClockMode
from leeward.emulator.delivery import Delivery
from leeward.emulator.exchange import Exchange
from leeward.emulator.faults import Fault, FaultBoard
from leeward.emulator.limits import AddressLimits, OrderCounts
from leeward.emulator.options import FeeRates, Options
from leeward.emulator.requests import Emitted
from leeward.emulator.signatures import Key, generated_key
from leeward.emulator.symbols import SymbolRules

#: The name of the account that every session has.
DEFAULT_ACCOUNT: Final = "main"
#: Wall time that catching up may take before the clock is held back instead.
_PATIENCE_US = 30_000
#: The exchange's time that is advanced between two looks at the wall, at speed 1.
_CHUNK_US = 1_000_000
#: Bytes waiting at one client from which an accelerated clock waits for it.
_BACK_PRESSURE = 2**20
_REQUESTS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Setup:
    """What a session starts from; a reset starts another one from the same, but for what it names.
    `wall_us` reads wall time in microseconds.

    `race` lets a seeded coin decide whether user events leave before or after the answer that
    caused them, as on the real exchange.
    """

    rules: Sequence[SymbolRules]
    candles: Mapping[str, Candles]
    start_ms: int
    wall_us: Callable[[], int]
    seed: int = 1
    options: Options = field(default_factory=Options)
    mode: ClockMode = "shifted"
    speed: float = 1.0
    auth: AuthClock = "sim"
    faults: Sequence[Mapping[str, object]] = ()
    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000)})
    race: bool = True


class Session:
    """The state behind every port. All calls come from one thread; none of them waits."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        began_us = setup.wall_us()
        self.exchange = Exchange(
            setup.rules, setup.candles, setup.seed, setup.start_ms, setup.options
        )
        self.clock = Clock(
            setup.wall_us,
            self.exchange.time_us,
            setup.mode,
            setup.speed,
            setup.auth,
            began_us=began_us if setup.mode == "shifted" else None,
        )
        self.board = FaultBoard(setup.seed, setup.start_ms)
        for entry in setup.faults:
            self.board.add(entry, setup.start_ms)
        self.delivery = Delivery(self.exchange, self.board)
        self.counts = OrderCounts()
        self.addresses: dict[str, AddressLimits] = {}
        self.keys: dict[str, Key] = {}
        self.requests: deque[dict[str, object]] = deque(maxlen=_REQUESTS_KEPT)
        self.requests_seen = 0
        #: The last message that each client says it has seen.
        self.acknowledged: dict[str, int] = {}
        self.unavailable_until_us = 0
        self.sockets_refused_until_us = 0
        #: Tracebacks of defects of the emulator itself; empty in a healthy one.
        self.failures: list[str] = []
        self._ends_us = _ends(setup)
        #: Symbols whose candles are used up: their prices stand still.
        self.used_up: list[str] = []
        #: Hears what whoever started the emulator should know.
        self.warn: Callable[[str], None] = lambda _: None
        #: Carries out the actions of the timeline; set by whoever knows how.
        self.act: Callable[[Fault], None] = lambda _: None
        self.add_account(DEFAULT_ACCOUNT, setup.balances)
        self.default_key = self.add_key(generated_key(setup.seed, DEFAULT_ACCOUNT))

    @property
    def now_ms(self) -> int:
        return self.exchange.time_us // 1000

    def add_account(
        self, account: str, balances: Mapping[str, Decimal], fees: FeeRates | None = None
    ) -> None:
        self.exchange.add_account(account, balances, fees)

    def add_key(self, key: Key) -> Key:
        """Adds a key to its account; raises BadUsage for an account that does not exist."""
        if key.account not in self.exchange.accounts():
            raise unknown_name("account", key.account, self.exchange.accounts())
        key.created_ms = key.created_ms or self.now_ms
        self.keys[key.api_key] = key
        return key

    def address(self, address: str) -> AddressLimits:
        """Returns the limits of an address."""
        if address not in self.addresses:
            self.addresses[address] = AddressLimits()
        return self.addresses[address]

    def refuses_sockets(self, address: str) -> int | None:
        """Returns the HTTP status with which a new socket of an address is refused, if it is."""
        if self.now_ms < self.address(address).banned_until_ms:
            return 418
        return 503 if self.exchange.time_us < self.sockets_refused_until_us else None

    def pump(self) -> None:
        """Brings the exchange to the clock's time; a clock too fast for it is held back."""
        if not self.clock.running:
            return
        accelerated = self.clock.mode == "accelerated"
        if accelerated and self.delivery.most_waiting() > _BACK_PRESSURE:
            self.clock.hold(self.exchange.time_us)
            return
        started = self.clock.wall_us()
        target = self.clock.now_us()
        chunk = int(_CHUNK_US * max(1.0, self.clock.speed / 100)) if accelerated else target
        while self.exchange.time_us < target:
            self.advance(min(target, self.exchange.time_us + chunk))
            if accelerated and self.clock.wall_us() - started > _PATIENCE_US:
                self.clock.hold(self.exchange.time_us)
                return

    def advance(self, until_us: int) -> None:
        """Advances the exchange, carrying out the actions of the timeline at their times."""
        while (due_ms := self.board.next_action_ms()) is not None and due_ms * 1000 <= until_us:
            self.exchange.advance(max(due_ms * 1000, self.exchange.time_us))
            for fault in self.board.due_actions(due_ms):
                self.exchange.note(f"fault {fault.id} {fault.effect}")
                self.act(fault)
        self.exchange.advance(until_us)
        self._look_for_ends()
        self.deliver()
        self.delivery.close_old()

    def _look_for_ends(self) -> None:
        while self._ends_us and self._ends_us[-1][0] <= self.exchange.time_us:
            end_us, symbol = self._ends_us.pop()
            self.used_up.append(symbol)
            words = (
                f"{symbol}: the candles are used up at {iso(end_us // 1000)}; its price stands "
                "still from here on. Start earlier, give more candles, or reset"
            )
            self.exchange.note(words)
            self.warn(words)

    def step(self, until_us: int) -> None:
        """Moves a standing clock to `until_us` and runs to quiescence."""
        self.advance(until_us)
        self.clock.hold(self.exchange.time_us)

    def next_us(self) -> int | None:
        """Returns when something happens next by itself."""
        times = [self.exchange.next_event_us()]
        due_ms = self.board.next_action_ms()
        times.append(None if due_ms is None else max(due_ms * 1000, self.exchange.time_us))
        return min((each for each in times if each is not None), default=None)

    def collect(self) -> list[Emitted]:
        """Returns what the exchange emitted since the last time, counted but not yet sent."""
        messages = self.exchange.drain()
        for message in messages:
            kind, account = message.channel
            if kind == "user" and isinstance(message.payload, dict):
                self.counts.heard(account, message.payload, self.now_ms)
        return messages

    def deliver(self) -> None:
        """Sends what the exchange emitted since the last time."""
        self.delivery.carry(self.collect())

    def record(self, entry: dict[str, object]) -> None:
        """Keeps one request with its outcome for the administrator."""
        self.requests_seen += 1
        self.requests.append({"seq": self.requests_seen, "time": self.now_ms, **entry})


def _ends(setup: Setup) -> list[tuple[int, str]]:
    """Returns when each symbol's last candle has closed, the earliest at the end."""
    late_ms = setup.options.shift_ms + setup.options.close_delay_ms[1]
    ends = [
        ((int(each.open_time[-1]) + each.timeframe.length_ms + late_ms) * 1000, symbol)
        for symbol, each in setup.candles.items()
    ]
    return sorted(ends, reverse=True)
