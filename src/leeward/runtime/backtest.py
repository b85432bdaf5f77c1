"""Runs a strategy over past candles: load, signals, account, look-ahead check, result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage, Failed, LooksAhead
from leeward.domain.frame import Frame
from leeward.domain.times import iso
from leeward.indicators.table import Need
from leeward.report.figures import Figures, measure
from leeward.report.result import BacktestResult
from leeward.runtime.identity import describe_inputs, result_id
from leeward.runtime.request import Request
from leeward.runtime.stopwatch import Stopwatch
from leeward.runtime.strategies import load_strategy
from leeward.simulation.account import lay_out, run_layout
from leeward.strategies.base import Strategy
from leeward.strategies.contract import find_lookahead, sample_rows
from leeward.strategies.evaluate import Evaluation, evaluate, strategy_need
from leeward.strategies.informative import build_frame

#: Truncated re-runs of the signals in every backtest.
LOOKAHEAD_SAMPLES = 24
_SAMPLING_SEED = 24
#: What strategies that ask models fall back on, and what they have to beat.
RULE = "ema_cross"
_BESIDE = ("final_equity", "return_fraction", "sharpe", "max_drawdown_fraction", "trades")


def run_backtest(request: Request) -> BacktestResult:
    """Returns the result of the request. Raises LooksAhead when a column reads the future."""
    watch = Stopwatch()
    strategy, candles, setup = request.strategy, request.candles, request.setup
    with watch.phase("signals_s"):
        frames = [build_frame(c, f) for c, f in zip(candles, request.further, strict=True)]
        need = strategy_need(strategy, frames[0].columns)
        _check_range(request, need)
        evaluations = _in_threads(lambda frame: evaluate(strategy, frame, need), frames)
        _check_tags(strategy, evaluations)
    with watch.phase("layout_s"):
        signals = [evaluation.signals for evaluation in evaluations]
        layout = lay_out(candles, signals, setup, request.detail)
    with watch.phase("simulate_s"):
        simulation = run_layout(layout, setup)
    with watch.phase("lookahead_s"):
        sampled = _check_lookahead(request, evaluations, need)
    with watch.phase("beside_s"):
        beside = {"rule": _rule_figures(request)} if request.models else {}
    inputs = describe_inputs(request)
    with watch.phase("metrics_s"):
        result = BacktestResult(
            inputs=inputs,
            setup=setup,
            simulation=simulation,
            candles=candles,
            frames=tuple(evaluation.frame for evaluation in evaluations),
            entry_tags=signals[0].entry_tags,
            exit_tags=signals[0].exit_tags,
            checks={"lookahead": {"sampled": sampled, "mismatches": 0}},
            result_id=result_id(inputs, request.source_sha256),
            timing={},
            synthetic=request.synthetic,
            beside=beside,
        )
        assert result.metrics  # computed here, so that its time is known
    return result.timed(watch.timing(request.load_s))


def _rule_figures(request: Request) -> Figures:
    """Returns what the rule behind the models earned on the same candles, with the same account."""
    rule = load_strategy(RULE)()
    frames = [build_frame(candles, {}) for candles in request.candles]
    need = strategy_need(rule, frames[0].columns)
    signals = [evaluate(rule, frame, need).signals for frame in frames]
    layout = lay_out(request.candles, signals, request.setup, request.detail)
    simulation = run_layout(layout, request.setup)
    found = measure(request.setup, simulation, request.candles)
    return {name: found[name] for name in _BESIDE}


def _in_threads(work: Callable[[Frame], Evaluation], frames: list[Frame]) -> list[Evaluation]:
    """Returns the work's results in order; compiled code and NumPy let threads run at once."""
    if len(frames) == 1:
        return [work(frames[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, frames))


def _check_tags(strategy: Strategy, evaluations: Sequence[Evaluation]) -> None:
    tags = {(e.signals.entry_tags, e.signals.exit_tags) for e in evaluations}
    if len(tags) > 1:
        raise Failed(
            f"{type(strategy).__name__}: its tags differ from symbol to symbol; "
            "give the same tags for all, with a column of False where one never holds"
        )


def _check_range(request: Request, need: Need) -> None:
    start = request.setup.start_ms
    for candles in request.candles:
        in_range = len(candles) if start is None else len(candles.between(start, None))
        if not in_range:
            raise BadUsage(f"{candles.name}: no candles in the requested range{_held(candles)}")
        if len(candles) <= need.warm_up:
            raise BadUsage(
                f"{candles.name}: {len(candles)} candles up to the end of the range, but "
                f"{type(request.strategy).__name__} decides only after {need.warm_up}; "
                "choose a later end or import more history"
            )


def _held(candles: Candles) -> str:
    if not len(candles):
        return ""
    return f"; those before its end run from {iso(int(candles.open_time[0]))} to " + iso(
        int(candles.open_time[-1])
    )


def _check_lookahead(request: Request, evaluations: Sequence[Evaluation], need: Need) -> int:
    """Returns how many truncated re-runs agreed; raises LooksAhead at the first that did not."""
    share, extra = divmod(LOOKAHEAD_SAMPLES, len(evaluations))
    sampled = 0
    for number, evaluation in enumerate(evaluations):
        count = max(1, share + (number < extra))
        candles, further = request.candles[number], request.further[number]
        rows = sample_rows(evaluation, count, _SAMPLING_SEED + number)
        found = find_lookahead(request.strategy, candles, further, evaluation, need, rows)
        if found:
            raise LooksAhead(
                f"{type(request.strategy).__name__} looks ahead: {found[0]}; "
                "no result of such a backtest means anything, so none is written"
            )
        sampled += len(rows)
    return sampled
