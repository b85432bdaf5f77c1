"""Data -> what is drawn, as options of ECharts. Colours are the page's tokens, as in var(--accent):
`assets/chart.js` reads them, so that a chart follows the theme. Pure: nothing here reads or waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from leeward.domain.columns import FloatColumn, IntColumn

Options: TypeAlias = dict[str, object]

#: A curve is drawn with at most so many points; each bucket keeps its lowest and highest.
MOST_POINTS: Final = 2_000
#: So many candles are in view when a chart opens.
FIRST_VIEW: Final = 200
_LINES: Final = tuple(f"var(--line-{place})" for place in range(5))
_MOST_BARS: Final = 40
_NARROWEST: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over time: UTC ms and values of one length; NaN leaves a hole."""

    name: str
    time: IntColumn
    value: FloatColumn
    color: str = "var(--accent)"
    dashed: bool = False


def curve_options(
    curves: Sequence[Curve], below: Curve | None = None, form: str = "money"
) -> Options:
    """Returns lines over time, and `below` (fractions at or under zero, filled) in a pane beneath.

    `form` is how values are written: "money", "percent" or "price".
    """
    grids = [_grid(top=28, bottom="34%" if below is not None else 4)]
    axes = [_time_axis(0, labels=below is None)]
    scales = [_scale(0, form)]
    series = [_line(curve, 0, form) for curve in curves]
    if below is not None:
        grids.append(_grid(top="72%", bottom=4))
        axes.append(_time_axis(1, labels=True))
        fell = bool(np.nanmin(below.value, initial=0.0) < 0)
        floor = {} if fell else {"min": -0.01}  # else the axis goes up to a hundred
        scales.append({**_scale(1, "percent"), "max": 0, "splitNumber": 2, **floor})
        series.append(
            {
                **_line(below, 1, "percent"),
                "areaStyle": {"color": "var(--fall)"},
                "lineStyle": {"width": 1, "color": below.color},
            }
        )
    drawn = {"grid": grids, "xAxis": axes, "yAxis": scales, "series": series}
    return {**_base(), "legend": _legend([curve.name for curve in curves]), **drawn}


def thinned(
    time: IntColumn, value: FloatColumn, most: int = MOST_POINTS
) -> tuple[IntColumn, FloatColumn]:
    """Returns at most `most` of the points, with the lowest and highest of each bucket, the first
    and the last.

    >>> rows, values = thinned(np.arange(10), np.array([0.0, 5, 1, 1, 1, 9, 1, 1, 1, 2]), 6)
    >>> rows.tolist(), values.tolist()
    ([0, 1, 5, 6, 9], [0.0, 5.0, 9.0, 1.0, 2.0])
    """
    if len(time) <= most:
        return time, value
    edges = np.linspace(0, len(time), max(2, (most - 2) // 2) + 1).astype(np.int64)
    known = np.where(np.isfinite(value), value, 0.0)
    rows = {0, len(time) - 1}
    for start, end in pairwise(edges):
        part = known[start:end]
        rows |= {int(start + part.argmin()), int(start + part.argmax())}
    kept = np.array(sorted(rows), dtype=np.int64)
    return time[kept], value[kept]


def histogram_options(values: Sequence[float], name: str = "Trades") -> Options:
    """Returns how often trade returns (fractions) fell where, losses and gains in colours of their
    own, zero on an edge between two bars."""
    edges = histogram_edges(values)
    counts, _ = np.histogram(np.asarray(values, dtype=np.float64), bins=edges)
    bars = [
        {
            "value": int(count),
            "itemStyle": {"color": "var(--loss)" if high <= 0 else "var(--gain)"},
        }
        for count, high in zip(counts, edges[1:], strict=True)
    ]
    words = [
        f"{low * 100:.4g} to {high * 100:.4g} %".replace("-", "−") for low, high in pairwise(edges)
    ]
    text = {**_text(), "alignMinLabel": "left", "alignMaxLabel": "right"}
    return {
        **_base(),
        "grid": [_grid(top=12, bottom=4)],
        "xAxis": [{"type": "category", "data": words, "axisLabel": text, "axisLine": _rule()}],
        "yAxis": [{**_scale(0, "count"), "minInterval": 1}],
        "series": [
            {"type": "bar", "id": "bars|count", "name": name, "data": bars, "barCategoryGap": "8%"}
        ],
    }


def histogram_edges(values: Sequence[float]) -> FloatColumn:
    """Returns the edges of bars of one width; zero is one of them.

    >>> histogram_edges([-0.02, 0.01, 0.03]).round(4).tolist()
    [-0.02, -0.01, 0.0, 0.01, 0.02, 0.03]
    """
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    width = _round_up((high - low) / min(_MOST_BARS, max(5, int(math.sqrt(len(values)) * 2))))
    first = min(math.floor(low / width + 1e-9), -1 if low < 0 else 0)
    last = max(math.ceil(high / width - 1e-9), 1 if high > 0 else 0, first + 1)
    edges = np.arange(first, last + 1, dtype=np.float64) * width
    # Rounding must not push the smallest or the largest out of its bar.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _round_up(width: float) -> float:
    """Returns the next 1, 2 or 5 times a power of ten."""
    if width < _NARROWEST:
        return _NARROWEST
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))


def candle_options(overlays: Sequence[str], lower: str, *, predicted: bool) -> Options:
    """Returns the chart of one symbol; its rows come apart, as columns (`chart.js: load`).

    Columns: time, open, close, low, high, volume; `overlays` and `lower` by their names; stop and
    target while a position was held; entry and exit, prices of fills, with entry_told and
    exit_told; prediction, prediction_floor and prediction_width where `predicted`.
    """
    series: list[Options] = [_candles(), *_marks(), *_plan()]
    series += [_column(name, _LINES[i % len(_LINES)]) for i, name in enumerate(overlays)]
    if predicted:
        series += _predictions()
    series.append(_lower(lower))
    names = [*overlays, "stop", "target", "entries", "exits"]
    names += ["prediction"] if predicted else []
    crossed: Options = {
        "trigger": "axis",
        "axisPointer": {"type": "cross", "label": {"show": False}},
    }
    return {
        **_base(),
        "tooltip": {**_tooltip(), **crossed},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "legend": _legend(names),
        "grid": [_pane(top=34, bottom=166), _pane(top="auto", bottom=62) | {"height": 80}],
        "xAxis": [_category(0, labels=False), _category(1, labels=True)],
        "yAxis": [
            {
                **_scale(0, "price"),
                "position": "right",
                "axisLabel": {**_text(), "showMinLabel": False, "showMaxLabel": False},
            },
            {**_scale(1, "count"), "position": "right", "splitNumber": 2},
        ],
        "dataZoom": [
            {"type": "inside", "xAxisIndex": [0, 1], "minValueSpan": 10},
            _slider(),
        ],
        "series": series,
    }


def _slider() -> Options:
    return {
        "type": "slider",
        "xAxisIndex": [0, 1],
        "bottom": 8,
        "height": 22,
        "minValueSpan": 10,
        "borderColor": "var(--rule)",
        "fillerColor": "var(--area)",
        "textStyle": {"color": "var(--quiet)"},
        "showDetail": False,
        "showDataShadow": False,
        "brushSelect": False,
    }


def _candles() -> Options:
    return {
        "type": "candlestick",
        "name": "price",
        "columns": ["open", "close", "low", "high"],
        "large": True,
        "progressive": 0,
        "itemStyle": {
            "color": "var(--up)",
            "color0": "var(--down)",
            "borderColor": "var(--up)",
            "borderColor0": "var(--down)",
        },
    }


def _marks() -> list[Options]:
    looks = (
        ("entries", "entry", "triangle", "var(--accent)"),
        ("exits", "exit", "path://M0 0H10L5 10Z", "var(--hold)"),
    )
    return [
        {
            "type": "scatter",
            "name": name,
            "columns": [column],
            "marks": f"{column}_told",
            "symbol": shape,
            "symbolSize": 10,
            "symbolOffset": [0, 5 if column == "entry" else -5],  # the tip is at the price
            "z": 6,
            "itemStyle": {"color": color, "borderColor": "var(--card)", "borderWidth": 1.5},
        }
        for name, column, shape, color in looks
    ]


def _plan() -> list[Options]:
    """Stop and target of what was held, each a step line of its own dashes."""
    return [
        _column("stop", "var(--stop)", [4, 3]) | {"step": "middle", "sampling": False},
        _column("target", "var(--target)", [8, 3]) | {"step": "middle", "sampling": False},
    ]


def _predictions() -> list[Options]:
    """The interval as a band: its floor without a colour, and its width stacked on it."""
    edge: Options = {"type": "line", "stack": "band", "symbol": "none", "silent": True, "z": 1}
    bare = {"lineStyle": {"opacity": 0}}
    return [
        edge | bare | {"name": "_floor", "columns": ["prediction_floor"]},
        edge | bare | {
            "name": "_width", "columns": ["prediction_width"],
            "areaStyle": {"color": "var(--band)"},
        },
        _column("prediction", "var(--told)"),
    ]  # fmt: skip


def _column(name: str, color: str, dashes: list[int] | None = None) -> Options:
    return {
        "type": "line",
        "name": name,
        "columns": [name],
        "symbol": "none",
        "sampling": "lttb",
        "connectNulls": False,
        "animation": False,
        "itemStyle": {"color": color},
        "lineStyle": {"width": 1.2, "color": color, "type": dashes or "solid"},
    }


def _lower(name: str) -> Options:
    place = {"xAxisIndex": 1, "yAxisIndex": 1}
    if name != "volume":
        return _column(name, "var(--line-0)") | place
    return {
        "type": "bar",
        "name": name,
        "id": "volume|count",
        "columns": [name],
        "large": True,
        "itemStyle": {"color": "var(--line-4)"},
        **place,
    }


def _base() -> Options:
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"color": "var(--quiet)", "fontFamily": "system-ui, sans-serif"},
        "tooltip": _tooltip(),
        "aria": {"enabled": False},  # the element says in words what is drawn
    }


def _tooltip() -> Options:
    return {
        "trigger": "axis",
        "backgroundColor": "var(--card)",
        "borderColor": "var(--edge)",
        "textStyle": {"color": "var(--ink)", "fontSize": 12.5},
        "axisPointer": {"lineStyle": {"color": "var(--edge)"}},
        "transitionDuration": 0,
    }


def _legend(names: Sequence[str]) -> Options:
    return {
        "type": "scroll",
        "top": 0,
        "left": 0,
        "itemHeight": 8,
        "itemWidth": 18,
        "data": list(names),
        "textStyle": {"color": "var(--ink)"},
        "inactiveColor": "var(--edge)",
        "pageIconColor": "var(--accent)",
        "pageTextStyle": {"color": "var(--quiet)"},
    }


def _grid(top: int | str, bottom: int | str) -> Options:
    return {"left": 12, "right": 20, "top": top, "bottom": bottom, "containLabel": True}


def _pane(top: int | str, bottom: int | str) -> Options:
    """Panes that share a time axis have the same edges, whatever their labels."""
    return {"left": 8, "right": 76, "top": top, "bottom": bottom, "outerBoundsMode": "none"}


def _text() -> Options:
    return {"color": "var(--quiet)", "hideOverlap": True, "fontSize": 11.5}


def _rule() -> Options:
    return {"lineStyle": {"color": "var(--rule)"}}


def _time_axis(place: int, *, labels: bool) -> Options:
    return {
        "type": "time",
        "gridIndex": place,
        "axisLabel": {**_text(), "show": labels},
        "axisLine": _rule(),
        "axisTick": {"show": False},
        "splitLine": {"show": False},
    }


def _category(place: int, *, labels: bool) -> Options:
    return {
        "type": "category",
        "gridIndex": place,
        "labels": "time",
        "axisLabel": {**_text(), "show": labels},
        "axisLine": _rule(),
        "axisTick": {"show": False},
    }


def _scale(place: int, form: str) -> Options:
    return {
        "type": "value",
        "gridIndex": place,
        "scale": True,
        "labels": form,
        "axisLabel": _text(),
        "splitLine": {"lineStyle": {"color": "var(--grid)"}},
    }


def _line(curve: Curve, place: int, form: str) -> Options:
    time, value = thinned(curve.time, curve.value)
    points = [
        [at, None if not math.isfinite(each) else each]
        for at, each in zip(time.tolist(), value.tolist(), strict=True)
    ]
    return {
        "type": "line",
        "id": f"{curve.name}|{form}",
        "name": curve.name,
        "xAxisIndex": place,
        "yAxisIndex": place,
        "data": points,
        "symbol": "none" if len(points) > 1 else "circle",
        "itemStyle": {"color": curve.color},
        "lineStyle": {
            "width": 1.6,
            "color": curve.color,
            "type": [5, 4] if curve.dashed else "solid",
        },
    }


def rows_of(columns: Mapping[str, FloatColumn]) -> dict[str, list[float | None]]:
    """Returns columns as JSON knows them: None for what is not known."""
    return {
        name: [each if math.isfinite(each) else None for each in column.tolist()]
        for name, column in columns.items()
    }
