"""UTC times as int64 milliseconds since the epoch, and as ISO 8601 text."""

from __future__ import annotations

from datetime import UTC, datetime

from leeward.domain.errors import BadUsage


def iso(time_ms: int) -> str:
    """Returns `time_ms` as ISO 8601 with Z; milliseconds only where there are any.

    >>> iso(1_609_459_200_000)
    '2021-01-01T00:00:00Z'
    """
    moment = datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = time_ms % 1000
    return f"{moment}.{milliseconds:03d}Z" if milliseconds else f"{moment}Z"


def parse_time(text: str, name: str) -> int:
    """Returns the UTC milliseconds of a date or ISO time; a time without a zone is UTC.

    >>> parse_time("2021-01-01", "start")
    1609459200000
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadUsage(
            f"{name}: '{text}' is not a date; write 2024-01-31 or 2024-01-31T08:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
