"""The sentiment side of `leeward data`: what is downloaded, imported, listed and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from leeward.data.sentiment import SentimentSeries
    from leeward.data.sentiment_files import ImportedSentiment
    from leeward.data.sentiment_sources import Download
    from leeward.data.sentiment_store import Kept, SentimentEntry, SentimentStore
    from leeward.runtime.settings import Settings

_MOST_LISTED = 10
_HOUR_MS = 3_600_000
_KEY_VARIABLE = "LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY"


def download_sentiment_of(
    name: str, settings: Settings, start: str | None, skip_bad: bool, as_json: bool
) -> None:
    """Downloads one source or all of them; one that fails does not keep the others back."""
    from leeward.data.sentiment_sources import FETCHES
    from leeward.domain.errors import Failed
    from leeward.domain.timeframe import DAY_MS
    from leeward.domain.times import parse_time
    from leeward.runtime.sentiment import refresh_sentiment

    start_day = None if start is None else parse_time(start, "--start") // DAY_MS
    names = list(FETCHES) if name == "all" else [name]
    answering = _answering(settings, name)
    done: list[Download] = []
    failed: list[str] = []
    for each in names:
        if each not in answering:
            typer.echo(f"{each}: left out, it needs a key ({_KEY_VARIABLE})", err=True)
            continue
        try:
            done.append(refresh_sentiment(each, settings, _notice, start_day, skip_bad))
        except Failed as error:
            failed.append(str(error))
    if as_json:
        shown = [_download_json(each) for each in done]
        typer.echo(json.dumps({"sentiment": shown, "failed": failed}, indent=2))
    else:
        for one in done:
            typer.echo(f"{one.source}: {_counts(one.kept)}")
            _show_skipped(one.skipped)
    for message in failed:
        typer.echo(f"leeward: {message}", err=True)
    if failed:
        raise typer.Exit(1)


def _answering(settings: Settings, name: str) -> set[str]:
    """Returns the sources that can be asked; raises BadConfig where the named one lacks its key."""
    from leeward.data.sentiment_sources import FETCHES
    from leeward.domain.errors import BadConfig, unknown_name
    from leeward.runtime.sentiment import sentiment_addresses

    if name not in {*FETCHES, "all"}:
        raise unknown_name("sentiment source to download", name, {*FETCHES, "all"})
    answering = set(sentiment_addresses(settings))
    if name not in {*answering, "all"}:
        raise BadConfig(
            f"sentiment.{name}_key: {name} answers with a key only; "
            f"give yours by the environment as {_KEY_VARIABLE}"
        )
    return answering


def _notice(line: str) -> None:
    typer.echo(line, err=True)


def import_files(
    root: Path, paths: Iterable[Path], now_ms: int, skip_bad: bool
) -> Iterator[ImportedSentiment]:
    """Yields what became of each file, for each source in it."""
    from leeward.data.sentiment_files import import_sentiment
    from leeward.data.sentiment_store import SentimentStore

    store = SentimentStore(root)
    for path in paths:
        yield from import_sentiment(store, path, now_ms, skip_bad)


def show_imported(outcomes: Sequence[ImportedSentiment]) -> None:
    from leeward.data.sentiment import day_text

    for each in outcomes:
        if each.refused is None:
            days = "" if each.period is None else f"{' .. '.join(map(day_text, each.period))}, "
            typer.echo(f"{each.source} from {each.name}: {days}{_counts(each.kept)}")
            _show_skipped(each.skipped)
        else:
            typer.echo(f"refused {each.refused}", err=True)


def imported_json(outcome: ImportedSentiment) -> dict[str, object]:
    return {
        "file": outcome.name,
        "source": outcome.source,
        **_kept_json(outcome.kept),
        "skipped": list(outcome.skipped),
    }


def entry_json(entry: SentimentEntry) -> dict[str, object]:
    from dataclasses import asdict

    from leeward.data.sentiment import day_text

    return asdict(entry) | {"first": day_text(entry.first), "last": day_text(entry.last)}


LIST_HEADER = ("sentiment", "first", "last", "days", "gaps", "missing", "changed", "size (bytes)")


def list_line(entry: SentimentEntry) -> tuple[str, ...]:
    from leeward.data.sentiment import day_text

    counts = (entry.days, entry.gaps, entry.missing, entry.changed, entry.size_bytes)
    return (
        entry.source,
        day_text(entry.first),
        day_text(entry.last),
        *(f"{count:,}" for count in counts),
    )


def check_named(store: SentimentStore, name: str, now_ms: int, stale_ms: int) -> list[str]:
    """Returns every finding of one stored source, verified from its file, in lines."""
    from leeward.data.sentiment import available_from, day_text

    series = store.load(name)
    first, last = int(series.day[0]), int(series.day[-1])
    age_ms = now_ms - available_from(last)
    state = "known" if age_ms <= stale_ms else "stale, so unknown"
    gaps = [
        f"{day_text(gap.first)} ({gap.missing} {'day' if gap.missing == 1 else 'days'})"
        for gap in series.gaps
    ]
    covered = f"{day_text(first)} .. {day_text(last)}"
    return [
        f"{name}: {', '.join(series.columns)}",
        f"  days         {len(series.newest):,} of {last - first + 1:,}, {covered}",
        f"  gaps         {_few(gaps) or 'none'}",
        f"  changed      {_few([day_text(day) for day in series.changed]) or 'none'}",
        f"  newest       ended {age_ms / _HOUR_MS:,.0f} hours ago: {state}",
        f"  sha256       {series.sha256}",
    ]


def series_json(series: SentimentSeries) -> dict[str, object]:
    from leeward.data.sentiment import day_text

    return {
        "source": series.source.name,
        "columns": list(series.columns),
        "first": day_text(int(series.day[0])),
        "last": day_text(int(series.day[-1])),
        "days": len(series.newest),
        "gaps": [{"first": day_text(gap.first), "missing": gap.missing} for gap in series.gaps],
        "changed": [day_text(day) for day in series.changed],
        "sha256": series.sha256,
    }


def _download_json(done: Download) -> dict[str, object]:
    return {"source": done.source, **_kept_json(done.kept), "skipped": list(done.skipped)}


def _kept_json(kept: Kept) -> dict[str, object]:
    from leeward.data.sentiment import day_text

    return {
        "added": kept.added,
        "same": kept.same,
        "unfinished": kept.unfinished,
        "changed": [day_text(day) for day in kept.changed],
    }


def _counts(kept: Kept) -> str:
    from leeward.data.sentiment import day_text

    words = [f"{kept.added:,} days added" if kept.added != 1 else "1 day added"]
    words += [f"{kept.same:,} there already"] if kept.same else []
    words += [f"{kept.unfinished:,} not over yet"] if kept.unfinished else []
    if kept.changed:
        listed = _few([day_text(day) for day in kept.changed])
        verb = "differs" if len(kept.changed) == 1 else "differ"
        words.append(
            f"{len(kept.changed):,} {verb} from what was stored ({listed}): "
            "the old value stays, the new one counts from now on"
        )
    return ", ".join(words)


def _show_skipped(skipped: Sequence[str]) -> None:
    if skipped:
        days = "day" if len(skipped) == 1 else "days"
        typer.echo(f"  left out {len(skipped):,} bad {days}: {_few(list(skipped))}")


def _few(texts: list[str]) -> str:
    more = len(texts) - _MOST_LISTED
    return ", ".join(texts[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")
