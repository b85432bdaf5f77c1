"""A parity on one terminal screen."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leeward.report.words import minute
from leeward.research.decisions import Difference
from leeward.research.matching import Pair
from leeward.research.parity import Parity

_SHOWN = 12

PART_WORDS: Final = {
    "data": "a candle did not come in time",
    "signal": "another decision or size: the accounts had drifted apart",
    "timing": "entered or left at another candle, or for another reason",
    "fill_price": "another price than the simulation's in the same candle",
    "fee": "another fee",
    "refusal": "an entry was refused by the gate, the state or the venue",
    "missed": "ordered and not filled, or not sold",
}


def print_parity(parity: Parity, console: Console) -> None:
    """Prints what was compared, what differs, and the parts of the gap with their sum."""
    first, marks = parity.recorded.sessions[0], parity.recorded.marks
    chain = " → ".join(session.session_id for session in parity.recorded.sessions)
    span = f"{minute(marks[0].open_time_ms)} to {minute(marks[-1].open_time_ms)}"
    symbols = ", ".join(first.symbols)
    _line(console, f"{first.strategy} on {symbols} {first.timeframe}, {span}", "bold")
    _line(console, f"{first.account}, session {chain}", "dim")
    for note in parity.notes:
        _line(console, note, "bold yellow")
    console.print()
    _print_decisions(parity, console)
    console.print()
    _print_gap(parity, console)
    _print_trades(parity, console)
    console.print()
    if parity.is_clean:
        _line(console, "PARITY  every decision and the whole gap are explained", "bold green")
    else:
        _line(console, "NO PARITY  see what is unexplained above", "bold red")


def _print_decisions(parity: Parity, console: Console) -> None:
    found = parity.decisions
    counts = ", ".join(f"{name} {count:,}" for name, count in found.by_decision.items())
    _line(console, f"decisions  {found.decided:,} compared, {found.alike:,} alike ({counts})")
    explained = len(found.differences) - len(found.unexplained)
    if explained:
        _line(console, f"           {explained:,} differ and the session says why")
    if not found.unexplained:
        _line(console, "           0 unexplained")
        return
    _line(console, f"           {len(found.unexplained):,} UNEXPLAINED", "bold red")
    for each in found.unexplained[:_SHOWN]:
        _line(console, f"  {_difference_words(each)}", "red")
    hidden = len(found.unexplained) - _SHOWN
    if hidden > 0:
        _line(console, f"  and {hidden:,} more; --json has them all")


def _difference_words(found: Difference) -> str:
    what = found.symbol or "account"
    return (
        f"{minute(found.open_time_ms)} {what}: {found.recorded}; the replay says {found.replayed}"
    )


def _print_gap(parity: Parity, console: Console) -> None:
    gap, quote = parity.gap, parity.recorded.terms.quote
    table = Table(box=None, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("profit and loss")
    table.add_column(quote, justify="right")
    table.add_column("")
    table.add_row("session", _money(gap.session), "")
    table.add_row("backtest of the same candles", _money(gap.backtest), "")
    table.add_row("gap", _money(gap.total), "", style="bold")
    for name, amount in gap.parts.by_name().items():
        table.add_row(f"  {name.replace('_', ' ')}", _money(amount), f"  {PART_WORDS[name]}")
    table.add_row("  unexplained", _money(gap.remainder), "")
    console.print(table)
    for fault in gap.faults:
        _line(console, f"FAULT  {fault}", "bold red")


def _print_trades(parity: Parity, console: Console) -> None:
    pairs = parity.gap.pairs
    both = sum(pair.session is not None and pair.backtest is not None for pair in pairs)
    apart = sorted((p for p in pairs if p.why), key=lambda p: -abs(p.parts.total))
    console.print()
    _line(
        console,
        f"trades  {both} in both, {sum(p.backtest is None for p in pairs)} in the session only, "
        f"{sum(p.session is None for p in pairs)} in the backtest only",
    )
    for pair in apart[:_SHOWN]:
        _line(console, f"  {_pair_words(pair)}")
    if len(apart) > _SHOWN:
        _line(console, f"  and {len(apart) - _SHOWN} more; --json has them all")


def _pair_words(pair: Pair) -> str:
    return f"{minute(pair.decided_ms)} {pair.symbol} {_money(pair.parts.total)}: {pair.why}"


def _money(amount: Decimal) -> str:
    """Returns an amount to the last cent that the exchange knows."""
    return f"{amount:+,.8f}" if amount else "0"


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=True)
