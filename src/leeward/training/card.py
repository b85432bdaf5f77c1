"""The model card: what a model was made of, how it fared beside the simplest rivals, and which
gates it failed; on a terminal. `card_page` makes a page of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from leeward.report.words import percent
from leeward.statistics.forecasts import decisions_to_show
from leeward.training.bundle import Metadata

if TYPE_CHECKING:
    from rich.console import Console

NO_EDGE = "no demonstrated edge"
COLUMNS: Final = (
    ("accuracy", "Right", True),
    ("mse_ratio", "Error ratio", False),
    ("rank_ic", "Rank IC", False),
    ("sharpe_gross", "Sharpe gross", False),
    ("sharpe_net", "Sharpe net", False),
    ("return_net", "Return net", True),
    ("turns", "Trades", False),
)
_KINDS: Final = {
    "G0": "File",
    "G1": "Leak tripwires",
    "G2": "Skill",
    "G3": "Money after costs",
    "G4": "Calibration",
}
#: What each gate looks at; a gate without words here is called by its name.
_LOOKED_AT: Final = {
    "parity": "largest difference from Keras",
    "single_is_batch": "alone against in a batch",
    "bytes": "bytes",
    "foreign_ops": "operators outside the list",
    "reproducible_bytes": "same weights, same bytes",
    "spread": "standard deviation",
    "accuracy_tripwire": "share right",
    "rank_ic_tripwire": "rank IC, either sign",
    "permuted_labels": "share right on shuffled labels",
    "mse_ratio": "error over that of 'price stays'",
    "diebold_mariano": "p that the error is no smaller",
    "rank_ic_low": "rank IC, lower bound",
    "rank_ic_low_shipped": "rank IC, lower bound",
    "slope_low": "calibration slope, lower bound",
    "beats_logistic": "ahead of logistic regression",
    "beats_lightgbm": "ahead of LightGBM",
    "decisions": "decisions",
    "seeds": "seeds",
    "psr": "probabilistic Sharpe ratio",
    "dsr": "deflated Sharpe ratio",
    "pbo": "probability of overfitting",
    "cpcv_sharpe_low": "Sharpe net on combined paths",
    "spa_holding": "SPA p against holding",
    "spa_rule": "SPA p against the rule",
    "drawdown_over_holding": "drawdown over that of holding",
    "return_at_twice_the_costs": "return at twice the costs",
    "trades": "trades",
    "coverage": "90 % intervals hold",
    "coverage_worst_month": "in the worst month",
    "coverage_best_month": "in the best month",
    "ece": "calibration error of P(up)",
    "brier_over_base": "Brier score over the base rate's",
}
_RIVALS: Final = {
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


class GateRow(NamedTuple):
    """One gate in words."""

    kind: str
    looked_at: str
    found: str
    asked: str
    passed: bool


def verdict(metadata: Metadata) -> str:
    """Returns what the judgement found, in plain sentences."""
    sentences = []
    accuracy = metadata["metrics"].get("accuracy")
    if accuracy is not None:
        right, low, high = (percent(accuracy[key]) for key in ("value", "low", "high"))
        sentences.append(
            f"On {accuracy['n']:,} windows that no network was trained on it was right in {right} "
            f"({low} to {high}){_commoner(metadata)}."
        )
    earned = metadata["metrics"].get("return_net")
    held = metadata["baselines"].get("holding.return_net")
    if earned is not None and held is not None:
        sentences.append(
            f"Acting on it would have earned {percent(earned['value'], sign=True)} after costs, "
            f"holding {percent(held['value'], sign=True)}."
        )
    luck = next((gate["value"] for gate in metadata["gates"] if gate["name"] == "dsr"), None)
    if luck is not None:
        tries = metadata["trials"]["ledger_count"]
        sentences.append(
            f"That this is more than the best of {tries:,} tries without skill would show has a "
            f"probability of {percent(luck)} (deflated Sharpe ratio; 95 % are asked for)."
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


def _commoner(metadata: Metadata) -> str:
    """Returns what a model of trades is held against: their outcomes are no toss of a coin."""
    base = metadata["calibration"]["base_brier"]
    if metadata["target"]["kind"] != "meta" or base is None:
        return ""
    # Who always says the share p of the commoner outcome has a Brier score of p (1 - p).
    share = 0.5 + math.sqrt(max(0.0, 0.25 - base))
    return f"; always naming the commoner outcome would be right in {percent(share)}"


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
    for name, _, is_percent in COLUMNS:
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
    calibration = metadata["calibration"]
    return [
        ("model", f"{metadata['model_id']} {metadata['version']}"),
        ("status", f"{metadata['status']}, allowed up to {metadata['status_cap']}"),
        ("learns", f"{metadata['target']['kind']} of {metadata['symbol']} {metadata['timeframe']}"),
        ("network", f"{arch['preset']}: {arch['params']:,} weights, {arch['mflop']:g} MFLOP"),
        ("candles", (f"{data['first'][:10]} to {data['last'][:10]}: {data['rows']:,}, "
                    f"{data['gaps']} gaps, {data['windows']:,} windows")),
        ("weights saw", f"{data['train_first'][:10]} to {data['train_last'][:10]}"),
        ("judged on", _judged_on(metadata["splits"])),
        *_paths(metadata),
        ("training", (f"{len(training['seeds'])} seeds, {training['seconds_per_seed']:g} s each on "
                     f"{training['device']} with {training['threads']} threads")),
        ("trials so far", f"{metadata['trials']['ledger_count']:,}"),
        ("confidence", f"times {calibration['shrink']:g}: slope {_span(calibration)}"),
    ]  # fmt: skip


def _judged_on(splits: Mapping[str, Any]) -> str:
    folds = splits["folds"]
    if not folds:
        return "nothing: no part was held back"
    return (
        f"{folds[0]['test_first'][:10]} to {folds[-1]['test_last'][:10]}, {len(folds)} folds; "
        f"{splits['purge']} + {splits['embargo']} candles between parts"
    )


def _paths(metadata: Metadata) -> list[tuple[str, str]]:
    found = metadata["splits"].get("combinatorial")
    figure = metadata["metrics"].get("cpcv_sharpe_net")
    if found is None or figure is None:
        return []
    reach = f"{figure['value']:+.2f} ({figure['low']:+.2f} to {figure['high']:+.2f})"
    told = f"{len(found['sharpe_net'])} from {found['trainings']} trainings: Sharpe net {reach}"
    return [("paths", told)]


def _span(calibration: Mapping[str, Any]) -> str:
    if calibration["slope"] is None:
        return "unknown"
    low, high = calibration["slope_low"], calibration["slope_high"]
    return f"{calibration['slope']:.2f} ({low:.2f} to {high:.2f})"


def gate_rows(metadata: Metadata) -> Iterator[GateRow]:
    """Yields every gate in words, in order."""
    for gate in metadata["gates"]:
        words = _LOOKED_AT.get(gate["name"], gate["name"].replace("_", " "))
        told = f"{words} ({gate['note']})" if gate["note"] else words
        sign, _, bound = gate["threshold"].rpartition(" ")
        asked = f"{sign} {_number(float(bound))}" if _is_number(bound) else gate["threshold"]
        yield GateRow(_KINDS[gate["gate"]], told, _number(gate["value"]), asked, gate["pass"])


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace("e-", "").replace("e+", "").isdigit()


def _number(value: float | None) -> str:
    if value is None:
        return "unknown"
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 0.001 else f"{value:.4f}".rstrip("0")


def failed_words(metadata: Metadata) -> str:
    """Returns how many gates failed, and of which kinds."""
    failed = [row.kind for row in gate_rows(metadata) if not row.passed]
    if not failed:
        return f"all {len(metadata['gates'])} gates passed"
    kinds = ", ".join(f"{kind.lower()} {failed.count(kind)}" for kind in dict.fromkeys(failed))
    return f"{len(failed)} of {len(metadata['gates'])} gates failed: {kinds}"


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
    for _, words, _ in COLUMNS:
        table.add_column(words, justify="right")
    for row in figure_rows(metadata):
        table.add_row(*row)
    console.print(table)
    console.print()
    gates = Table(box=None, pad_edge=False)
    for heading in ("gate", "", "found", "asked", ""):
        gates.add_column(heading, justify="right" if heading in ("found", "asked") else "left")
    shown = None
    for gate in gate_rows(metadata):
        outcome = Text("ok", style="green") if gate.passed else Text("FAILED", style="red")
        kind = "" if gate.kind == shown else gate.kind
        gates.add_row(kind, gate.looked_at, gate.found, gate.asked, outcome)
        shown = gate.kind
    console.print(gates)
    console.print(Text(f"\n{failed_words(metadata)}"))
