"""The Crypto Fear & Greed index of alternative.me: one number of 0..100 a day; no key.

https://alternative.me/crypto/fear-and-greed-index/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leeward.data.sentiment import SOURCES
from leeward.data.sentiment_asking import Asker
from leeward.data.sentiment_reading import Days, Item, judge_days, whole_in

FEAR_GREED = SOURCES["fear-greed"]
_DAY_S = 86_400


def fetch_fear_greed(asker: Asker, url: str, days: Sequence[int]) -> Iterator[Days]:
    """Yields the days of one answer: the newest ones, back to the first of `days`.

    Raises as `Asker.ask` does.
    """
    today = days[-1] + 1
    answer = asker.ask(url, {"limit": today - days[0] + 1, "format": "json"})
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not rows:
        raise asker.unreadable(url, answer)
    items = [(f"entry {i}", item) for i, item in enumerate(rows, start=1)]
    yield judge_days(FEAR_GREED, items, _read, today)


def _read(item: Item) -> tuple[int, tuple[float, ...]]:
    return whole_in(item, "timestamp") // _DAY_S, (float(whole_in(item, "value")),)
