"""The Python API: `backtest` and `load_candles`. The command line calls the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage, unknown_name
from leeward.domain.timeframe import Timeframe
from leeward.report.result import BacktestResult
from leeward.risk.limits import RiskLimits, limit_names
from leeward.runtime.backtest import run_backtest
from leeward.runtime.clock import monotonic_s
from leeward.runtime.gathering import Gatherer, Span, check_divides
from leeward.runtime.request import Request
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.strategies import load_strategy, source_sha256
from leeward.simulation.setup import Setup
from leeward.strategies.base import Strategy


def load_candles(
    symbol: str,
    timeframe: str,
    *,
    start: str | None = None,
    end: str | None = None,
    settings: Settings | None = None,
) -> Candles:
    """Returns the stored candles that open in [start, end); dates are UTC text.

    Raises BadUsage, with the nearest name, for candles the store does not hold.
    """
    span = Span.parse(start, end)
    store = CandleStore((settings or load_settings()).data.dir)
    return store.load(symbol, Timeframe.parse(timeframe)).between(span.start_ms, span.end_ms)


def backtest(  # noqa: PLR0913 - the one public function; all but two arguments are options by name
    strategy: str | Strategy | type[Strategy],
    candles: Candles | Sequence[Candles] | None = None,
    *,
    symbols: str | Sequence[str] = (),
    timeframe: str | None = None,
    start: str | None = None,
    end: str | None = None,
    params: Mapping[str, object] | None = None,
    balance: float | None = None,
    fee: float | None = None,
    slippage: float | None = None,
    risk: Mapping[str, object] | None = None,
    detail: str | Candles | Sequence[Candles] | None = None,
    i_understand_the_risks: bool = False,
    synthetic: bool = False,
    settings: Settings | None = None,
) -> BacktestResult:
    """Returns what the strategy would have done, one account for all symbols.

    `strategy` is a built-in name, `path/to/file.py:Class`, a class or an instance (then without
    `params`). Candles are given, or named by `symbols` and `timeframe` (the strategy's own where
    not given) and read from the store. Steps run from `start` to `end` (not included), UTC dates;
    earlier candles serve as history. Costs and `balance` (quote units) default to the settings;
    `risk` changes single limits. `detail` names a finer timeframe in the store, or gives finer
    candles, to tell apart what happened inside a candle.

    Raises BadUsage for unknown names and values out of bounds, Refused for a limit that needs
    `i_understand_the_risks`, LooksAhead for a strategy that reads the future.
    """
    settings = settings or load_settings()
    limits = _changed(settings.risk, risk or {})
    limits.check_acknowledged(i_understand_the_risks)
    chosen = _instance(strategy, params or {})
    span = Span.parse(start, end)
    begun = monotonic_s()
    given = [_as_they_are(c) for c in _as_list(candles)]
    if bool(given) == bool(symbols):
        raise BadUsage("symbols: name one or more, or give candles; one of the two")
    length = given[0].timeframe if given else Timeframe.parse(timeframe or chosen.timeframe)
    named = symbols.split(",") if isinstance(symbols, str) else symbols
    names = [c.symbol for c in given] or [name.strip().upper() for name in named]
    _check_names(names, given, length)
    finer = [] if isinstance(detail, str) else _in_order(_as_list(detail), names, length)
    known = {(c.symbol, c.timeframe): c for c in given}
    gatherer = Gatherer(CandleStore(settings.data.dir), known, span)
    setup = Setup(
        balance=settings.backtest.balance if balance is None else balance,
        fee=settings.backtest.fee if fee is None else fee,
        slippage=settings.backtest.slippage if slippage is None else slippage,
        instruments=tuple(settings.instrument(name) for name in names),
        limits=limits,
        max_candles=chosen.max_candles or 0,
        ratchet_stop=chosen.ratchet_stop,
        start_ms=span.start_ms,
    )
    if isinstance(detail, str):
        finer = gatherer.detail(names, length, detail)
    beside = [gatherer.beside(chosen, name, length, settings) for name in names]
    request = Request(
        strategy=chosen,
        candles=tuple(gatherer.traded(name, length) for name in names),
        setup=setup,
        source_sha256=source_sha256(type(chosen)),
        further=tuple(further for further, _ in beside),
        detail=tuple(finer) or None,
        load_s=monotonic_s() - begun,
        synthetic=synthetic,
        models={n: facts for n, (_, facts) in zip(names, beside, strict=True) if facts},
    )
    return run_backtest(request)


def _instance(strategy: str | Strategy | type[Strategy], params: Mapping[str, object]) -> Strategy:
    if isinstance(strategy, Strategy):
        if params:
            raise BadUsage("backtest: params go with a name or a class; this is an instance")
        return strategy
    kind = load_strategy(strategy) if isinstance(strategy, str) else strategy
    return kind(**params)


def _changed(limits: RiskLimits, changes: Mapping[str, object]) -> RiskLimits:
    for name in changes:
        if name not in limit_names():
            raise unknown_name("risk limit", name, limit_names())
    return RiskLimits(**{**asdict(limits), **changes}) if changes else replace(limits)


def _as_list(candles: Candles | Sequence[Candles] | None) -> list[Candles]:
    if candles is None:
        return []
    return [candles] if isinstance(candles, Candles) else list(candles)


def _as_they_are(candles: Candles) -> Candles:
    # What a caller hands over may have been changed since it was checked and hashed.
    return replace(candles, checked=False, known_hashes={})


def _in_order(finer: list[Candles], names: Sequence[str], timeframe: Timeframe) -> list[Candles]:
    """Returns the finer candles in the order of the symbols; raises BadUsage for a misfit."""
    if not finer:
        return []
    by_name = {c.symbol: _as_they_are(c) for c in finer}
    if len(by_name) != len(finer) or sorted(by_name) != sorted(names):
        raise BadUsage(f"detail: give finer candles once for each of {', '.join(names)}")
    lengths = {c.timeframe for c in finer}
    if len(lengths) > 1:
        raise BadUsage("detail: all finer candles need one timeframe")
    check_divides(lengths.pop(), timeframe)
    return [by_name[name] for name in names]


def _check_names(names: Sequence[str], given: Sequence[Candles], timeframe: Timeframe) -> None:
    twice = {name for name in names if list(names).count(name) > 1}
    if twice:
        raise BadUsage(f"symbols: {min(twice)} is named twice; name each symbol once")
    for candles in given:
        if candles.timeframe != timeframe:
            raise BadUsage(
                f"{candles.name}: all traded candles need one timeframe, here {timeframe}"
            )
