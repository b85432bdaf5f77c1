"""What a session that was swapped in writes down of how it came about, and what a later start makes
of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from leeward.engine.records import SessionStarted
from leeward.runtime.trading.chosen import Chosen, choose, kept_target
from leeward.runtime.trading.deciders import Caretaker
from leeward.runtime.trading.facts import Asked


def asked_facts(asked: Asked) -> dict[str, object]:
    """Returns what a command line says of the strategy, ready for JSON."""
    return {
        "strategy": asked.strategy,
        "params": dict(asked.params),
        "timeframe": asked.timeframe,
        "symbols": list(asked.symbols),
    }


def strategy_facts(started: SessionStarted) -> dict[str, object]:
    """Returns what finds the strategy of a session again, its models too."""
    facts = started.facts
    return {
        "strategy": started.strategy,
        "params": facts.get("params") or {},
        "version": started.strategy_version,
        "source": facts.get("source"),
        "models": model_pins(facts.get("models")),
        "session": started.session_id,
    }


def model_pins(facts: object) -> dict[str, str]:
    """Returns the hashes of the models that a session names, by name."""
    symbols = facts.values() if isinstance(facts, Mapping) else ()
    used = (each for symbol in symbols if isinstance(symbol, Mapping) for each in symbol.values())
    return {
        str(each["name"]): str(each["sha256"])
        for each in used
        if isinstance(each, Mapping) and {"name", "sha256"} <= each.keys()
    }


def found_again(facts: Mapping[str, object], sessions: Path) -> Chosen:
    """Returns the strategy that `strategy_facts` tell of. Raises where it is no longer there."""
    name, params = str(facts["strategy"]), facts.get("params")
    target = kept_target(name, facts.get("source"), sessions)
    return choose(name, params if isinstance(params, Mapping) else {}, target)


def swap_facts(started: SessionStarted) -> Mapping[str, object]:
    """Returns how the session came about; empty where it began with a command line."""
    facts = started.facts.get("swap")
    return facts if isinstance(facts, Mapping) else {}


def managed_facts(caretakers: Sequence[Caretaker]) -> list[dict[str, object]]:
    """Returns who manages which positions beside the strategy of a session."""
    return [{**each.facts, "positions": sorted(each.positions)} for each in caretakers]


def managers(swap: Mapping[str, object]) -> list[tuple[Mapping[str, object], frozenset[str]]]:
    """Returns what `managed_facts` wrote down: what finds each strategy, and its positions."""
    managed = swap.get("managed")
    return [
        (each, frozenset(str(name) for name in each["positions"]))
        for each in (managed if isinstance(managed, list) else ())
    ]


def goes_on(last: SessionStarted | None, asked: Asked) -> bool:
    """Returns whether a start goes on with what was swapped in: its command line is the one that
    the account was started with before the swap."""
    return last is not None and swap_facts(last).get("asked") == asked_facts(asked)


def is_back(last: SessionStarted, asked: Asked) -> bool:
    """Returns whether the strategy of the command line took over again from another one. From
    itself it did so with another model, which is to stay."""
    now = last.strategy, last.facts.get("params")
    before = swap_facts(last).get("before")
    if not isinstance(before, Mapping) or (before.get("strategy"), before.get("params")) == now:
        return False
    if last.strategy != asked.strategy:
        return False
    return last.facts.get("params") == choose(asked.strategy, asked.params).params


def titled(strategy: str, params: object) -> str:
    """Returns a strategy in words.

    >>> titled("ema_cross", {"fast": 5, "slow": 50})
    'ema_cross (fast=5, slow=50)'
    """
    given = params.items() if isinstance(params, Mapping) else ()
    words = ", ".join(f"{name}={value}" for name, value in given)
    name = strategy.rpartition("/")[2]
    return f"{name} ({words})" if words else name
