"""Binance's public archive: one ZIP a symbol, timeframe and month or day, with its checksum."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from leeward.data.fetching import Fetcher
from leeward.domain.errors import Failed
from leeward.domain.timeframe import DAY_MS, Timeframe

_CHECKSUM = re.compile(r"([0-9a-f]{64})\b")
_ZIP_WITHIN_S = 300.0


class Period(NamedTuple):
    """One archive file's UTC month ("2024-03") or day ("2024-03-05"): [start_ms, end_ms)."""

    name: str
    start_ms: int
    end_ms: int

    @property
    def is_month(self) -> bool:
        return len(self.name) == len("2024-03")


def months(start_ms: int, end_ms: int) -> list[Period]:
    """Returns every UTC month with a millisecond in [start_ms, end_ms).

    >>> months(1_706_700_000_000, 1_709_300_000_000)[-1]
    Period(name='2024-03', start_ms=1709251200000, end_ms=1711929600000)
    """
    if end_ms <= start_ms:
        return []
    ends = np.array([start_ms, end_ms - 1]).astype("datetime64[ms]").astype("datetime64[M]")
    edges = np.arange(ends[0], ends[1] + 2)
    times = edges.astype("datetime64[ms]").astype(np.int64).tolist()
    spans = zip(edges, times, times[1:], strict=False)
    return [Period(str(month), start, end) for month, start, end in spans]


def days(start_ms: int, end_ms: int) -> list[Period]:
    """Returns every UTC day with a millisecond in [start_ms, end_ms)."""
    firsts = range(start_ms - start_ms % DAY_MS, end_ms, DAY_MS)
    return [Period(str(np.datetime64(day, "ms"))[:10], day, day + DAY_MS) for day in firsts]


def zip_name(symbol: str, timeframe: Timeframe, period: Period) -> str:
    """Returns the archive's name for a file."""
    return f"{symbol}-{timeframe}-{period.name}.zip"


@dataclass(frozen=True)
class BinanceArchive:
    """Reads `{url}/data/spot/...`."""

    fetcher: Fetcher
    url: str

    def zip_of(self, symbol: str, timeframe: Timeframe, period: Period) -> bytes | None:
        """Returns the verified ZIP, None where the archive has none (yet).

        A file that is not what its checksum says is fetched once more. Raises Failed when it is
        wrong again.
        """
        often = "monthly" if period.is_month else "daily"
        folder = f"{self.url}/data/spot/{often}/klines/{symbol}/{timeframe}"
        url = f"{folder}/{zip_name(symbol, timeframe, period)}"
        for _ in range(2):
            checksum = self.fetcher.get(f"{url}.CHECKSUM")
            if checksum.status == 404:
                return None
            content = self.fetcher.get(url, within_s=_ZIP_WITHIN_S)
            expected = _CHECKSUM.match(checksum.body.decode(errors="replace"))
            actual = hashlib.sha256(content.body).hexdigest()
            if expected and expected[1] == actual:
                return content.body
        raise Failed(
            f"{url}: refused twice: its sha256 is {actual}, its CHECKSUM file says "
            f"{checksum.body[:64].decode(errors='replace')!r}; "
            "something on the way alters it, or the archive is being corrected: try again later"
        )
