"""What a result depends on, and the hash that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from leeward import __version__
from leeward.domain.candles import Candles
from leeward.domain.times import iso
from leeward.runtime.request import Request
from leeward.strategies.base import Strategy


def describe_inputs(request: Request) -> dict[str, object]:
    """Returns everything the result depends on but the strategy's code, ready for JSON."""
    setup, candles = request.setup, request.candles
    start = setup.start_ms if setup.start_ms is not None else min(c.open_time[0] for c in candles)
    end = max(c.open_time[-1] for c in candles) + candles[0].timeframe.length_ms
    further = {
        f"{c.symbol} {symbol} {timeframe}": _content(other)
        for c, others in zip(candles, request.further, strict=True)
        for (symbol, timeframe), other in others.items()
    }
    models = {"models": request.models} if request.models else {}
    return {
        "strategy": strategy_name(type(request.strategy)),
        "params": request.strategy.params,
        "symbols": [c.symbol for c in candles],
        "timeframe": candles[0].timeframe.name,
        "start": iso(int(start)),
        "end": iso(int(end)),
        "balance": setup.balance,
        "fee": setup.fee,
        "slippage": setup.slippage,
        "risk": asdict(setup.limits),
        "instruments": {i.symbol: asdict(i) for i in setup.instruments},
        "max_candles": setup.max_candles,
        "ratchet_stop": setup.ratchet_stop,
        "data": {c.symbol: _content(c) for c in candles},
        "detail": {c.name: _content(c) for c in request.detail or ()},
        "informative": further,
        **models,
    }


def strategy_name(strategy: type[Strategy]) -> str:
    """Returns the name that finds a built-in strategy, else the name of the class."""
    room, _, module = strategy.__module__.rpartition(".")
    return module if room == "leeward.strategies" else strategy.__name__


def _content(candles: Candles) -> dict[str, object]:
    return {"rows": len(candles), "sha256": candles.sha256, "gaps": len(candles.gaps)}


def result_id(inputs: Mapping[str, object], source_sha256: str) -> str:
    """Returns the sha256 of the inputs, the strategy's code and the engine's version."""
    identity = {"inputs": inputs, "strategy_code": source_sha256, "engine": __version__}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
