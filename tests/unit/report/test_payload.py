from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results import HOUR, sample_result, walk

from leeward.domain.frame import Frame
from leeward.report import payload


def unpack(text: object, dtype: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    assert isinstance(text, str)
    return np.frombuffer(base64.b64decode(text), dtype).astype(np.float64)


def test_candles_of_their_own_length_are_kept_one_by_one() -> None:
    candles = walk("BTCUSDT", 50, gaps=(10,))
    packed = payload.candle_payload(candles, HOUR.length_ms)
    steps = unpack(packed["time"], "<i4")
    assert (candles.open_time[0] + steps * HOUR.length_ms).tolist() == candles.open_time.tolist()
    np.testing.assert_allclose(unpack(packed["close"], "<f4"), candles.close, rtol=1e-6)


@given(st.integers(0, 1_000), st.sets(st.integers(0, 150), max_size=20), st.integers(0, 7))
def test_merged_candles_keep_first_highest_lowest_and_last(
    seed: int, gaps: set[int], skip: int
) -> None:
    candles = walk("BTCUSDT", 200, seed, skip, tuple(gaps))
    packed = payload.candle_payload(candles, 4 * HOUR.length_ms)
    start = candles.open_time - candles.open_time % (4 * HOUR.length_ms)
    times = np.unique(start)
    found = unpack(packed["time"], "<i4") * HOUR.length_ms + times[0]
    assert found.tolist() == times.tolist()
    for name, pick in (("open", 0), ("close", -1)):
        expected = [getattr(candles, name)[start == time][pick] for time in times]
        np.testing.assert_allclose(unpack(packed[name], "<f4"), expected, rtol=1e-6)
    for name, extreme in (("high", np.max), ("low", np.min)):
        expected = [extreme(getattr(candles, name)[start == time]) for time in times]
        np.testing.assert_allclose(unpack(packed[name], "<f4"), expected, rtol=1e-6)


def test_more_candles_than_fit_are_merged_to_the_next_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candles = [walk("BTCUSDT", 400), walk("ETHUSDT", 400)]
    assert payload.shown_length(candles) == HOUR.length_ms
    monkeypatch.setattr(payload, "MOST_CANDLES", 300)
    assert payload.shown_length(candles) == 4 * HOUR.length_ms


def test_only_columns_on_the_price_scale_are_drawn_over_the_price() -> None:
    candles = walk("BTCUSDT", 300)
    frame = Frame.of(candles).with_columns(
        average=candles.close * 1.02,
        unknown=np.full(300, np.nan),
        oscillator=np.full(300, 0.5),
    )
    found = payload.overlay_payload(candles, frame, HOUR.length_ms)
    assert list(found) == ["average"]
    np.testing.assert_allclose(unpack(found["average"], "<f4"), candles.close * 1.02, rtol=1e-6)


def test_the_drawn_curve_keeps_every_extreme() -> None:
    result = sample_result([walk("BTCUSDT", 9_000)])
    packed = payload.equity_payload(result)
    drawn = unpack(packed["equity"], "<f4")
    assert len(drawn) < 9_000
    assert drawn.max() == pytest.approx(result.simulation.equity.max())
    assert drawn.min() == pytest.approx(result.simulation.equity.min())
    assert drawn[-1] == pytest.approx(result.simulation.equity[-1])
    deepest = result.metrics["max_drawdown_fraction"]
    assert deepest is not None
    assert unpack(packed["drawdown"], "<f4").min() == pytest.approx(-deepest)


def test_texts_of_trades_are_stored_once() -> None:
    packed = payload.trade_payload(sample_result())
    reasons = packed["exit_reason"]
    assert isinstance(reasons, dict)
    assert set(reasons["names"]) <= {"stop", "target", "signal", "end_of_data"}
    assert len(reasons["code"]) == len(sample_result().simulation.trades)
