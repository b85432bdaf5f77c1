"""How a comparison of two models is shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from leeward.runtime.model_comparison import Compared
    from leeward.statistics.forecasts import Comparison


def comparison_json(found: Compared) -> dict[str, object]:
    """Returns everything that is known of a comparison, JSON-ready."""
    from leeward.domain.times import iso

    tests = {"squared_error": found.squared_error, "brier": found.brier}
    return {
        **asdict(found.pair),
        "candles": found.candles,
        "first": iso(found.first_ms),
        "last": iso(found.last_ms),
        "means": {"champion": asdict(found.champion), "challenger": asdict(found.challenger)},
        "differences": {
            name: None if each is None else each._asdict() for name, each in tests.items()
        },
        "right_p_value": found.right_p,
        "verdict": found.verdict,
    }


def print_comparison(found: Compared) -> None:
    """Prints who was compared where and when, both means, and their difference."""
    from leeward.domain.times import iso
    from leeward.runtime.model_comparison import p_words

    pair, ours, theirs = found.pair, found.champion, found.challenger
    rows = [
        ("", "champion", "challenger", "difference, 95 % interval", "p"),
        ("squared error", f"{ours.squared_error:.4f}", f"{theirs.squared_error:.4f}",
         *_difference(found.squared_error)),
        ("Brier score", f"{ours.brier:.4f}", f"{theirs.brier:.4f}", *_difference(found.brier)),
        ("right", f"{ours.right:.1%}", f"{theirs.right:.1%}",
         f"{100 * (theirs.right - ours.right):+.1f} points", p_words(found.right_p)),
    ]  # fmt: skip
    typer.echo(
        f"{pair.name} on {pair.account}: {found.candles:,} candles, {iso(found.first_ms)} to "
        f"{iso(found.last_ms)}\nchampion {pair.champion[:12]}, challenger {pair.challenger[:12]}"
    )
    for name, left, right, difference, p in rows:
        typer.echo(f"{name:<15}{left:>10}{right:>12}  {difference:<36}{p:>6}".rstrip())
    typer.echo(f"{found.verdict}\n")


def _difference(found: Comparison | None) -> tuple[str, str]:
    from leeward.runtime.model_comparison import p_words

    if found is None:
        return "none", ""
    span = f"({found.low:+.4f} to {found.high:+.4f})"
    return f"{found.difference:+.4f} {span}", p_words(found.p_value)
