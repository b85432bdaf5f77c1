"""What has to be said of the models behind a result, before anything it earned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from leeward.domain.times import parse_time
from leeward.report.reasons import LADDER_WORDS

if TYPE_CHECKING:
    from leeward.report.result import BacktestResult

#: Needs whose facts describe a model.
_MODELS = ("sentiment", "prediction")
_NAMES = {"sentiment": "sentiment model", "prediction": "price model"}


class Banner(NamedTuple):
    title: str
    text: str


def model_banners(result: BacktestResult) -> list[Banner]:
    """Returns what comes first where models were used: no edge, raw sizes, candles they know."""
    return [*_banners(result)]


def _banners(result: BacktestResult) -> Iterator[Banner]:
    models = {facts["name"]: facts for _, _, facts in _used(result)}
    unproven = [facts for facts in models.values() if not facts["proven"]]
    if unproven:
        named = ", ".join(f"{m['name']} ({m['status_cap']} at most)" for m in unproven)
        yield Banner(
            "NO DEMONSTRATED EDGE",
            f"{named} did not pass the gates; whatever is earned here is no reason to expect more",
        )
    for facts in models.values():
        if facts["quarantined"]:
            yield Banner("QUARANTINED", f"{facts['name']}: a leak tripwire fired in its training")
    if any(facts.get("sizing") == "raw" for facts in _by_symbol(result).values()):
        yield Banner(
            "RAW SIZING",
            "sizes leave out what the forecasts proved worth; with it, an unproven model buys "
            "nothing",
        )
    known = _known_share(result)
    if known > 0:
        yield Banner(
            "IN SAMPLE",
            f"{_percent(known)} of the candles are no later than the model's last one of "
            "training; what it earned on them proves nothing",
        )


def model_words(result: BacktestResult) -> str | None:
    """Returns which models were asked and who decided how often, None where none was asked."""
    parts = [
        f"{symbol} {_NAMES[need]} {facts['name']} {facts['version']}, {facts['status']}, "
        f"shrink {facts['shrink']:.2g}"
        for symbol, need, facts in _used(result)
    ]
    if not parts:
        return None
    for symbol, facts in _by_symbol(result).items():
        data = facts.get("sentiment_data")
        if data is not None and not data["days"]:
            parts.append(f"{symbol} no {data['source']} sentiment stored")
        if "sentiment" in facts and facts["sentiment"] is None:
            parts.append(f"{symbol} no sentiment model")
    return "; ".join([*parts, *_ladder_words(result)])


def _ladder_words(result: BacktestResult) -> list[str]:
    start = result.setup.start_ms or 0
    steps = [f["ladder"][f.open_time >= start] for f in result.frames if "ladder" in f]
    if not steps:
        return []
    ladder = np.concatenate(steps)
    ladder = ladder[np.isfinite(ladder)]
    if not len(ladder):
        return []
    shares = [(name, float(np.mean(ladder == step))) for step, name in LADDER_WORDS.items()]
    return ["decided by " + ", ".join(f"{n} {_percent(s)}" for n, s in shares if s)]


def _by_symbol(result: BacktestResult) -> Mapping[str, Mapping[str, Any]]:
    models = result.inputs.get("models")
    return models if isinstance(models, Mapping) else {}


def _used(result: BacktestResult) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for symbol, facts in _by_symbol(result).items():
        for need in _MODELS:
            if facts.get(need) is not None:
                yield symbol, need, facts[need]


def _known_share(result: BacktestResult) -> float:
    """Returns the share of the steps that a model in use was trained on."""
    times = [parse_time(facts["trained_to"], "trained_to") for _, _, facts in _used(result)]
    steps = result.simulation.open_time
    return float(np.mean(steps <= max(times))) if times and len(steps) else 0.0


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
