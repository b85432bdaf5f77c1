"""Trains models from the stored candles, judges them, and makes their bundles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from leeward.statistics.folds import Fold
from leeward.training import describe
from leeward.training.bundle import Bundle, golden_file, make_bundle
from leeward.training.cluster import fit_on_cluster
from leeward.training.datasets import Dataset, build_dataset, make_folds
from leeward.training.export import to_onnx
from leeward.training.fit import Progress, Recipe, Work, fit_all, identity, model_of, plan
from leeward.training.judge import Costs, Trained
from leeward.training.labels import Held, rule_positions
from leeward.training.money import yearly_sharpe
from leeward.training.networks import preset_named, trainer_library
from leeward.training.paths import FEWEST_GROUPS, Combinations, Paths, combine, judge_paths
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
    presets: tuple[str, ...] = ("small",)
    target: str = "return"
    seeds: int = 3
    folds: int = 3
    groups: int = 6
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
        if self.groups and not FEWEST_GROUPS <= self.groups <= 12:
            raise BadUsage(
                f"groups: {self.groups}; it must be from {FEWEST_GROUPS} to 12, or 0 for none"
            )
        if not self.presets or len(set(self.presets)) < len(self.presets):
            raise BadUsage(f"preset: '{','.join(self.presets)}'; name each preset once")

    def recipes(self) -> list[Recipe]:
        seeds = tuple(range(1, self.seeds + 1))
        made = [Recipe(preset_named(preset), seeds) for preset in self.presets]
        return made if self.epochs is None else [replace(r, epochs=self.epochs) for r in made]


def train(
    order: Order, settings: Settings, progress: Progress, ray: str | None = None
) -> list[Bundle]:
    """Returns a trained and judged model a preset; each of their networks enters the ledger.

    With `ray`, the address of a cluster, the networks are trained there; they are the same. Raises
    BadUsage for candles the store does not hold, Failed or BadCandles for data that teach nothing.
    What is finished is kept in the data directory: a killed run continues.
    """
    begun = monotonic_s()
    recipes = order.recipes()
    trainer_library("onnx")  # says so at once where the extra is missing
    asked = _prepare(order, settings)
    folder = settings.data.dir / "training"
    plans = [_plan(asked, recipe, folder) for recipe in recipes]
    if ray is not None:
        fit_on_cluster(asked.data, list(zip(recipes, plans, strict=True)), ray, progress)
    candidates = [
        _fit(asked, recipe, work, progress) for recipe, work in zip(recipes, plans, strict=True)
    ]
    trials = add_trials(settings.data.dir, [t for each in candidates for t in _trials(asked, each)])
    progress("judging", 1.0)
    return [_bundle(order, settings, each, trials, begun) for each in candidates]


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What all presets share: windows, parts, the rule's trades and costs."""

    data: Dataset
    folds: Sequence[Fold]
    combined: Combinations | None
    held: Held
    costs: Costs


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    recipe: Recipe
    trained: Trained
    paths: Paths | None


def _prepare(order: Order, settings: Settings) -> _Asked:
    candles = _candles(order, settings)
    costs = Costs(settings.backtest.fee, settings.backtest.slippage)
    held = rule_positions(load_strategy(RULE)(), candles)
    sentiment = _sentiment(order, candles, settings)
    meta = held if order.target == "meta" else None
    data = build_dataset(candles, sentiment, meta, 2 * costs.side)
    folds = make_folds(data, order.folds)
    return _Asked(data, folds, combine(data, order.groups), held, costs)


def _plan(asked: _Asked, recipe: Recipe, folder: Path) -> list[Work]:
    """Returns the networks of the folds, and those of the combinations, one seed each."""
    walked = plan(asked.data, asked.folds, recipe, folder)
    if asked.combined is None:
        return walked
    once = _of_paths(recipe)
    return walked + plan(asked.data, asked.combined.folds, once, folder, "combination")


def _of_paths(recipe: Recipe) -> Recipe:
    return replace(recipe, seeds=recipe.seeds[:1])


def _fit(asked: _Asked, recipe: Recipe, work: Sequence[Work], progress: Progress) -> _Candidate:
    fitted = fit_all(asked.data, work, recipe, progress)
    walked = len(asked.folds) * len(recipe.seeds)
    trained = Trained(asked.data, asked.folds, fitted[:walked], asked.held, asked.costs)
    if asked.combined is None:
        return _Candidate(recipe, trained, None)
    return _Candidate(recipe, trained, judge_paths(trained, asked.combined, fitted[walked:]))


def _bundle(
    order: Order, settings: Settings, each: _Candidate, trials: Sequence[Trial], begun: float
) -> Bundle:
    trained, preset = each.trained, each.recipe.preset
    onnx = to_onnx(model_of(trained.data, preset, trained.shipped))
    judged = judge_all(trained, preset, onnx, trials, each.paths)
    stale_ms = _stale_after_ms(settings)
    described = {
        "model_id": model_name(order.symbol, order.kind, order.timeframe),
        "symbol": order.symbol,
        "timeframe": order.timeframe.name,
        "kind": order.kind,
        "target": describe.target_facts(order.target, RULE),
        "onnx": describe.onnx_facts(onnx, trained.data),
        "arch": describe.arch_facts(preset, trained),
        "features": describe.feature_facts(trained.data, SENTIMENT_SOURCE, stale_ms),
        "data": describe.data_facts(trained),
        "splits": describe.split_facts(trained, each.paths),
        "training": describe.training_facts(trained, each.recipe, monotonic_s() - begun),
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


def _trials(asked: _Asked, each: _Candidate) -> Iterator[Trial]:
    """Yields every seed on the folds, and the paths as one trial more."""
    trained, symbol, at = each.trained, asked.data.candles.symbol, iso(now_ms())
    name = identity(asked.data, asked.folds, each.recipe)
    for seed in trained.seeds:
        changes = trained.changes(trained.long(trained.answers(seed)))
        yield Trial(name, seed, symbol, at, yearly_sharpe(changes, trained.candles_a_year))
    if asked.combined is not None and each.paths is not None:
        name = identity(asked.data, asked.combined.folds, _of_paths(each.recipe))
        yield Trial(name, each.paths.seed, symbol, at, each.paths.quantile(0.5))
