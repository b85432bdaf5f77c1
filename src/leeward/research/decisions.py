"""Takes each decision of a session again, with the account it had, and lists what differs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from leeward.domain.trades import EXIT_REASONS
from leeward.engine.decide import decide
from leeward.engine.records import Executed, TradingState
from leeward.engine.state import BUY, NO_ORDER, SELL, Market, Record
from leeward.research.account import Stood, accounts_before
from leeward.research.recorded import KNOWN_IN_TIME
from leeward.research.stepwise import Replay, go_on_from
from leeward.risk.refusals import BELOW_MINIMUM, REFUSALS
from leeward.simulation.account import new_account
from leeward.simulation.loop import begin_day, mark, raise_stops

#: What the gate says where the state of trading forbids an entry.
_STATES = frozenset(state.value.lower() for state in TradingState)
#: Refusals that the core gives itself; those after `below_minimum` come with the fill.
_OF_CORE = frozenset(REFUSALS[: BELOW_MINIMUM + 1])
#: How far a number may be off: columns of a window equal those of all candles to 1e-9 each.
_CLOSE = 1e-8


@dataclass(frozen=True, slots=True)
class Answer:
    """What the core decides for one symbol, in the words of `leeward.engine.records.Executed`."""

    decision: str
    reason: str = ""
    quantity: float | None = None
    stop: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision, or the marked account (symbol ""), that is not what the replay gives. `cause` is
    "data" or "refusal" where the session says why, "" where nothing explains it."""

    symbol: str
    open_time_ms: int
    recorded: str
    replayed: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DecisionParity:
    """`decided` counts rows that were compared, `alike` those that agree; `by_decision` counts the
    session's own words."""

    steps: int
    decided: int
    alike: int
    by_decision: Mapping[str, int]
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        return tuple(found for found in self.differences if not found.cause)


def compare_decisions(replay: Replay) -> DecisionParity:
    """Returns every decision of the session beside the one that the replay takes."""
    recorded = replay.recorded
    differences: list[Difference] = []
    words: Counter[str] = Counter()
    decided = alike = 0
    for stood in accounts_before(replay):
        differences += _account_differences(replay, stood)
        answers = _answers(replay, stood)
        for symbol, answer in zip(replay.layout.symbols, answers, strict=True):
            row = recorded.executed.get((symbol, stood.mark.open_time_ms))
            found = _difference(symbol, stood, row, answer)
            decided += 1
            alike += found is None
            words[row.decision if row is not None else "no row"] += 1
            differences += [found] if found is not None else []
    return DecisionParity(
        len(recorded.marks), decided, alike, dict(words.most_common()), tuple(differences)
    )


def managers_at(replay: Replay, stood: Stood) -> dict[str, Replay]:
    """Returns who decided on a symbol where that was a strategy of before a swap."""
    return {
        symbol: manager
        for symbol, position_id in stood.held.items()
        for manager, positions in replay.managed
        if position_id in positions
    }


def _answers(replay: Replay, stood: Stood) -> list[Answer]:
    """Returns the decision on every symbol, of whoever took it."""
    managers = managers_at(replay, stood)
    found = dict(
        zip(replay.layout.symbols, answers_at(replay, stood, managers).answers, strict=True)
    )
    for symbol, manager in managers.items():
        s = manager.layout.symbols.index(symbol)
        found[symbol] = answers_at(manager, stood).answers[s]
    return list(found.values())


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """One step taken again: the core's records after it, and what they say a symbol."""

    t: int
    market: Market
    account: Record
    positions: Record
    orders: Record
    answers: tuple[Answer, ...]


def answers_at(replay: Replay, stood: Stood, without: Iterable[str] = ()) -> Decided:
    """Returns what raising stops and deciding give at the step, from the account it had; on the
    symbols of `without` others decide."""
    t, market = replay.step(stood.mark.open_time_ms), replay.as_seen
    if others := [replay.layout.symbols.index(symbol) for symbol in without]:
        row = market.row.copy()
        row[others, t] = -1
        market = market._replace(row=row)
    advice, rules = replay.layout.advice, replay.rules
    account, positions, orders = core_records(replay, stood)
    waiting = orders["action"].copy()
    refusals = np.zeros((len(orders), len(REFUSALS)), np.int64)
    raise_stops(t, market, advice, rules, positions)
    decide(t, market, advice, rules, account, positions, orders, refusals)
    answers = tuple(
        answer_of(int(waiting[s]), positions[s], orders[s], refusals[s]) for s in range(len(orders))
    )
    return Decided(t, market, account, positions, orders, answers)


def core_records(replay: Replay, stood: Stood) -> tuple[Record, Record, Record]:
    """Returns account, positions and orders as the core reads them, marked at the step."""
    mark_, layout = stood.mark, replay.layout
    account, positions, orders = new_account(float(mark_.equity), len(layout.symbols))
    account["cash"] = float(mark_.cash)
    go_on_from(account, mark_)
    for s, symbol in enumerate(layout.symbols):
        held = stood.view.positions.get(symbol)
        if held is not None:
            positions[s].quantity = held.quantity
            positions[s].entry_price = held.entry_price
            positions[s].stop, positions[s].target = held.stop, held.target
            positions[s].entry_row = row_at(layout.market, s, held.entry_time_ms)
            orders[s].action = SELL if held.closing else NO_ORDER
        elif symbol in stood.view.buying:
            orders[s].action, orders[s].quantity = BUY, stood.view.buying[symbol]
        if symbol in stood.view.stopped_ms:
            positions[s].stop_row = row_at(layout.market, s, stood.view.stopped_ms[symbol])
    return account, positions, orders


def row_at(market: Market, s: int, open_time_ms: int) -> int:
    """Returns the symbol's row of the first candle that opens at the time or later; before the
    first, as if no candle had been missing: so a session takes it too."""
    times = market.open_time[market.row[s] >= 0]
    if len(times) and open_time_ms < times[0]:
        return -int((times[0] - open_time_ms) // market.length_ms)
    return int(np.searchsorted(times, open_time_ms))


def answer_of(waiting: int, position: Record, order: Record, refused: Record) -> Answer:
    """Returns the decision on one symbol in words; `waiting` is the order it had before, `refused`
    how often the gate gave each reason."""
    if waiting != NO_ORDER:
        return Answer("hold", "closing" if waiting == SELL else "buying")
    if order.action == BUY:
        numbers = (float(order.quantity), _known(order.stop), _known(order.target))
        return Answer("enter", "", *numbers)
    if order.action == SELL:
        return Answer("exit", EXIT_REASONS[order.reason])
    if refused.any():
        return Answer("refused", REFUSALS[int(np.argmax(refused))])
    return Answer("hold" if position.quantity > 0 else "none")


def _difference(
    symbol: str, stood: Stood, row: Executed | None, answer: Answer
) -> Difference | None:
    """Returns how the session's row and the replay's answer differ, None where they agree."""
    time = stood.mark.open_time_ms
    if row is None:
        return Difference(symbol, time, "nothing written down", _words(answer))
    said = Answer(row.decision, row.reason)
    if row.decision == "enter":
        said = Answer("enter", "", row.quantity, row.stop, row.target)
    if said.decision == "skipped" and answer.decision in {"none", "hold"}:
        return None
    if _agree(said, answer):
        return None
    cause = _cause(row, stood) if answer.decision == "enter" else ""
    return Difference(symbol, time, _words(said), _words(answer), cause)


def _cause(row: Executed, stood: Stood) -> str:
    """Returns what kept an entry that the core wants from being made, "" for nothing."""
    if row.data_state not in KNOWN_IN_TIME:
        return "data"
    if row.decision not in {"refused", "skipped"}:
        return ""
    if row.reason in _STATES:
        return "refusal" if row.reason.upper() in {stood.state, *stood.moved} else ""
    return "" if row.reason in _OF_CORE else "refusal"


def _agree(said: Answer, answer: Answer) -> bool:
    numbers = zip(
        (said.quantity, said.stop, said.target),
        (answer.quantity, answer.stop, answer.target),
        strict=True,
    )
    same = (said.decision, said.reason) == (answer.decision, answer.reason)
    return same and all(_same(one, other) for one, other in numbers)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_CLOSE)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _words(answer: Answer) -> str:
    numbers = [
        f"{name} {value:.12g}"
        for name, value in (
            ("quantity", answer.quantity),
            ("stop", answer.stop),
            ("target", answer.target),
        )
        if value is not None
    ]
    said = f"{answer.decision} ({answer.reason})" if answer.reason else answer.decision
    return ", ".join([said, *numbers])


def _account_differences(replay: Replay, stood: Stood) -> Iterator[Difference]:
    """Yields what the session marked otherwise than follows from its fills and its mark before."""
    now, view, before = stood.mark, stood.view, stood.view.before
    pairs = {"equity": (float(now.equity), view.equity), "cash": (float(now.cash), view.cash)}
    if before is not None and before.halted <= now.halted:
        account, _, _ = new_account(before.equity, 1)
        go_on_from(account, before)
        closes_at = now.open_time_ms + replay.layout.market.length_ms
        if closes_at > before.day_ends_ms:
            begin_day(closes_at, account)
        mark(0, view.equity, replay.rules, account)
        pairs |= {
            "peak": (float(now.peak), float(account["peak"][0])),
            "day's base": (float(now.day_base), float(account["day_base"][0])),
            "day's end": (now.day_ends_ms, int(account["day_ends"][0])),
            "daily loss": (int(now.daily_loss), int(account["daily_loss"][0])),
            "halted": (int(now.halted), int(account["halted_step"][0] >= 0)),
        }
    # Which close of a symbol whose candle is late is the last one known, nobody wrote down.
    rows = (replay.recorded.executed.get((s, now.open_time_ms)) for s in replay.layout.symbols)
    late = any(row is not None and row.data_state not in KNOWN_IN_TIME for row in rows)
    for name, (marked, replayed) in pairs.items():
        if not math.isclose(marked, replayed, rel_tol=_CLOSE):
            said, follows = (f"{name} {value:.12g}" for value in (marked, replayed))
            yield Difference("", now.open_time_ms, said, follows, "data" if late else "")
