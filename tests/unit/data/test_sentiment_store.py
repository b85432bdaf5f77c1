"""What is kept of sentiment, and that nothing kept is ever lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from leeward.data.sentiment import SOURCES, available_from
from leeward.data.sentiment_store import Kept, SentimentEntry, SentimentStore, list_sentiment
from leeward.domain.errors import BadSentiment, BadUsage, CannotWrite
from leeward.domain.timeframe import DAY_MS

FEAR_GREED = SOURCES["fear-greed"]
NOW_MS = 200 * DAY_MS + 1


@pytest.fixture
def store(tmp_path: Path) -> SentimentStore:
    return SentimentStore(tmp_path)


def keep(store: SentimentStore, values: Mapping[int, float], now_ms: int = NOW_MS) -> Kept:
    return store.merge(FEAR_GREED, {day: (value,) for day, value in values.items()}, now_ms)


def test_days_come_back_as_they_were_given(store: SentimentStore) -> None:
    assert keep(store, {101: 41.0, 100: 40.0}) == Kept(added=2)
    series = store.load("fear-greed")
    assert series.day.tolist() == [100, 101]
    assert series.available_at.tolist() == [101 * DAY_MS, 102 * DAY_MS]
    assert series.columns["value"].tolist() == [40.0, 41.0]
    assert store.sources() == [FEAR_GREED]


def test_days_before_and_after_the_stored_ones_join_them(store: SentimentStore) -> None:
    keep(store, {100: 40.0})
    assert keep(store, {99: 39.0, 100: 40.0, 102: 42.0}) == Kept(added=2, same=1)
    assert store.load("fear-greed").day.tolist() == [99, 100, 102]


def test_a_changed_value_is_kept_beside_the_old_one_from_now_on(store: SentimentStore) -> None:
    keep(store, {100: 40.0})
    assert keep(store, {100: 44.0}) == Kept(changed=(100,))
    assert keep(store, {100: 44.0}) == Kept(same=1)
    series = store.load("fear-greed")
    assert series.columns["value"].tolist() == [40.0, 44.0]
    assert series.available_at.tolist() == [101 * DAY_MS, NOW_MS]


def test_a_day_that_changes_twice_in_a_millisecond_keeps_its_order(store: SentimentStore) -> None:
    for value in (40.0, 44.0, 40.0):
        keep(store, {100: value})
    series = store.load("fear-greed")
    assert series.columns["value"].tolist() == [40.0, 44.0, 40.0]
    assert series.available_at.tolist() == [101 * DAY_MS, NOW_MS, NOW_MS + 1]


def test_a_day_that_is_not_over_is_left_out(store: SentimentStore) -> None:
    assert keep(store, {199: 1.0, 200: 2.0}) == Kept(added=1, unfinished=1)
    assert keep(store, {200: 3.0}, available_from(200)) == Kept(added=1)


def test_what_changes_nothing_is_not_written(store: SentimentStore) -> None:
    keep(store, {100: 40.0})
    path = store.path(FEAR_GREED)
    before = path.stat().st_ino
    keep(store, {100: 40.0})
    assert path.stat().st_ino == before


def test_a_value_out_of_range_stores_nothing(store: SentimentStore) -> None:
    with pytest.raises(BadSentiment, match=r"value is 400, not within 0 \.\. 100"):
        keep(store, {100: 40.0, 101: 400.0})
    assert store.sources() == []


@pytest.mark.parametrize("damage", ["cut", "other", "empty"])
def test_a_corrupt_file_is_named_and_left_alone(store: SentimentStore, damage: str) -> None:
    keep(store, {100: 40.0, 101: 41.0})
    path = store.path(FEAR_GREED)
    whole = path.read_bytes()
    damaged = {"cut": whole[:-20], "other": whole.replace(b"leeward.sha256", b"leeward.sha257")}
    path.write_bytes(damaged.get(damage, b""))
    for use in (lambda: store.load("fear-greed"), lambda: keep(store, {102: 42.0})):
        with pytest.raises(BadSentiment, match=rf"{path}: this stored sentiment is corrupt: "):
            use()
    assert path.read_bytes() == damaged.get(damage, b"")
    (listed,) = list_sentiment(store)
    assert isinstance(listed, BadSentiment)


def test_one_process_writes_at_a_time(store: SentimentStore, tmp_path: Path) -> None:
    with FileLock(tmp_path / "sentiment.lock"):
        waiting = SentimentStore(tmp_path, lock_wait_s=0.05)
        with pytest.raises(CannotWrite, match="another leeward process is writing sentiment"):
            keep(waiting, {100: 40.0})
    assert store.sources() == []


def test_what_a_killed_writer_left_goes_with_the_next_one(store: SentimentStore) -> None:
    keep(store, {100: 40.0})
    leftover = store.path(FEAR_GREED).with_name(".daily.parquet.1-2.tmp")
    leftover.write_bytes(b"half")
    keep(store, {101: 41.0})
    assert not leftover.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(CannotWrite, match="cannot be written"):
        keep(SentimentStore(tmp_path / "file"), {100: 40.0})


def test_sources_are_listed_with_coverage_and_gaps(store: SentimentStore) -> None:
    keep(store, {100: 40.0, 103: 41.0})
    keep(store, {103: 42.0})
    size = store.path(FEAR_GREED).stat().st_size
    assert list(list_sentiment(store)) == [SentimentEntry("fear-greed", 100, 103, 2, 1, 2, 1, size)]


def test_a_source_that_is_not_stored_is_refused_with_the_way_to_get_it(
    store: SentimentStore,
) -> None:
    with pytest.raises(BadUsage, match="--sentiment senticrypt` or `leeward data import`"):
        store.load("senticrypt")


def test_every_source_can_be_stored(store: SentimentStore) -> None:
    for source in SOURCES.values():
        values = tuple(high / 2 for _, high in source.columns.values())
        assert store.merge(source, {100: values}, NOW_MS) == Kept(added=1)
        np.testing.assert_array_equal(store.load(source.name).table(list(source.columns)), [values])
