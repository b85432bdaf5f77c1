"""`leeward demo` from the folder, the store and the network, and without any of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from leeward.cli.demo import typed_as
from leeward.data.conversion import candles_to_polars
from leeward.data.generated import generate_candles
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.runtime.clock import now_ms
from tests.fakes import FakeBinance, serving
from tests.integration.conftest import Run

HOUR = Timeframe.parse("1h")
START_MS = 1_609_459_200_000
STRATEGIES = ("ema_cross", "adaptive", "enhanced")


def hours(rows: int = 2_000, start_ms: int = START_MS) -> Candles:
    return generate_candles("BTCUSDT", HOUR, start_ms, rows, seed=5)


def write_csv(path: Path, candles: Candles) -> None:
    path.parent.mkdir(exist_ok=True)
    candles_to_polars(candles).write_csv(path)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> str:
    """Points both addresses at a loopback port on which nobody listens; returns the address."""
    address = "127.0.0.1:9"  # none that another test could be given meanwhile
    monkeypatch.setenv("LEEWARD_DATA__ARCHIVE_URL", f"http://{address}")
    monkeypatch.setenv("LEEWARD_DATA__REST_URL", f"http://{address}")
    return address


def report_of(folder: Path, name: str = "leeward-demo.html") -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_candles_of_a_folder_are_compared_and_reported(leeward: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "mine" / "BTCUSDT-1h.csv", hours())
    daily = generate_candles("BTCUSDT", Timeframe.parse("1d"), START_MS, 100, seed=5)
    write_csv(tmp_path / "mine" / "BTCUSDT-1d.csv", daily)
    shown = leeward("demo", "--no-paper", "--data", "mine")
    assert shown.code == 0
    assert "Market: real candles from mine" in shown.out
    assert f"Report: {tmp_path / 'leeward-demo.html'}" in shown.out
    assert "2021-01-01 to 2021-03-25" in shown.out
    assert "SYNTHETIC" not in shown.out
    report = report_of(tmp_path)
    assert "SYNTHETIC" not in report
    for name in STRATEGIES:
        assert name in shown.out
        assert name in report
    assert not (tmp_path / "data").exists()


def test_several_files_of_the_series_are_joined(leeward: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "mine" / "BTCUSDT-1h-2021-01.csv", hours(744))
    write_csv(tmp_path / "mine" / "BTCUSDT-1h-2022.csv", hours(1_000, START_MS + 365 * DAY_MS))
    shown = leeward("demo", "--no-paper", "--data", "mine")
    assert shown.code == 0
    assert "2021-01-01 to 2022-02-11" in shown.out


def test_real_candles_run_in_one_command(leeward: Run, market_data: Path) -> None:
    shown = leeward("demo", "--data", str(market_data), "--report", "real.html", "--no-paper")
    assert shown.code == 0
    assert "2017-08-17 to 2025-07-01" in shown.out
    assert "SYNTHETIC" not in shown.out


def test_stored_candles_come_before_the_network(
    leeward: Run, stored_market: CandleStore, offline: str, tmp_path: Path
) -> None:
    del offline
    shown = leeward("demo", "--report", "mine.html", "--no-paper")
    assert shown.code == 0
    assert f"Market: real candles from the store {stored_market.root}" in shown.out
    assert shown.err.strip() == ""
    assert "SYNTHETIC" not in report_of(tmp_path, "mine.html")
    assert not (tmp_path / "leeward-demo.html").exists()


def test_without_any_candles_they_are_downloaded_and_kept(
    leeward: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = now_ms()
    listed_ms = HOUR.floor(now - 60 * DAY_MS)
    with serving(FakeBinance([hours(60 * 24, listed_ms)], now)) as exchange:
        monkeypatch.setenv("LEEWARD_DATA__ARCHIVE_URL", exchange.url)
        monkeypatch.setenv("LEEWARD_DATA__REST_URL", exchange.url)
        shown = leeward("demo", "--no-paper")
    assert shown.code == 0
    assert "Market: real candles downloaded from Binance" in shown.out
    assert "SYNTHETIC" not in shown.out
    assert len(CandleStore(tmp_path / "data").load("BTCUSDT", HOUR)) == 60 * 24


def test_without_a_network_the_generated_market_says_so_everywhere(
    leeward: Run, offline: str, tmp_path: Path
) -> None:
    shown = leeward("demo", "--no-paper")
    assert shown.code == 0
    assert f"No real candles: {offline} cannot be reached" in " ".join(shown.err.split())
    assert "Market: a generated market" in shown.out
    assert "real candles from" not in shown.out
    for name in STRATEGIES:
        assert f"SYNTHETIC  {name}" in shown.out
    assert "SYNTHETIC" in report_of(tmp_path)
    assert not CandleStore(tmp_path / "data").series()


def test_the_generated_market_is_the_same_every_time(leeward: Run, offline: str) -> None:
    del offline
    assert leeward("demo", "--no-paper").out == leeward("demo", "--no-paper").out


def test_then_it_trades_on_paper_and_leaves_nothing_behind(
    leeward: Run, offline: str, tmp_path: Path
) -> None:
    del offline
    shown = leeward("demo", "--candles", "25")
    assert shown.code == 0
    after = shown.out.partition("Paper trading on a local exchange")[2]
    assert "SYNTHETIC" in after
    assert "BUY" in after
    assert "25 candles are over" in after
    assert "No dashboard: its password would end in a log; run this on a terminal" in after
    assert "access password" not in shown.out + shown.err
    assert {path.name for path in tmp_path.iterdir()} <= {"leeward-demo.html", "data"}
    assert not CandleStore(tmp_path / "data").series()


def test_what_to_do_next_can_be_typed_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert typed_as(".venv/bin/leeward") == ".venv/bin/leeward"
    program = tmp_path / "leeward"
    program.touch(0o755)
    assert typed_as(".venv/bin/leeward") == "leeward"


def test_a_folder_that_does_not_exist_is_named(leeward: Run, tmp_path: Path) -> None:
    check_refused(leeward("demo", "--data", "nowhere"), 2, "--data: nowhere is not a folder")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["ETHUSDT-1h.csv", "BTCUSDT-4h.csv", "notes.txt"])
def test_a_folder_without_the_candles_says_what_it_lacks(
    leeward: Run, tmp_path: Path, name: str
) -> None:
    write_csv(tmp_path / "mine" / name, hours(10))
    words = "--data: mine holds no file of BTCUSDT 1h candles, as in BTCUSDT-1h.parquet"
    check_refused(leeward("demo", "--data", "mine"), 2, words)
    assert not (tmp_path / "leeward-demo.html").exists()


def test_a_corrupt_candle_in_the_folder_is_named_with_its_file(
    leeward: Run, tmp_path: Path
) -> None:
    candles = hours(500)
    low = candles.low.copy()
    low[77] = candles.high[77] + 1.0
    write_csv(tmp_path / "mine" / "BTCUSDT-1h.csv", replace(candles, low=low, checked=True))
    shown = leeward("demo", "--data", "mine")
    check_refused(shown, 1, "BTCUSDT-1h.csv")
    assert "low is above open, close or high" in shown.err
    assert not (tmp_path / "leeward-demo.html").exists()


def test_too_few_candles_are_refused_with_the_number_needed(leeward: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "mine" / "BTCUSDT-1h.csv", hours(80))
    check_refused(leeward("demo", "--data", "mine"), 2, "decides only after")
    assert not (tmp_path / "leeward-demo.html").exists()


def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    leeward: Run, offline: str
) -> None:
    del offline
    check_refused(leeward("demo", "--report", "no/where.html"), 1, "no/where.html")


def check_refused(shown: tuple[int, str, str], code: int, words: str) -> None:
    assert (shown[0], shown[1]) == (code, "")
    assert words in shown[2]
    assert shown[2].count("\n") == 1
    assert "Traceback" not in shown[2]
