"""The parts of the page that are text and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from leeward.domain.columns import FloatColumn
from leeward.domain.times import iso
from leeward.report import words
from leeward.report.elements import Html, element, folded, join, number_table, pairs, tone, typeset
from leeward.report.models import model_banners, model_words
from leeward.report.result import BacktestResult
from leeward.report.words import amount, percent, ratio
from leeward.statistics.daily import daily_marks, monthly_returns
from leeward.statistics.trading import summarise_trades, trade_returns

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FEWEST_BARS, _MOST_BARS = 16, 48


def card(title: str, *children: str | None, note: str = "", id_: str = "") -> Html:
    """Returns a titled box."""
    return element(
        "section",
        element("h2", title),
        element("p", note, class_="note") if note else None,
        *children,
        class_="card",
        id=id_ or False,
    )


def banners(result: BacktestResult) -> Html:
    """Returns what has to be read first: a halt, generated data, models without an edge."""
    halted = words.halted_words(result)
    models = [
        _banner("warn", title, f"{text[0].upper()}{text[1:]}.")
        for title, text in model_banners(result)
    ]
    return join([
        halted and _banner("alarm", "HALTED", halted[0].upper() + halted[1:] + "."),
        _banner("warn", "SYNTHETIC", "Generated candles, not a real market.")
        if result.synthetic else None,
        *models,
    ])  # fmt: skip


def _banner(kind: str, title: str, text: str) -> Html:
    return element("p", element("b", title), text, class_=f"banner {kind}", role="note")


def verdict(result: BacktestResult) -> Html:
    """Returns the result in three sentences: what it made, what holding made, and luck."""
    figures, held = result.metrics, result.comparison["buy_and_hold"]
    years = words.duration_ms(result) / (365 * 86_400_000)
    span = f"{years:.1f} years" if years >= 1 else f"{years * 365:.0f} days"
    text = [
        "After costs the account ", _outcome(figures["return_fraction"]),
        typeset(
            f" in {span}, with {percent(figures['exposure_fraction'], 0)} of equity invested on "
            f"average and a largest drawdown of {percent(figures['max_drawdown_fraction'])}. "
        ),
        "Buying and holding ", _outcome(held["return_fraction"]),
        typeset(
            f", falling {percent(held['max_drawdown_fraction'])} on the way. "
            f"{words.skill_words(result)}."
        ),
    ]  # fmt: skip
    return element("p", *text, class_="verdict")


def _outcome(gain: float | None) -> Html:
    if not gain:
        return Html("ended where it began" if gain == 0 else "cannot be valued")
    won = gain > 0
    text = f"{'gained' if won else 'lost'} {percent(abs(gain))}"
    return element("b", typeset(text), class_="gain" if won else "loss")


def tiles(result: BacktestResult) -> Html:
    """Returns the ten numbers that matter."""
    figures, held = result.metrics, result.comparison["buy_and_hold"]
    summary = summarise_trades(result.simulation.trades)
    quote = words.quote_of(result)
    made, yearly = (percent(figures[n], sign=True) for n in ("return_fraction", "cagr"))
    costs = (figures["fees_paid"] or 0.0) + (figures["slippage_paid"] or 0.0)
    shown = (
        ("Return", made, f"to {amount(figures['final_equity'])} {quote}"),
        ("A year (CAGR)", yearly, f"holding {typeset(percent(held['cagr'], sign=True))}"),
        ("Max drawdown", percent(figures["max_drawdown_fraction"]),
         f"holding {percent(held['max_drawdown_fraction'])}"),
        ("Sharpe", ratio(figures["sharpe"]), f"holding {typeset(ratio(held['sharpe']))}"),
        ("Sortino", ratio(figures["sortino"]), f"Calmar {typeset(ratio(figures['calmar']))}"),
        ("Trades", f"{summary.trades:,}", f"won {percent(figures['win_rate'])}"),
        ("Profit factor", ratio(figures["profit_factor"]), "won over lost"),
        ("Profit a trade", amount(figures["expectancy"], sign=True),
         f"{quote}, {typeset(percent(summary.mean_return, 2, sign=True))} of its cost"),
        ("Exposure", percent(figures["exposure_fraction"]),
         f"turnover {ratio(figures['turnover'])} × equity"),
        ("Costs paid", amount(costs), f"slippage {amount(figures['slippage_paid'])}"),
    )  # fmt: skip
    return element("div", *(_tile(*tile) for tile in shown), class_="tiles")


def _tile(label: str, value: str, note: str) -> Html:
    return element(
        "div",
        element("span", label, class_="label"),
        element("span", typeset(value), class_=f"value {tone(value)}".strip()),
        element("span", typeset(note.strip(", ")), class_="note"),
        class_="tile",
    )


def checks(result: BacktestResult) -> Html:
    """Returns what was checked and what it found."""
    found = (
        ("Earned", words.earned_words(result)),
        ("Look-ahead", words.lookahead_words(result)),
        ("Data", words.gap_words(result)),
        ("Detail", words.detail_words(result)),
        ("Models", model_words(result)),
        ("Costs", words.cost_words(result)),
    )
    items = [
        element("li", element("span", name), element("span", typeset(text)))
        for name, text in found
        if text is not None
    ]
    return element("ul", *items, class_="checks")


def monthly_heat(result: BacktestResult) -> Html:
    """Returns the return of every month as a table of years, coloured by size."""
    simulation = result.simulation
    length = result.candles[0].timeframe.length_ms
    marks = daily_marks(simulation.open_time, simulation.equity, length, result.setup.balance)
    months = monthly_returns(marks)
    strongest = max(0.01, *map(abs, months.values()))
    rows = []
    for year in range(int(min(months)[:4]), int(max(months)[:4]) + 1):
        found = [months.get(f"{year}-{month:02d}") for month in range(1, 13)]
        total = math.prod(1 + change for change in found if change is not None) - 1
        cells = [_heat_cell(change, strongest) for change in found]
        whole = percent(total, sign=True)
        rows.append(element(
            "tr", element("th", str(year), scope="row"), *cells,
            element("td", typeset(whole), class_=f"year {tone(whole)}"),
        ))  # fmt: skip
    head = [element("th", name, scope="col") for name in ("", *_MONTHS, "Year")]
    table = element(
        "table", element("thead", element("tr", *head)), element("tbody", *rows), class_="heat"
    )
    return element("div", table, class_="scroll")


def _heat_cell(change: float | None, strongest: float) -> Html:
    if change is None:
        return element("td", "·", class_="none")
    strength = 0.08 + 0.62 * abs(change) / strongest if change else 0.0
    hue = "gain" if change > 0 else "loss"
    text = f"{change * 100:.1f}" if abs(change) < 0.1 else f"{change * 100:.0f}"
    text = "0.0" if text == "-0.0" else typeset(text)
    style = f"background:rgb(var(--{hue}-rgb) / {strength:.2f})"
    return element("td", text, style=style, title=percent(change, 2, sign=True))


def distribution(result: BacktestResult) -> Html:
    """Returns a histogram of trade returns, zero between two bars."""
    trades = result.simulation.trades
    returns = trade_returns(trades)
    edges = _edges(returns)
    counts = np.histogram(returns, edges)[0]
    bars = [
        element(
            "i", class_="gain" if low >= -1e-12 else "loss",
            style=f"height:{100 * count / counts.max():.1f}%",
            title=f"{percent(low)} to {percent(high)}: {count} trades",
        )
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
    ]  # fmt: skip
    chart = element("div", *bars, class_="bars", role="img", aria_label="Histogram of returns")
    summary = summarise_trades(trades)
    facts = (
        ("Mean return of a trade", percent(summary.mean_return, 2, sign=True)),
        ("Median", percent(float(np.median(returns)), 2, sign=True)),
        ("Best and worst",
         f"{amount(summary.best, sign=True)} / {amount(summary.worst, sign=True)}"),
        ("Mean win and loss",
         f"{amount(summary.mean_win, sign=True)} / {amount(summary.mean_loss, sign=True)}"),
        ("Mean time held", f"{summary.mean_candles or 0:,.1f} candles"),
    )  # fmt: skip
    return join((chart, _ticks(edges), pairs(facts)))


def _edges(returns: FloatColumn) -> FloatColumn:
    """Returns bar edges of a round width, zero among them."""
    spread = float(returns.max() - returns.min()) or 0.01
    quartiles = np.percentile(returns, [25, 75])
    width = 2 * float(quartiles[1] - quartiles[0]) / len(returns) ** (1 / 3)
    width = min(max(width, spread / _MOST_BARS), spread / _FEWEST_BARS)
    magnitude = 10.0 ** math.floor(math.log10(width))
    width = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= width * (1 - 1e-9))
    first, last = math.floor(returns.min() / width), math.floor(returns.max() / width) + 1
    return np.arange(first, last + 1) * width


def _ticks(edges: FloatColumn) -> Html:
    every = max(1, math.ceil((len(edges) - 1) / 6))
    zero = int(np.argmin(np.abs(edges)))
    shown = [i for i in range(len(edges)) if (i - zero) % every == 0]
    labels = [
        element(
            "span", typeset(f"{edges[i] * 100:.3g} %"),
            style=f"left:{min(96.0, max(4.0, 100 * i / (len(edges) - 1))):.2f}%",
        )
        for i in shown
    ]  # fmt: skip
    return element("div", *labels, class_="ticks", aria_hidden="true")


def what_if(result: BacktestResult) -> Html:
    """Returns the account's other outcomes: costs, the order of prices, holding."""
    other, own = result.comparison, result.metrics
    rows = [
        ("As simulated", own["final_equity"], own["return_fraction"]),
        ("Same entries, no costs", *_ends(other["costs_0x"])),
        ("Same entries, twice the costs", *_ends(other["costs_2x"])),
        ("Buy and hold, no costs", *_ends(other["buy_and_hold"])),
        *((("The rule ema_cross", *_ends(other["rule"])),) if "rule" in other else ()),
    ]
    intrabar = other["intrabar"]
    count = intrabar["ambiguous_trades"]
    if count:
        best, balance = intrabar["best_return_fraction"], result.setup.balance
        rows.insert(1, ("Target before stop inside candles",
                        None if best is None else balance * (1 + best), best))  # fmt: skip
        finer = words.detail_words(result) is not None
        way_out = "" if finer else "; finer candles (--detail 1m) tell them apart"
        note = (
            f"Trades that met stop and target inside one candle: {count}. As simulated the stop "
            f"came first{way_out}."
        )
    else:
        note = "No trade met stop and target inside one candle."
    table = number_table(
        ("", "Final equity", "Return"),
        [(name, amount(final), percent(gain, sign=True)) for name, final, gain in rows],
    )
    return join((table, element("p", note, class_="note")))


def _ends(figures: Mapping[str, float | int | None]) -> tuple[float | None, float | None]:
    return figures["final_equity"], figures["return_fraction"]


def breakdown(result: BacktestResult, kind: str, title: str) -> Html:
    """Returns the trades of each month, exit reason, entry tag or symbol."""
    rows = [
        (
            str(group["name"]) or "(no tag)",
            f"{group['trades']:,}",
            percent(float(group["win_rate"]), 0),
            amount(float(group["pnl"]), sign=True),
            percent(float(group["mean_return"]), 2, sign=True),
        )
        for group in result.breakdowns[kind]
    ]
    return number_table((title, "Trades", "Won", "Profit", "Mean return"), rows)


def no_trades(result: BacktestResult) -> Html:
    """Returns why there is no trade to show."""
    asked = any(result.refusals.values())
    why = (
        "every entry the strategy asked for was refused (see the refusals below)"
        if asked
        else "the strategy gave no entry signal in this range"
    )
    return element("p", f"No trade was made: {why}.", class_="quiet")


def refusals(result: BacktestResult) -> Html:
    """Returns how often each rule refused an entry, and what the rule is about."""
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            element("td", f"{count:,}", class_="number"),
            element("td", words.REFUSAL_WORDS[name], class_="wrap"),
        )
        for name, count in sorted(result.refusals.items(), key=lambda item: -item[1])
        if count
    ]
    if not rows:
        return element("p", "No entry was refused.", class_="quiet")
    head = [element("th", "Reason", scope="col"), element("th", "Times", class_="number"),
            element("th", "Meaning", scope="col")]  # fmt: skip
    table = element("table", element("thead", element("tr", *head)), element("tbody", *rows))
    return element("div", table, class_="scroll")


def data_certificate(result: BacktestResult, certificates: Sequence[Mapping[str, object]]) -> Html:
    """Returns coverage and every gap of each symbol, and further findings where given."""
    rows, gaps = [], []
    for candles in result.candles:
        found = words.run_gaps(result, candles.symbol)
        missing = sum(gap.missing for gap in found)
        rows.append((
            candles.symbol, words.minute(int(candles.open_time[0])),
            words.minute(int(candles.open_time[-1])), f"{len(candles):,}", f"{len(found)}",
            f"{missing:,}",
        ))  # fmt: skip
        gaps += [
            (f"{candles.symbol} {iso(gap.first)}", iso(gap.last), f"{gap.missing:,}")
            for gap in found
        ]
    headers = ("Symbol", "First candle", "Last candle", "Candles", "Gaps in the run", "Missing")
    listed = (
        folded(f"Every gap ({len(gaps)})", number_table(("From", "To", "Candles missing"), gaps))
        if gaps
        else None
    )
    further = [folded(_certificate_title(values), described(values)) for values in certificates]
    note = "Gaps are kept as gaps: nothing was filled in."
    parts = words.part_words(result)
    if parts:
        note += f" Not in the whole range: {'; '.join(parts)}."
    return join((number_table(headers, rows), element("p", note, class_="note"), listed, *further))


def _certificate_title(values: Mapping[str, object]) -> str:
    named = (str(values[name]) for name in ("symbol", "timeframe") if name in values)
    return f"Certificate of {' '.join(named)}: outliers, flat runs, cross-checks"


def described(values: Mapping[str, object]) -> Html:
    """Returns any JSON-ready mapping: plain values as pairs, then what is nested under its name."""
    nested = {name: value for name, value in values.items() if _is_nested(value)}
    parts = [pairs((name, _text(value)) for name, value in values.items() if name not in nested)]
    for name, value in nested.items():
        parts.append(element("h3", name))
        if isinstance(value, Mapping):
            deeper = any(isinstance(item, Mapping) for item in value.values())
            parts.append(pairs(((str(k), _text(item)) for k, item in value.items()), wide=deeper))
        elif isinstance(value, list):
            rows = [[_text(item) for item in row.values()] for row in value]
            parts.append(number_table(list(value[0]), rows))
    return join(parts)


def _is_nested(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping) and bool(value)


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        items = (f"({_text(v)})" if isinstance(v, (list, tuple)) else _text(v) for v in value)
        return ", ".join(items) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e6 else f"{value:,.2f}"
    return "none" if value is None else str(value)


def caveat_list(result: BacktestResult) -> Html:
    """Returns what a careful reader keeps in mind."""
    return element("ul", *(element("li", text) for text in words.caveats(result)), class_="plain")
