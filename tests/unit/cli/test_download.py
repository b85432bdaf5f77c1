"""`leeward data download` from the arguments to what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tests.fakes import Answer, FakeBinance, serving

from leeward.cli.download import download
from leeward.data.generated import generate_candles
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time

START_MS = parse_time("2024-01-01", "start")


@pytest.fixture
def exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBinance]:
    monkeypatch.chdir(tmp_path)
    candles = [
        generate_candles("BTCUSDT", Timeframe.parse(length), START_MS, rows, seed=1)
        for length, rows in (("4h", 32 * 6), ("1d", 32))
    ]
    with serving(FakeBinance(candles, now_ms=parse_time("2024-02-01T09:00", "now"))) as fake:
        monkeypatch.setenv("LEEWARD_DATA__DIR", str(tmp_path / "data"))
        monkeypatch.setenv("LEEWARD_DATA__ARCHIVE_URL", fake.url)
        monkeypatch.setenv("LEEWARD_DATA__REST_URL", fake.url)
        yield fake


def test_series_are_listed_with_what_was_added(
    exchange: FakeBinance, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange.unpublished = {"2024-01-31", "2024-01"}
    download(["btcusdt"], ["4h,1d"])
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "BTCUSDT 4h: 188 candles added",
        "BTCUSDT 1d: 31 candles added",
    ]
    assert printed.err == ""
    download(["BTCUSDT"], ["1d"])
    assert "0 candles added, months and days not fetched again: 1\n" in capsys.readouterr().out


def test_a_refused_month_fails_and_says_what_to_do(
    exchange: FakeBinance, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    exchange.scripted["2024-01.zip.CHECKSUM"] = [Answer(200, nothing.encode())] * 2
    exchange.scripted["2024-01.zip"] = [Answer(200)] * 2
    with pytest.raises(typer.Exit) as left:
        download(["BTCUSDT"], ["1d"])
    assert left.value.exit_code == 1
    assert "2024-01 refused: BTCUSDT-1d-2024-01.zip: is empty" in capsys.readouterr().out
    with pytest.raises(typer.Exit):
        download(["BTCUSDT"], ["1d"], as_json=True)
    ((series,),) = json.loads(capsys.readouterr().out).values()
    assert series["refused"] == [
        {"period": "2024-01", "reason": "BTCUSDT-1d-2024-01.zip: is empty"}
    ]


def test_an_empty_range_is_refused(exchange: FakeBinance) -> None:
    with pytest.raises(BadUsage, match="--start 2024-02-01 is not before --end 2024-01-01"):
        download(["BTCUSDT"], ["1d"], start="2024-02-01", end="2024-01-01")
    assert exchange.requests == []
