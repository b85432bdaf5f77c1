"""The first run: three strategies on one market, real where one can be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from leeward.data.generated import generate_candles
from leeward.data.importing import Asked, find_candle_files, parse_table
from leeward.data.merging import lay_over
from leeward.data.naming import Series, read_name
from leeward.data.store import CandleStore
from leeward.data.tables import read_tables
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage, LeewardError
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.report.result import BacktestResult
from leeward.runtime.api import backtest
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.settings import Settings

STRATEGIES = ("ema_cross", "adaptive", "enhanced")
SYMBOL = "BTCUSDT"
TIMEFRAME = Timeframe.parse("1h")

#: The generated market: three years that begin at a fixed date, so that every run shows the same.
_GENERATED_START_MS = 1_609_459_200_000
_GENERATED_ROWS = 3 * 365 * 24
_SEED = 7
_DOWNLOADED_DAYS = 730
_NETWORK_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class DemoMarket:
    """The candles of the demo and where they come from."""

    candles: Candles
    source: str
    synthetic: bool


def find_market(settings: Settings, folder: Path | None, say: Callable[[str], None]) -> DemoMarket:
    """Returns real candles from `folder`, else the store, else the network; else generated ones.

    Raises BadUsage when a folder is named that does not hold BTCUSDT 1h candles.
    """
    if folder is not None:
        return DemoMarket(_from_folder(folder), f"real candles from {folder}", synthetic=False)
    store = CandleStore(settings.data.dir)
    source = f"real candles from the store {store.root}"
    if (SYMBOL, TIMEFRAME) not in store.series():
        source = "real candles downloaded from Binance"
        try:
            _download(settings, store, say)
        except LeewardError as error:
            say(f"No real candles: {error}")
            generated = generate_candles(
                SYMBOL, TIMEFRAME, _GENERATED_START_MS, _GENERATED_ROWS, _SEED
            )
            return DemoMarket(generated, "a generated market", synthetic=True)
    return DemoMarket(store.load(SYMBOL, TIMEFRAME), source, synthetic=False)


def run_demo(market: DemoMarket, settings: Settings) -> Iterator[BacktestResult]:
    """Yields the result of each strategy, in the order of `STRATEGIES`."""
    for name in STRATEGIES:
        yield backtest(name, market.candles, synthetic=market.synthetic, settings=settings)


def _from_folder(folder: Path) -> Candles:
    if not folder.is_dir():
        raise BadUsage(f"--data: {folder} is not a folder")
    files, _ = find_candle_files([folder], Asked(None, None, skip_bad=False))
    wanted = Series(SYMBOL, TIMEFRAME)
    named = [file for file in files if read_name(file, None, None) == wanted]
    tables = [table for file in named for table in read_tables(file)]
    found = [parse_table(table, wanted, skip_bad=False).candles for table in tables]
    if found:
        return reduce(lambda before, more: lay_over(before, more)[0], found)
    raise BadUsage(
        f"--data: {folder} holds no file of {SYMBOL} {TIMEFRAME} candles, "
        f"as in {SYMBOL}-{TIMEFRAME}.parquet"
    )


def _download(settings: Settings, store: CandleStore, say: Callable[[str], None]) -> None:
    import httpx

    from leeward.data.binance import Binance, Wanted
    from leeward.data.binance_archive import BinanceArchive
    from leeward.data.binance_rest import BinanceRest
    from leeward.data.fetching import Fetcher

    say(f"Looking for {SYMBOL} {TIMEFRAME} candles at Binance ...")
    with httpx.Client(timeout=_NETWORK_PATIENCE_S) as client:
        # A newcomer rather sees the generated market now than waits for a network.
        fetcher = Fetcher(monotonic_s, lambda _: None, say, client)
        archive = BinanceArchive(fetcher, settings.data.archive_url)
        rest = BinanceRest(fetcher, settings.data.rest_url)
        start_ms = now_ms() // DAY_MS * DAY_MS - _DOWNLOADED_DAYS * DAY_MS
        wanted = Wanted(SYMBOL, TIMEFRAME, start_ms, None)
        Binance(archive, rest, store, skip_bad=False).download([wanted], lambda _: None)
