"""`leeward data download`: candles of the exchange, or daily sentiment, into the store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leeward.domain.errors import BadUsage
from leeward.domain.times import iso, parse_time

if TYPE_CHECKING:
    from leeward.data.binance import Downloaded, Step, Wanted
    from leeward.data.importing import Skipped
    from leeward.runtime.sections import DataSettings

_MOST_LISTED = 5


def download(  # noqa: PLR0913 - one argument an option of the command
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="SYMBOL...", help="As in BTCUSDT.")
    ] = None,
    timeframe: Annotated[
        list[str] | None, typer.Option(help="As in 1h; may be repeated, or 1h,1d.")
    ] = None,
    sentiment: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Instead of candles: senticrypt, cryptocompare, fear-greed or all.",
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="First UTC date; whole months are stored.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="UTC date to stop before; else now.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out bad candles or days, list them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Download candles from Binance's public archive, the newest from its REST interface.

    Whole months are stored as they come; a command that was stopped goes on where it was. No key
    is needed for candles; of the sentiment sources, CryptoCompare needs one. Sentiment is fetched
    up to yesterday, and only what is not stored yet.
    """
    from leeward.runtime.settings import load_settings

    settings = load_settings(config)
    if sentiment is not None:
        from leeward.cli.sentiment import download_sentiment_of

        if symbols or timeframe or end is not None:
            raise BadUsage(
                "--sentiment takes --start and --skip-bad, no symbol, --timeframe or --end; "
                "download candles by a command of their own"
            )
        download_sentiment_of(sentiment, settings, start, skip_bad, as_json)
        return
    if not symbols or not timeframe:
        raise BadUsage(
            "name candles as in `leeward data download BTCUSDT --timeframe 1h`, "
            "or sentiment as in `leeward data download --sentiment senticrypt`"
        )
    done = _download_candles(
        settings.data, _wanted(symbols, timeframe, start, end), skip_bad=skip_bad
    )
    if as_json:
        result = {"series": [_as_json(series) for series in done]}
        typer.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(line for series in done for line in _lines(series)))
    if any(series.refused for series in done):
        raise typer.Exit(1)


def _wanted(
    symbols: Sequence[str], timeframes: Sequence[str], start: str | None, end: str | None
) -> list[Wanted]:
    from leeward.data.binance import Wanted
    from leeward.domain.timeframe import Timeframe

    start_ms = None if start is None else parse_time(start, "--start")
    end_ms = None if end is None else parse_time(end, "--end")
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise BadUsage(
            f"--start {start} is not before --end {end}; --end is the first day left out"
        )
    return [
        Wanted(symbol.upper(), Timeframe.parse(length), start_ms, end_ms)
        for symbol in _split(symbols)
        for length in _split(timeframes)
    ]


def _download_candles(
    settings: DataSettings, wanted: list[Wanted], skip_bad: bool
) -> list[Downloaded]:
    from leeward.data.binance import Binance
    from leeward.data.binance_archive import BinanceArchive
    from leeward.data.binance_rest import BinanceRest
    from leeward.data.fetching import Fetcher
    from leeward.data.store import CandleStore
    from leeward.runtime.clock import monotonic_s

    with _progress() as (show, notice):
        fetcher = Fetcher(monotonic_s, time.sleep, notice)
        archive = BinanceArchive(fetcher, settings.archive_url)
        rest = BinanceRest(fetcher, settings.rest_url)
        store = CandleStore(settings.dir)
        with fetcher.client:
            return Binance(archive, rest, store, skip_bad).download(wanted, show)


def _split(names: Sequence[str]) -> list[str]:
    return [name.strip() for text in names for name in text.split(",") if name.strip()]


@contextmanager
def _progress() -> Iterator[tuple[Callable[[Step], None], Callable[[str], None]]]:
    """Yields what draws a step and what prints a notice; both write to the error stream."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total} months"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[period]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks = {}

        def show(step: Step) -> None:
            name = f"{step.symbol} {step.timeframe}"
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=step.months, period=step.period)
            progress.update(tasks[name], completed=step.months_done, period=step.period)

        yield show, lambda line: console.print(line, highlight=False)


def _as_json(series: Downloaded) -> dict[str, object]:
    return {
        "symbol": series.symbol,
        "timeframe": series.timeframe.name,
        **asdict(series.merged),
        "fetched": series.fetched,
        "whole_before": series.whole,
        "missing": series.missing,
        "refused": [refused._asdict() for refused in series.refused],
        "skipped": skipped_json(series.skipped),
    }


def skipped_json(rows: Iterable[Skipped]) -> list[dict[str, object]]:
    """Returns the candles that were left out: where they stand, and the rule they break."""
    return [
        {
            "position": row.position,
            "open_time": None if row.open_time is None else iso(row.open_time),
            "rule": row.rule,
        }
        for row in rows
    ]


def _lines(series: Downloaded) -> Iterator[str]:
    merged = series.merged
    counts = [f"{merged.added:,} candles added"]
    counts += [f"{merged.same:,} there already"] if merged.same else []
    counts += [f"{merged.replaced:,} replaced, as they differ"] if merged.replaced else []
    counts += [f"months and days not fetched again: {series.whole}"] if series.whole else []
    yield f"{series.symbol} {series.timeframe}: {', '.join(counts)}"
    if series.missing:
        yield f"  not in the archive: {_few(series.missing)}"
    for refused in series.refused:
        yield f"  {refused.period} refused: {refused.reason}"
    if series.refused:
        yield "  --skip-bad stores the good candles of refused months and lists the others"
    if series.skipped:
        listed = _few([str(skipped) for skipped in series.skipped])
        yield f"  left out {len(series.skipped)} bad candles: {listed}"


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
