"""The pictures of a model card, as SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from leeward.domain.times import parse_time
from leeward.report.elements import Html, element, typeset
from leeward.training.bundle import Metadata

_WIDTH: Final = 1040
_ROW: Final = 24
_LABEL: Final = 130
_ORDERED: Final = {
    "reversal": "reversal",
    "logistic": "logistic",
    "lightgbm": "LightGBM",
}


class _Span(NamedTuple):
    """A row of a picture: its name, a value and how far it may lie from there."""

    name: str
    value: float
    low: float
    high: float


def order_picture(metadata: Metadata) -> Html | None:
    """Returns the rank IC of the model and of every learner beside it; None where none has one."""
    own, beside = metadata["metrics"], metadata["baselines"]
    figures = {
        f"mean of {len(metadata['training']['seeds'])} seeds": own.get("rank_ic"),
        "shipped network": own.get("rank_ic_shipped"),
        **{words: beside.get(f"{name}.rank_ic") for name, words in _ORDERED.items()},
    }
    rows = [
        _Span(name, each["value"], each["low"], each["high"])
        for name, each in figures.items()
        if each is not None and None not in (each["value"], each["low"], each["high"])
    ]
    return _whiskers(rows, "Rank IC of each learner with its interval") if rows else None


def _whiskers(rows: Sequence[_Span], title: str) -> Html:
    low, high = min(0.0, *(r.low for r in rows)), max(0.0, *(r.high for r in rows))
    scale = _Scale(low, high)
    bottom = _ROW * len(rows) + 4
    parts = [_line(scale.x(0.0), 0, scale.x(0.0), bottom, "var(--quiet)")]
    for number, row in enumerate(rows):
        y = _ROW * number + 14
        colour = "var(--accent)" if number < 2 else "var(--hold)"
        parts += [
            _text(0, y + 4, row.name),
            _line(scale.x(row.low), y, scale.x(row.high), y, colour, 2.5),
            _dot(scale.x(row.value), y, colour),
        ]
    parts += [
        _text(scale.x(value), bottom + 14, f"{value:+.2f}" if value else "0", "middle", "axis")
        for value in (low, 0.0, high)
    ]
    return _picture(parts, bottom + 20, title)


def path_picture(metadata: Metadata) -> Html | None:
    """Returns the Sharpe ratio of each combined path as a dot; None where there are none."""
    combined = metadata["splits"].get("combinatorial")
    if combined is None:
        return None
    sharpes = sorted(combined["sharpe_net"])
    low, high = min(-0.5, *sharpes), max(0.5, *sharpes)
    scale = _Scale(low, high, 24, 400)
    parts = [
        _line(scale.x(low), 30, scale.x(high), 30, "var(--rule)", 2),
        _line(scale.x(0.0), 10, scale.x(0.0), 50, "var(--quiet)"),
        _text(scale.x(0.0), 66, "0", "middle", "axis"),
        *(_dot(scale.x(s), 30, "var(--gain)" if s > 0 else "var(--loss)", 6) for s in sharpes),
    ]
    parts += [
        _text(scale.x(s), 22, f"{s:+.2f}", "middle", "axis") for s in sharpes[:: len(sharpes) - 1]
    ]
    return _picture(parts, 72, "Sharpe ratio after costs of each combined path", 424)


def fold_picture(metadata: Metadata) -> Html | None:
    """Returns the parts of every fold on the line of time; None where there are none."""
    folds = metadata["splits"]["folds"]
    if not folds:
        return None
    ends = [(_at(f, "train_first"), _at(f, "test_last")) for f in folds]
    first, last = min(e[0] for e in ends), max(e[1] for e in ends)
    scale = _Scale(first, last, 60, 400)
    colours = {"train": "var(--grid)", "validate": "var(--hold)", "test": "var(--accent)"}
    parts = []
    for number, fold in enumerate(folds):
        y = _ROW * number + 4
        parts.append(_text(0, y + 13, f"fold {number + 1}"))
        for part, colour in colours.items():
            left, right = (scale.x(_at(fold, f"{part}_{end}")) for end in ("first", "last"))
            parts.append(_bar(left, y, max(1.0, right - left), colour))
    bottom = _ROW * len(folds) + 18
    dates = (folds[0]["train_first"][:10], folds[-1]["test_last"][:10])
    parts += [
        _text(60, bottom, dates[0], "start", "axis"),
        _text(400, bottom, dates[1], "end", "axis"),
    ]
    for (part, colour), x in zip(colours.items(), (60, 140, 240), strict=True):
        parts += [_bar(x, bottom + 14, 12, colour, 12), _text(x + 18, bottom + 24, part)]
    return _picture(parts, bottom + 34, "Training, validation and test parts of each fold", 424)


def _at(fold: Metadata, name: str) -> int:
    return parse_time(fold[name], name)


class _Scale(NamedTuple):
    """Where a value stands between the left and the right edge, in units of the picture."""

    low: float
    high: float
    left: float = _LABEL
    right: float = _WIDTH - 24

    def x(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.left + share * (self.right - self.left)


def _picture(parts: Sequence[Html], height: float, title: str, width: float = _WIDTH) -> Html:
    named = element("title", title)
    box = f"0 0 {width} {height:g}"
    return element("svg", named, *parts, viewBox=box, class_="picture", role="img")


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> Html:
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    return element("line", **ends, style=f"stroke: {colour}; stroke-width: {width:g}")


def _dot(x: float, y: float, colour: str, radius: float = 4.5) -> Html:
    at = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:g}"}
    return element("circle", **at, style=f"fill: {colour}; fill-opacity: .85")


def _bar(x: float, y: float, width: float, colour: str, height: float = 16) -> Html:
    box = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:g}"}
    return element("rect", **box, rx="2", style=f"fill: {colour}")


def _text(x: float, y: float, words: str, anchor: str = "start", class_: str = "") -> Html:
    at = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text_anchor": anchor}
    return element("text", typeset(words), **at, class_=class_ or False)
