from __future__ import annotations

from pathlib import Path

import pytest
from tests.walks import walk

from leeward.data.certificate import Certificate
from leeward.data.inventory import Entry, check_series, list_series
from leeward.data.resample import resample
from leeward.data.store import CandleStore
from leeward.domain.errors import BadCandles, BadUsage
from leeward.domain.timeframe import Timeframe

HOUR, FOUR_HOURS = Timeframe.parse("1h"), Timeframe.parse("4h")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    store = CandleStore(tmp_path)
    store.merge(walk(96))
    store.merge(resample(walk(96), FOUR_HOURS))
    store.merge(walk(10, "3m", symbol="ETHUSDT"))
    return store


def damage(store: CandleStore, timeframe: Timeframe) -> Path:
    (path,) = store.files("BTCUSDT", timeframe)
    path.write_bytes(b"garbage")
    return path


def named(found: list[Certificate | BadCandles]) -> list[tuple[str, str]]:
    return [(each.symbol, each.timeframe) for each in found if isinstance(each, Certificate)]


def test_the_list_tells_coverage_rows_gaps_and_size(store: CandleStore) -> None:
    store.merge(walk(4, start="2024-01-05T02:00"))
    first = next(iter(list_series(store)))

    assert first == Entry(
        symbol="BTCUSDT",
        timeframe="1h",
        first=int(walk(1).open_time[0]),
        last=int(walk(102).open_time[-1]),
        rows=100,
        gaps=1,
        missing=2,
        size_bytes=store.files("BTCUSDT", HOUR)[0].stat().st_size,
    )


def test_every_series_is_certified_against_its_finer_ones(store: CandleStore) -> None:
    found = list(check_series(store))

    assert named(found) == [("BTCUSDT", "1h"), ("BTCUSDT", "4h"), ("ETHUSDT", "3m")]
    coarse = found[1]
    assert isinstance(coarse, Certificate)
    assert [(cross.finer, cross.compared) for cross in coarse.cross_checks] == [("1h", 24)]


def test_one_symbol_or_one_series_can_be_asked_for(store: CandleStore) -> None:
    assert named(list(check_series(store, "ETHUSDT"))) == [("ETHUSDT", "3m")]
    (coarse,) = check_series(store, "BTCUSDT", FOUR_HOURS)
    assert isinstance(coarse, Certificate)
    assert len(coarse.cross_checks) == 1


def test_a_length_that_does_not_divide_is_not_compared(store: CandleStore) -> None:
    store.merge(walk(10, "5m", symbol="ETHUSDT"))
    fives = list(check_series(store, "ETHUSDT"))[1]
    assert isinstance(fives, Certificate)
    assert fives.cross_checks == ()


def test_an_unknown_series_is_refused(store: CandleStore) -> None:
    with pytest.raises(BadUsage, match="unknown symbol 'BTCUSD'; did you mean 'BTCUSDT'"):
        list(check_series(store, "BTCUSD"))
    with pytest.raises(BadUsage, match="unknown BTCUSDT timeframe '1d'"):
        list(check_series(store, "BTCUSDT", Timeframe.parse("1d")))


def test_a_corrupt_series_is_named_and_the_others_are_still_checked(store: CandleStore) -> None:
    path = damage(store, HOUR)

    for found in (list(check_series(store)), list(list_series(store))):
        assert isinstance(found[0], BadCandles)
        assert f"{path}: this stored month is corrupt" in str(found[0])
        assert len(found) == 3


def test_a_corrupt_series_is_found_behind_a_fresh_hot_copy(store: CandleStore) -> None:
    store.load("BTCUSDT", HOUR)
    damage(store, HOUR)
    found = list(check_series(store, "BTCUSDT"))
    assert isinstance(found[0], BadCandles)
    assert named(found) == [("BTCUSDT", "4h")]
