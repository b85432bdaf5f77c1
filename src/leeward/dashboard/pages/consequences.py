"""What an order of an operator will do to the account as it is now, in words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from leeward.dashboard.pages import parts
from leeward.engine.records import TradingState
from leeward.report.elements import Html, element
from leeward.report.words import amount, percent
from leeward.runtime.overview import Overview, Position


def halting(found: Overview) -> Html:
    """Returns what a halt does."""
    lines = ["No new position is opened from now on, also after a restart, until somebody resumes."]
    if found.state is TradingState.HALTED:
        lines.insert(0, "The account is halted already; another halt changes nothing.")
    held = found.positions
    if held:
        names = ", ".join(_kept(each) for each in held)
        lines.append(
            f"{_count(held)} kept, with stops, and sold when the exit comes: {names}. "
            "To sell now, flatten as well."
        )
    else:
        lines.append("Nothing is held, so nothing has to be sold.")
    return _told(lines, found)


def resuming(found: Overview) -> Html:
    """Returns what a resume does."""
    lines = ["New positions are allowed again, from the next closed candle on."]
    if found.state is not TradingState.HALTED:
        lines.insert(0, "The account is not halted; resuming changes nothing.")
    elif found.reason:
        lines.append(f"It was halted because of: {found.reason.replace('_', ' ')}.")
    if found.drawdown_fraction:
        lines.append(
            "If the drawdown limit halted it, drawdown counts anew from the present equity "
            f"{_amount(found.equity, found.quote)}: a loss of "
            f"{percent(found.drawdown_fraction, 2)} below the peak is accepted."
        )
    return _told(lines, found)


def flattening(found: Overview) -> Html:
    """Returns what a flatten does."""
    held = found.positions
    if not held:
        return _told(["Nothing is held, so nothing would be sold."], found)
    worth = [_worth(each) for each in held]
    known = [each for each in worth if each is not None]
    lines = [
        (
            "These are sold at the market within seconds, and their stops are withdrawn with the "
            f"sale: {', '.join(_sold(each, found.quote) for each in held)}. Choose one symbol to "
            "sell it alone."
        )
    ]
    if known:
        lines.append(f"Together about {amount(float(sum(known)))} {found.quote} before fees.")
    lines.append("Trading goes on: to open nothing afterwards, halt first.")
    return _told(lines, found)


def swapping(found: Overview) -> Html:
    """Returns what a swap does."""
    name = "" if found.session is None else found.session.started.strategy.rpartition(":")[2]
    held = found.positions
    lines = [
        (f"{name or 'The strategy'} goes on until the new one is loaded, checked, and, with a "
        "shadow, tried beside it; then they change places at a candle close, at once or not at "
        "all."),
        f"{_count(held)} protected by stops throughout; below you choose what becomes of "
        f"{'it' if len(held) == 1 else 'them'}." if held else "Nothing is held now.",
    ]  # fmt: skip
    return _told(lines, found)


def _told(lines: Sequence[str], found: Overview) -> Html:
    if not found.alive:
        lines = [
            *lines,
            (
                "No process trades the account now: the order is written down and carried out "
                "first thing when one starts. Stops at the exchange hold meanwhile."
            ),
        ]
    return element("ul", *[element("li", line) for line in lines])


def _count(held: Sequence[Position]) -> str:
    return "The open position is" if len(held) == 1 else f"The {len(held)} open positions are"


def _kept(held: Position) -> str:
    stop = "no stop" if held.stop is None else f"stop {parts.price(held.stop)}"
    return f"{held.symbol} {parts.quantity(held.quantity)} ({stop})"


def _sold(held: Position, quote: str) -> str:
    worth = _worth(held)
    about = "" if worth is None else f" (about {amount(float(worth))} {quote})"
    return f"{held.symbol} {parts.quantity(held.quantity)}{about}"


def _worth(held: Position) -> Decimal | None:
    return None if held.last_price is None else held.last_price * held.quantity


def _amount(value: Decimal | None, quote: str) -> str:
    return "unknown" if value is None else f"{amount(float(value))} {quote}"
