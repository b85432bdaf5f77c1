"""From the account's books to what the decision core sees, and from its choices to records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books, Held
from leeward.engine.gate import Door, admit, room
from leeward.engine.records import (
    EquityMarked,
    Executed,
    IntentMade,
    Plan,
    PlanChanged,
    Record,
)
from leeward.runtime.trading.entering import (
    Entering,
    Identity,
    cut_to,
    entry_intent,
    stop_price,
)
from leeward.runtime.trading.views import (
    AccountView,
    Choice,
    Marks,
    OpenPosition,
    StepChoices,
)
from leeward.statistics.account import moved_part

#: What the gate says where less of it would do.
_CUT: Final = frozenset({"max_position", "max_exposure", "insufficient_cash"})


@dataclass(frozen=True, slots=True)
class StepDecision:
    """What one step writes down, in one commit; `entries` are to be sent after it, and the symbols
    in `changed` need tending: they are `leaving`, or their stop was raised."""

    records: tuple[Record, ...]
    entries: tuple[IntentMade, ...]
    changed: tuple[str, ...]
    leaving: frozenset[str] = frozenset()


def decimals(prices: Mapping[str, float]) -> dict[str, Decimal]:
    """Returns the shortest decimals that read back as these floats."""
    return {name: Decimal(repr(price)) for name, price in prices.items()}


def account_view(
    books: Books,
    symbols: Sequence[str],
    timeframe: Timeframe,
    prices: Mapping[str, Decimal],
) -> AccountView:
    """Returns the account as the decision core sees it, from exact books.

    What came in (or went out) without a trade of ours since the last mark moves that mark, its peak
    and its base along in proportion: a deposit is no profit, a withdrawal no loss, and neither
    changes how much of the peak is lost.
    """
    held = {symbol: books.position(symbol) for symbol in symbols}
    value = books.equity(prices)
    return AccountView(
        cash=float(value.cash),
        equity=float(value.equity),
        positions={name: _seen(each) for name, each in held.items() if each is not None},
        buying={
            symbol: float(amount)
            for symbol in symbols
            if held[symbol] is None and (amount := books.buying(symbol)) > 0
        },
        stopped_ms={name: timeframe.floor(at_ms) for name, at_ms in books.stop_outs.items()},
        before=None if books.marked is None else _marks(books.marked, books.unmarked_flow),
    )


def _seen(held: Held) -> OpenPosition:
    nan = float("nan")
    stop, target = held.plan.stop, held.plan.target
    return OpenPosition(
        quantity=float(held.quantity.value),
        entry_price=nan if held.entry_price is None else float(held.entry_price.value),
        entry_time_ms=held.entry_time_ms,
        stop=nan if stop is None else float(stop.value),
        target=nan if target is None else float(target.value),
        closing=held.closing is not None,
    )


def _marks(marked: EquityMarked, flow: Decimal) -> Marks:
    equity = max(Decimal(0), marked.equity + flow)
    part = moved_part(marked.equity, flow)
    return Marks(
        equity=float(equity),
        cash=float(marked.cash + flow),
        exposure=float(marked.exposure),
        peak=float(marked.peak * part),
        day_base=float(marked.day_base * part),
        day_ends_ms=marked.day_ends_ms,
        daily_loss=marked.daily_loss,
        halted=marked.halted,
    )


def step_records(
    made: StepChoices, books: Books, who: Identity, door: Door, how: Entering
) -> StepDecision:
    """Returns the records of a step: the account's mark, a row a symbol, raised stops and exits,
    then the entries that pass the gate, by rank."""
    entries: list[IntentMade] = []
    refused: dict[str, str] = {}
    wanted = [choice for choice in made.choices if choice.decision == "enter"]
    for choice in sorted(wanted, key=lambda choice: choice.rank):
        intent = _admitted(choice, entries, books, who, door, how)
        if isinstance(intent, str):
            refused[choice.symbol] = intent
        else:
            entries.append(intent)
    ids = {intent.key.symbol: intent.intent_id for intent in entries}
    rows = [
        _executed(_after_gate(choice, refused), who, made.open_time_ms, ids, door.now_ms)
        for choice in made.choices
    ]
    plans = [
        changed for choice in made.choices if (changed := _plan(choice, books, door)) is not None
    ]
    marked = _marked(made, books, who, door)
    return StepDecision(
        (marked, *rows, *(plan for _, plan in plans), *entries),
        tuple(entries),
        tuple(symbol for symbol, _ in plans),
        frozenset(symbol for symbol, plan in plans if plan.closing is not None),
    )


def _admitted(
    choice: Choice,
    beside: Sequence[IntentMade],
    books: Books,
    who: Identity,
    door: Door,
    how: Entering,
) -> IntentMade | str:
    """Returns the intent, cut to what limits and cash allow, or why there is none.

    The core has sized it by the same limits and the same closes; it takes what leaves at this close
    for sold, knows no dust that could be sold by now and no buys of unknown outcome, and cash by
    floats.
    """
    rules = door.rules.get(choice.symbol)
    if rules is None:
        return "not_allowed"
    intent = entry_intent(who, choice, rules, how, door.now_ms)
    reason = admit(books, intent, door, beside)
    if reason not in _CUT:
        return reason or intent
    cut = cut_to(choice, intent, rules, _most(intent, beside, books, door, how))
    if cut is None:
        return reason
    intent = entry_intent(who, cut, rules, how, door.now_ms)
    return admit(books, intent, door, beside) or intent


def _most(
    intent: IntentMade, beside: Sequence[IntentMade], books: Books, door: Door, how: Entering
) -> Decimal:
    """Returns the base units that the limits leave at the last close, and cash at the cap."""
    symbol, bought = intent.key.symbol, intent.orders[0]
    assert bought.quantity is not None, "it was sized"
    assert bought.price is not None, "entries have a price cap"
    reserved = books.reserved + sum((each.reserved.amount for each in beside), Decimal(0))
    return min(
        bought.quantity.value,
        room(books, symbol, door, beside) / door.prices[symbol],
        (books.cash - reserved) / (bought.price.value * (1 + how.fee)),
    )


def _after_gate(choice: Choice, refused: Mapping[str, str]) -> Choice:
    if choice.symbol not in refused:
        return choice
    return replace(choice, decision="refused", reason=refused[choice.symbol], quantity=None)


def _marked(made: StepChoices, books: Books, who: Identity, door: Door) -> EquityMarked:
    exact, marks = books.equity(door.prices), made.marks
    return EquityMarked(
        session_id=who.session_id,
        open_time_ms=made.open_time_ms,
        equity=exact.equity,
        cash=exact.cash,
        exposure=exact.exposure,
        peak=Decimal(repr(marks.peak)),
        day_base=Decimal(repr(marks.day_base)),
        day_ends_ms=marks.day_ends_ms,
        daily_loss=marks.daily_loss,
        halted=marks.halted,
        at_ms=door.now_ms,
    )


def _executed(
    choice: Choice, who: Identity, open_time_ms: int, ids: Mapping[str, str], at_ms: int
) -> Executed:
    candle = choice.candle
    return Executed(
        session_id=who.session_id,
        symbol=choice.symbol,
        open_time_ms=open_time_ms,
        data_state=choice.data_state,
        candle=None
        if candle is None
        else (candle.open, candle.high, candle.low, candle.close, candle.volume),
        decision=choice.decision,
        reason=choice.reason,
        entry_tag=choice.entry_tag,
        exit_tag=choice.exit_tag,
        size=choice.size,
        stop=choice.stop,
        target=choice.target,
        confidence=choice.confidence,
        # Of the model in charge, where a strategy asks more than one.
        prediction=choice.columns.get("told", choice.columns.get("prediction")),
        quantity=choice.quantity,
        intent_id=ids.get(choice.symbol),
        trend=choice.trend,
        columns=choice.columns,
        at_ms=at_ms,
    )


def _plan(choice: Choice, books: Books, door: Door) -> tuple[str, PlanChanged] | None:
    """Returns the change of a position's plan: it is to be closed, or its stop rises."""
    held = books.position(choice.symbol)
    if held is None or held.closing is not None:
        return None
    if choice.decision == "exit":
        plan, closing, why = held.plan, choice.reason, choice.exit_tag
    elif choice.raised_to is not None:
        rules = door.rules[choice.symbol]
        plan = Plan(stop_price(choice.raised_to, rules), held.plan.target)
        closing, why = None, "raised"
    else:
        return None
    changed = PlanChanged(held.position_id, plan, closing, door.now_ms, why)
    return choice.symbol, changed
