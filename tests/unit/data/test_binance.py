"""Downloads from a local exchange into a real store."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.fakes import Answer, FakeBinance, archive_zip, kline_rows, serving

from leeward.data.binance import Binance, Downloaded, Step, Wanted
from leeward.data.binance_archive import BinanceArchive
from leeward.data.binance_rest import BinanceRest
from leeward.data.fetching import Fetcher
from leeward.data.generated import generate_candles
from leeward.data.merging import Merged
from leeward.data.store import CandleStore
from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.columns import BoolColumn
from leeward.domain.errors import BadUsage, Failed, RetryLater
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time

HOUR = Timeframe.parse("1h")
BTC = Wanted("BTCUSDT", HOUR)


def at(text: str) -> int:
    return parse_time(text, "time")


LISTED_MS, NOW_MS = at("2024-12-20T04:00"), at("2025-03-10T12:34:56")
CLOSED_MS = at("2025-03-10T12:00")
DAYS_OF_MARCH = [f"2025-03-{day:02d}" for day in range(1, 10)]


def history(symbol: str = "BTCUSDT", timeframe: Timeframe = HOUR) -> Candles:
    """From the listing to some days after now; the exchange shows what has happened by now."""
    start_ms = timeframe.floor(LISTED_MS)
    rows = (at("2025-03-25") - start_ms) // timeframe.length_ms
    return generate_candles(symbol, timeframe, start_ms, rows, seed=11)


def only(candles: Candles, kept: BoolColumn) -> Candles:
    names = ("open_time", *PRICES, "volume", *OPTIONAL)
    return replace(candles, **{name: getattr(candles, name)[kept] for name in names})


def without(candles: Candles, start: str, end: str) -> Candles:
    return only(candles, (candles.open_time < at(start)) | (candles.open_time >= at(end)))


@pytest.fixture
def exchange() -> Iterator[FakeBinance]:
    with serving(FakeBinance([history()], NOW_MS)) as fake:
        yield fake


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "data")


def download(
    exchange: FakeBinance, store: CandleStore, *wanted: Wanted, skip_bad: bool = False
) -> tuple[list[Downloaded], list[Step]]:
    steps: list[Step] = []
    fetcher = Fetcher(time.perf_counter, lambda _: None, lambda _: None)
    archive, rest = BinanceArchive(fetcher, exchange.url), BinanceRest(fetcher, exchange.url)
    with fetcher.client:
        done = Binance(archive, rest, store, skip_bad).download(wanted or [BTC], steps.append)
    return done, steps


def stored_files(store: CandleStore) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in store.candles_dir.rglob("*") if path.is_file()}


def test_months_days_and_the_tail_make_the_whole_closed_history(
    exchange: FakeBinance, store: CandleStore
) -> None:
    (done,), steps = download(exchange, store)
    closed = history().between(None, CLOSED_MS)
    assert store.load("BTCUSDT", HOUR).sha256 == closed.sha256
    months = ["2024-12", "2025-01", "2025-02"]
    assert done.fetched == [*months, *DAYS_OF_MARCH, "from 2025-03-10T00:00:00Z"]
    assert done.merged == Merged(added=len(closed))
    assert (done.whole, done.missing, done.refused, done.skipped) == (0, [], [], [])
    assert [step.months_done for step in steps][:4] == [pytest.approx(i) for i in range(4)]
    assert steps[-1].months_done == pytest.approx(3 + 9.5 / 31)
    assert steps[-1].months == 4


def test_the_running_candle_is_not_stored(exchange: FakeBinance, store: CandleStore) -> None:
    running = kline_rows(history().between(CLOSED_MS, CLOSED_MS + 1))
    tail = kline_rows(history().between(at("2025-03-10"), CLOSED_MS))
    listing = kline_rows(history().rows(0, 1))
    exchange.scripted["/klines"] = [_json(listing), _json([*tail, *running])]
    download(exchange, store)
    assert store.load("BTCUSDT", HOUR).open_time[-1] == CLOSED_MS - HOUR.length_ms


def test_what_is_stored_whole_is_not_fetched_again(
    exchange: FakeBinance, store: CandleStore
) -> None:
    download(exchange, store)
    before = stored_files(store)
    exchange.requests.clear()
    (done,), _ = download(exchange, store)
    assert exchange.asked("/data/spot/") == []
    assert len(exchange.asked("klines")) == 1  # when was it listed
    assert (done.merged, done.whole, done.fetched) == (Merged(), 12, [])
    assert stored_files(store) == before


def test_a_month_with_an_outage_is_not_fetched_again(
    exchange: FakeBinance, store: CandleStore
) -> None:
    exchange.candles = [without(history(), "2025-01-15T03:00", "2025-01-15T09:00")]
    download(exchange, store)
    exchange.requests.clear()
    download(exchange, store)
    assert exchange.asked("/data/spot/") == []


def test_a_month_that_was_imported_in_part_is_fetched(
    exchange: FakeBinance, store: CandleStore
) -> None:
    store.merge(without(history(), "2025-01-10", "2025-01-20").between(None, at("2025-02-01")))
    (done,), _ = download(exchange, store)
    assert done.merged.same == 21 * 24
    assert "2025-01" in done.fetched
    assert "2024-12" not in done.fetched
    assert store.load("BTCUSDT", HOUR).gaps == ()


def test_a_month_that_was_deleted_comes_back(exchange: FakeBinance, store: CandleStore) -> None:
    download(exchange, store)
    store.files("BTCUSDT", HOUR)[1].unlink()
    (done,), _ = download(exchange, store)
    assert done.fetched == ["2025-01"]
    assert store.load("BTCUSDT", HOUR).sha256 == history().between(None, CLOSED_MS).sha256


def test_later_hours_cost_one_request(exchange: FakeBinance, store: CandleStore) -> None:
    download(exchange, store)
    exchange.requests.clear()
    exchange.now_ms += 2 * HOUR.length_ms
    (done,), _ = download(exchange, store)
    assert done.fetched == ["from 2025-03-10T12:00:00Z"]
    assert done.merged == Merged(added=2)
    assert exchange.asked("/data/spot/") == []


def test_a_month_not_yet_published_comes_from_its_days(
    exchange: FakeBinance, store: CandleStore
) -> None:
    exchange.now_ms = at("2025-03-02T06:10")
    exchange.unpublished = {"2025-02", "2025-03-01"}
    (done,), _ = download(exchange, store)
    assert done.fetched[2:4] == ["2025-02-01", "2025-02-02"]
    assert done.fetched[-2:] == ["2025-02-28", "from 2025-03-01T00:00:00Z"]
    assert done.missing == []
    closed = history().between(None, at("2025-03-02T06:00"))
    assert store.load("BTCUSDT", HOUR).sha256 == closed.sha256


def test_an_old_month_that_the_archive_lacks_is_left_as_a_gap(
    exchange: FakeBinance, store: CandleStore
) -> None:
    exchange.now_ms = at("2025-03-20")
    exchange.unpublished = {"2025-01"}
    (done,), _ = download(exchange, store)
    assert done.missing == ["2025-01"]
    (gap,) = store.load("BTCUSDT", HOUR).gaps
    assert (gap.first, gap.missing) == (at("2025-01-01"), 31 * 24)


def test_a_range_takes_the_months_it_touches(exchange: FakeBinance, store: CandleStore) -> None:
    january = Wanted("BTCUSDT", HOUR, at("2025-01-10"), at("2025-01-20"))
    (done,), _ = download(exchange, store, january)
    assert done.fetched == ["2025-01"]
    assert len(store.load("BTCUSDT", HOUR)) == 31 * 24


def test_a_range_before_the_listing_holds_nothing(
    exchange: FakeBinance, store: CandleStore
) -> None:
    (done,), _ = download(exchange, store, Wanted("BTCUSDT", HOUR, end_ms=at("2024-01-01")))
    assert done.fetched == []
    assert store.series() == []


def test_a_tail_longer_than_one_answer_is_read_to_its_end(
    exchange: FakeBinance, store: CandleStore
) -> None:
    quarter = Timeframe.parse("15m")
    exchange.candles = [history(timeframe=quarter)]
    exchange.unpublished = {"2025-02", "2025-02-01"}
    download(exchange, store, Wanted("BTCUSDT", quarter, at("2025-02-01")))
    candles = store.load("BTCUSDT", quarter)
    assert candles.open_time[-1] == at("2025-03-10T12:15")
    assert candles.gaps == ()
    assert len(exchange.asked("startTime")) == 1 + 4


def test_weeks_come_from_months_and_rest(exchange: FakeBinance, store: CandleStore) -> None:
    week = Timeframe.parse("1w")
    exchange.candles = [history(timeframe=week)]
    download(exchange, store, Wanted("BTCUSDT", week))
    assert store.load("BTCUSDT", week).open_time[-1] == at("2025-03-03")
    assert exchange.asked("/daily/") == []


def test_a_file_that_is_not_what_its_checksum_says_is_fetched_once_more(
    exchange: FakeBinance, store: CandleStore
) -> None:
    exchange.scripted["2025-01.zip"] = [Answer(200, b"PK not what was promised")]
    download(exchange, store)
    assert store.load("BTCUSDT", HOUR).sha256 == history().between(None, CLOSED_MS).sha256


def test_a_file_that_is_wrong_twice_stops_the_download_and_keeps_the_months_before(
    exchange: FakeBinance, store: CandleStore
) -> None:
    exchange.scripted["2025-01.zip"] = [Answer(200, b"bad"), Answer(200, b"bad")]
    with pytest.raises(Failed, match=r"2025-01\.zip: refused twice.*the 284 candles .* stay"):
        download(exchange, store)
    assert [file.stem for file in store.files("BTCUSDT", HOUR)] == ["2024-12"]
    (done,), _ = download(exchange, store)
    assert done.fetched[0] == "2025-01"


def test_a_login_page_in_place_of_a_file_is_not_stored(
    exchange: FakeBinance, store: CandleStore
) -> None:
    page = Answer(200, b"<html>please log in</html>")
    exchange.scripted["2024-12.zip.CHECKSUM"] = [page, page]
    with pytest.raises(Failed, match="CHECKSUM file says '<html>please log in</html>'"):
        download(exchange, store)
    assert store.series() == []


def test_an_unknown_symbol_is_named_before_anything_is_stored(
    exchange: FakeBinance, store: CandleStore
) -> None:
    with pytest.raises(BadUsage, match=r"unknown symbol 'BTCUSTD'.*did you mean 'BTCUSDT'"):
        download(exchange, store, BTC, Wanted("BTCUSTD", HOUR))
    assert not store.root.exists()


def test_another_refusal_of_the_exchange_is_passed_on(
    exchange: FakeBinance, store: CandleStore
) -> None:
    exchange.scripted["/klines"] = [
        Answer(400, b'{"code": -1100, "msg": "Illegal characters found in parameter \'symbol\'."}')
    ]
    with pytest.raises(BadUsage, match=r"BTC/USDT: Binance refuses: Illegal characters"):
        download(exchange, store, Wanted("BTC/USDT", HOUR))


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"[]", b'{"serverTime": "soon"}', b"\xff\xfe"],
    ids=["page", "list", "text", "bytes"],
)
def test_an_answer_that_is_not_the_exchanges_is_told_as_such(
    exchange: FakeBinance, store: CandleStore, answer: bytes
) -> None:
    exchange.scripted["/time"] = [Answer(200, answer)]
    with pytest.raises(Failed, match="not an answer of Binance"):
        download(exchange, store)


def test_rows_of_another_shape_are_told_as_such(exchange: FakeBinance, store: CandleStore) -> None:
    exchange.scripted["/klines"] = [Answer(200, b"[[1, 2, 3]]")]
    with pytest.raises(Failed, match="not an answer of Binance"):
        download(exchange, store)


def test_no_network_leaves_the_store_as_it_was(store: CandleStore) -> None:
    with serving(FakeBinance([], NOW_MS)) as gone:
        pass
    with pytest.raises(RetryLater, match=r"cannot be reached.*as it was.*leeward data import"):
        download(gone, store)
    assert not store.root.exists()


def test_a_network_that_goes_away_keeps_the_finished_months(
    exchange: FakeBinance, store: CandleStore
) -> None:
    exchange.scripted["2025-02.zip"] = [Answer(503)] * 4
    with pytest.raises(RetryLater, match=r"\(HTTP 503\); the 1028 candles stored before .* stay"):
        download(exchange, store)
    assert [file.stem for file in store.files("BTCUSDT", HOUR)] == ["2024-12", "2025-01"]
    (done,), _ = download(exchange, store)
    assert done.whole == 2
    assert store.load("BTCUSDT", HOUR).sha256 == history().between(None, CLOSED_MS).sha256


def crossed_january(exchange: FakeBinance) -> None:
    """Serves a January whose fourth candle has its high below its low, rightly signed."""
    rows = kline_rows(history().between(at("2025-01-01"), at("2025-02-01")))
    rows[3][2], rows[3][3] = rows[3][3], rows[3][2]
    content = archive_zip(rows, "BTCUSDT-1h-2025-01.csv")
    exchange.scripted |= {
        "2025-01.zip.CHECKSUM": [checksum(content)] * 2,
        "2025-01.zip": [Answer(200, content)] * 2,
    }


def checksum(content: bytes) -> Answer:
    return Answer(200, f"{hashlib.sha256(content).hexdigest()}  name.zip\n".encode())


def test_a_month_with_a_bad_candle_is_refused_and_the_others_are_stored(
    exchange: FakeBinance, store: CandleStore
) -> None:
    crossed_january(exchange)
    (done,), _ = download(exchange, store)
    ((period, reason),) = done.refused
    assert period == "2025-01"
    assert "line 4 (2025-01-01T03:00:00Z)" in reason
    assert "use --skip-bad" in reason
    assert store.load("BTCUSDT", HOUR).gaps[0].missing == 31 * 24
    (again,), _ = download(exchange, store)
    assert [refused.period for refused in again.refused] == ["2025-01"]


def test_skip_bad_stores_the_rest_of_the_month_and_lists_the_candle(
    exchange: FakeBinance, store: CandleStore
) -> None:
    crossed_january(exchange)
    (done,), _ = download(exchange, store, skip_bad=True)
    (skipped,) = done.skipped
    assert skipped.open_time == at("2025-01-01T03:00")
    assert store.load("BTCUSDT", HOUR).gaps[0].missing == 1
    (again,), _ = download(exchange, store, skip_bad=True)
    assert again.fetched == []


def test_several_series_share_one_run(exchange: FakeBinance, store: CandleStore) -> None:
    day = Timeframe.parse("1d")
    exchange.candles = [history(), history("ETHUSDT"), history("ETHUSDT", day)]
    wanted = [BTC, Wanted("ETHUSDT", HOUR), Wanted("ETHUSDT", day)]
    done, _ = download(exchange, store, *wanted)
    assert [(series.symbol, series.timeframe.name) for series in done] == [
        ("BTCUSDT", "1h"),
        ("ETHUSDT", "1h"),
        ("ETHUSDT", "1d"),
    ]
    assert store.load("ETHUSDT", day).open_time[-1] == at("2025-03-09")


def _json(rows: list[list[str | int]]) -> Answer:
    return Answer(200, json.dumps(rows).encode())


def test_whole_microsecond_months_land_on_the_hour(
    exchange: FakeBinance, store: CandleStore
) -> None:
    download(exchange, store, Wanted("BTCUSDT", HOUR, at("2025-01-01"), at("2025-02-01")))
    times = store.load("BTCUSDT", HOUR).open_time
    assert np.array_equal(times, np.arange(at("2025-01-01"), at("2025-02-01"), HOUR.length_ms))
