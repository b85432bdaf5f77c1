"""`leeward data`: candles and daily sentiment into the store, out of it, and their findings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leeward.cli.download import download, skipped_json

if TYPE_CHECKING:
    from leeward.data.certificate import Certificate
    from leeward.data.importing import Asked, Outcome
    from leeward.data.sentiment_files import ImportedSentiment
    from leeward.data.sentiment_store import SentimentStore
    from leeward.data.store import CandleStore

_MOST_LISTED = 20

Config = Annotated[Path | None, typer.Option(help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

app = typer.Typer(help="Candles and sentiment: get, keep, check them.", no_args_is_help=True)
app.command("download")(download)


@app.command("import")
def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of files.")
    ],
    symbol: Annotated[str | None, typer.Option(help="As in BTCUSDT; else from the name.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="As in 1h; else from the name.")] = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave out bad candles, list them.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Import candles from CSV, Parquet, Feather and the exchange's archive files (CSV or ZIP).

    Each file is imported as a whole or not at all. A candle that is stored already is replaced by
    the one in the file, and counted where they differ. A CSV of daily sentiment is told by its
    columns: SentiCrypt, Fear & Greed (date,value), implied volatility (date,currency,dvol).
    """
    from leeward.cli.sentiment import import_files
    from leeward.data.importing import Asked, find_candle_files
    from leeward.data.sentiment_files import is_sentiment_file
    from leeward.domain.errors import Failed
    from leeward.domain.timeframe import Timeframe
    from leeward.runtime.clock import now_ms

    asked = Asked(
        None if symbol is None else symbol.upper(),
        None if timeframe is None else Timeframe.parse(timeframe),
        skip_bad,
    )
    store = _store(config)
    files, passed_over = find_candle_files(paths, asked)
    sentiment = {path: None for path in (*files, *passed_over) if is_sentiment_file(path)}
    files = [path for path in files if path not in sentiment]
    passed_over = [path for path in passed_over if path not in sentiment]
    if not files and not sentiment:
        places = ", ".join(map(str, paths))
        raise Failed(f"{places}: no file in it is named like candles, as in BTCUSDT-1h-2024-03.csv")
    outcomes: list[Outcome] = []
    daily: list[ImportedSentiment] = []
    try:
        daily.extend(import_files(store.root, sentiment, now_ms(), skip_bad))
        for outcome in _import_all(store, files, asked):
            outcomes.append(outcome)  # noqa: PERF402 - what came before an error is shown
    finally:
        # Also after Ctrl-C or a full disk: what was imported until then stays.
        _show_import(outcomes, daily, passed_over, as_json)
    if any(each.refused for each in outcomes) or any(each.refused for each in daily):
        raise typer.Exit(1)


def _import_all(store: CandleStore, files: list[Path], asked: Asked) -> Iterator[Outcome]:
    from rich.console import Console
    from rich.progress import track

    from leeward.data.importing import import_file

    console = Console(stderr=True)
    silent = len(files) == 1 or not console.is_terminal
    for path in track(files, "importing", console=console, disable=silent, transient=True):
        yield from import_file(store, path, asked)


def _show_import(
    outcomes: list[Outcome],
    daily: list[ImportedSentiment],
    passed_over: list[Path],
    as_json: bool,
) -> None:
    from leeward.cli.sentiment import imported_json, show_imported

    if as_json:
        _print_json(
            {
                "imported": [_import_json(each) for each in outcomes if each.refused is None],
                "refused": [
                    {"file": name, "reason": reason}
                    for name, reason in (
                        *((each.name, each.refused) for each in daily),
                        *((each.name, each.refused) for each in outcomes),
                    )
                    if reason
                ],
                "sentiment": [imported_json(each) for each in daily if each.refused is None],
                "passed_over": [path.as_posix() for path in passed_over],
            }
        )
        return
    show_imported(daily)
    for outcome in outcomes:
        _show_outcome(outcome)
    if passed_over:
        names = _shortened([path.name for path in passed_over])
        typer.echo(f"passed over {len(passed_over)} not named like candles: {', '.join(names)}")
    _show_sum(outcomes, daily)


def _show_sum(outcomes: list[Outcome], daily: list[ImportedSentiment]) -> None:
    merged = [each.merged for each in outcomes if each.merged is not None]
    kept = {each.name for each in daily if each.refused is None}
    added = []
    if merged or not daily:
        added.append(f"{sum(each.added for each in merged):,} candles added")
        added.append(f"{sum(each.replaced for each in merged):,} replaced")
    if daily:
        added.append(f"{sum(each.kept.added for each in daily):,} days of sentiment added")
    files = len(merged) + len(kept)
    refused = len(outcomes) - len(merged) + sum(each.refused is not None for each in daily)
    typer.echo(
        f"{files} {'file' if files == 1 else 'files'} imported: {', '.join(added)}; "
        f"{refused} refused"
    )


def _show_outcome(outcome: Outcome) -> None:
    if outcome.series is None or outcome.merged is None:
        typer.echo(f"refused {outcome.refused}", err=True)
        return
    merged = outcome.merged
    counts = {
        "added": merged.added,
        "there already": merged.same,
        "completed with columns unknown before": merged.completed,
        "replaced, as they differ": merged.replaced,
        "bad and skipped": len(outcome.skipped),
    }
    words = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    market = "; these are futures candles" if outcome.series.futures else ""
    series = f"{outcome.series.symbol} {outcome.series.timeframe}"
    typer.echo(f"{series} from {outcome.name}: {words}{market}")
    for line in _shortened([str(row) for row in outcome.skipped]):
        typer.echo(f"  skipped {line}")


def _import_json(outcome: Outcome) -> dict[str, object]:
    assert outcome.series is not None
    assert outcome.merged is not None
    return {
        "file": outcome.name,
        "symbol": outcome.series.symbol,
        "timeframe": str(outcome.series.timeframe),
        "futures": outcome.series.futures,
        **asdict(outcome.merged),
        "skipped": skipped_json(outcome.skipped),
    }


@app.command("export")
def export(
    symbol: Annotated[str, typer.Argument(help="As in BTCUSDT.")],
    timeframe: Annotated[str, typer.Argument(help="As in 1h.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Ends in .csv, .parquet, .feather.")],
    start: Annotated[str | None, typer.Option(help="First UTC date or time.")] = None,
    end: Annotated[str | None, typer.Option(help="UTC date or time to stop before.")] = None,
    config: Config = None,
) -> None:
    """Write stored candles to a file that other programs read."""
    from leeward.data.exporting import export_candles
    from leeward.domain.errors import BadUsage
    from leeward.domain.timeframe import Timeframe
    from leeward.domain.times import parse_time

    start_ms = None if start is None else parse_time(start, "--start")
    end_ms = None if end is None else parse_time(end, "--end")
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise BadUsage(f"--start {start} is not before --end {end}; --end is the first left out")
    candles = _store(config).load(symbol.upper(), Timeframe.parse(timeframe))
    chosen = candles.between(start_ms, end_ms)
    if not len(chosen):
        raise BadUsage(f"{candles.name}: no candles in that range; `leeward data list` says which")
    export_candles(chosen, out)
    typer.echo(f"{candles.name}: {len(chosen):,} candles written to {out}")


@app.command("list")
def list_(as_json: AsJson = False, config: Config = None) -> None:
    """List the stored candles and daily sentiment: coverage, gaps and size."""
    from leeward.cli.sentiment import LIST_HEADER, entry_json, list_line
    from leeward.data.inventory import Entry, list_series
    from leeward.data.sentiment_store import SentimentEntry, list_sentiment
    from leeward.domain.times import iso

    store = _store(config)
    found = list(list_series(store))
    daily = list(list_sentiment(_sentiment_store(config)))
    days = [entry for entry in daily if isinstance(entry, SentimentEntry)]
    entries = [entry for entry in found if isinstance(entry, Entry)]
    if as_json:
        rows = [asdict(entry) for entry in entries]
        for row in rows:
            row |= {"first": iso(row["first"]), "last": iso(row["last"])}
        _print_json(
            {
                "dir": str(store.root),
                "series": rows,
                "sentiment": [entry_json(entry) for entry in days],
                "corrupt": _corrupt((*found, *daily)),
            }
        )
    elif not found:
        _say_empty(store)
    else:
        header = ("symbol", "timeframe", "first", "last", "rows", "gaps", "missing", "size")
        lines = [
            (
                entry.symbol,
                entry.timeframe,
                iso(entry.first),
                iso(entry.last),
                f"{entry.rows:,}",
                f"{entry.gaps:,}",
                f"{entry.missing:,}",
                _size(entry.size_bytes),
            )
            for entry in entries
        ]
        _print_table(header, lines, texts=4)
    if days and not as_json:
        typer.echo("")
        _print_table(LIST_HEADER, [list_line(entry) for entry in days], texts=3)
    _fail_where_corrupt((*found, *daily))


@app.command("check")
def check(
    symbol: Annotated[
        str | None, typer.Argument(help="As in BTCUSDT, or a sentiment source; else all.")
    ] = None,
    timeframe: Annotated[str | None, typer.Argument(help="As in 1h; else all.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Verify the stored candles and show what to know of them: gaps, flat runs, outliers, ...

    All series come as one line each; a named symbol or sentiment source with every finding.
    """
    from leeward.cli.certificate import lines_of
    from leeward.cli.sentiment import LIST_HEADER, list_line, series_json
    from leeward.data.certificate import Certificate, as_json_object
    from leeward.data.inventory import check_series
    from leeward.data.sentiment import SOURCES
    from leeward.data.sentiment_store import SentimentEntry, list_sentiment
    from leeward.domain.timeframe import Timeframe

    if symbol is not None and symbol.lower() in SOURCES:
        _check_sentiment(symbol.lower(), as_json, config)
        return
    length = None if timeframe is None else Timeframe.parse(timeframe)
    store = _store(config)
    found = list(check_series(store, None if symbol is None else symbol.upper(), length))
    sources = _sentiment_store(config)
    daily = [] if symbol is not None else list(list_sentiment(sources))
    days = [each for each in daily if isinstance(each, SentimentEntry)]
    certificates = [each for each in found if isinstance(each, Certificate)]
    if as_json:
        series = [as_json_object(each) for each in certificates]
        sentiment = [series_json(sources.load(each.source)) for each in days]
        corrupt = _corrupt((*found, *daily))
        _print_json({"series": series, "sentiment": sentiment, "corrupt": corrupt})
    elif not found:
        _say_empty(store)
    elif symbol is None:
        _show_summary(certificates)
    else:
        for each in certificates:
            typer.echo("\n".join(lines_of(each)))
    if days and not as_json:
        typer.echo("")
        _print_table(LIST_HEADER, [list_line(entry) for entry in days], texts=3)
    _fail_where_corrupt((*found, *daily))


def _check_sentiment(name: str, as_json: bool, config: Path | None) -> None:
    from leeward.cli.sentiment import check_named, series_json
    from leeward.runtime.clock import now_ms
    from leeward.runtime.settings import load_settings

    store = _sentiment_store(config)
    if as_json:
        _print_json({"series": [], "sentiment": [series_json(store.load(name))], "corrupt": []})
        return
    stale_ms = round(load_settings(config).sentiment.stale_after_hours * 3_600_000)
    typer.echo("\n".join(check_named(store, name, now_ms(), stale_ms)))


def _show_summary(certificates: Sequence[Certificate]) -> None:
    header = (
        "symbol", "timeframe", "rows", "expected", "gaps", "flat runs", "zero volume", "outliers",
        "cross-checked", "differing",
    )  # fmt: skip
    lines = [
        (
            each.symbol,
            each.timeframe,
            f"{each.rows:,}",
            f"{each.expected_rows:,}",
            f"{len(each.gaps):,}",
            f"{len(each.flat_runs):,}",
            f"{sum(run.rows for run in each.zero_volume):,}",
            f"{len(each.outliers):,}",
            f"{sum(cross.compared for cross in each.cross_checks):,}",
            f"{sum(cross.differing for cross in each.cross_checks):,}",
        )
        for each in certificates
    ]
    _print_table(header, lines, texts=2)
    typer.echo("`leeward data check SYMBOL` shows every finding.")


def _say_empty(store: CandleStore) -> None:
    typer.echo(f"no candles in {store.root}; get some with `leeward data download` or `import`")


def _corrupt(found: Sequence[object]) -> list[str]:
    from leeward.domain.errors import BadCandles, BadSentiment

    return [str(each) for each in found if isinstance(each, BadCandles | BadSentiment)]


def _fail_where_corrupt(found: Sequence[object]) -> None:
    for message in (corrupt := _corrupt(found)):
        typer.echo(f"leeward: {message}", err=True)
    if corrupt:
        raise typer.Exit(1)


def _store(config: Path | None) -> CandleStore:
    from leeward.data.store import CandleStore
    from leeward.runtime.settings import load_settings

    return CandleStore(load_settings(config).data.dir)


def _sentiment_store(config: Path | None) -> SentimentStore:
    from leeward.data.sentiment_store import SentimentStore
    from leeward.runtime.settings import load_settings

    return SentimentStore(load_settings(config).data.dir)


def _print_json(result: dict[str, object]) -> None:
    typer.echo(json.dumps(result, indent=2, ensure_ascii=False))


def _print_table(header: Sequence[str], lines: Sequence[Sequence[str]], texts: int) -> None:
    """Prints columns as wide as they need to be; after the first `texts`, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    for line in (header, *lines):
        cells = [
            cell.ljust(width) if at < texts else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def _shortened(texts: list[str]) -> list[str]:
    more = len(texts) - _MOST_LISTED
    return (
        [*texts[:_MOST_LISTED], f"... and {more:,} more (--json lists all)"] if more > 0 else texts
    )
