"""A result on one terminal screen, and several side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leeward.report import words
from leeward.report.models import model_banners, model_words
from leeward.report.result import BacktestResult
from leeward.report.words import amount, percent, probability, ratio

_GOOD, _BAD, _QUIET, _WARN = "green", "red", "dim", "bold yellow"
_LABEL_WIDTH = 12
_Write: TypeAlias = Callable[[float | int | None], str]
_Row: TypeAlias = tuple[str, str, _Write]  # label, metric, how to write it


def print_summary(result: BacktestResult, console: Console) -> None:
    """Prints what the backtest earned, what holding earned, and what to be wary of: one screen."""
    _print_banners(result, console)
    _line(console, Text(_title(result), style="bold"))
    _line(console, Text(_assumptions(result), style=_QUIET))
    console.print()
    console.print(_figures(result))
    console.print()
    for label, text in _findings(result):
        _labelled(console, label, text)


def print_comparison(results: Sequence[BacktestResult], console: Console) -> None:
    """Prints several results of the same candles side by side, and buy and hold beside them."""
    first = results[0]
    for result in results:
        _print_banners(result, console, f"{result.inputs['strategy']}: ")
    _line(console, Text(_market(first), style="bold"))
    table = _plain_table()
    table.add_column("")
    for result in results:
        table.add_column(str(result.inputs["strategy"]), justify="right", min_width=12)
    table.add_column("buy and hold", justify="right")
    for name, key, write in _COMPARED:
        cells = [_coloured(write(result.metrics.get(key)), key) for result in results]
        table.add_row(name, *cells, _held(first, key, write))
    console.print(table)
    console.print()
    for result in results:
        _labelled(console, str(result.inputs["strategy"]), words.skill_words(result))
    _labelled(console, "caveats", " ".join(words.caveats(first)))


def _signed(value: float | None) -> str:
    return percent(value, sign=True)


def _count(value: float | None) -> str:
    return "n/a" if value is None else f"{value:,.0f}"


def _times(value: float | None) -> str:
    return "n/a" if value is None else f"{value:,.1f}x equity"


_COMPARED: Final[tuple[_Row, ...]] = (
    ("final equity", "final_equity", amount),
    ("return", "return_fraction", _signed),
    ("CAGR", "cagr", _signed),
    ("max drawdown", "max_drawdown_fraction", percent),
    ("Sharpe", "sharpe", ratio),
    ("trades", "trades", _count),
    ("win rate", "win_rate", percent),
    ("profit factor", "profit_factor", ratio),
    ("exposure", "exposure_fraction", percent),
    ("fees paid", "fees_paid", amount),
    ("PSR", "psr", probability),
)

_ACCOUNT: Final[tuple[_Row, ...]] = (
    ("final equity", "final_equity", amount),
    ("return", "return_fraction", _signed),
    ("CAGR", "cagr", _signed),
    ("max drawdown", "max_drawdown_fraction", percent),
    ("Sharpe", "sharpe", ratio),
    ("Sortino", "sortino", ratio),
    ("Calmar", "calmar", ratio),
    ("exposure", "exposure_fraction", percent),
)
_TRADES: Final[tuple[_Row, ...]] = (
    ("closed", "trades", _count),
    ("win rate", "win_rate", percent),
    ("profit factor", "profit_factor", ratio),
    ("profit a trade", "expectancy", amount),
    ("turnover", "turnover", _times),
    ("fees paid", "fees_paid", amount),
    ("slippage paid", "slippage_paid", amount),
    ("PSR", "psr", probability),
)


def _held(result: BacktestResult, key: str, write: _Write) -> str:
    held = result.comparison["buy_and_hold"]
    return write(held[key]) if key in held else ""


def _print_banners(result: BacktestResult, console: Console, whose: str = "") -> None:
    halted = words.halted_words(result)
    if halted is not None:
        _line(console, Text(f"HALTED  {whose}{halted}", style="bold red"))
    if result.synthetic:
        text = f"SYNTHETIC  {whose}generated candles, not a real market"
        _line(console, Text(text, style=_WARN))
    for title, text in model_banners(result):
        _line(console, Text(f"{title}  {whose}{text}", style=_WARN))


def _title(result: BacktestResult) -> str:
    return f"{result.inputs['strategy']} on {_market(result)}"


def _market(result: BacktestResult) -> str:
    symbols = result.simulation.symbols
    named = ", ".join(symbols[:4]) + (f" and {len(symbols) - 4} more" if len(symbols) > 4 else "")
    days = words.duration_ms(result) / 86_400_000
    span = " to ".join(str(result.inputs.get(name, ""))[:10] for name in ("start", "end"))
    return f"{named} {result.candles[0].timeframe}, {span} ({days:,.0f} days)"


def _assumptions(result: BacktestResult) -> str:
    setup, params = result.setup, result.inputs.get("params")
    given = [f"{k}={v}" for k, v in params.items()] if isinstance(params, Mapping) else []
    costs = (
        f"balance {amount(setup.balance)} {words.quote_of(result)}; each side pays fee "
        f"{setup.fee * 100:g} % and slippage {setup.slippage * 100:g} %"
    )
    return "; ".join([" ".join(given), costs] if given else [costs])


def _figures(result: BacktestResult) -> Table:
    figures = result.metrics
    table = _plain_table()
    for header, justify in (
        ("", "left"), ("strategy", "right"), ("buy and hold", "right"),
        ("    ", "left"), ("trades", "right"),
    ):  # fmt: skip
        table.add_column(header, justify=justify)  # type: ignore[arg-type] # rich types literals
    for (name, key, write), (other, other_key, other_write) in zip(_ACCOUNT, _TRADES, strict=True):
        table.add_row(
            name,
            _coloured(write(figures[key]), key),
            _held(result, key, write),
            f"    {other}",
            other_write(figures[other_key]),
        )
    return table


def _findings(result: BacktestResult) -> list[tuple[str, str]]:
    earned = words.earned_words(result)
    found = [] if earned is None else [("earned", earned)]
    found.append(("costs", words.cost_words(result)))
    intrabar = result.comparison["intrabar"]
    if intrabar["ambiguous_trades"]:
        found.append(("intrabar", _intrabar_words(result)))
    for label, text in (("detail", words.detail_words(result)), ("models", model_words(result))):
        if text is not None:
            found.append((label, text))
    exits = result.breakdowns["exit_reason"]
    found.append((
        "exits",
        ", ".join(
            f"{exit_['name']} {exit_['trades']} ({amount(float(exit_['pnl']), sign=True)})"
            for exit_ in exits
        ) or "no trade was made",
    ))  # fmt: skip
    refused = [f"{name} {count:,}" for name, count in result.refusals.items() if count]
    found.append(("refused", ", ".join(refused) or "no entry"))
    found.append(("data", words.gap_words(result)))
    found.append(("look-ahead", words.lookahead_words(result)))
    found.append(("luck", words.skill_words(result)))
    found.append(("caveats", " ".join(words.caveats(result))))
    return found


def _intrabar_words(result: BacktestResult) -> str:
    intrabar = result.comparison["intrabar"]
    way_out = "" if words.detail_words(result) else "; --detail 1m tells them apart"
    return (
        f"stop and target met in one candle, trades: {intrabar['ambiguous_trades']}; "
        f"{_signed(intrabar['worst_return_fraction'])} with the stop first (as simulated), "
        f"{_signed(intrabar['best_return_fraction'])} with the target first{way_out}"
    )


def _coloured(text: str, key: str) -> Text:
    if key not in {"return_fraction", "cagr"} or text == "n/a":
        return Text(text)
    return Text(text, style=_BAD if text.startswith("-") else _GOOD)


def _plain_table() -> Table:
    return Table(box=None, show_edge=False, pad_edge=False, header_style=_QUIET)


def _labelled(console: Console, label: str, text: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL_WIDTH, style=_QUIET)
    grid.add_column()
    grid.add_row(Text(label), Text(text))
    console.print(grid)


def _line(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=False)
