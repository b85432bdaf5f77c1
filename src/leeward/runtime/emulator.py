"""Composes an emulator: candles from a folder, the store or the generated market, then ports."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from leeward.data.generated import generate_market
from leeward.data.importing import Asked, find_candle_files, import_file
from leeward.data.naming import read_name
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadCandles, BadUsage
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.domain.times import iso
from leeward.emulator.faults import read_timeline
from leeward.emulator.server import Addresses, Emulator
from leeward.emulator.session import Setup
from leeward.emulator.symbols import symbol_rules
from leeward.runtime.clock import monotonic_s, now_ms

#: The generated market: thirty days of minutes that begin at a fixed date.
_GENERATED_START_MS: Final = 1_704_067_200_000
_GENERATED_DAYS = 30
_WEEK_MS = 7 * DAY_MS
#: Without a start, this share of the candles is history when the replay begins.
_HISTORY = 2 / 3
#: Trades of a candle in real time, so that there is something to see.
_LIVELY_TICKS = 60


@dataclass(frozen=True, slots=True)
class Market:
    """The candles to replay by symbol, and where they come from."""

    candles: Mapping[str, Candles]
    source: str

    @property
    def first_ms(self) -> int:
        """The first time at which every symbol has candles."""
        return max(int(each.open_time[0]) for each in self.candles.values())

    @property
    def last_ms(self) -> int:
        """The last time at which every symbol has candles."""
        return min(int(each.open_time[-1]) for each in self.candles.values())


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; a port of 0 is a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    admin_port: int = 0
    open_to_all: bool = False


def gather_market(
    symbols: Sequence[str], folder: Path | None, store: CandleStore, start_ms: int | None, seed: int
) -> Market:
    """Returns the finest candles at hand of every symbol that reach to `start_ms`: from `folder`,
    else the store, else, where the store knows none of the symbols, generated ones.

    Raises BadUsage where only some symbols are known, or none in the folder.
    """
    if not symbols:
        raise BadUsage("--symbols names no symbol; write --symbols BTCUSDT,ETHUSDT")
    if folder is not None:
        with tempfile.TemporaryDirectory(prefix="leeward-emulator-") as temporary:
            held = CandleStore(Path(temporary))
            _import_folder(held, folder, symbols)
            return Market(_read(held, symbols, start_ms), f"real candles from {folder}")
    if any(name in symbols for name, _ in store.series()):
        return Market(_read(store, symbols, start_ms), f"real candles from the store {store.root}")
    length = Timeframe.parse("1m")
    rows = _GENERATED_DAYS * DAY_MS // length.length_ms
    generated = generate_market(symbols, length, _GENERATED_START_MS, rows, seed)
    return Market(generated, "a generated market (SYNTHETIC: the store holds no candles of these)")


def compose(market: Market, start_ms: int | None, setup: Mapping[str, object]) -> Setup:
    """Returns the setup of a session that begins at `start_ms`; `setup` holds fields of `Setup`.

    Shifted time moves the candles so that the start is now: by whole weeks where they reach that
    far, so that hours and weekdays stay what they were, else by whole candles.
    """
    begins = _start(market, start_ms)
    now_us, counter = now_ms() * 1000, monotonic_s()
    rules = [symbol_rules(symbol, float(each.close[-1])) for symbol, each in market.candles.items()]
    base = Setup(
        rules=rules,
        candles=market.candles,
        start_ms=begins,
        wall_us=lambda: now_us + int((monotonic_s() - counter) * 1e6),
    )
    made = replace(base, **setup)  # type: ignore[arg-type] # names and types are the caller's
    if made.mode != "shifted":
        return made
    shift = _shift(market, begins, now_us // 1000)
    options = replace(made.options, shift_ms=shift, ticks_per_bar=_LIVELY_TICKS)
    return replace(made, start_ms=now_us // 1000, options=options)


def run_emulator(
    setup: Setup, ports: Ports, say: Callable[[Addresses], None], warn: Callable[[str], None]
) -> None:
    """Serves until interrupted or terminated; `say` hears the addresses once the ports listen,
    `warn` when a symbol's candles are used up."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(setup, ports, say, warn))


async def _serve(
    setup: Setup, ports: Ports, say: Callable[[Addresses], None], warn: Callable[[str], None]
) -> None:
    emulator = Emulator(setup, monotonic_s, warn)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows has no such handlers; Ctrl-C ends it there
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, ended.set)
    try:
        say(
            await emulator.start(
                ports.host, ports.port, ports.admin_port, open_to_all=ports.open_to_all
            )
        )
        await ended.wait()
    finally:
        await emulator.stop()


def read_faults(file: Path) -> list[dict[str, object]]:
    """Returns the entries of a YAML timeline; raises BadUsage for one that is not readable."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"--faults: {file} cannot be read: {error}") from None
    return read_timeline(text, str(file))


def _import_folder(store: CandleStore, folder: Path, symbols: Sequence[str]) -> None:
    if not folder.is_dir():
        raise BadUsage(f"--candles: {folder} is not a folder")
    files, _ = find_candle_files([folder], Asked())
    wanted = [file for file in files if _is_wanted(file, symbols)]
    if not wanted:
        raise BadUsage(
            f"--candles: {folder} holds no candle file of {', '.join(symbols)}, "
            f"as in {symbols[0]}-1h.parquet"
        )
    for file in wanted:
        for outcome in import_file(store, file, Asked()):
            if outcome.refused is not None:
                raise BadCandles(outcome.refused)


def _is_wanted(file: Path, symbols: Sequence[str]) -> bool:
    series = read_name(file, None, None)
    return series.symbol in symbols and not series.futures


def _read(store: CandleStore, symbols: Sequence[str], start_ms: int | None) -> dict[str, Candles]:
    return {symbol: _finest(store, symbol, start_ms) for symbol in symbols}


def _finest(store: CandleStore, symbol: str, start_ms: int | None) -> Candles:
    """Returns the finest candles of a symbol that reach from before `start_ms` to after it."""
    lengths = [length for name, length in store.series() if name == symbol]
    if not lengths:
        raise store.unknown(symbol)
    for length in lengths:
        found = store.read(symbol, length)
        if start_ms is None or found.open_time[0] <= start_ms < found.open_time[-1]:
            return found
    return store.read(symbol, lengths[0])


def _start(market: Market, start_ms: int | None) -> int:
    first, last = market.first_ms, market.last_ms
    if start_ms is None:
        length = _longest(market.candles.values())
        return length.floor(first + int((last - first) * _HISTORY))
    if not first <= start_ms < last:
        raise BadUsage(
            f"--start {iso(start_ms)} is outside the candles; "
            f"every symbol has some from {iso(first)} to {iso(last)}"
        )
    return start_ms


def _longest(candles: Iterable[Candles]) -> Timeframe:
    return max(each.timeframe for each in candles)


def _shift(market: Market, start_ms: int, wall_ms: int) -> int:
    weeks = (wall_ms - start_ms) // _WEEK_MS * _WEEK_MS
    if wall_ms - weeks < market.last_ms - DAY_MS:
        return weeks
    length = _longest(market.candles.values()).length_ms
    return (wall_ms - start_ms) // length * length
