from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_models import MODELS

from leeward.indicators.features import features
from leeward.inference.bundle import load_bundle
from leeward.inference.forecast import Asked, forecast, health
from leeward.inference.metadata import Calibration, Metadata
from leeward.inference.predict import Predictor
from leeward.statistics.conformal import residual_quantiles

BUNDLE = load_bundle(MODELS, "btcusdt_price")
#: Residuals that are spread evenly over -1 .. 1: P(residual > x) = (1 - x) / 2.
EVEN = np.linspace(-1.0, 1.0, 1001)


def model(shrink: float = 1.0, **changes: object) -> Metadata:
    given = replace(BUNDLE.metadata, calibration=Calibration(EVEN, 0.1, shrink))
    return replace(given, **changes)  # type: ignore[arg-type] # fields by name


def test_a_forecast_is_scaled_bounded_and_weighed_by_hand() -> None:
    found = forecast(np.array([0.5, -0.2, 0.0], np.float32), np.array([0.01, 0.02, 0.01]), model())

    assert found.expected == pytest.approx([0.005, -0.004, 0.0])
    assert found.low == pytest.approx([(0.5 - 0.9) * 0.01, (-0.2 - 0.9) * 0.02, -0.009])
    assert found.high == pytest.approx([(0.5 + 0.9) * 0.01, (-0.2 + 0.9) * 0.02, 0.009])
    assert found.p_up == pytest.approx([0.75, 0.4, 0.5])
    assert found.confidence == pytest.approx([0.5, 0.2, 0.0])
    assert np.isnan(found.p_win).all()


def test_confidence_is_shrunk_to_what_forecasts_proved_worth() -> None:
    outputs, sigma = np.array([0.5], np.float32), np.array([0.01])

    assert forecast(outputs, sigma, model(0.3)).confidence == pytest.approx([0.15])
    assert forecast(outputs, sigma, model(0.0)).confidence.tolist() == [0.0]
    assert forecast(outputs, sigma, model(0.0), shrunk=False).confidence == pytest.approx([0.5])


def test_a_model_whose_errors_lean_against_its_side_has_no_confidence() -> None:
    biased = model()
    calibration = replace(biased.calibration, quantiles=EVEN - 0.8)

    found = forecast(
        np.array([0.5], np.float32), np.array([0.01]), replace(biased, calibration=calibration)
    )

    assert found.p_up[0] < 0.5
    assert found.confidence.tolist() == [0.0]


def test_a_model_of_trades_gives_the_chance_to_win_and_no_return() -> None:
    meta = model(0.5, target="meta")

    found = forecast(np.array([0.8, 0.3], np.float32), np.array([0.01, 0.01]), meta)

    assert found.p_win == pytest.approx([0.8, 0.3])
    assert found.confidence == pytest.approx([0.3, 0.0])
    assert np.isnan([found.expected, found.low, found.high, found.p_up]).all()


@given(st.lists(st.floats(-6, 6, width=32), min_size=1, max_size=40))
def test_confidence_and_chances_stay_within_their_bounds(outputs: list[float]) -> None:
    answers = np.array(outputs, np.float32)

    found = forecast(answers, np.full(len(answers), 0.01), model(0.7))

    assert ((found.confidence >= 0) & (found.confidence <= 0.7)).all()
    assert ((found.p_up >= 0) & (found.p_up <= 1)).all()
    assert (found.low <= found.high).all()


def test_what_is_not_finite_is_no_forecast() -> None:
    asked = windows(5)._replace(outputs=np.array([0.1, np.nan, 0.1, 0.1, 0.1], np.float32))

    assert health(asked, model(), 720, 200).is_sound.tolist() == [True, False, True, True, True]


def windows(count: int, outputs: float = 0.0, came: float = 0.0) -> Asked:
    chance = np.random.default_rng(7)
    rows = np.arange(count)
    steps = chance.normal(size=(count, 5)).astype(np.float32)
    closed = rows * 3_600_000
    sigma = np.full(count, 0.01)
    drawn = chance.normal(outputs, 0.3, count).astype(np.float32)
    return Asked(rows, closed, steps, drawn, sigma, np.full(count, came))


def test_bounds_that_do_not_hold_are_seen_after_the_fewest_that_tell() -> None:
    missed = windows(300, came=0.05)

    found = health(missed, replace(model(), drift_reference={}), 720, 200)

    assert np.isnan(found.coverage[:150]).all()
    assert (found.coverage[150:] == 0.0).all()
    assert found.is_sound.tolist() == [True] * 150 + [False] * 150


def test_inputs_that_left_the_training_are_seen() -> None:
    normal = np.quantile(np.random.default_rng(0).normal(size=9999), np.linspace(0.1, 0.9, 9))
    sound = replace(model(), drift_reference={"open": tuple(normal.tolist())})
    shifted = replace(model(), drift_reference={"open": tuple((normal + 3).tolist())})

    assert health(windows(300), sound, 720, 200).is_sound.all()
    assert health(windows(300), shifted, 720, 200).is_sound.tolist() == [True] * 239 + [False] * 61


def test_a_model_of_trades_is_not_judged_by_bounds_it_does_not_have() -> None:
    meta = model(target="meta", drift_reference={})
    meta = replace(meta, calibration=replace(meta.calibration, quantiles=np.empty(0)))

    found = health(windows(300, came=0.05), meta, 720, 200)

    assert np.isnan(found.coverage).all()
    assert found.is_sound.all()


@pytest.mark.parametrize("kind", ["price", "sentiment"])
def test_one_window_and_many_give_the_same_bits(kind: str) -> None:
    bundle = load_bundle(MODELS, f"btcusdt_{kind}")
    made, _ = features(np.repeat(bundle.golden.raw, 9, axis=0))
    predictor = Predictor(bundle)

    together = predictor.predict(made)
    alone = [predictor.predict(made[i : i + 1])[0] for i in range(len(made))]

    assert together.tobytes() == np.array(alone, np.float32).tobytes()
    assert np.abs(together[::9] - bundle.golden.outputs).max() <= 1e-5


def test_residuals_of_the_validation_give_the_stated_coverage() -> None:
    chance = np.random.default_rng(3)
    residuals = chance.standard_t(4, 4000)
    calibration = Calibration(residual_quantiles(residuals), 0.1, 1.0)
    answers, sigma = chance.normal(size=4000).astype(np.float32), np.full(4000, 0.02)
    came = (answers + chance.standard_t(4, 4000)) * sigma

    found = forecast(answers, sigma, replace(BUNDLE.metadata, calibration=calibration))

    assert np.mean((found.low <= came) & (came <= found.high)) == pytest.approx(0.9, abs=0.02)
