"""Trains a model from the stored candles, judges it, and makes its bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leeward.data.sentiment_store import SentimentStore
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso
from leeward.indicators.features import FloatTable
from leeward.indicators.sentiment import SENTIMENT_COLUMNS, daily_sentiment, sentiment_at
from leeward.inference.bundle import model_name
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.gathering import Span
from leeward.runtime.settings import Settings
from leeward.runtime.strategies import load_strategy
from leeward.training import describe
from leeward.training.bundle import Bundle, golden_file, make_bundle
from leeward.training.datasets import build_dataset, make_folds
from leeward.training.export import to_onnx
from leeward.training.fit import Progress, Recipe, fit_all, identity, model_of
from leeward.training.judge import Costs, Trained
from leeward.training.labels import rule_positions
from leeward.training.money import yearly_sharpe
from leeward.training.networks import preset_named, trainer_library
from leeward.training.trials import Trial, add_trials, sharpe_variance
from leeward.training.verdict import judge_all

#: The strategy whose trades the target "meta" judges, and the rule beside every figure.
RULE = "ema_cross"
KINDS = ("price", "sentiment")
TARGETS = ("return", "meta")
SENTIMENT_SOURCE = "senticrypt"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained; dates are UTC text, None for all there is."""

    kind: str
    symbol: str
    timeframe: Timeframe
    preset: str = "small"
    target: str = "return"
    seeds: int = 3
    folds: int = 3
    start: str | None = None
    end: str | None = None
    epochs: int | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, KINDS), ("target", self.target, TARGETS)):
            if value not in known:
                raise BadUsage(f"{name}: '{value}' is unknown; known: {', '.join(known)}")
        for name, count in (("seeds", self.seeds), ("folds", self.folds)):
            if not 1 <= count <= 20:
                raise BadUsage(f"{name}: {count}; it must be from 1 to 20")

    def recipe(self) -> Recipe:
        made = Recipe(preset_named(self.preset), tuple(range(1, self.seeds + 1)))
        return made if self.epochs is None else Recipe(made.preset, made.seeds, self.epochs)


def models_dir(settings: Settings) -> Path:
    """Returns where active and archived models lie."""
    return settings.data.dir / "models"


def train(order: Order, settings: Settings, progress: Progress) -> Bundle:
    """Returns the trained and judged model; every network of it enters the ledger of trials.

    Raises BadUsage for candles the store does not hold, Failed or BadCandles for data that teach
    nothing. What is finished is kept in the data directory: a killed run continues.
    """
    begun = monotonic_s()
    recipe = order.recipe()
    trainer_library("onnx")  # says so at once where the extra is missing
    candles = _candles(order, settings)
    costs = Costs(settings.backtest.fee, settings.backtest.slippage)
    held = rule_positions(load_strategy(RULE)(), candles)
    sentiment = _sentiment(order, candles, settings)
    meta = held if order.target == "meta" else None
    data = build_dataset(candles, sentiment, meta, 2 * costs.side)
    folds = make_folds(data, order.folds)
    fitted = fit_all(data, folds, recipe, settings.data.dir / "training", progress)
    trained = Trained(data, folds, fitted, held, costs)
    progress("judging", 1.0)
    trials = _enter(trained, recipe, settings.data.dir)
    onnx = to_onnx(model_of(data, recipe.preset, trained.shipped))
    judged = judge_all(trained, recipe.preset, onnx, trials)
    described = {
        "model_id": model_name(order.symbol, order.kind, order.timeframe),
        "symbol": order.symbol,
        "timeframe": order.timeframe.name,
        "kind": order.kind,
        "target": describe.target_facts(order.target, RULE),
        "onnx": describe.onnx_facts(onnx, data),
        "arch": describe.arch_facts(recipe.preset, trained),
        "features": describe.feature_facts(data, SENTIMENT_SOURCE, _stale_after_ms(settings)),
        "data": describe.data_facts(trained),
        "splits": describe.split_facts(trained),
        "training": describe.training_facts(trained, recipe, monotonic_s() - begun),
        "trials": {"ledger_count": len(trials), "sharpe_variance": sharpe_variance(trials)},
        "drift_reference": describe.drift_facts(trained),
        "limits": describe.LIMITS,
        **describe.judged_facts(trained, judged),
    }
    second = now_ms() // 1000 * 1000
    return make_bundle(described, onnx, golden_file(onnx, order.kind), iso(second))


def _candles(order: Order, settings: Settings) -> Candles:
    span = Span.parse(order.start, order.end)
    stored = CandleStore(settings.data.dir).load(order.symbol, order.timeframe)
    candles = stored.between(span.start_ms, span.end_ms)
    if not len(candles):
        first, last = (iso(int(stored.open_time[row])) for row in (0, -1))
        raise BadUsage(f"{stored.name}: no candles in that range; stored: {first} to {last}")
    return candles


def _sentiment(order: Order, candles: Candles, settings: Settings) -> FloatTable | None:
    """Returns the eight features as known when each candle closed; None for a price model."""
    if order.kind == "price":
        return None
    series = SentimentStore(settings.data.dir).load(SENTIMENT_SOURCE)
    daily = daily_sentiment(series.day, series.available_at, series.table(SENTIMENT_COLUMNS))
    closes = candles.open_time + candles.timeframe.length_ms
    return sentiment_at(daily, closes, _stale_after_ms(settings))


def _stale_after_ms(settings: Settings) -> int:
    return round(settings.sentiment.stale_after_hours * 3_600_000)


def _enter(trained: Trained, recipe: Recipe, folder: Path) -> list[Trial]:
    name = identity(trained.data, trained.folds, recipe)
    at = iso(now_ms())
    entries = []
    for seed in trained.seeds:
        changes = trained.changes(trained.long(trained.answers(seed)))
        sharpe = yearly_sharpe(changes, trained.candles_a_year)
        entries.append(Trial(name, seed, trained.data.candles.symbol, at, sharpe))
    return add_trials(folder, entries)
