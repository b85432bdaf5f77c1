from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.walks import walk

from leeward.data.columns import ALWAYS, column_or_nan
from leeward.data.merging import Merged, join, lay_over
from leeward.domain.candles import OPTIONAL, Candles


def taken(candles: Candles, rows: list[int]) -> Candles:
    """Returns some rows of the candles, in time order."""
    index = np.array(sorted(rows), dtype=np.int64)
    columns = {
        name: column[index]
        for name in ("open_time", *ALWAYS, *OPTIONAL)
        if (column := getattr(candles, name)) is not None
    }
    return replace(candles, **columns)


def table(candles: Candles) -> dict[int, tuple[float, ...]]:
    """Returns the candles by open time, -1 standing for unknown."""
    columns = [column_or_nan(candles, name) for name in (*ALWAYS, *OPTIONAL)]
    values = np.nan_to_num(np.array(columns), nan=-1.0).T.tolist()
    return dict(zip(candles.open_time.tolist(), map(tuple, values), strict=True))


some_rows = st.sets(st.integers(0, 19), max_size=20)


@given(before=some_rows, given_rows=some_rows, changed=some_rows, plain=st.booleans())
def test_the_given_candle_wins_and_every_row_is_counted_once(
    before: set[int], given_rows: set[int], changed: set[int], plain: bool
) -> None:
    market = walk(20, optional=True)
    other = walk(20, seed=2, optional=True)
    old, new = taken(market, list(before)), taken(market, list(given_rows))
    differs = np.isin(new.open_time, market.open_time[sorted(changed)])
    replacement = taken(other, list(given_rows))
    new = replace(
        new,
        **{
            name: np.where(differs, getattr(replacement, name), getattr(new, name))
            for name in (*ALWAYS, *OPTIONAL)
        },
    )
    if plain:
        new = replace(new, quote_volume=None, trades=None, taker_buy_volume=None)

    together, changed_times, merged = lay_over(old, new)

    expected = table(old)
    for time, values in table(new).items():
        kept = plain and time in expected and values[:5] == expected[time][:5]
        expected[time] = expected[time] if kept else values
    assert table(together) == expected
    assert merged == Merged(
        added=len(given_rows - before),
        same=len((given_rows & before) - changed),
        replaced=len(given_rows & before & changed),
    )
    touched = (given_rows - before) | (given_rows & before & changed)
    assert changed_times.tolist() == market.open_time[sorted(touched)].tolist()


def test_columns_that_were_unknown_are_filled_in_and_counted_as_completed() -> None:
    full = walk(10, optional=True)
    plain = replace(full, quote_volume=None, trades=None, taker_buy_volume=None)

    together, _, merged = lay_over(plain, full.rows(2, 5))

    assert merged == Merged(completed=3)
    assert together.trades is not None
    assert full.trades is not None
    assert np.flatnonzero(~np.isnan(together.trades)).tolist() == [2, 3, 4]
    assert together.trades[2:5].tolist() == full.trades[2:5].tolist()
    assert together.sha256 == full.sha256


def test_a_known_count_that_differs_replaces_the_candle() -> None:
    full = walk(4, optional=True)
    assert full.trades is not None
    corrected = replace(full, trades=full.trades + np.array([0.0, 1.0, 0.0, 0.0]))

    together, changed, merged = lay_over(full, corrected)

    assert merged == Merged(same=3, replaced=1)
    assert changed.tolist() == [full.open_time[1]]
    assert together.trades is not None
    assert together.trades.tolist() == corrected.trades.tolist()  # type: ignore[union-attr] # set above


def test_months_join_to_the_series_they_were_cut_from() -> None:
    full = walk(100, optional=True)
    plain_tail = replace(full.rows(60, 100), quote_volume=None)

    joined = join([full.rows(0, 60), plain_tail])

    assert joined.sha256 == full.sha256
    assert joined.quote_volume is not None
    assert np.isnan(joined.quote_volume).tolist() == [False] * 60 + [True] * 40
