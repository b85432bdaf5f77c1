"""Whether what a session leans on is well: feed, exchange, database and models, from what its
process says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from leeward.database import reading

Level = Literal["ok", "warning", "bad", "unknown"]
#: A heartbeat comes every two seconds.
_QUIET_S: Final = 10.0
_FEED_CAUSES: Final = ("stale_candles",)
_EXCHANGE_CAUSES: Final = (
    "exchange_ban",
    "key_refused",
    "still_unknown",
    "clock_step",
    "not_compared",
)


@dataclass(frozen=True, slots=True)
class Health:
    """How one thing does, and in words why."""

    level: Level
    words: str


def feed_health(
    alive: bool, beat_s: float | None, causes: Sequence[str], facts: Mapping[str, object]
) -> Health:
    if not alive:
        return Health("unknown", "no process trades this account now")
    if beat_s is not None and beat_s > _QUIET_S:
        return Health("bad", f"the process has said nothing for {beat_s:.0f} s")
    behind_ms = number(facts.get("behind_ms")) or 0.0
    if any(cause in causes for cause in _FEED_CAUSES):
        return Health("bad", f"a candle is {behind_ms / 1000:.0f} s overdue")
    if behind_ms > 0:
        return Health("warning", f"a candle is {behind_ms / 1000:.0f} s late")
    return Health("ok", "candles come in time")


def exchange_health(
    alive: bool, beat_s: float | None, causes: Sequence[str], facts: Mapping[str, object]
) -> Health:
    if not alive:
        return Health("unknown", "no process trades this account now")
    if beat_s is not None and beat_s > _QUIET_S:
        return Health("unknown", f"the process has said nothing for {beat_s:.0f} s")
    wrong = [cause for cause in causes if cause in _EXCHANGE_CAUSES]
    if wrong:
        return Health("bad", f"trading is reduced: {', '.join(wrong)}")
    if facts.get("reconciled") is False:
        return Health("warning", "books and exchange were not found to agree yet")
    return Health("ok", "books and exchange agree")


def database_health(alive: bool, beat_s: float | None, causes: Sequence[str]) -> Health:
    """Returns how the database does for a session that has not ended: one that takes nothing takes
    no word of that either."""
    if alive and "database" in causes:
        return Health("bad", "the process writes to its journal: the database is down or behind")
    if beat_s is not None and beat_s > _QUIET_S:
        words = f"nothing was written for {beat_s:.0f} s: the process ended or hangs"
        return Health("unknown", f"{words}, or the database does not take it")
    return Health("ok", "answers")


def model_health(session: reading.Session | None, facts: Mapping[str, object]) -> Health:
    if session is None or not session.started.facts.get("models"):
        return Health("unknown", "the strategy uses no model")
    signs = [mapping(each) for each in mapping(facts.get("models")).values()]
    if not signs:
        return Health("unknown", "no model has answered yet")
    wrong = [
        f"{each.get('name')}: {each.get('why')}" for each in signs if each.get("state") != "sound"
    ]
    if wrong:
        return Health("warning", "; ".join(wrong))
    return Health("ok", f"{', '.join(str(each.get('name')) for each in signs)}: sound")


def model_caveats(facts: Mapping[str, object]) -> tuple[str, ...]:
    """Returns what has to stand wherever a session is shown, by the facts it began with: which of
    its models have no demonstrated edge, and that sizes leave that out."""
    symbols = [mapping(each) for each in mapping(facts.get("models")).values()]
    models = [mapping(told) for each in symbols for told in each.values()]
    unproven = sorted({str(each["name"]) for each in models if each.get("proven") is False})
    caveats = []
    if unproven:
        caveats.append(f"no demonstrated edge: {', '.join(unproven)}")
    if any(each.get("sizing") == "raw" for each in symbols):
        caveats.append("raw sizing: sizes leave out what the forecasts proved worth")
    return tuple(caveats)


def mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
