"""Sentiment in CSV files, imported as a whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leeward.data.sentiment import parse_day
from leeward.data.sentiment_files import ImportedSentiment, import_sentiment, is_sentiment_file
from leeward.data.sentiment_store import Kept, SentimentStore
from leeward.domain.timeframe import DAY_MS

NOW_MS = parse_day("2024-03-10") * DAY_MS
SENTICRYPT = """date,score1,score2,score3,count,mean,sum
2024-03-08,0.1438,0.3162,0.1652,30,0.2084,6.2513
2024-03-09,0.0954,-0.0067,0.0155,27,0.0348,0.9384
"""
FEAR_GREED = "date,value\n2024-03-08,30\n2024-03-09,15\n2024-03-10,16\n"
DVOL = "date,currency,dvol\n2024-03-08,BTC,95.04\n2024-03-08,ETH,106.73\n2024-03-09,BTC,89.74\n"


@pytest.fixture
def store(tmp_path: Path) -> SentimentStore:
    return SentimentStore(tmp_path / "store")


def imported(
    store: SentimentStore, tmp_path: Path, text: str, skip_bad: bool = False
) -> list[ImportedSentiment]:
    path = tmp_path / "some.csv"
    path.write_text(text, encoding="utf-8")
    return import_sentiment(store, path, NOW_MS, skip_bad)


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        (SENTICRYPT, {"senticrypt": Kept(added=2)}),
        (SENTICRYPT.replace("date,", "\ufeff Date ,"), {"senticrypt": Kept(added=2)}),
        (FEAR_GREED, {"fear-greed": Kept(added=2, unfinished=1)}),
        (DVOL, {"dvol-btc": Kept(added=2), "dvol-eth": Kept(added=1)}),
    ],
)
def test_each_kind_of_file_is_told_by_its_columns(
    store: SentimentStore, tmp_path: Path, text: str, sources: dict[str, Kept]
) -> None:
    done = imported(store, tmp_path, text)
    assert is_sentiment_file(tmp_path / "some.csv")
    assert {each.source: each.kept for each in done} == sources
    assert [source.name for source in store.sources()] == list(sources)
    again = imported(store, tmp_path, text)
    assert all(each.kept.added == 0 and each.kept.same for each in again)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gaps.csv", "file,gap_start_utc,missing_bars\nx,2018-04-14,3\n"),
        ("BTCUSDT-1d.csv", "date,open,high,low,close,volume\n"),
        ("values.csv", "date,value,other\n"),
        ("values.txt", "date,value\n"),
        ("binary.csv", "\x00\x01\n"),
        ("empty.csv", ""),
    ],
)
def test_other_files_are_not_taken_for_sentiment(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert not is_sentiment_file(tmp_path / name)
    assert not is_sentiment_file(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FEAR_GREED.replace(",15", ",150"), r"line 3 \(2024-03-09\): value is 150, not within 0"),
        (FEAR_GREED.replace(",15", ","), "line 3: value is missing, not a number"),
        (FEAR_GREED.replace("03-10", "03-11"), "line 4 .2024-03-11.: lies in the future"),
        (FEAR_GREED.replace("2024-03-09", "9.3.2024"), "line 3: '9.3.2024' is not a date"),
        (FEAR_GREED.replace("03-09", "03-08"), "line 3 .*: stands there twice, with different"),
        (SENTICRYPT.replace("0.3162", "nan"), "line 2: score2 is 'nan', not a finite number"),
        (DVOL.replace("ETH", "DOGE"), "line 3: currency 'DOGE' is not one of BTC, ETH"),
        (DVOL.replace("89.74", "-1"), "line 4 .2024-03-09.: dvol is -1, not within 0"),
        ("date,value\n", "holds no candles"),
    ],
)
def test_a_bad_file_is_refused_as_a_whole_naming_the_line(
    store: SentimentStore, tmp_path: Path, text: str, reason: str
) -> None:
    (done,) = imported(store, tmp_path, text)
    assert done.refused is not None
    assert done.source is None
    assert re.search(reason, done.refused)
    assert store.sources() == []


def test_the_good_days_of_a_bad_file_are_kept_where_asked(
    store: SentimentStore, tmp_path: Path
) -> None:
    text = FEAR_GREED.replace(",15", ",150")
    (done,) = imported(store, tmp_path, text, skip_bad=True)
    assert done.kept == Kept(added=1, unfinished=1)
    assert done.skipped == ("line 3 (2024-03-09): value is 150, not within 0 .. 100",)


def test_real_files_are_imported_with_their_known_gaps(
    market_data: Path, store: SentimentStore
) -> None:
    folder = market_data.parent / "sentiment"
    if not folder.is_dir():
        pytest.skip(f"no real sentiment in {folder}")
    now_ms = parse_day("2025-07-01") * DAY_MS
    files = [path for path in sorted(folder.glob("*.csv")) if is_sentiment_file(path)]
    done = [
        each for path in files for each in import_sentiment(store, path, now_ms, skip_bad=False)
    ]
    assert {each.source: each.kept.added for each in done} == {
        "dvol-btc": 1560,
        "dvol-eth": 1560,
        "fear-greed": 2703,
        "senticrypt": 2218,
    }
    assert store.load("senticrypt").gaps == []
    gaps = [(gap.first, gap.missing) for gap in store.load("fear-greed").gaps]
    assert gaps == [(parse_day("2018-04-14"), 3), (parse_day("2024-10-26"), 1)]
