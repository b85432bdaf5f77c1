"""`leeward data`: candles into the store, out of it, and what is to be known of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leeward.cli.download import download

if TYPE_CHECKING:
    from leeward.data.certificate import Certificate
    from leeward.data.importing import Asked, Outcome
    from leeward.data.store import CandleStore

_MOST_LISTED = 20

Config = Annotated[Path | None, typer.Option(help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

app = typer.Typer(help="Candles: get them, keep them, check them.", no_args_is_help=True)
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
    the one in the file, and counted where they differ.
    """
    from leeward.data.importing import Asked, find_candle_files
    from leeward.domain.errors import Failed
    from leeward.domain.timeframe import Timeframe

    asked = Asked(
        None if symbol is None else symbol.upper(),
        None if timeframe is None else Timeframe.parse(timeframe),
        skip_bad,
    )
    store = _store(config)
    files, passed_over = find_candle_files(paths, asked)
    if not files:
        places = ", ".join(map(str, paths))
        raise Failed(f"{places}: no file in it is named like candles, as in BTCUSDT-1h-2024-03.csv")
    outcomes: list[Outcome] = []
    try:
        for outcome in _import_all(store, files, asked):
            outcomes.append(outcome)  # noqa: PERF402 - what came before an error is shown
    finally:
        # Also after Ctrl-C or a full disk: what was imported until then stays.
        _show_import(outcomes, passed_over, as_json)
    if any(outcome.refused for outcome in outcomes):
        raise typer.Exit(1)


def _import_all(store: CandleStore, files: list[Path], asked: Asked) -> Iterator[Outcome]:
    from rich.console import Console
    from rich.progress import track

    from leeward.data.importing import import_file

    console = Console(stderr=True)
    silent = len(files) == 1 or not console.is_terminal
    for path in track(files, "importing", console=console, disable=silent, transient=True):
        yield from import_file(store, path, asked)


def _show_import(outcomes: list[Outcome], passed_over: list[Path], as_json: bool) -> None:
    if as_json:
        _print_json(
            {
                "imported": [_import_json(each) for each in outcomes if each.refused is None],
                "refused": [
                    {"file": each.name, "reason": each.refused} for each in outcomes if each.refused
                ],
                "passed_over": [path.as_posix() for path in passed_over],
            }
        )
        return
    for outcome in outcomes:
        _show_outcome(outcome)
    if passed_over:
        names = _shortened([path.name for path in passed_over])
        typer.echo(f"passed over {len(passed_over)} not named like candles: {', '.join(names)}")
    merged = [each.merged for each in outcomes if each.merged is not None]
    refused = len(outcomes) - len(merged)
    typer.echo(
        f"{len(merged)} {'file' if len(merged) == 1 else 'files'} imported: "
        f"{sum(each.added for each in merged):,} candles added, "
        f"{sum(each.replaced for each in merged):,} replaced; {refused} refused"
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
    from leeward.domain.times import iso

    assert outcome.series is not None
    assert outcome.merged is not None
    return {
        "file": outcome.name,
        "symbol": outcome.series.symbol,
        "timeframe": str(outcome.series.timeframe),
        "futures": outcome.series.futures,
        **asdict(outcome.merged),
        "skipped": [
            {
                "position": row.position,
                "open_time": None if row.open_time is None else iso(row.open_time),
                "rule": row.rule,
            }
            for row in outcome.skipped
        ],
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
    """List the stored candles: symbol, timeframe, coverage, gaps and size."""
    from leeward.data.inventory import Entry, list_series
    from leeward.domain.times import iso

    store = _store(config)
    found = list(list_series(store))
    entries = [entry for entry in found if isinstance(entry, Entry)]
    if as_json:
        rows = [asdict(entry) for entry in entries]
        for row in rows:
            row |= {"first": iso(row["first"]), "last": iso(row["last"])}
        _print_json({"dir": str(store.root), "series": rows, "corrupt": _corrupt(found)})
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
    _fail_where_corrupt(found)


@app.command("check")
def check(
    symbol: Annotated[str | None, typer.Argument(help="As in BTCUSDT; else all.")] = None,
    timeframe: Annotated[str | None, typer.Argument(help="As in 1h; else all.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Verify the stored candles and show what to know of them: gaps, flat runs, outliers, ...

    All series come as one line each; a named symbol with every finding.
    """
    from leeward.cli.certificate import lines_of
    from leeward.data.certificate import Certificate, as_json_object
    from leeward.data.inventory import check_series
    from leeward.domain.timeframe import Timeframe

    length = None if timeframe is None else Timeframe.parse(timeframe)
    store = _store(config)
    found = list(check_series(store, None if symbol is None else symbol.upper(), length))
    certificates = [each for each in found if isinstance(each, Certificate)]
    if as_json:
        series = [as_json_object(each) for each in certificates]
        _print_json({"series": series, "corrupt": _corrupt(found)})
    elif not found:
        _say_empty(store)
    elif symbol is None:
        _show_summary(certificates)
    else:
        for each in certificates:
            typer.echo("\n".join(lines_of(each)))
    _fail_where_corrupt(found)


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
    from leeward.domain.errors import BadCandles

    return [str(each) for each in found if isinstance(each, BadCandles)]


def _fail_where_corrupt(found: Sequence[object]) -> None:
    for message in (corrupt := _corrupt(found)):
        typer.echo(f"leeward: {message}", err=True)
    if corrupt:
        raise typer.Exit(1)


def _store(config: Path | None) -> CandleStore:
    from leeward.data.store import CandleStore
    from leeward.runtime.settings import load_settings

    return CandleStore(load_settings(config).data.dir)


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
