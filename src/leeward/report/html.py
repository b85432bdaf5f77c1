"""The HTML report: one file with everything in it, which opens without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from leeward.domain.candles import Candles
from leeward.report import charts, payload, sections, words
from leeward.report.elements import Html, element, folded, join, number_table
from leeward.report.files import write_whole
from leeward.report.result import BacktestResult
from leeward.report.rows import plain
from leeward.report.sections import card
from leeward.report.words import amount, percent, probability, ratio
from leeward.statistics.comparison import hold_equity

#: A curve or price that spans more than this factor is drawn on a logarithmic scale.
_LOG_FROM = 3.0
_SAIL = Html('<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M11 2v15H3zM13 6l8 11h-8z"/>'
             '<path d="M2 19h20l-3 3H5z"/></svg>')  # fmt: skip


def write_report(
    path: Path, results: Sequence[BacktestResult], certificates: Sequence[Mapping[str, object]] = ()
) -> None:
    """Writes one page for one or several results; raises CannotWrite where the disk refuses."""
    write_whole(path, page(results, certificates).encode())


def page(
    results: Sequence[BacktestResult], certificates: Sequence[Mapping[str, object]] = ()
) -> str:
    """Returns the page: its style, its figures, its script and the library that draws them."""
    *names, last = dict.fromkeys(_name(result) for result in results)
    title = f"{', '.join(names)} and {last}" if names else last
    several = len(results) > 1
    views = [
        element(
            "div", _view(result, certificates, several), id=f"result-{i}", class_="result",
            data_result=str(i),
        )
        for i, result in enumerate(results)
    ]  # fmt: skip
    body = join((
        element("header", element("div", _SAIL, "LEEWARD BACKTEST", class_="brand"),
                element("h1", title), element("p", _market(results[0]), class_="quiet")),
        element("main", _overview(results) if several else None, *views),
        element("footer", _footer(results)),
        element("noscript", element("p", "The charts and the trade table need JavaScript.")),
    ))  # fmt: skip
    return "".join((
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        element("title", f"{title}: Leeward backtest"),
        f"\n<style>\n{_asset('page.css')}</style>\n</head>\n<body>\n{body}\n",
        f'<script type="application/json" id="report-data">{_data(results)}</script>\n',
        f"<script>\n{charts.bokeh_script()}\n</script>\n",
        f"<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n",
    ))  # fmt: skip


def _view(
    result: BacktestResult, certificates: Sequence[Mapping[str, object]], several: bool
) -> Html:
    return join((
        element("h2", _name(result)) if several else None,
        sections.banners(result),
        sections.verdict(result),
        sections.tiles(result),
        sections.checks(result),
        _curves_card(result),
        _price_card(result),
        card("Monthly returns", sections.monthly_heat(result),
             note="Change of equity over each month in per cent; the first and last may be cut."),
        _trades_card(result),
        _trade_figures(result) if len(result.simulation.trades) else None,
        card("Refused entries", sections.refusals(result)),
        card("Data", sections.data_certificate(result, certificates)),
        card("Inputs and limits", sections.described(result.inputs),
             note="Everything the result depends on, but the strategy's code."),
        card("Read before you believe it", sections.caveat_list(result)),
        element("p", "Result ", element("code", result.result_id), class_="note"),
    ))  # fmt: skip


def _curves_card(result: BacktestResult) -> Html:
    note = "Marked at the close of every candle, after costs. Click a name to hide its line."
    if _curves_log([result]):
        note += " Logarithmic scale."
    legend = [_toggle("equity", "Strategy", "--accent"), _toggle("hold", "Buy and hold", "--hold")]
    return card(
        "Equity and drawdown",
        element("div", element("div", *legend, class_="legend"), class_="controls"),
        element("div", class_="readout", aria_live="off"),
        element("div", class_="plot curves"),
        note=note,
    )


def _toggle(target: str, text: str, color: str) -> Html:
    return element(
        "button", text, type="button", aria_pressed="true", data_line=target,
        style=f"--swatch:var({color})",
    )  # fmt: skip


def _price_card(result: BacktestResult) -> Html:
    symbols = result.simulation.symbols
    options = [element("option", symbol, value=str(i)) for i, symbol in enumerate(symbols)]
    picker = element("select", *options, class_="symbol", aria_label="Symbol")
    spans = [_button(text, span=days) for text, days in (
        ("1 week", "7"), ("1 month", "30"), ("3 months", "91"), ("1 year", "365"), ("All", "all"),
    )]  # fmt: skip
    moves = [_button(text, move=move, aria_label=label) for text, move, label in (
        ("◀", "-0.5", "Earlier"), ("▶", "0.5", "Later"),
        ("−", "2", "Zoom out"), ("+", "0.5x", "Zoom in"),
    )]  # fmt: skip
    controls = element(
        "div",
        picker if len(symbols) > 1 else element("b", symbols[0]),
        element("span", *spans, class_="group"),
        element("span", *moves, class_="group"),
        class_="controls",
    )
    return card(
        "Price and trades",
        controls,
        element("div", class_="legend"),
        element("div", class_="readout"),
        element("div", class_="plot price"),
        element("p", class_="note shown"),
        note="Drag to move; Ctrl and the wheel, a pinch, or the buttons to zoom.",
    )


def _button(text: str, **data: str) -> Html:
    label = data.pop("aria_label", False)
    given = {f"data_{name}": value for name, value in data.items()}
    return element("button", text, type="button", aria_label=label, **given)


def _trades_card(result: BacktestResult) -> Html:
    if not len(result.simulation.trades):
        return card("Trades", sections.no_trades(result))
    return card(
        "Trades",
        element("div", element("table", class_="trades"), class_="scroll"),
        element("div", class_="controls more"),
        note="Click a heading to sort, a number to see the trade in the chart. Times are UTC, the "
        "open of the candle in which the fill happened.",
    )


def _trade_figures(result: BacktestResult) -> Html:
    kinds = [("exit_reason", "Exit", "By exit reason")]
    if any(group["name"] for group in result.breakdowns["entry_tag"]):
        kinds.append(("entry_tag", "Entry tag", "By entry tag"))
    if len(result.simulation.symbols) > 1:
        kinds.append(("symbol", "Symbol", "By symbol"))
    months = folded("Show every month", sections.breakdown(result, "month", "Month"))
    return join((
        _columns(card("Distribution of trade returns", sections.distribution(result)),
                 card("What if", sections.what_if(result))),
        _columns(*(card(title, sections.breakdown(result, kind, head))
                   for kind, head, title in kinds),
                 card("By month of exit", months)),
    ))  # fmt: skip


def _columns(*cards: Html) -> Html:
    return element("div", *cards, class_="columns")


def _overview(results: Sequence[BacktestResult]) -> Html:
    tabs = [
        element("button", _name(result), type="button", role="tab", data_tab=str(i),
                aria_selected="true" if i == 0 else "false", aria_controls=f"result-{i}")
        for i, result in enumerate(results)
    ]  # fmt: skip
    rows = [_overview_row(_name(r), r.metrics, r.metrics["psr"]) for r in results]
    rows.append(_overview_row("Buy and hold", results[0].comparison["buy_and_hold"], None))
    headers = (
        "",
        "Final equity",
        "Return",
        "CAGR",
        "Max drawdown",
        "Sharpe",
        "Trades",
        "Won",
        "PSR",
    )
    legend = [
        _toggle(f"series {i}", _name(result), f"--series-{i % 6}")
        for i, result in enumerate(results)
    ]
    legend.append(_toggle("hold", "Buy and hold", "--hold"))
    table = card(
        "Side by side",
        number_table(headers, rows),
        element("div", element("div", *legend, class_="legend"), class_="controls"),
        element("div", class_="readout"),
        element("div", class_="plot overview"),
        note="Same candles, same balance, same costs and limits; holding pays no costs."
        + (" Logarithmic scale." if _curves_log(results) else ""),
        id_="overview",
    )
    return join((table, element("div", *tabs, class_="tabs", role="tablist")))


def _overview_row(
    name: str, figures: Mapping[str, float | int | None], psr: float | int | None
) -> tuple[str, ...]:
    trades = figures.get("trades")
    return (
        name,
        amount(figures["final_equity"]),
        percent(figures["return_fraction"], sign=True),
        percent(figures["cagr"], sign=True),
        percent(figures["max_drawdown_fraction"]),
        ratio(figures["sharpe"]),
        "" if trades is None else f"{trades:,}",
        percent(figures["win_rate"]) if trades else "",
        "" if psr is None else probability(psr),
    )


def _data(results: Sequence[BacktestResult]) -> str:
    distinct: dict[str, Candles] = {c.sha256 + c.symbol: c for r in results for c in r.candles}
    length = payload.shown_length(list(distinct.values()))
    values = sum(
        len(payload.merge(c, length).time) * len(payload.overlay_names(frame))
        for r in results
        for c, frame in zip(r.candles, r.frames, strict=False)
    )
    overlays = values <= payload.MOST_OVERLAY_VALUES
    document: dict[str, object] = {
        "candles": {key: payload.candle_payload(c, length) for key, c in distinct.items()},
        "results": [_result_data(result, length, overlays) for result in results],
        "overlays_left_out": not overlays,
    }
    if len(results) > 1:
        names = [*(f"series {i}" for i in range(len(results))), "hold"]
        document["overview"] = charts.curves_item(names, _curves_log(results), drawdown=False)
    # "<" is escaped so that no text can end the script element.
    return json.dumps(plain(document), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _result_data(result: BacktestResult, length: int, overlays: bool) -> dict[str, object]:
    pairs = list(zip(result.candles, result.frames, strict=False)) if overlays else []
    span = max(float(c.high.max() / c.low.min()) for c in result.candles)
    return {
        "name": _name(result),
        "candles": [c.sha256 + c.symbol for c in result.candles],
        "overlays": [payload.overlay_payload(c, frame, length) for c, frame in pairs],
        "trades": payload.trade_payload(result),
        "equity": payload.equity_payload(result),
        "curves": charts.curves_item(("hold", "equity"), _curves_log([result]), drawdown=True),
        "price": charts.price_item(span > _LOG_FROM),
    }


def _curves_log(results: Sequence[BacktestResult]) -> bool:
    first = results[0]
    curves = [result.simulation.equity for result in results]
    hold = hold_equity(first.candles, first.simulation.open_time, first.setup.balance)
    every = np.concatenate([*curves, [first.setup.balance] if hold is None else hold])
    return bool(every.min() > 0 and every.max() / every.min() > _LOG_FROM)


def _name(result: BacktestResult) -> str:
    return str(result.inputs["strategy"])


def _market(result: BacktestResult) -> str:
    symbols = ", ".join(result.simulation.symbols)
    start, end = (str(result.inputs[name])[:10] for name in ("start", "end"))
    setup = result.setup
    return (
        f"{symbols}, {result.candles[0].timeframe} candles, {start} to {end}. "
        f"Starting with {amount(setup.balance)} {words.quote_of(result)}; each side pays "
        f"{setup.fee * 100:g} % fee and {setup.slippage * 100:g} % slippage."
    )


def _footer(results: Sequence[BacktestResult]) -> str:
    seconds = sum(result.timing.get("total_s", 0.0) for result in results)
    return (
        f"Made by Leeward in {seconds:.2f} s. A backtest shows what rules would have done in the "
        "past under the stated assumptions. It is no promise and no advice."
    )


def _asset(name: str) -> str:
    return files("leeward.report").joinpath(name).read_text("utf-8")
