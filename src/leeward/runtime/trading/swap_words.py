"""A swap in words: what will happen and when, and what a strategy in its shadow would have done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from leeward.domain.times import iso
from leeward.engine.records import SessionStarted
from leeward.runtime.swap_wish import Wish
from leeward.runtime.trading.chosen import Chosen
from leeward.runtime.trading.lineage import titled
from leeward.runtime.trading.views import Choice, StepChoices

if TYPE_CHECKING:
    from leeward.runtime.trading.session import TradingSession

_HELD = {
    "adopt": "keeps its stop, and the new one decides its exit",
    "manage_out": "stays with the old one until it is closed",
    "close": "is sold then",
}


def switch_ms(session: TradingSession, shadow_left: int) -> int:
    """Returns the close at which a candidate that is ready now takes over."""
    length_ms = session.plan.timeframe.length_ms
    series = ((symbol, session.plan.timeframe.name) for symbol in session.decider.symbols)
    newest = max((session.decider.last_ms(each) or 0 for each in series), default=0)
    return newest + (2 + shadow_left) * length_ms


def plan_words(session: TradingSession, present: SessionStarted, chosen: Chosen, wish: Wish) -> str:
    """Returns what will happen at the swap, and when."""
    new = titled(chosen.name, chosen.strategy.params)
    old = titled(present.strategy, present.facts.get("params"))
    at = iso(switch_ms(session, wish.shadow))
    said = [f"{new} takes over from {old} at the candle close of {at}"]
    if wish.shadow:
        said.append(f"before that it is tried on {wish.shadow} candles without orders")
    held = [each.symbol for each in session.keeper.books.positions()]
    said.append(f"{', '.join(held)} {_HELD[wish.positions]}" if held else "nothing is held now")
    if chosen.strategy.timeframe != session.plan.timeframe.name:
        said.append(
            f"written for {chosen.strategy.timeframe} candles, it goes on with those of "
            f"{session.plan.timeframe}"
        )
    return "; ".join(said)


def shadow_words(chosen: Chosen, made: StepChoices, left: int) -> str:
    """Returns what a strategy would have decided, and how many candles it is still tried on."""
    said = ", ".join(_choices(made)) or "nothing"
    return f"{chosen.name} at {iso(made.open_time_ms)}: {said} ({left} to go)"


def _choices(made: StepChoices) -> Iterator[str]:
    for each in made.choices:
        if each.decision != "none":
            yield f"{each.symbol} {_words(each)}"


def _words(choice: Choice) -> str:
    match choice.decision:
        case "enter":
            stop = "" if choice.stop is None else f", stop {choice.stop:g}"
            return f"would buy {choice.quantity:g}{stop}"
        case "exit":
            return f"would sell ({choice.reason})"
        case _:
            return f"{choice.decision}{f' ({choice.reason})' * bool(choice.reason)}"
