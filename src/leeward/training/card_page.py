"""The model card as one page that needs no network: figures, pictures and every gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import groupby

from leeward.report.elements import Html, element, join, number_table, pairs, tone, typeset
from leeward.report.sections import card
from leeward.report.words import percent
from leeward.training.bundle import Metadata
from leeward.training.card import (
    COLUMNS,
    GateRow,
    banner,
    facts,
    failed_words,
    figure_rows,
    gate_rows,
    verdict,
)
from leeward.training.card_pictures import fold_picture, order_picture, path_picture

#: What the card has beside the style of all pages.
_STYLE = """
.gates { table-layout: auto; }
.gates th.kind { vertical-align: top; font-weight: 500; }
.gates td.name { white-space: normal; min-width: 20ch; }
.gates td.outcome { font-weight: 600; width: 6ch; }
.gates tbody tr.first > * { border-top: 1px solid var(--quiet); }
.gates tbody tr > * { border-bottom: 0; padding-top: 3px; padding-bottom: 3px; }
.gates tbody tr:first-child > * { border-top: 0; }
svg.picture { display: block; width: 100%; height: auto; margin-top: 6px; }
.wide svg.picture { min-width: 720px; }
svg.picture text { font-size: 12px; fill: var(--ink); }
svg.picture text.axis { fill: var(--quiet); font-size: 11px; }
.tile .value { white-space: normal; }
"""


def card_page(metadata: Metadata) -> str:
    """Returns the card as one page that needs no network."""
    name = str(metadata["model_id"])
    learns = f"{metadata['symbol']} {metadata['timeframe']}, {metadata['kind']}"
    body = join((
        element("header", element("div", "LEEWARD MODEL", class_="brand"), element("h1", name),
                element("p", f"{learns}; {metadata['version']}, made {metadata['created_at'][:10]}",
                        class_="quiet")),
        element("main", _warning(banner(metadata)),
                element("p", typeset(verdict(metadata)), class_="verdict"),
                _tiles(metadata), _rivals(metadata), _paths_and_folds(metadata), _gates(metadata),
                card("What it is made of", pairs(facts(metadata), wide=True))),
        element("footer", "Made by Leeward. Past figures are no promise and no advice."),
    ))  # fmt: skip
    style = files("leeward.report").joinpath("page.css").read_text("utf-8")
    return "".join((
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        element("title", f"{name}: model card"),
        f"\n<style>\n{style}{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n",
    ))  # fmt: skip


def _warning(said: str | None) -> Html | None:
    if said is None:
        return None
    title, _, rest = said.partition(": ")
    return element("p", element("b", title), rest, class_="banner warn", role="note")


def _tiles(metadata: Metadata) -> Html:
    own, beside = metadata["metrics"], metadata["baselines"]
    shrink = metadata["calibration"]["shrink"]
    passed = sum(gate["pass"] for gate in metadata["gates"])
    coverage = metadata["calibration"]["coverage"]
    shown = [
        ("Right", percent(_value(own, "accuracy")), _reach(own.get("accuracy"))),
        ("Return after costs", percent(_value(own, "return_net"), sign=True),
         (f"holding {percent(_value(beside, 'holding.return_net'), sign=True)}, "
          f"the rule {percent(_value(beside, 'rule.return_net'), sign=True)}")),
        ("90 % intervals hold", percent(coverage),
         "of test moves" if coverage is not None else "none for probabilities"),
        ("Confidence", f"× {shrink:.2f}",
         "so it sizes nothing" if shrink == 0.0 else "of what its forecasts say"),
        ("Gates passed", f"{passed} of {len(metadata['gates'])}",
         f"status {metadata['status']}, {metadata['status_cap']} at most"),
    ]  # fmt: skip
    return element("div", *(_tile(*each) for each in shown), class_="tiles")


def _value(figures: Mapping[str, Mapping[str, float]], name: str) -> float | None:
    return figures.get(name, {}).get("value")


def _reach(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "never judged"
    return f"{percent(figure['low'])} to {percent(figure['high'])} of {figure['n']:,} moves"


def _tile(label: str, value: str, note: str) -> Html:
    return element(
        "div",
        element("span", typeset(label), class_="label"),
        element("span", typeset(value), class_=f"value {tone(value)}".strip()),
        element("span", typeset(note), class_="note"),
        class_="tile",
    )


def _rivals(metadata: Metadata) -> Html:
    return card(
        "Beside the simplest rivals",
        number_table(("", *(words for _, words, _ in COLUMNS)), figure_rows(metadata)),
        element("h3", "Rank IC with its 95 % interval; at the line the order is chance"),
        element("div", order_picture(metadata), class_="scroll wide"),
        note="All on the same windows, after every training part. Right: share of moves told up "
        "from down. Error ratio: squared error over that of 'price stays'; below 1 is better. "
        "Rank IC: order of forecasts against order of moves. Sharpe and return: long while the "
        "forecast is up.",
    )


def _paths_and_folds(metadata: Metadata) -> Html | None:
    folds, paths = fold_picture(metadata), path_picture(metadata)
    if folds is None:
        return None
    combined = metadata["splits"].get("combinatorial")
    walked = card(
        "How it was tested",
        folds,
        note="Each row trains, stops early by the validation part, and is judged on what comes "
        "next. The shipped weights are from the last row.",
    )
    if paths is None or combined is None:
        return walked
    told = (
        f"Sharpe after costs on {len(combined['sharpe_net'])} histories, put together from "
        f"{combined['trainings']} trainings that each left out {combined['tested']} of "
        f"{combined['groups']} parts (CPCV). One history is one throw of the dice."
    )
    return element("div", walked, card("Combined paths", paths, note=told), class_="columns")


def _gates(metadata: Metadata) -> Html:
    rows: list[Html] = []
    for kind, each in groupby(gate_rows(metadata), lambda row: row.kind):
        rows += _group(kind, list(each))
    head = [
        element("th", words, scope="col", class_=place or False)
        for words, place in (("", ""), ("", ""), ("found", "number"), ("asked", "number"), ("", ""))
    ]
    table = element(
        "table", element("thead", element("tr", *head)), element("tbody", *rows), class_="gates"
    )
    words = failed_words(metadata)
    return card(
        "Gates",
        element("div", table, class_="scroll"),
        note=f"{words[0].upper()}{words[1:]}. A failed file or tripwire rejects a model; anything "
        "else that fails leaves it on paper at most.",
    )


def _group(kind: str, rows: Sequence[GateRow]) -> Iterator[Html]:
    """Yields the rows of one kind; its name spans them."""
    for number, row in enumerate(rows):
        name = element("th", kind, scope="rowgroup", rowspan=str(len(rows)), class_="kind")
        asked = row.asked.replace("<=", "≤").replace(">=", "≥")
        yield element(
            "tr",
            None if number else name,
            element("td", row.looked_at, class_="name"),
            element("td", typeset(row.found), class_="number"),
            element("td", asked, class_="number"),
            element(
                "td",
                "ok" if row.passed else "failed",
                class_="outcome gain" if row.passed else "outcome loss",
            ),
            class_=False if number else "first",
        )
