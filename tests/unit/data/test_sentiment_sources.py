"""What is asked of the sentiment sources, and that no answer of theirs can do harm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.fakes import Answer
from tests.sentiment_server import (
    KEY,
    FakeSources,
    article,
    days_of,
    fear_greed_row,
    reply,
    senticrypt_row,
    serving_sources,
)

from leeward.data.fetching import PAUSES_S, Fetcher
from leeward.data.sentiment import SOURCES, parse_day
from leeward.data.sentiment_sources import Address, Download, download_sentiment
from leeward.data.sentiment_store import Kept, SentimentStore
from leeward.domain.errors import BadSentiment, BadUsage, Failed, RetryLater
from leeward.domain.timeframe import DAY_MS

TODAY = parse_day("2024-03-10")
NOW_MS = TODAY * DAY_MS + 9 * 3_600_000
DAYS = days_of("2024-02-01", 39)  # up to today, which is not over


class Downloads:
    """The three sources as a command uses them, with a sleep that only counts."""

    def __init__(self, sources: FakeSources, store: SentimentStore) -> None:
        self.sources, self.store = sources, store
        self.slept_s: list[float] = []
        self.timeout_s = 60.0
        self.most_bytes = 1_000_000

    def __call__(
        self,
        name: str,
        now_ms: int = NOW_MS,
        start_day: int | None = None,
        skip_bad: bool = False,
        key: str = KEY,
    ) -> Download:
        self.sources.today = now_ms // DAY_MS
        path = {"senticrypt": "/v2", "fear-greed": "/fng/", "cryptocompare": ""}[name]
        client = httpx.Client(timeout=self.timeout_s, headers={"x-api-key": key})
        fetcher = Fetcher(
            time.perf_counter, self.slept_s.append, lambda _: None, client, self.most_bytes
        )
        address = Address(self.sources.url + path, key)
        with client:
            return download_sentiment(
                name, address, fetcher, self.store, now_ms, start_day, skip_bad
            )

    def stored(self) -> dict[str, bytes]:
        return {
            source.name: self.store.path(source).read_bytes() for source in self.store.sources()
        }


@pytest.fixture
def sources() -> Iterator[FakeSources]:
    fake = FakeSources(
        senticrypt=[senticrypt_row(day) for day in DAYS],
        fear_greed=[fear_greed_row(day) for day in DAYS],
    )
    with serving_sources(fake) as serving:
        yield serving


@pytest.fixture
def download(sources: FakeSources, tmp_path: Path) -> Downloads:
    return Downloads(sources, SentimentStore(tmp_path))


def test_the_first_download_takes_the_whole_history_up_to_yesterday(
    download: Downloads, sources: FakeSources
) -> None:
    for name in ("senticrypt", "fear-greed"):
        assert download(name).kept == Kept(added=38, unfinished=1)
    assert sources.requests == ["/v2/all.json", "/fng/?limit=2261&format=json"]
    series = download.store.load("senticrypt")
    assert {name: column[0] for name, column in series.columns.items()} == {
        "score1": -0.5078,
        "score2": 0.1192,
        "score3": 0.1719,
        "count": 12.0,
        "mean": 0.0509,
        "sum": -0.8669,
    }
    assert download.store.load("fear-greed").columns["value"].tolist() == [40.0] * 38


@pytest.mark.parametrize("name", ["senticrypt", "fear-greed", "cryptocompare"])
def test_nothing_is_asked_while_all_days_are_stored(
    download: Downloads, sources: FakeSources, name: str
) -> None:
    source = SOURCES[name]
    values = tuple(max(low, 0.0) for low, _ in source.columns.values())
    download.store.merge(source, {TODAY - 1: values}, NOW_MS)
    assert download(name) == Download(name)
    assert sources.requests == []


def test_later_downloads_ask_for_the_new_days_and_the_newest_stored_one(
    download: Downloads, sources: FakeSources
) -> None:
    early_ms = NOW_MS - 2 * DAY_MS
    for name in ("senticrypt", "fear-greed"):
        download(name, now_ms=early_ms)
    sources.requests.clear()
    assert download("senticrypt").kept == Kept(added=2, same=1)
    assert download("fear-greed").kept == Kept(added=2, same=1, unfinished=1)
    assert sources.requests == [
        "/v2/history/2024-03-07.json",
        "/v2/history/2024-03-08.json",
        "/v2/history/2024-03-09.json",
        "/fng/?limit=4&format=json",
    ]
    assert download.slept_s == [1.0, 1.0]  # between questions to one source


def test_a_day_that_the_source_does_not_have_is_a_gap_and_no_error(
    download: Downloads, sources: FakeSources
) -> None:
    download("senticrypt", now_ms=NOW_MS - 2 * DAY_MS)
    sources.senticrypt = [row for row in sources.senticrypt if row["date"] != "2024-03-08"]
    assert download("senticrypt").kept == Kept(added=1, same=1)
    assert [gap.missing for gap in download.store.load("senticrypt").gaps] == [1]


def test_a_value_changed_at_the_source_is_reported_and_both_are_kept(
    download: Downloads, sources: FakeSources
) -> None:
    download("fear-greed", now_ms=NOW_MS - DAY_MS)
    changed = TODAY - 2
    sources.fear_greed = [fear_greed_row(day, 41 if day == changed else 40) for day in DAYS]
    assert download("fear-greed").kept == Kept(added=1, unfinished=1, changed=(changed,))
    series = download.store.load("fear-greed")
    rows = series.day == changed
    assert series.columns["value"][rows].tolist() == [40.0, 41.0]
    assert series.available_at[rows].tolist() == [(changed + 1) * DAY_MS, NOW_MS]


def test_a_start_leaves_out_what_is_before_it(download: Downloads) -> None:
    assert download("fear-greed", start_day=TODAY - 5).kept == Kept(added=5, unfinished=1)
    assert download("fear-greed", start_day=TODAY - 7).kept.added == 2
    assert download.store.load("fear-greed").day.tolist() == list(range(TODAY - 7, TODAY))


def test_no_source_is_asked_for_days_before_2018(download: Downloads, sources: FakeSources) -> None:
    sources.scripted["article/list"] = [html(404)]
    with pytest.raises(BadSentiment, match="this is not an answer of cryptocompare"):
        download("cryptocompare", start_day=-700_000)
    assert f"to_ts={parse_day('2018-01-02') * 86_400 - 1}" in sources.requests[0]


def html(status: int = 200) -> Answer:
    return Answer(status, b"<html><body>Please log in</body></html>")


def senticrypt_with(**changed: object) -> Answer:
    return reply([senticrypt_row(day) for day in DAYS[:5]] + [senticrypt_row(DAYS[5]) | changed])


def text(body: str) -> Answer:
    return Answer(200, body.encode())


NO_ANSWER = "this is not an answer of senticrypt"
BAD_ANSWERS: list[tuple[Answer, str]] = [
    (html(), f"{NO_ANSWER}: '<html><body>Please log in"),
    (text(""), f"{NO_ANSWER}: ''"),
    (text("[]"), NO_ANSWER),
    (text("null"), NO_ANSWER),
    (text("17"), NO_ANSWER),
    (text('{"error": "maintenance"}'), NO_ANSWER),
    (text('[{"date": "2024-02-01", "score1": 0.1'), NO_ANSWER),
    (text("[" * 100_000), NO_ANSWER),
    (text("[" + "9" * 10_000 + "]"), NO_ANSWER),
    (text('[{"mean": NaN}]'), NO_ANSWER),
    (text("[17]"), "entry 1: '17' is not a day with its values"),
    (Answer(400, b'{"error": "no"}'), NO_ANSWER),
    (senticrypt_with(mean="Infinity"), "entry 6: mean is 'Infinity', not a finite number"),
    (senticrypt_with(mean=1e300), r"entry 6 \(2024-02-06\): mean is 1e\+300, not within -1 .. 1"),
    (senticrypt_with(mean=None), "entry 6: mean is missing, not a number"),
    (senticrypt_with(mean=True), "entry 6: mean is 'True', not a number"),
    (senticrypt_with(mean=[0.1]), "entry 6: mean is .* not a number"),
    (senticrypt_with(mean="bullish"), "entry 6: mean is 'bullish', not a number"),
    (senticrypt_with(count=10**400), "entry 6: count is '1000.*not a number"),
    (senticrypt_with(count=1.5), "entry 6: count is '1.5', not a whole number"),
    (senticrypt_with(count=-1), "count is -1, not within 0"),
    (senticrypt_with(score1=-1.01), "score1 is -1.01, not within -1 .. 1"),
    (senticrypt_with(date="2024-03-11"), "lies in the future; by the clock here it is 2024-03-10"),
    (senticrypt_with(date="2024-02-30"), "'2024-02-30' is not a day of the calendar"),
    (senticrypt_with(date=1706745600), "date is '1706745600', not a text"),
    (senticrypt_with(date="2024-02-01", mean=0.2), "stands there twice, with different values"),
]


@pytest.mark.parametrize(("answer", "reason"), BAD_ANSWERS)
def test_a_poisoned_answer_stores_nothing_and_says_why(
    download: Downloads, sources: FakeSources, answer: Answer, reason: str
) -> None:
    download.store.merge(SOURCES["fear-greed"], {100: (40.0,)}, NOW_MS)
    before = download.stored()
    sources.scripted["all.json"] = [answer]
    with pytest.raises(BadSentiment, match=rf"^senticrypt: .*{reason}") as refused:
        download("senticrypt")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500
    assert download.stored() == before


def test_an_answer_about_another_day_than_asked_is_refused(
    download: Downloads, sources: FakeSources
) -> None:
    download("senticrypt", now_ms=NOW_MS - DAY_MS)
    before = download.stored()
    sources.scripted["2024-03-09.json"] = [reply(senticrypt_row(TODAY - 3))]
    with pytest.raises(BadSentiment, match=NO_ANSWER):
        download("senticrypt")
    assert download.stored() == before


def test_the_same_day_twice_with_the_same_values_is_one_day(
    download: Downloads, sources: FakeSources
) -> None:
    sources.senticrypt.append(senticrypt_row(DAYS[0]))
    assert download("senticrypt").kept.added == 38


def test_bad_days_are_left_out_and_listed_where_asked(
    download: Downloads, sources: FakeSources
) -> None:
    sources.scripted["all.json"] = [senticrypt_with(mean=7.0)] * 2
    with pytest.raises(BadSentiment, match="--skip-bad stores the good days"):
        download("senticrypt")
    done = download("senticrypt", skip_bad=True)
    assert done.kept == Kept(added=5)
    assert done.skipped == ("entry 6 (2024-02-06): mean is 7, not within -1 .. 1",)
    sources.scripted["all.json"] = [reply([senticrypt_row(DAYS[0]) | {"mean": 7.0}])]
    with pytest.raises(BadSentiment, match=r"nothing of it was stored$"):
        download("senticrypt", skip_bad=True, start_day=DAYS[0] - 20)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "value is missing"),
        ("101", "value is 101, not within 0 .. 100"),
        ("40.5", "value is '40.5', not a whole number"),
        ("nan", "value is 'nan', not a finite number"),
    ],
)
def test_a_poisoned_index_is_refused(
    download: Downloads, sources: FakeSources, value: str | None, reason: str
) -> None:
    sources.fear_greed[3] |= {"value": value}
    with pytest.raises(BadSentiment, match=reason):
        download("fear-greed")
    assert download.stored() == {}


@pytest.mark.parametrize("rows", [[], {}, None, "rows"])
def test_an_index_without_days_is_refused(
    download: Downloads, sources: FakeSources, rows: object
) -> None:
    sources.scripted["/fng/"] = [reply({"name": "Fear and Greed Index", "data": rows})]
    with pytest.raises(BadSentiment, match="this is not an answer of fear-greed"):
        download("fear-greed")
    assert download.stored() == {}


@pytest.mark.parametrize(
    ("answer", "error", "reason", "tries"),
    [
        (Answer(500, b"oops"), RetryLater, "is in trouble .HTTP 500.", 4),
        (html(503), RetryLater, "is in trouble .HTTP 503.", 4),
        (Answer(429, headers={"Retry-After": "3"}), RetryLater, "slow down .429.", 4),
        (Answer(429, headers={"Retry-After": "90000"}), RetryLater, "wait 90000 s .429.", 1),
        (html(403), Failed, "refuses .HTTP 403.", 1),
        (Answer(200, b"[", length=50), RetryLater, "cannot be reached", 4),
        (Answer(200, b" " * 1_000_001), Failed, "sends more than 1,000,000 bytes", 1),
    ],
    ids=["500", "503", "429", "long 429", "403", "truncated", "flood"],
)
def test_trouble_ends_after_a_few_tries_and_stores_nothing(
    download: Downloads,
    sources: FakeSources,
    answer: Answer,
    error: type[Failed],
    reason: str,
    tries: int,
) -> None:
    sources.scripted["all.json"] = [answer] * 9
    with pytest.raises(error, match=rf"^senticrypt: 127\.0\.0\.1:\d+ .*{reason}"):
        download("senticrypt")
    assert len(sources.requests) == tries
    assert download.stored() == {}


def test_a_source_that_is_too_slow_is_given_up(download: Downloads, sources: FakeSources) -> None:
    sources.delay_s, download.timeout_s = 600.0, 0.05
    try:
        with pytest.raises(RetryLater, match="cannot be reached: timed out; try again later"):
            download("fear-greed")
    finally:
        sources.released.set()
    assert download.slept_s == list(PAUSES_S)
    assert download.stored() == {}


def news(day: int, labels: str, first_id: int, at: Callable[[int], int]) -> list[dict[str, object]]:
    names = {"+": "POSITIVE", "-": "NEGATIVE", "0": "NEUTRAL", "?": None}
    return [
        article(first_id + i, day * 86_400 + at(i), names[label]) for i, label in enumerate(labels)
    ]


def test_news_become_counts_a_day_over_as_many_pages_as_needed(
    download: Downloads, sources: FakeSources
) -> None:
    sources.articles = [
        *news(TODAY - 3, "+", 1, lambda _: 86_399),
        # 250 articles on three pages; the ends of pages fall among articles of one second.
        *news(TODAY - 2, "+" * 120 + "-" * 60 + "0" * 69 + "?", 100, lambda i: i // 40 * 60),
        *news(TODAY - 1, "-", 900, lambda _: 0),
        *news(TODAY, "+", 990, lambda _: 5),
    ]
    done = download("cryptocompare", start_day=TODAY - 2)
    assert done.kept == Kept(added=2)
    series = download.store.load("cryptocompare")
    assert series.table(["count", "positive", "neutral", "negative"]).tolist() == [
        [249, 120, 69, 60],
        [1, 0, 0, 1],
    ]
    assert series.columns["mean"].tolist() == [60 / 249, -1.0]
    assert set(sources.keys) == {KEY}
    assert not any(KEY in request for request in sources.requests)
    content = download.stored()["cryptocompare"]
    assert b"headline" not in content
    assert b"news.example" not in content


def test_days_of_news_stored_before_a_failure_stay_and_are_not_asked_again(
    download: Downloads, sources: FakeSources
) -> None:
    sources.articles = news(TODAY - 9, "+", 1, lambda _: 0)
    for day in range(TODAY - 3, TODAY):
        sources.articles += news(day, "+-", 10 * day, lambda i: i)
    good = sources.articles[-1]["SENTIMENT"]
    sources.articles[-1]["SENTIMENT"] = "MOON"
    reason = (
        r"SENTIMENT is 'MOON', not one of .*; nothing of 2024-03-09 was stored; "
        "the 2 days stored before that stay, and the same command goes on from there$"
    )
    with pytest.raises(BadSentiment, match=reason):
        download("cryptocompare", start_day=TODAY - 3)
    sources.articles[-1]["SENTIMENT"] = good
    sources.requests.clear()
    assert download("cryptocompare").kept == Kept(added=1)
    assert len(sources.requests) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"Data": {}, "Err": {"message": "rate limit"}}, "this is not an answer of cryptocompare"),
        ({"Data": [17]}, "'17' is not an article"),
        ({"Data": [article(1, TODAY * 86_400)]}, "is newer than asked for"),
        ({"Data": [article(1, TODAY * 86_400 - 1) | {"PUBLISHED_ON": None}]}, "PUBLISHED_ON is mi"),
        ({"Data": [article(1, TODAY * 86_400 - 9)]}, "its news end within 2024-03-09"),
    ],
)
def test_news_that_cannot_be_a_whole_day_are_refused(
    download: Downloads, sources: FakeSources, data: object, reason: str
) -> None:
    sources.scripted["article/list"] = [reply(data)]
    with pytest.raises(BadSentiment, match=reason):
        download("cryptocompare", start_day=TODAY - 1)
    assert download.stored() == {}


def test_news_that_never_reach_the_start_of_a_day_are_given_up(
    download: Downloads, sources: FakeSources
) -> None:
    page = reply({"Data": [article(1, TODAY * 86_400 - 1)]})
    sources.scripted["article/list"] = [page] * 3
    with pytest.raises(BadSentiment, match="newer than asked for"):
        download("cryptocompare", start_day=TODAY - 1)
    sources.scripted["article/list"] = [
        reply({"Data": [article(i, TODAY * 86_400 - 1 - i)]}) for i in range(60)
    ]
    with pytest.raises(BadSentiment, match="50 answers do not reach the start of 2024-03-09"):
        download("cryptocompare", start_day=TODAY - 1)


def test_a_day_without_news_is_a_gap(download: Downloads, sources: FakeSources) -> None:
    for day, labels in ((TODAY - 1, "?"), (TODAY - 3, "+"), (TODAY - 4, "+")):
        sources.articles += news(day, labels, day, lambda _: 5)
    assert download("cryptocompare", start_day=TODAY - 3).kept == Kept(added=1)


def test_a_refused_key_is_told_without_the_key(download: Downloads, sources: FakeSources) -> None:
    wrong = "wrong-key-9876"
    sources.scripted["article/list"] = [Answer(401, f"key {wrong} unknown".encode())]
    with pytest.raises(Failed, match=r"HTTP 401.*key \(key\) unknown") as refused:
        download("cryptocompare", key=wrong)
    assert wrong not in str(refused.value)
    assert wrong not in repr(Address("", wrong))


def test_what_cannot_be_downloaded_is_named(download: Downloads) -> None:
    fetcher = Fetcher(time.perf_counter, lambda _: None, lambda _: None)
    with (
        fetcher.client,
        pytest.raises(BadUsage, match="unknown sentiment source to download 'dvol-btc'"),
    ):
        download_sentiment("dvol-btc", Address(""), fetcher, download.store, NOW_MS)
