"""`leeward data` on daily sentiment, as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.data.sentiment import SOURCES, day_text
from leeward.data.sentiment_store import SentimentStore
from leeward.domain.timeframe import DAY_MS
from leeward.runtime.clock import now_ms
from tests.fakes import Answer
from tests.integration.conftest import Run
from tests.sentiment_server import (
    KEY,
    FakeSources,
    article,
    fear_greed_row,
    senticrypt_row,
    serving_sources,
)


@pytest.fixture
def today() -> int:
    return now_ms() // DAY_MS


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch, today: int) -> Iterator[FakeSources]:
    days = range(today - 40, today + 1)
    fake = FakeSources(
        senticrypt=[senticrypt_row(day) for day in days],
        fear_greed=[fear_greed_row(day) for day in days],
        articles=[article(day, day * 86_400 + 60) for day in days],
    )
    with serving_sources(fake) as serving:
        monkeypatch.setenv("LEEWARD_SENTIMENT__SENTICRYPT_URL", f"{serving.url}/v2/")
        monkeypatch.setenv("LEEWARD_SENTIMENT__FEAR_GREED_URL", f"{serving.url}/fng/")
        monkeypatch.setenv("LEEWARD_SENTIMENT__CRYPTOCOMPARE_URL", serving.url)
        yield serving


@pytest.fixture
def store(tmp_path: Path) -> SentimentStore:
    return SentimentStore(tmp_path / "data")


def test_all_sources_are_downloaded_and_the_one_without_its_key_is_left_out(
    leeward: Run, sources: FakeSources
) -> None:
    done = leeward("data", "download", "--sentiment", "all")
    assert done.code == 0
    assert done.out == (
        "senticrypt: 40 days added, 1 not over yet\nfear-greed: 40 days added, 1 not over yet\n"
    )
    assert done.err == (
        "cryptocompare: left out, it needs a key (LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY)\n"
    )
    sources.requests.clear()
    again = leeward("data", "download", "--sentiment", "all")
    assert again.out == "senticrypt: 0 days added\nfear-greed: 0 days added\n"
    assert sources.requests == []


def test_one_source_that_fails_keeps_none_of_the_others_back(
    leeward: Run, sources: FakeSources, store: SentimentStore
) -> None:
    sources.scripted["all.json"] = [Answer(200, b"<html>Please log in</html>")] * 2
    done = leeward("data", "download", "--sentiment", "all")
    assert done.code == 1
    assert done.out == "fear-greed: 40 days added, 1 not over yet\n"
    assert "leeward: senticrypt: " in done.err
    assert "this is not an answer of senticrypt: '<html>Please log in</html>'" in done.err
    assert "Traceback" not in done.err
    assert [source.name for source in store.sources()] == ["fear-greed"]

    shown = leeward("data", "download", "--sentiment", "all", "--json")
    assert shown.code == 1
    told = json.loads(shown.out)
    assert told["sentiment"] == [
        {
            "source": "fear-greed",
            "added": 0,
            "same": 0,
            "unfinished": 0,
            "changed": [],
            "skipped": [],
        }
    ]
    assert [message.split(":")[0] for message in told["failed"]] == ["senticrypt"]


def test_news_need_a_key_and_never_show_it(
    leeward: Run, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = leeward("data", "download", "--sentiment", "cryptocompare")
    assert refused.code == 2
    assert "give yours by the environment as LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY" in refused.err
    assert sources.requests == []

    monkeypatch.setenv("LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY", KEY)
    day = now_ms() // DAY_MS - 3
    done = leeward("data", "download", "--sentiment", "cryptocompare", "--start", day_text(day))
    assert done == (0, "cryptocompare: 3 days added\n", "")
    assert set(sources.keys) == {KEY}

    monkeypatch.setenv("LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY", "wrong-key")
    wrong = leeward("data", "download", "--sentiment", "cryptocompare", "--start", "0001-01-01")
    assert wrong.code == 1
    assert "refuses (HTTP 401)" in wrong.err
    assert "wrong-key" not in wrong.err + wrong.out


def test_bad_days_are_left_out_and_changed_ones_reported(
    leeward: Run, sources: FakeSources, store: SentimentStore, today: int
) -> None:
    store.merge(SOURCES["senticrypt"], {today - 20: (0.1, 0.1, 0.1, 9.0, 0.1, 0.9)}, now_ms())
    sources.senticrypt[0] |= {"mean": "bullish"}
    asked = ("data", "download", "--sentiment", "senticrypt")
    refused = leeward(*asked)
    assert refused.code == 1
    assert "entry 1: mean is 'bullish', not a number; nothing of it was stored" in refused.err
    done = leeward(*asked, "--skip-bad")
    assert done.code == 0
    assert done.out == (
        "senticrypt: 38 days added, 1 not over yet, 1 differs from what was stored "
        f"({day_text(today - 20)}): the old value stays, the new one counts from now on\n"
        "  left out 1 bad day: entry 1: mean is 'bullish', not a number\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("BTCUSDT", "--sentiment", "senticrypt"),
        ("--sentiment", "senticrypt", "--timeframe", "1h"),
        ("--sentiment", "senticrypt", "--end", "2024-01-01"),
        ("--sentiment", "senticript"),
        ("--sentiment", "all", "--start", "soon"),
        ("BTCUSDT",),
        ("--timeframe", "1h"),
        (),
    ],
)
def test_what_cannot_be_asked_together_is_refused(
    leeward: Run, sources: FakeSources, arguments: tuple[str, ...]
) -> None:
    done = leeward("data", "download", *arguments)
    assert done.code == 2
    assert done.err.startswith("leeward: ")
    assert sources.requests == []


def test_an_address_that_is_none_names_its_setting(
    leeward: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWARD_SENTIMENT__FEAR_GREED_URL", "api.alternative.me")
    done = leeward("data", "download", "--sentiment", "fear-greed")
    assert done.code == 2
    assert "correct sentiment.fear_greed_url" in done.err


def test_sentiment_files_are_imported_beside_candles_and_shown(
    leeward: Run, tmp_path: Path, store: SentimentStore
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "fear-greed-daily.csv").write_text(
        "date,value\n2024-03-05,30\n2024-03-08,15\n", encoding="utf-8"
    )
    (folder / "gaps.csv").write_text("file,gap\n", encoding="utf-8")
    (folder / "dvol.csv").write_text("date,currency,dvol\n2024-03-05,BTC,-1\n", encoding="utf-8")

    done = leeward("data", "import", "in")

    assert done.code == 1
    assert done.out.splitlines() == [
        "fear-greed from in/fear-greed-daily.csv: 2024-03-05 .. 2024-03-08, 2 days added",
        "passed over 1 not named like candles: gaps.csv",
        "1 file imported: 2 days of sentiment added; 1 refused",
    ]
    assert "refused in/dvol.csv: line 2 (2024-03-05): dvol is -1, not within 0 .. 1000" in done.err
    assert [source.name for source in store.sources()] == ["fear-greed"]

    for command in ("list", "check"):
        lines = leeward("data", command).out.splitlines()
        assert lines[-1].split()[:-1] == [
            "fear-greed", "2024-03-05", "2024-03-08", "2", "1", "2", "0",
        ]  # fmt: skip
    named = leeward("data", "check", "fear-greed").out
    assert "  days         2 of 4, 2024-03-05 .. 2024-03-08\n" in named
    assert "  gaps         2024-03-06 (2 days)\n" in named
    assert "hours ago: stale, so unknown\n" in named
    (entry,) = json.loads(leeward("data", "list", "--json").out)["sentiment"]
    assert entry.pop("size_bytes") > 500
    assert entry == {
        "source": "fear-greed",
        "first": "2024-03-05",
        "last": "2024-03-08",
        "days": 2,
        "gaps": 1,
        "missing": 2,
        "changed": 0,
    }
    for arguments in (("check", "--json"), ("check", "fear-greed", "--json")):
        (series,) = json.loads(leeward("data", *arguments).out)["sentiment"]
        assert series["gaps"] == [{"first": "2024-03-06", "missing": 2}]
        assert series["sha256"] == store.load("fear-greed").sha256


def test_the_sum_of_an_import_counts_files_of_candles_and_of_sentiment(
    leeward: Run, tmp_path: Path
) -> None:
    (tmp_path / "dvol.csv").write_text(
        "date,currency,dvol\n2024-03-05,BTC,50\n2024-03-05,ETH,60\n", encoding="utf-8"
    )
    (tmp_path / "BTCUSDT-1h.csv").write_text(
        "open_time,open,high,low,close,volume\n1704067200000,1,2,1,2,3\n", encoding="utf-8"
    )
    (tmp_path / "gaps.csv").write_text("file,gap\n", encoding="utf-8")

    assert leeward("data", "import", "dvol.csv").out.splitlines() == [
        "dvol-btc from dvol.csv: 2024-03-05 .. 2024-03-05, 1 day added",
        "dvol-eth from dvol.csv: 2024-03-05 .. 2024-03-05, 1 day added",
        "1 file imported: 2 days of sentiment added; 0 refused",
    ]
    done = leeward("data", "import", "dvol.csv", "BTCUSDT-1h.csv", "gaps.csv")
    assert done.code == 1
    assert done.out.splitlines()[-1] == (
        "2 files imported: 1 candles added, 0 replaced, 0 days of sentiment added; 1 refused"
    )
    assert leeward("data", "import", "dvol.csv", "gaps.csv").out.splitlines()[-1] == (
        "1 file imported: 0 days of sentiment added; 1 refused"
    )


def test_corrupt_sentiment_fails_the_list_and_the_check_by_name(
    leeward: Run, store: SentimentStore
) -> None:
    source = SOURCES["fear-greed"]
    store.merge(source, {100: (40.0,)}, now_ms())
    store.path(source).write_bytes(b"PAR1")
    for arguments in (("list",), ("check",), ("check", "fear-greed")):
        done = leeward("data", *arguments)
        assert done.code == 1
        assert f"{store.path(source)}: this stored sentiment is corrupt: " in done.err


def test_a_source_that_is_not_stored_is_named(leeward: Run) -> None:
    done = leeward("data", "check", "senticrypt")
    assert done.code == 2
    assert "leeward data download --sentiment senticrypt" in done.err
