"""The daily sentiment on this machine: one Parquet file a source, nothing in it ever replaced."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leeward.data.durable import only_writer, write_all
from leeward.data.sentiment import (
    SOURCES,
    Rows,
    SentimentSeries,
    Source,
    available_from,
    source_named,
)
from leeward.domain.errors import BadSentiment, BadUsage

if TYPE_CHECKING:
    from filelock import FileLock

#: The metadata key under which a file holds the hash of the series it was written with.
_HASH_KEY = "leeward.sha256"


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the days given: how many were new, how many there already, how many not over
    yet and left out, and which ones differ from the value stored before, which stays too."""

    added: int = 0
    same: int = 0
    unfinished: int = 0
    changed: tuple[int, ...] = ()

    def __add__(self, other: Kept) -> Kept:
        return Kept(
            self.added + other.added,
            self.same + other.same,
            self.unfinished + other.unfinished,
            self.changed + other.changed,
        )


@dataclass(frozen=True, slots=True)
class SentimentEntry:
    """One stored source: first and last day, days, gaps and the days missing in them, the days
    whose value changed later, and the size of the file."""

    source: str
    first: int
    last: int
    days: int
    gaps: int
    missing: int
    changed: int
    size_bytes: int


class SentimentStore:
    """Days under `root/sentiment/SOURCE/daily.parquet`.

    Anyone may read at any time: the file is the old one or the new one. One process writes at a
    time; another waits `lock_wait_s` and is then told so.
    """

    def __init__(self, root: Path, lock_wait_s: float = 10.0) -> None:
        self.root = root
        self.folder = root / "sentiment"
        self.lock_wait_s = lock_wait_s

    def sources(self) -> list[Source]:
        """Returns the sources that are stored, in the order in which they are known."""
        return [source for source in SOURCES.values() if self.path(source).is_file()]

    def path(self, source: Source) -> Path:
        return self.folder / source.name / "daily.parquet"

    def load(self, name: str) -> SentimentSeries:
        """Returns all days of a source, every rule and the stored hash verified.

        Raises BadUsage for a source that is unknown or not stored, BadSentiment for a corrupt file.
        """
        source = source_named(name)
        series = self.find(source)
        if series is None:
            raise BadUsage(
                f"no {name} days in {self.folder}; get them with "
                f"`leeward data download --sentiment {name}` or `leeward data import`"
            )
        return series

    def find(self, source: Source) -> SentimentSeries | None:
        """Returns all days of a source, None where none are stored. Raises BadSentiment."""
        path = self.path(source)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadSentiment(f"{path}: cannot be read: {error.strerror}") from None
        return _decode(content, path, source)

    def merge(self, source: Source, rows: Rows, now_ms: int) -> Kept:
        """Stores the days that are over and not stored yet; returns what became of each.

        A day that is stored with another value keeps it, and the new value is stored beside it as
        known from `now_ms` on: what was decided on the old one can still be seen. Raises
        CannotWrite where the disk refuses or another process keeps writing, BadSentiment for a
        corrupt file or a value that breaks a rule.
        """
        with self._writing():
            old = self.find(source)
            fresh: list[tuple[int, int, tuple[float, ...]]] = []
            changed: list[int] = []
            same = unfinished = 0
            for day, values in sorted(rows.items()):
                stored = None if old is None else old.newest.get(day)
                if available_from(day) > now_ms:
                    unfinished += 1
                elif old is None or stored is None:
                    fresh.append((day, available_from(day), values))
                elif tuple(float(column[stored]) for column in old.columns.values()) == values:
                    same += 1
                else:
                    changed.append(day)
                    fresh.append((day, max(now_ms, int(old.available_at[stored]) + 1), values))
            if fresh:
                together = _together(source, old, fresh)
                write_all({self.path(source): _encode(together)})
        return Kept(len(fresh) - len(changed), same, unfinished, tuple(changed))

    def _writing(self) -> AbstractContextManager[None]:
        return only_writer(self._lock, self.folder, "sentiment", "*/.*", self.lock_wait_s)

    @cached_property
    def _lock(self) -> FileLock:
        from filelock import FileLock

        return FileLock(self.root / "sentiment.lock")


def list_sentiment(store: SentimentStore) -> Iterator[SentimentEntry | BadSentiment]:
    """Yields an entry a stored source; the error for one that is corrupt."""
    for source in store.sources():
        try:
            series = store.load(source.name)
        except BadSentiment as error:
            yield error
            continue
        yield SentimentEntry(
            source.name,
            int(series.day[0]),
            int(series.day[-1]),
            len(series.newest),
            len(series.gaps),
            sum(gap.missing for gap in series.gaps),
            len(series.changed),
            store.path(source).stat().st_size,
        )


def _together(
    source: Source, old: SentimentSeries | None, fresh: list[tuple[int, int, tuple[float, ...]]]
) -> SentimentSeries:
    day = np.array([row[0] for row in fresh], dtype=np.int64)
    available_at = np.array([row[1] for row in fresh], dtype=np.int64)
    values = np.array([row[2] for row in fresh], dtype=np.float64)
    if old is not None:
        day = np.concatenate([old.day, day])
        available_at = np.concatenate([old.available_at, available_at])
        values = np.concatenate([old.table(list(source.columns)), values])
    order = np.lexsort((available_at, day))
    columns = {name: values[order, i].copy() for i, name in enumerate(source.columns)}
    return SentimentSeries(source, day[order], available_at[order], columns)


def _encode(series: SentimentSeries) -> bytes:
    import polars as pl

    table = pl.DataFrame(
        {
            "day": pl.Series(series.day.astype(np.int32)).cast(pl.Date),
            "available_at": pl.Series(series.available_at).cast(pl.Datetime("ms", "UTC")),
            **series.columns,
        }
    )
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd", metadata={_HASH_KEY: series.sha256})
    return buffer.getvalue()


def _decode(content: bytes, path: Path, source: Source) -> SentimentSeries:
    import polars as pl

    from leeward.data.tables import NOT_READABLE

    try:
        table = pl.read_parquet(io.BytesIO(content))
        digest = pl.read_parquet_metadata(io.BytesIO(content)).get(_HASH_KEY)
        series = SentimentSeries(
            source,
            table["day"].cast(pl.Date).to_physical().cast(pl.Int64).to_numpy(),
            table["available_at"].cast(pl.Datetime("ms", "UTC")).to_physical().to_numpy(),
            {name: table[name].cast(pl.Float64).to_numpy() for name in source.columns},
        )
    except (*NOT_READABLE, BadSentiment) as error:
        raise _corrupt(path, str(error).splitlines()[0]) from None
    if not len(series) or series.sha256 != digest:
        raise _corrupt(path, "its days are not those that were written")
    return series


def _corrupt(path: Path, reason: str) -> BadSentiment:
    return BadSentiment(
        f"{path}: this stored sentiment is corrupt: {reason}; "
        "delete the file, then import or download the source again"
    )
