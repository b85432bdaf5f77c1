"""Candle tables: a market, what a strategy says of it and the expected trades, checkable by eye.

One line a step, one cell a symbol (`A | B | C`). A cell is `open high low close`, or one price
for a flat candle, or `-` for a missing one; then what the strategy says at its close: `buy`,
`buy:tag`, `sell`, `sell:tag`, `size=0.5`, `stop=95`, `target=110`, `trail=3`, `confidence=0.9`.
A line that starts with `.` is a half-hour candle inside the hour above it.

    0   100 buy stop=95             100 units of quote buy one unit
    1   100 101  99 100
    2    98  99  94  97             the low reaches the stop

The expected trades are a table too; its first line names the columns that are compared.

    in out quantity bought sold reason pnl
    1  2   10       100    95   stop   -50
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import pytest

from leeward.domain.candles import Candles
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import Timeframe
from leeward.domain.trades import EXIT_REASONS
from leeward.risk.limits import RiskLimits
from leeward.risk.refusals import REFUSALS
from leeward.simulation.setup import Setup, Simulation
from leeward.strategies.signals import Signals

#: Monday 2021-01-04T00:00:00Z, the open time of step 0.
MIDNIGHT_MS = 1_609_718_400_000

#: Limits that contain nothing, so that a table shows one rule alone.
LOOSE = {
    "max_position_fraction": 1.0,
    "risk_per_trade_fraction": 1.0,
    "max_exposure_fraction": 1.0,
    "max_correlated_fraction": 1.0,
    "max_open_positions": 9,
    "require_stop": False,
    "trend_gate": "off",
    "daily_loss_fraction": 1.0,
    "drawdown_ladder": (),
    "max_drawdown_fraction": 1.0,
    "cooldown_candles": 0,
}
PLAIN = {
    "balance": 10_000.0,
    "fee": 0.0,
    "slippage": 0.0,
    "lot_step": 0.01,
    "tick_size": 0.0,
    "min_notional": 5.0,
}
#: What a row means that does not say a number, where some row does.
UNSAID = {"size": "0.1", "stop": "nan", "target": "nan", "trail": "nan", "confidence": "0"}


class Simulate(Protocol):
    def __call__(
        self,
        candles: Sequence[Candles],
        signals: Sequence[Signals],
        setup: Setup,
        detail: Sequence[Candles] | None = None,
    ) -> Simulation: ...


def check(
    simulate: Simulate,
    market: str,
    trades: str = "",
    refusals: str = "",
    equity: str = "",
    **conditions: Any,
) -> Simulation:
    """Simulates a candle table and compares trades, refusals (`A reason` a line or comma) and,
    where given, the equity of every step; `conditions` change setup, limits, filters, timeframe
    and warm_up by name, each from a loose and costless start."""
    outcome = play(simulate, market, **conditions)
    step_ms = Timeframe.parse(conditions.get("timeframe", "1h")).length_ms
    names, wanted = _expected_trades(trades)
    columns = _read(market)
    rows = [_trade_cells(row, columns, step_ms) for row in outcome.trades]
    got = [[cells[name] for name in names] for cells in rows]
    shown = "\n".join(f"{row}" for row in [names, *got, "all columns:", *rows])
    assert got == wanted, f"trades are\n{shown}"
    refused = sorted(filter(None, map(str.strip, refusals.split(","))))
    assert _refusals(outcome) == refused, f"refused were {_refusals(outcome)}"
    if equity:
        wanted_equity = pytest.approx([float(x) for x in equity.split()])
        assert outcome.equity.tolist() == wanted_equity, f"equity was {outcome.equity.tolist()}"
    return outcome


def play(simulate: Simulate, market: str, **conditions: Any) -> Simulation:
    """Returns what becomes of a candle table."""
    timeframe = Timeframe.parse(conditions.pop("timeframe", "1h"))
    warm_up = conditions.pop("warm_up", 0)
    columns = _read(market)
    given = {name for column in columns for words in column.words for name in words}
    candles = [column.candles(timeframe) for column in columns]
    detail = [column.finer_candles() for column in columns]
    return simulate(
        candles,
        [column.signals(given, warm_up) for column in columns],
        _setup(len(columns), timeframe, conditions),
        detail if any(map(len, detail)) else None,
    )


def _setup(symbols: int, timeframe: Timeframe, conditions: dict[str, Any]) -> Setup:
    values = {**LOOSE, **PLAIN, **conditions}
    if "start" in values:
        values["start_ms"] = MIDNIGHT_MS + values.pop("start") * timeframe.length_ms
    limits = {f.name: values.pop(f.name) for f in fields(RiskLimits) if f.name in values}
    filters = {name: values.pop(name) for name in ("lot_step", "tick_size", "min_notional")}
    instruments = tuple(Instrument("ABCDEF"[i], **filters) for i in range(symbols))
    return Setup(instruments=instruments, limits=RiskLimits(**limits), **values)


@dataclass
class _Column:
    """The candles of one symbol as they are read, line by line."""

    symbol: str
    steps: list[int] = field(default_factory=list)
    bars: list[list[float]] = field(default_factory=list)
    words: list[dict[str, str]] = field(default_factory=list)
    finer_steps: list[float] = field(default_factory=list)
    finer_bars: list[list[float]] = field(default_factory=list)

    def candles(self, timeframe: Timeframe) -> Candles:
        times = [MIDNIGHT_MS + step * timeframe.length_ms for step in self.steps]
        return _candles(self.symbol, timeframe, times, self.bars)

    def finer_candles(self) -> Candles:
        half = Timeframe.parse("30m")
        times = [MIDNIGHT_MS + round(step * 2) * half.length_ms for step in self.finer_steps]
        return _candles(self.symbol, half, times, self.finer_bars)

    def signals(self, given: Set[str], warm_up: int) -> Signals:
        entry, entry_tags = self._codes("buy")
        leave, exit_tags = self._codes("sell")
        numbers = {}
        for name in sorted({"size"} | given & UNSAID.keys()):
            cells = [float(words.get(name, UNSAID[name])) for words in self.words]
            numbers[name] = np.array(cells, dtype=np.float64)
        return Signals(
            entry, leave, **numbers, entry_tags=entry_tags, exit_tags=exit_tags, warm_up=warm_up
        )

    def _codes(self, word: str) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], tuple[str, ...]]:
        tags = list(dict.fromkeys(words[word] for words in self.words if word in words)) or [""]
        codes = [1 + tags.index(words[word]) if word in words else 0 for words in self.words]
        return np.array(codes, dtype=np.uint8), tuple(tags)


def _candles(
    symbol: str, timeframe: Timeframe, times: list[int], bars: list[list[float]]
) -> Candles:
    opened, high, low, close = np.array(bars, dtype=np.float64).reshape(-1, 4).T.copy()
    open_time, volume = np.array(times, dtype=np.int64), np.ones(len(times))
    return Candles(symbol, timeframe, open_time, opened, high, low, close, volume)


def _read(market: str) -> list[_Column]:
    lines = [line.split("#")[0].strip() for line in market.strip().splitlines()]
    columns: list[_Column] = []
    step, halves = -1, 0
    for line in filter(None, lines):
        head, rest = line.split(maxsplit=1)
        cells = rest.split("|")
        columns = columns or [_Column("ABCDEF"[i]) for i in range(len(cells))]
        finer = head == "."
        halves = halves + 1 if finer else 0
        step = step if finer else int(head)
        for column, cell in zip(columns, cells, strict=True):
            _read_cell(column, cell.split(), step, halves)
    return columns


def _read_cell(column: _Column, words: list[str], step: int, halves: int) -> None:
    if words[0] == "-":
        return
    prices = [float(word) for word in words if word.replace(".", "").isdecimal()]
    bar = prices * 4 if len(prices) == 1 else prices
    if halves:
        column.finer_steps.append(step + (halves - 1) / 2)
        column.finer_bars.append(bar)
        return
    column.steps.append(step)
    column.bars.append(bar)
    said = {}
    for word in words[len(prices) :]:
        name, _, value = word.replace(":", "=").partition("=")
        said[name] = value
    column.words.append(said)


def _expected_trades(table: str) -> tuple[list[str], list[list[object]]]:
    lines = [line.split() for line in table.strip().splitlines()]
    names = lines[0] if lines else []
    return names, [[_expected(text) for text in line] for line in lines[1:]]


def _expected(text: str) -> object:
    try:
        number = float(text)
    except ValueError:
        return text
    return pytest.approx(number, rel=1e-12, abs=1e-9)


def _trade_cells(row: np.void, columns: list[_Column], step_ms: int) -> dict[str, object]:
    column = columns[int(row["symbol"])]
    signals = column.signals(set(), 0)
    cells: dict[str, object] = {name: row[name].item() for name in row.dtype.names or ()}
    cells = {name: "-" if value != value else value for name, value in cells.items()}
    exit_tag = int(row["exit_tag"])
    return cells | {
        "symbol": column.symbol,
        "in": (int(row["entry_time"]) - MIDNIGHT_MS) / step_ms,
        "out": (int(row["exit_time"]) - MIDNIGHT_MS) / step_ms,
        "bought": cells["entry_price"],
        "sold": cells["exit_price"],
        "reason": EXIT_REASONS[int(row["exit_reason"])],
        "tag": signals.entry_tags[int(row["entry_tag"]) - 1],
        "exit_tag": signals.exit_tags[exit_tag - 1] if exit_tag else "-",
    }


def _refusals(outcome: Simulation) -> list[str]:
    return sorted(
        f"{symbol} {REFUSALS[reason]}" + (f" {count}" if count > 1 else "")
        for symbol, counts in zip(outcome.symbols, outcome.refusals.tolist(), strict=True)
        for reason, count in enumerate(counts)
        if count
    )
