"""Columns of models: the same for whole histories, parts of them, and candles one by one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_models import HOUR, MODELS, copied, edit_metadata, replace_file

from leeward.data.generated import generate_candles
from leeward.data.sentiment import SOURCES
from leeward.data.sentiment_store import SentimentStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadModel, BadUsage
from leeward.domain.times import parse_time
from leeward.indicators.features import FEATURES_SENTIMENT
from leeward.runtime.predictions import (
    Columns,
    GrowingOutlook,
    ModelUse,
    Outlook,
    model_use,
    outlook_again,
)
from leeward.runtime.settings import load_settings
from leeward.strategies.ml_basic import MlBasic
from leeward.strategies.needs import NEEDS

START_MS = parse_time("2024-01-01", "start")
DAY_MS = 86_400_000
CANDLES = generate_candles("BTCUSDT", HOUR, START_MS, 1_400, seed=9)
BOTH = ("prediction", "sentiment")


def use(data: Path, models: Path = MODELS, **more: object) -> ModelUse:
    return ModelUse(models, data, shrunk=False, **more)  # type: ignore[arg-type] # by name


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a data directory with daily sentiment up to thirty days after the first candle."""
    folder = tmp_path_factory.mktemp("data")
    first = START_MS // DAY_MS - 200
    chance = np.random.default_rng(4)
    rows = {first + i: (*chance.uniform(-0.3, 0.3, 3), 100.0 + i, 0.1, 5.0) for i in range(230)}
    SentimentStore(folder).merge(SOURCES["senticrypt"], rows, START_MS + 60 * DAY_MS)
    return folder


def same(found: Columns, expected: Columns) -> list[str]:
    assert found.keys() == expected.keys()
    return [name for name in found if found[name].tobytes() != expected[name].tobytes()]


def without(candles: Candles, *missing: int) -> Candles:
    kept = np.delete(np.arange(len(candles)), missing)
    columns = ("open_time", "open", "high", "low", "close", "volume")
    return Candles("BTCUSDT", HOUR, *(getattr(candles, name)[kept] for name in columns))


def test_one_candle_at_a_time_gives_the_bits_of_the_whole_history(data: Path) -> None:
    candles = without(CANDLES, 500, 900, 901)
    whole = Outlook(BOTH, "BTCUSDT", HOUR, use(data)).columns(candles)
    growing = GrowingOutlook(Outlook(BOTH, "BTCUSDT", HOUR, use(data)))
    growing.columns(candles.rows(0, 300))

    for last in (301, 302, 600, 601, 602, 603, 1_000, 1_001, len(candles)):
        first = max(0, last - 500)
        part = {name: column[first:last] for name, column in whole.items()}
        assert same(growing.columns(candles.rows(first, last)), part) == []


def test_asking_again_for_the_same_candles_changes_nothing(data: Path) -> None:
    growing = GrowingOutlook(Outlook(BOTH, "BTCUSDT", HOUR, use(data)))

    first = growing.columns(CANDLES.rows(0, 400))

    assert same(growing.columns(CANDLES.rows(0, 400)), first) == []
    assert same(growing.columns(CANDLES.rows(0, 200)), {n: c[:200] for n, c in first.items()}) == []


@settings(max_examples=15, deadline=None)
@given(last=st.integers(1, 1_400), rows=st.integers(841, 1_400))
def test_no_later_candle_and_no_older_one_than_declared_changes_a_column(
    last: int, rows: int
) -> None:
    outlook = Outlook(("prediction",), "BTCUSDT", HOUR, use(Path("none")))
    whole = outlook.columns(CANDLES)

    part = outlook.columns(CANDLES.rows(max(0, last - rows), last))

    assert {name: column[-1:].tobytes() for name, column in part.items()} == {
        name: column[last - 1 : last].tobytes() for name, column in whole.items()
    }


def test_columns_are_those_that_are_declared(data: Path) -> None:
    columns = Outlook(BOTH, "BTCUSDT", HOUR, use(data)).columns(CANDLES)

    assert columns.keys() == {*NEEDS["prediction"], *NEEDS["sentiment"]}
    assert np.isnan(columns["prediction"][:119]).all()
    assert np.isfinite(columns["prediction"][119:260]).all()


def test_a_window_with_a_missing_candle_gives_no_forecast() -> None:
    columns = Outlook(("prediction",), "BTCUSDT", HOUR, use(Path("none"))).columns(
        without(CANDLES, 200)
    )

    unknown = np.isnan(columns["prediction_confidence"])
    assert unknown[:119].all()
    assert not unknown[119:200].any()
    assert unknown[200:319].all()
    assert not unknown[319:].any()


def test_stale_sentiment_is_unknown_and_the_sentiment_model_silent(data: Path) -> None:
    outlook = Outlook(BOTH, "BTCUSDT", HOUR, use(data))
    columns = outlook.columns(CANDLES)
    fresh = np.isfinite(columns["sentiment_mean"])
    last_known = START_MS + 30 * DAY_MS + 48 * 3_600_000  # the newest day ended on day 30

    assert fresh.tolist() == (CANDLES.open_time + 3_600_000 <= last_known).tolist()
    assert not np.isfinite(columns["sentiment_prediction"][~fresh]).any()
    assert np.isfinite(columns["sentiment_prediction"][fresh][119:260]).all()
    assert outlook.has_sentiment


@pytest.mark.parametrize("poison", [None, b"", b"not parquet"])
def test_without_usable_sentiment_only_its_own_columns_are_unknown(
    tmp_path: Path, poison: bytes | None
) -> None:
    if poison is not None:
        path = SentimentStore(tmp_path).path(SOURCES["senticrypt"])
        path.parent.mkdir(parents=True)
        path.write_bytes(poison)
    outlook = Outlook(BOTH, "BTCUSDT", HOUR, use(tmp_path))
    columns = outlook.columns(CANDLES)
    alone = Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path)).columns(CANDLES)

    assert not outlook.has_sentiment
    for name in NEEDS["sentiment"]:
        assert np.isnan(columns[name]).all()
    assert same({name: columns[name] for name in alone}, alone) == []
    facts = outlook.facts["sentiment_data"]
    assert isinstance(facts, dict)
    assert (facts["days"], facts["fault"] is None) == (0, poison is None)
    assert FEATURES_SENTIMENT[0] in columns


def test_sentiment_that_arrives_while_a_session_runs_is_seen(tmp_path: Path) -> None:
    outlook = Outlook(BOTH, "BTCUSDT", HOUR, use(tmp_path))
    before = outlook.columns(CANDLES)
    first = START_MS // DAY_MS - 200
    rows = {first + i: (0.1, 0.1, 0.1, 100.0, 0.1, 5.0) for i in range(230)}
    SentimentStore(tmp_path).merge(SOURCES["senticrypt"], rows, START_MS + 60 * DAY_MS)

    after = outlook.columns(CANDLES)

    assert np.isnan(before["sentiment_mean"]).all()
    assert np.isfinite(after["sentiment_mean"]).any()


def test_a_model_past_its_age_steps_down_with_no_confidence(tmp_path: Path) -> None:
    folder = copied(tmp_path, lambda metadata: metadata["data"].update(last="2023-07-10T00:00:00Z"))
    columns = Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path, folder)).columns(CANDLES)
    limit_ms = parse_time("2023-07-10", "last") + 180 * DAY_MS
    too_old = CANDLES.open_time + 3_600_000 > limit_ms

    assert too_old[119:].any()
    assert not too_old[119:].all()
    assert np.isnan(columns["prediction"][too_old]).all()
    assert (columns["prediction_confidence"][119:][too_old[119:]] == 0).all()
    assert np.isfinite(columns["prediction"][119:260][~too_old[119:260]]).all()


def test_drift_and_missed_bounds_step_down_until_they_end(tmp_path: Path) -> None:
    def narrow(metadata: dict[str, dict[str, object]]) -> None:
        metadata["calibration"]["residual_quantiles"] = np.linspace(-0.1, 0.1, 1001).tolist()

    columns = Outlook(
        ("prediction",), "BTCUSDT", HOUR, use(tmp_path, copied(tmp_path / "m", narrow))
    ).columns(CANDLES)
    missed = columns["prediction_coverage"] < 0.85

    assert missed.any()
    assert np.isnan(columns["prediction"][missed]).all()
    assert (columns["prediction_confidence"][missed] == 0).all()
    assert np.isnan(columns["prediction_coverage"][: 119 + 150]).all()
    assert np.isnan(columns["prediction_psi"][: 119 + 239]).all()
    assert np.isfinite(columns["prediction_psi"][119 + 239 :]).all()


def test_the_models_of_a_session_are_found_again_by_their_hashes(tmp_path: Path) -> None:
    models = copied(tmp_path / "models")
    chosen = load_settings(None, [f"ml.dir={models}", f"data.dir={tmp_path}", "ml.sizing=raw"])
    used = Outlook(("prediction",), "BTCUSDT", HOUR, model_use(chosen))
    copied(models / "archive" / "btcusdt_price" / used.models[0].bundle.metadata.version)
    edit_metadata(models, lambda metadata: metadata.update(version="20990101T000000Z-00000000"))
    today = load_settings(None, [f"ml.dir={models}", f"data.dir={tmp_path}"])

    again = outlook_again(today, MlBasic(), "BTCUSDT", HOUR, used.facts)

    assert again.facts == used.facts
    assert same(again.columns(CANDLES), used.columns(CANDLES)) == []


def test_a_session_can_tell_how_its_models_fare(data: Path) -> None:
    growing = GrowingOutlook(Outlook(BOTH, "BTCUSDT", HOUR, use(data)))
    columns = growing.columns(CANDLES.rows(0, 500))

    sentiment, price = growing.vital_signs()

    assert (price.name, price.symbol, price.state) == ("btcusdt_price", "BTCUSDT", "drifted")
    assert price.psi == columns["prediction_psi"][-1]
    assert sentiment.coverage == columns["sentiment_prediction_coverage"][-1]
    assert price.close_ms == int(CANDLES.open_time[499]) + 3_600_000
    age_ms = price.close_ms - parse_time("2025-05-01", "last")
    assert price.age_days == age_ms / DAY_MS
    assert price.figures()["btcusdt_price psi"] == price.psi
    assert price.figures()["btcusdt_price sound"] == 0.0


def test_a_model_that_was_not_asked_is_silent_and_says_why(data: Path) -> None:
    growing = GrowingOutlook(Outlook(BOTH, "BTCUSDT", HOUR, use(data)))
    growing.columns(without(CANDLES.rows(0, 400), 390))

    sentiment, price = growing.vital_signs()

    assert price.state == sentiment.state == "silent"
    assert price.why == "candles of its window are missing"
    assert sentiment.why.endswith("or sentiment is unknown")
    assert "btcusdt_price psi" not in price.figures()


def test_a_symbol_without_a_model_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="leeward train price --symbol NOSUCHUSDT"):
        Outlook(("prediction",), "NOSUCHUSDT", HOUR, use(tmp_path))


def test_answers_are_kept_by_model_candles_and_sentiment(tmp_path: Path) -> None:
    candles = generate_candles("BTCUSDT", HOUR, START_MS, 4_200, seed=2)
    kept = tmp_path / "kept"
    first = Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path, kept=kept)).columns(candles)
    (file,) = kept.iterdir()
    again = Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path, kept=kept))

    assert same(again.columns(candles), first) == []
    assert again.models[0].predictor.is_loaded is False

    file.write_bytes(file.read_bytes()[:-1] + b"x")
    broken = Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path, kept=kept))
    assert same(broken.columns(candles), first) == []
    assert broken.models[0].predictor.is_loaded


def test_kept_answers_of_a_model_are_not_those_of_one_with_other_golden_windows(
    tmp_path: Path,
) -> None:
    candles = generate_candles("BTCUSDT", HOUR, START_MS, 4_200, seed=2)
    kept, models = tmp_path / "kept", copied(tmp_path / "models")
    Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path, kept=kept)).columns(candles)
    with np.load(MODELS / "btcusdt_price.golden.npz") as arrays:
        golden = {name: arrays[name] for name in arrays}
    golden["outputs"] = golden["outputs"] + np.float32(0.01)
    written = io.BytesIO()
    np.savez(written, **golden)
    replace_file(models, "btcusdt_price.golden.npz", written.getvalue())

    with pytest.raises(BadModel, match="answers to the golden windows differ"):
        Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path, models, kept=kept)).columns(candles)


def test_old_files_of_answers_are_deleted(tmp_path: Path) -> None:
    for i in range(70):
        (tmp_path / f"{i}.f4").write_bytes(b"")
    candles = generate_candles("BTCUSDT", HOUR, START_MS, 4_200, seed=2)

    Outlook(("prediction",), "BTCUSDT", HOUR, use(tmp_path, kept=tmp_path)).columns(candles)

    assert len(list(tmp_path.glob("*.f4"))) == 64


@pytest.mark.parametrize(
    ("strategy", "loaded"), [("ema_cross", []), ("ml_basic", ["leeward.inference.bundle"])]
)
def test_nothing_of_models_is_imported_where_none_is_used(
    tmp_path: Path, strategy: str, loaded: list[str]
) -> None:
    script = f"""
import json, sys
from leeward.data.generated import generate_candles
from leeward.domain.timeframe import Timeframe
from leeward.runtime.api import backtest
from leeward.runtime.settings import load_settings
candles = generate_candles("BTCUSDT", Timeframe.parse("1h"), 0, 3000, seed=1)
settings = load_settings(None, ["data.dir={tmp_path}", "ml.dir={MODELS}"])
backtest("{strategy}", candles, settings=settings)
found = [m for m in ("onnxruntime", "leeward.inference.bundle", "polars") if m in sys.modules]
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    found = json.loads(done.stdout)
    assert [name for name in found if name != "onnxruntime"] == loaded
    assert ("onnxruntime" in found) == bool(loaded)


@pytest.mark.parametrize(("source", "why"), [("fear-greed", "has no score1"), ("x", "unknown")])
def test_a_model_of_a_source_that_is_not_daily_scores_is_refused(
    tmp_path: Path, source: str, why: str
) -> None:
    folder = copied(tmp_path / "models")
    edit_metadata(
        folder,
        lambda metadata: metadata["features"]["sentiment"].update(source=source),
        "btcusdt_sentiment",
    )

    with pytest.raises(BadUsage, match=why):
        Outlook(BOTH, "BTCUSDT", HOUR, use(tmp_path, folder))
