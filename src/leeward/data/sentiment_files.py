"""Sentiment in CSV files: told by their columns, imported as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from leeward.data.senticrypt import read_senticrypt
from leeward.data.sentiment import SOURCES, Source, parse_day
from leeward.data.sentiment_reading import (
    Days,
    Item,
    judge_days,
    number_in,
    refuse_bad,
    text_in,
    whole_in,
)
from leeward.data.sentiment_store import Kept, SentimentStore
from leeward.domain.errors import BadCandles, BadSentiment
from leeward.domain.timeframe import DAY_MS

Read: TypeAlias = Callable[[Item], tuple[int, tuple[float, ...]]]

_HEAD = 400  # bytes that hold the header line
_DVOL = frozenset({"date", "currency", "dvol"})


@dataclass(frozen=True, slots=True)
class ImportedSentiment:
    """What became of one source of a file: its first and last day, what was kept of it and the bad
    days left out, or why nothing of the file was kept."""

    name: str
    source: str | None = None
    period: tuple[int, int] | None = None
    kept: Kept = field(default_factory=Kept)
    skipped: tuple[str, ...] = ()
    refused: str | None = None


def is_sentiment_file(path: Path) -> bool:
    """Returns whether a file is a CSV whose header names the columns of a sentiment source."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    line = head.decode("utf-8-sig", "replace").split("\n", 1)[0]
    return _is_sentiment({name.strip().strip('"').lower() for name in line.split(",")})


def _is_sentiment(names: set[str]) -> bool:
    return names in (_DVOL, {"date", "value"}) or {"date", *SOURCES["senticrypt"].columns} <= names


def import_sentiment(
    store: SentimentStore, path: Path, now_ms: int, skip_bad: bool
) -> list[ImportedSentiment]:
    """Returns what became of a file, for each source in it.

    The three kinds of file are `date,score1,score2,score3,count,mean,sum` (SentiCrypt),
    `date,value` (Fear & Greed) and `date,currency,dvol` (implied volatility of BTC and ETH).
    Raises CannotWrite where the store cannot be written.
    """
    try:
        parts = _read_file(path, now_ms // DAY_MS)
        refuse_bad([days for _, days in parts], path, skip_bad)
        return [
            ImportedSentiment(
                path.as_posix(),
                source.name,
                (min(days.rows), max(days.rows)) if days.rows else None,
                store.merge(source, days.rows, now_ms),
                days.bad,
            )
            for source, days in parts
        ]
    except (BadCandles, BadSentiment) as error:
        return [ImportedSentiment(path.as_posix(), refused=str(error))]


def _read_file(path: Path, today: int) -> list[tuple[Source, Days]]:
    from leeward.data.tables import read_tables

    (table,) = read_tables(path)
    rows = table.rows.rename({name: name.strip().lower() for name in table.rows.columns})
    items: list[tuple[str, Item]] = [
        (table.position(i), {name: _trimmed(cell) for name, cell in row.items()})
        for i, row in enumerate(rows.iter_rows(named=True))
    ]
    names = set(rows.columns)
    if names == _DVOL:
        return _by_currency(path, items, today)
    source = SOURCES["fear-greed" if names == {"date", "value"} else "senticrypt"]
    read = _read_fear_greed if source.name == "fear-greed" else read_senticrypt
    return [(source, judge_days(source, items, read, today))]


def _by_currency(
    path: Path, items: Sequence[tuple[str, Item]], today: int
) -> list[tuple[Source, Days]]:
    of: dict[str, list[tuple[str, Item]]] = {"BTC": [], "ETH": []}
    for place, item in items:
        currency = str(item["currency"])
        if currency not in of:
            raise BadSentiment(
                f"{path}: {place}: currency '{currency[:20]}' is not one of {', '.join(of)}; "
                "nothing was imported from it"
            )
        of[currency].append((place, item))
    sources = {currency: SOURCES[f"dvol-{currency.lower()}"] for currency in of}
    return [
        (source, judge_days(source, of[currency], _read_dvol, today))
        for currency, source in sources.items()
        if of[currency]
    ]


def _read_fear_greed(item: Item) -> tuple[int, tuple[float, ...]]:
    return parse_day(text_in(item, "date")), (float(whole_in(item, "value")),)


def _read_dvol(item: Item) -> tuple[int, tuple[float, ...]]:
    return parse_day(text_in(item, "date")), (number_in(item, "dvol"),)


def _trimmed(cell: object) -> object:
    return cell.strip() if isinstance(cell, str) else cell
