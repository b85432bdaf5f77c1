"""The Bokeh figures of the page, without data: the page's script fills and colours them.

Names tie the two together: sources and renderers are found by name, and the script gives each
renderer the colour that the page's style sheet holds for it, in light and in dark.
"""

from __future__ import annotations

from collections.abc import Sequence

from bokeh.embed import json_item
from bokeh.layouts import column
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    DatetimeTickFormatter,
    FixedTicker,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    Span,
    WheelZoomTool,
)
from bokeh.plotting import figure
from bokeh.resources import Resources

#: Indicator columns that the price chart has lines for.
OVERLAYS = 6
_DATES = {
    "hourmin": "%H:%M", "hours": "%H:%M", "days": "%d %b %Y", "months": "%b %Y", "years": "%Y",
}  # fmt: skip


def bokeh_script() -> str:
    """Returns the library's code, to be placed in the page."""
    return "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)


def curves_item(names: Sequence[str], log: bool, drawdown: bool) -> object:
    """Returns a figure with one line a name and, where asked, one of drawdown below it."""
    time = Range1d(0, 1)
    curves = _figure(320, time, "curves", log=log)
    for name in names:
        source = _source(f"{name} data", "x", "y")
        curves.line("x", "y", source=source, name=name, line_width=1.6, line_join="round")
    if not drawdown:
        return json_item(curves)
    curves.xaxis.visible = False
    below = _figure(120, time, "below")
    below.yaxis.formatter = NumeralTickFormatter(format="0.[00] %")
    source = _source("drawdown data", "x", "y")
    below.varea("x", y1=0, y2="y", source=source, name="drawdown", fill_alpha=0.35)
    below.line("x", "y", source=source, name="drawdown line", line_width=1)
    return json_item(column(curves, below, sizing_mode="stretch_width", spacing=0))


def price_item(log: bool) -> object:
    """Returns the price figure: candles, indicator lines, and each trade over its life."""
    chart = _figure(460, Range1d(0, 1), "price", log=log)
    for side in ("up", "down"):
        source = _source(f"{side} data", "x", "open", "high", "low", "close", "width")
        chart.segment("x", "low", "x", "high", source=source, name=f"{side} wick", line_width=1)
        chart.vbar(
            "x", "width", "close", "open", source=source, name=side, line_width=1,
        )  # fmt: skip
    overlay = _source("overlay data", "x", *(f"y{i}" for i in range(OVERLAYS)))
    for i in range(OVERLAYS):
        chart.line("x", f"y{i}", source=overlay, name=f"overlay {i}", line_width=1.3)
    for outcome in ("won", "lost"):
        _add_trades(chart, outcome)
    return json_item(chart)


def _add_trades(chart: figure, outcome: str) -> None:
    names = ("x0", "x1", "entry", "exit", "stop", "last_stop", "target")
    lines = _source(f"{outcome} lines", *names)
    marks = _source(f"{outcome} marks", *names)
    for level, dash in (("stop", "solid"), ("last_stop", "dotted"), ("target", "solid")):
        chart.segment(
            "x0", level, "x1", level, source=lines, name=f"{outcome} {level}", line_width=1.4,
            line_dash=dash,
        )  # fmt: skip
    chart.segment(
        "x0", "entry", "x1", "exit", source=lines, name=f"{outcome} held", line_width=2,
        line_dash="dashed",
    )  # fmt: skip
    chart.scatter(
        "x0", "entry", marker="triangle", size=10, source=marks, name=f"{outcome} entry",
        line_width=1,
    )  # fmt: skip
    chart.scatter(
        "x1", "exit", marker="inverted_triangle", size=10, source=marks, name=f"{outcome} exit",
        line_width=1,
    )  # fmt: skip


def _source(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _figure(height: int, time: Range1d, name: str, log: bool = False) -> figure:
    pan, wheel = PanTool(dimensions="width"), WheelZoomTool(dimensions="width")
    # The plain wheel scrolls the page; a pinch on a touch pad arrives as Ctrl + wheel.
    wheel.modifiers = {"ctrl": True}
    line = Span(dimension="height", line_width=1, line_dash="dotted")
    chart = figure(
        name=name, height=height, sizing_mode="stretch_width", x_range=time, y_range=Range1d(1, 2),
        x_axis_type="datetime", y_axis_type="log" if log else "linear", y_axis_location="right",
        tools=[pan, wheel, CrosshairTool(overlay=line)],
        active_drag=pan, active_scroll=wheel, toolbar_location=None,
        background_fill_color=None, border_fill_color=None, outline_line_color=None,
        min_border_left=8, min_border_right=64, min_border_top=8,
        # Canvas only: WebGL would cost a second library for a few hundred bars.
        output_backend="canvas",
    )  # fmt: skip
    chart.xaxis.formatter = DatetimeTickFormatter(**_DATES)
    chart.yaxis.formatter = NumeralTickFormatter(format="0,0.[00000000]")
    for axis in (chart.xaxis, chart.yaxis):
        axis.axis_line_color = axis.minor_tick_line_color = axis.major_tick_line_color = None
        axis.major_label_text_font = "system-ui"
        axis.major_label_text_font_size = "11px"
    if log:
        # Bokeh's own ticks thin out below two decades; the page's script sets better ones.
        chart.yaxis.ticker = FixedTicker(ticks=[])
    else:
        chart.yaxis.ticker.desired_num_ticks = 5
    chart.xgrid.grid_line_color = None
    return chart
