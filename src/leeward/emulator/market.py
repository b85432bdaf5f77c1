"""One symbol's market: the replayed candle, its trades, the running bar, the book, open orders."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from leeward.domain.candles import Candles
from leeward.emulator.bars import Bars, Row
from leeward.emulator.book import Book
from leeward.emulator.chance import stream
from leeward.emulator.options import Options
from leeward.emulator.orders import Order
from leeward.emulator.path import Bar, Tick, ticks
from leeward.emulator.symbols import SymbolRules
from leeward.emulator.units import UNIT

_KEPT_TRADES: Final = 20_000
_MOST_TICKS: Final = 60


class Trade(NamedTuple):
    """One public trade."""

    trade_id: int
    agg_id: int
    price: int
    qty: int
    quote: int
    time_ms: int
    buyer_maker: bool


class Market:
    """`row` is the running bar's place on the grid; its values live in the attributes below it
    until it closes. `resting` and `waiting` are open orders on the book and waiting stops;
    `cursor` is the price now, also between two ticks; `gap` makes the next tick a jump."""

    def __init__(
        self, rules: SymbolRules, candles: Candles, seed: int, start_ms: int, options: Options
    ) -> None:
        self.rules = rules
        self.options = options
        self.bars = Bars(candles, options.shift_ms)
        self.chance = stream(seed, f"path:{rules.symbol}")
        key = stream(seed, f"book:{rules.symbol}").getrandbits(64)
        spread = int(options.spread_bps * 100)
        self.book = Book(key, self.steps, options.depth_levels, spread)
        self.trades: deque[Trade] = deque(maxlen=_KEPT_TRADES)
        self.resting: dict[int, Order] = {}
        self.waiting: dict[int, Order] = {}
        self.orders: dict[int, Order] = {}
        self.next_order_id = 1
        self.last_qty = 0
        self.script: list[Tick] = []
        self.position = 0
        self.close_us = 0
        self.row = min(max(0, self.bars.index(start_ms)), self.bars.size) - 1
        before = self.row
        self.last_price = int(
            self.bars.columns["close"][before] if before >= 0 else self.bars.columns["open"][0]
        )
        self.next_trade_id = max(0, int(self.bars.last_id[: before + 1].max(initial=0))) + 1
        self.next_agg_id = 1
        self.cursor = self.last_price
        self.gap = False
        self.book.refresh(self.last_price, buyer_maker=True)
        self.ended = before + 1 >= self.bars.size
        self.prepared = False
        self._start_running()

    @property
    def steps(self) -> tuple[int, int]:
        """Tick size and lot step in units, 1 where the filter is off."""
        return (
            self.rules.amount("PRICE_FILTER", "tickSize") or 1,
            self.rules.amount("LOT_SIZE", "stepSize") or 1,
        )

    def next_us(self) -> int | None:
        """Returns when the next tick or close comes; None when the candles are used up."""
        if self.ended:
            return None
        if not self.prepared:
            return self.bars.open_ms(self.row + 1) * 1000
        if self.position < len(self.script):
            return self.script[self.position].time_us
        return self.close_us

    def open_bar(self, *, low_first: bool | None) -> None:
        """Starts the next bar; `low_first` None leaves the order of the extremes to the seed."""
        self.row += 1
        bar = self.bars.source(self.row)
        coin = self.chance.random() < 0.5
        first, last = self.options.close_delay_ms
        delay = self.chance.randint(first, last)
        length = self.bars.length_ms
        open_ms = self.bars.open_ms(self.row)
        self.close_us = (open_ms + length + delay) * 1000
        self.script = []
        self.position = 0
        self.prepared = True
        self._start_running()
        if bar is not None and bar.volume:
            count = min(self.options.ticks_per_bar, _MOST_TICKS)
            self.script = ticks(
                bar, (open_ms, length), (self.book.tick_size, self.book.step), count,
                self.chance, low_first=coin if low_first is None else low_first,
            )  # fmt: skip
            volume = int(bar.volume * self.options.depth_fraction)
            self.book.size_by(volume // max(1, len(self.script)))

    def source_bar(self) -> Bar | None:
        """Returns the candle that opens next."""
        return self.bars.source(self.row + 1)

    def _start_running(self) -> None:
        price = self.last_price
        self.open = self.high = self.low = price
        self.volume = self.quote = self.count = self.taker = self.taker_quote = 0
        self.first_id = self.last_id = -1
        self.flush_bar()

    def trade(self, tick: Tick) -> Trade:
        """Records a public trade and moves the book to it."""
        price, qty = tick.price, tick.qty
        quote = price * qty // UNIT
        trade_id = self.next_trade_id
        self.next_trade_id = trade_id + 1
        if self.count == 0:
            self.open = self.high = self.low = price
            self.first_id = trade_id
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.count += 1
        self.volume += qty
        self.quote += quote
        if not tick.buyer_maker:
            self.taker += qty
            self.taker_quote += quote
        self.last_id = trade_id
        self.last_price, self.last_qty = price, qty
        self.cursor = price
        done = Trade(
            trade_id, self.next_agg_id, price, qty, quote, tick.time_us // 1000, tick.buyer_maker
        )
        self.next_agg_id += 1
        self.trades.append(done)
        self.book.refresh(price, buyer_maker=tick.buyer_maker)
        return done

    def running(self) -> Row:
        """Returns the running bar."""
        open_ms = self.bars.open_ms(self.row)
        return Row(
            open_ms, open_ms + self.bars.length_ms - 1, self.open, self.high, self.low,
            self.last_price, self.volume, self.quote, self.count, self.taker, self.taker_quote,
            self.first_id, self.last_id,
        )  # fmt: skip

    def flush_bar(self) -> None:
        """Writes the running bar into the grid, where sums over rows find it."""
        if self.prepared:
            self.bars.write(self.row, self.running())

    def close_bar(self) -> Row:
        """Ends the running bar and returns it."""
        row = self.running()
        self.bars.write(self.row, row)
        self.prepared = False
        self.ended = self.row + 1 >= self.bars.size
        return row

    def average(self, minutes: int, now_ms: int) -> int:
        """Returns the volume-weighted price of the last minutes, the last price without trades."""
        since = now_ms - minutes * 60_000
        quote = qty = 0
        for trade in reversed(self.trades):
            if trade.time_ms < since:
                break
            quote += trade.quote
            qty += trade.qty
        return quote * UNIT // qty if qty and minutes else self.last_price
