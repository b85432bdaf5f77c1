"""The model card: what a model was made of, how it fared beside the simplest rivals, and which
gates it failed. One terminal screen and one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from leeward.report.elements import Html, element, join, number_table, pairs
from leeward.report.sections import card
from leeward.report.words import percent
from leeward.statistics.forecasts import decisions_to_show
from leeward.training.bundle import Metadata

if TYPE_CHECKING:
    from rich.console import Console

NO_EDGE = "no demonstrated edge"
_COLUMNS = (
    ("accuracy", "Right", True),
    ("mse_ratio", "Error ratio", False),
    ("rank_ic", "Rank IC", False),
    ("sharpe_gross", "Sharpe gross", False),
    ("sharpe_net", "Sharpe net", False),
    ("return_net", "Return net", True),
    ("turns", "Trades", False),
)
_GATES = {
    "G0": "File",
    "G1": "Leak tripwires",
    "G2": "Skill",
    "G3": "Money after costs",
    "G4": "Calibration",
}
_RIVALS = {
    "last_close": "price stays",
    "reversal": "reversal",
    "logistic": "logistic",
    "lightgbm": "LightGBM",
    "holding": "holding",
    "rule": "rule strategy",
}


def banner(metadata: Metadata) -> str | None:
    """Returns what has to be said before anything else; None for a model with a proven edge."""
    if metadata["quarantined"]:
        return "QUARANTINED: a result too good to be true; look for a leak before anything else"
    if metadata["status_cap"] != "live":
        return f"{NO_EDGE.upper()}: allowed up to status {metadata['status_cap']}"
    return None


def verdict(metadata: Metadata) -> str:
    """Returns what the judgement found, in plain sentences."""
    sentences = []
    accuracy = metadata["metrics"].get("accuracy")
    if accuracy is not None:
        right, low, high = (percent(accuracy[key]) for key in ("value", "low", "high"))
        sentences.append(
            f"On {accuracy['n']:,} windows that no network was trained on it was right in {right} "
            f"({low} to {high})."
        )
    earned = metadata["metrics"].get("return_net")
    held = metadata["baselines"].get("holding.return_net")
    if earned is not None and held is not None:
        sentences.append(
            f"Acting on it would have earned {percent(earned['value'], sign=True)} after costs, "
            f"holding {percent(held['value'], sign=True)}."
        )
    sentences.append(
        f"To tell 51 % from a coin takes {decisions_to_show(0.51):,} decisions, "
        f"52 % {decisions_to_show(0.52):,}."
    )
    if metadata["calibration"]["shrink"] == 0.0:
        sentences.append(
            "Its forecasts may be worth nothing (lower bound of the calibration slope "
            "at or below 0), so its confidence is 0 and strategies that size by it do not trade."
        )
    return " ".join(sentences)


def figure_rows(metadata: Metadata) -> Iterator[tuple[str, ...]]:
    """Yields one row for the model, its shipped network and every rival: name, then figures."""
    own: Mapping[str, Any] = metadata["metrics"]
    shipped = {
        name.removesuffix("_shipped"): value
        for name, value in own.items()
        if name.endswith("_shipped")
    }
    seeds = len(metadata["training"]["seeds"])
    yield (f"mean of {seeds} seeds", *_cells(own))
    yield ("shipped network", *_cells(shipped))
    for rival, words in _RIVALS.items():
        found = {
            name.partition(".")[2]: value
            for name, value in metadata["baselines"].items()
            if name.partition(".")[0] == rival
        }
        yield (words, *_cells(found))


def _cells(found: Mapping[str, Any]) -> Iterator[str]:
    for name, _, is_percent in _COLUMNS:
        value = found.get(name, {}).get("value")
        yield _cell(name, value, is_percent)


def _cell(name: str, value: float | None, is_percent: bool) -> str:
    if value is None:
        return ""
    if is_percent:
        return percent(value, sign=name == "return_net")
    if name == "turns":
        return f"{value:,.0f}"
    return f"{value:.4f}" if name == "mse_ratio" else f"{value:+.3f}"


def facts(metadata: Metadata) -> list[tuple[str, str]]:
    """Returns name and text of what the model is made of."""
    data, arch, training = metadata["data"], metadata["arch"], metadata["training"]
    last = metadata["splits"]["folds"][-1]
    calibration = metadata["calibration"]
    return [
        ("model", f"{metadata['model_id']} {metadata['version']}"),
        ("status", f"{metadata['status']}, allowed up to {metadata['status_cap']}"),
        ("learns", f"{metadata['target']['kind']} of {metadata['symbol']} {metadata['timeframe']}"),
        ("network", f"{arch['preset']}: {arch['params']:,} weights, {arch['mflop']:g} MFLOP"),
        ("candles", (f"{data['first'][:10]} to {data['last'][:10]}: {data['rows']:,}, "
                    f"{data['gaps']} gaps, {data['windows']:,} windows")),
        ("weights saw", f"{data['train_first'][:10]} to {data['train_last'][:10]}"),
        ("judged on", (f"{metadata['splits']['folds'][0]['test_first'][:10]} to "
                      f"{last['test_last'][:10]}, {len(metadata['splits']['folds'])} folds; "
                      f"{metadata['splits']['purge']} + {metadata['splits']['embargo']} candles "
                      "between parts")),
        ("training", (f"{len(training['seeds'])} seeds, {training['seconds_per_seed']:g} s each on "
                     f"{training['device']} with {training['threads']} threads")),
        ("trials so far", f"{metadata['trials']['ledger_count']:,}"),
        ("confidence", f"times {calibration['shrink']:g}: slope {_span(calibration)}"),
    ]  # fmt: skip


def _span(calibration: Mapping[str, Any]) -> str:
    if calibration["slope"] is None:
        return "unknown"
    low, high = calibration["slope_low"], calibration["slope_high"]
    return f"{calibration['slope']:.2f} ({low:.2f} to {high:.2f})"


def gate_rows(metadata: Metadata) -> Iterator[tuple[str, str, str, str, str]]:
    """Yields kind, name, value, what is asked for, and "ok" or "FAILED", gate by gate."""
    for gate in metadata["gates"]:
        value = "unknown" if gate["value"] is None else f"{gate['value']:.4g}"
        name = gate["name"].replace("_", " ")
        told = f"{name} ({gate['note']})" if gate["note"] else name
        yield (
            _GATES[gate["gate"]],
            told,
            value,
            gate["threshold"],
            "ok" if gate["pass"] else "FAILED",
        )


def print_card(metadata: Metadata, console: Console) -> None:
    """Prints the card: banner, verdict, facts, figures beside the rivals', gates."""
    from rich.table import Table
    from rich.text import Text

    said = banner(metadata)
    if said is not None:
        console.print(Text(said, style="bold yellow"))
    console.print(Text(verdict(metadata)))
    console.print()
    for name, text in facts(metadata):
        console.print(Text(f"{name:<14}{text}"))
    console.print()
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for _, words, _ in _COLUMNS:
        table.add_column(words, justify="right")
    for row in figure_rows(metadata):
        table.add_row(*row)
    console.print(table)
    console.print()
    gates = Table(box=None, pad_edge=False)
    for heading in ("gate", "", "found", "asked", ""):
        gates.add_column(heading)
    for cells in gate_rows(metadata):
        *rest, outcome = cells
        gates.add_row(*rest, Text(outcome, style="green" if outcome == "ok" else "red"))
    console.print(gates)


def card_page(metadata: Metadata) -> str:
    """Returns the card as one page that needs no network."""
    title = f"{metadata['model_id']}: model card"
    said = banner(metadata)
    body = join((
        element("header", element("div", "LEEWARD MODEL", class_="brand"),
                element("h1", str(metadata["model_id"])),
                element("p", f"{metadata['version']}, made {metadata['created_at'][:10]}",
                        class_="quiet")),
        element("main", _warning(said), element("p", verdict(metadata)),
                card("Beside the simplest rivals",
                     number_table(("", *(words for _, words, _ in _COLUMNS)),
                                  figure_rows(metadata)),
                     note="All on the same windows, after every training part. Right: share of "
                          "moves told up from down. Error ratio: squared error over that of "
                          "'price stays'; below 1 is better. Rank IC: order of forecasts against "
                          "order of moves. Sharpe and return: long while the forecast is up."),
                card("Gates", number_table(("", "", "found", "asked", ""), gate_rows(metadata))),
                card("What it is made of", pairs(facts(metadata), wide=True))),
        element("footer", "Made by Leeward. Past figures are no promise and no advice."),
    ))  # fmt: skip
    style = files("leeward.report").joinpath("page.css").read_text("utf-8")
    return "".join((
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        element("title", title), f"\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n",
        "</body>\n</html>\n",
    ))  # fmt: skip


def _warning(said: str | None) -> Html | None:
    if said is None:
        return None
    title, _, rest = said.partition(": ")
    return element("p", element("b", title), rest, class_="banner warn", role="note")
