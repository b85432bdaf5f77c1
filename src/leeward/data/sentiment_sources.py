"""The sentiment sources that can be asked, and what is asked of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from leeward.data.cryptocompare import fetch_cryptocompare
from leeward.data.fear_greed import fetch_fear_greed
from leeward.data.fetching import Fetcher
from leeward.data.senticrypt import fetch_senticrypt
from leeward.data.sentiment import SOURCES, SentimentSeries, parse_day
from leeward.data.sentiment_asking import Asker
from leeward.data.sentiment_reading import Days, refuse_bad
from leeward.data.sentiment_store import Kept, SentimentStore
from leeward.domain.errors import Failed, RetryLater, unknown_name
from leeward.domain.timeframe import DAY_MS

Fetch: TypeAlias = Callable[[Asker, str, Sequence[int]], Iterator[Days]]

#: How the `days` of a source are fetched from its address: in order, up to yesterday.
FETCHES: Mapping[str, Fetch] = {
    "senticrypt": fetch_senticrypt,
    "cryptocompare": fetch_cryptocompare,
    "fear-greed": fetch_fear_greed,
}
#: Sources whose answer can be the whole history; the others are asked day by day.
_WHOLE = {"senticrypt", "fear-greed"}
_FIRST_DAY = parse_day("2018-01-01")  # no source goes back further
#: So many days are asked of a source that is asked day by day, when none are stored yet.
_DAYS_AT_FIRST = 30


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source is asked, and the key that it wants, if any."""

    url: str
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Download:
    """What became of the days of one source, and the bad ones that were left out."""

    source: str
    kept: Kept = field(default_factory=Kept)
    skipped: tuple[str, ...] = ()


def download_sentiment(  # noqa: PLR0913 - a source, where from, where to, and from when to when
    name: str,
    address: Address,
    fetcher: Fetcher,
    store: SentimentStore,
    now_ms: int,
    start_day: int | None = None,
    skip_bad: bool = False,
) -> Download:
    """Stores the days of a source that are over and not stored yet; returns what became of them.

    The newest stored day is asked for again, and whatever else the answer holds is compared too,
    to see what was changed. Where all days up to yesterday are stored, nothing is asked. Raises
    BadUsage for a source that cannot be asked, RetryLater where it does not answer, Failed where
    its answer is refused: what was stored stays.
    """
    if name not in FETCHES:
        raise unknown_name("sentiment source to download", name, FETCHES)
    source, today = SOURCES[name], now_ms // DAY_MS
    days = _wanted(name, store.find(source), start_day, today)
    kept = Kept()
    skipped: tuple[str, ...] = ()
    if not days:
        return Download(name)
    try:
        for part in FETCHES[name](Asker(name, fetcher), address.url, days):
            refuse_bad([part], address.url, skip_bad)
            rows = {d: row for d, row in part.rows.items() if start_day is None or d >= start_day}
            kept += store.merge(source, rows, now_ms)
            skipped += part.bad
    except Failed as error:
        raise _told(error, name, address, kept) from None
    return Download(name, kept, skipped)


def _wanted(
    name: str, stored: SentimentSeries | None, start_day: int | None, today: int
) -> list[int]:
    """Returns the days to ask for, none where everything wanted is stored."""
    start_day = None if start_day is None else max(start_day, _FIRST_DAY)
    if name not in _WHOLE:
        first = today - _DAYS_AT_FIRST if stored is None else int(stored.day[-1]) + 1
        known = set() if stored is None else stored.newest.keys()
        first = first if start_day is None else start_day
        return [day for day in range(first, today) if day not in known]
    earliest = _FIRST_DAY if start_day is None else start_day
    if stored is None or (start_day is not None and start_day < stored.day[0]):
        return list(range(earliest, today))
    newest = int(stored.day[-1])
    return list(range(newest, today)) if newest < today - 1 else []


def _told(error: Failed, name: str, address: Address, kept: Kept) -> Failed:
    """Returns the error with what stays, without the key whatever the source sent back."""
    stays = (
        f"; the {kept.added} days stored before that stay, and the same command goes on from there"
        if kept.added
        else ""
    )
    way_out = "; try again later" if isinstance(error, RetryLater) else ""
    text = f"{name}: {error}{stays}{way_out}"
    return type(error)(text if address.key is None else text.replace(address.key, "(key)"))
