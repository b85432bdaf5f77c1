"""`leeward train`: a model from the stored candles, judged before anyone may use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from leeward.training.bundle import Bundle
    from leeward.training.fit import Progress


def train(  # noqa: PLR0913 - one argument an option of the command
    kind: Annotated[str, typer.Argument(metavar="price|sentiment", help="What the model sees.")],
    symbol: Annotated[str, typer.Option(help="As in BTCUSDT.")],
    timeframe: Annotated[str, typer.Option(help="Length of the candles.")] = "1h",
    preset: Annotated[
        str, typer.Option(help="Size of the network: small or spec, or both: small,spec.")
    ] = "small",
    target: Annotated[
        str, typer.Option(help="return: the next one; meta: whether the rule's trade pays.")
    ] = "return",
    seeds: Annotated[int, typer.Option(help="Networks a fold; their mean is judged.")] = 3,
    folds: Annotated[int, typer.Option(help="Walk-forward steps over the second half.")] = 3,
    groups: Annotated[
        int, typer.Option(help="Parts for combined paths, two forecast at a time; 0: none.")
    ] = 6,
    start: Annotated[str | None, typer.Option(help="First UTC date.")] = None,
    end: Annotated[str | None, typer.Option(help="UTC date to stop before.")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most; else until it gets worse.")] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Train on that Ray cluster; local: this machine."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the files there, not to the archive.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the card.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metadata as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Train a model by walk-forward, judge it on what it never saw, and archive it.

    Needs the extra: pip install 'leeward[train]', for --ray also 'leeward[cluster]'. A run that was
    killed continues where it was. A fresh model is not used by anything: promote it with
    `leeward models promote`.
    """
    from rich.console import Console

    from leeward.domain.errors import BadUsage
    from leeward.domain.timeframe import Timeframe
    from leeward.report.files import check_folder, check_writable, write_whole
    from leeward.runtime.settings import load_settings
    from leeward.training.bundle import archive, write_flat_if_new
    from leeward.training.card import print_card
    from leeward.training.card_page import card_page
    from leeward.training.train import Order
    from leeward.training.train import train as run

    if html is not None:
        check_writable(html)
    presets = tuple(each.strip() for each in preset.split(","))
    if len(presets) > 1 and (out is not None or html is not None):
        raise BadUsage(f"preset: '{preset}' makes several models: give one with --out or --html")
    settings = load_settings(config)
    length = Timeframe.parse(timeframe)
    order = Order(
        kind, symbol.upper(), length, presets, target, seeds, folds, groups, start, end, epochs
    )
    check_folder(settings.models_dir if out is None else out)
    with _progress(Console(stderr=True)) as tell:
        bundles = run(order, settings, tell, ray)
    console = Console()
    for bundle in bundles:
        if out is None:
            place = archive(settings.models_dir, bundle)
            told = f"Written: {place}{_next_step(bundle)}"
        else:
            fresh = write_flat_if_new(out, bundle)
            told = f"Written: {out}" if fresh else f"As it was in {out}: nothing written"
        if html is not None:
            write_whole(html, card_page(bundle.metadata).encode())
        if as_json:
            typer.echo(json.dumps(bundle.metadata, indent=1, sort_keys=True))
            continue
        print_card(bundle.metadata, console)
        console.print(f"\n{told}\n", soft_wrap=True)


def _next_step(bundle: Bundle) -> str:
    if bundle.metadata["status_cap"] == "rejected":
        return ""
    return f"\nTo use it: leeward models promote {bundle.name} --version {bundle.version}"


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    """Yields what is told how far the training is; on a terminal it shows the time left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("preparing", total=1.0)
        shown = ""

        def tell(what: str, share: float) -> None:
            nonlocal shown
            bar.update(task, description=what, completed=share)
            if what != shown and not console.is_terminal:
                console.print(f"{share:4.0%}  {what}")
            shown = what

        yield tell
