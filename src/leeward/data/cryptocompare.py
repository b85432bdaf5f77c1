"""CryptoCompare (CoinDesk Data): how many news articles on Bitcoin a day sounded good or bad.

Each article comes with a label; only the counts of a day are kept, no headline and no address.
https://developers.coindesk.com/documentation/data-api/news_v1_article_list
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from leeward.data.sentiment import SOURCES, day_text
from leeward.data.sentiment_asking import Asker
from leeward.data.sentiment_reading import Days, whole_in
from leeward.domain.errors import BadSentiment

CRYPTOCOMPARE = SOURCES["cryptocompare"]
_DAY_S = 86_400
_PAGE = 100  # articles in an answer
_MOST_PAGES = 50  # a day; more is no news of one day
_LABELS = ("POSITIVE", "NEUTRAL", "NEGATIVE")


def fetch_cryptocompare(asker: Asker, url: str, days: Sequence[int]) -> Iterator[Days]:
    """Yields each of `days` by itself, so that what was fetched stays when a later one fails.

    A day without a labelled article is absent. Raises as `Asker.ask` does.
    """
    where = f"{url}/news/v1/article/list"
    for day in days:
        labels = _labels_of(asker, where, day)
        count = labels.total()
        if count:
            good, even, bad = (labels[name] for name in _LABELS)
            row = (float(count), float(good), float(even), float(bad), (good - bad) / count)
            yield Days({day: row})


def _labels_of(asker: Asker, where: str, day: int) -> Counter[str]:
    """Returns how many articles of a UTC day bear each label, paging back from its end."""
    first_s, until_s = day * _DAY_S, (day + 1) * _DAY_S - 1
    labels: dict[int, str | None] = {}
    for _ in range(_MOST_PAGES):
        page = _page(asker, where, until_s)
        new = any(number not in labels for number, _, _ in page)
        labels |= {number: label for number, at_s, label in page if at_s >= first_s}
        oldest_s = min((at_s for _, at_s, _ in page), default=None)
        # Only an article of the day before shows that the day is whole.
        if oldest_s is None and labels:
            raise _refused(where, day, f"its news end within {day_text(day)}")
        if oldest_s is None or oldest_s < first_s:
            return Counter(label for label in labels.values() if label is not None)
        # Articles of one second may be parted by the end of a page: it is asked for again.
        until_s = oldest_s if new else oldest_s - 1
    raise _refused(where, day, f"{_MOST_PAGES} answers do not reach the start of {day_text(day)}")


def _page(asker: Asker, where: str, until_s: int) -> list[tuple[int, int, str | None]]:
    """Returns number, publication (s) and label of the newest articles up to a moment."""
    params: dict[str, str | int] = {"lang": "EN", "categories": "BTC", "limit": _PAGE}
    answer = asker.ask(where, params | {"to_ts": until_s})
    articles = answer.get("Data") if isinstance(answer, dict) else None
    if not isinstance(articles, list):
        raise asker.unreadable(where, answer)
    try:
        return [_read(article, until_s) for article in articles]
    except ValueError as error:
        raise _refused(where, until_s // _DAY_S, str(error)) from None


def _read(article: object, until_s: int) -> tuple[int, int, str | None]:
    if not isinstance(article, dict):
        raise ValueError(f"{str(article)[:30]!r} is not an article")
    at_s = whole_in(article, "PUBLISHED_ON")
    if at_s > until_s:
        raise ValueError(f"an article of second {at_s} is newer than asked for, {until_s}")
    label = article.get("SENTIMENT") or None
    if label not in {None, *_LABELS}:
        raise ValueError(f"SENTIMENT is {str(label)[:30]!r}, not one of {', '.join(_LABELS)}")
    return whole_in(article, "ID"), at_s, label


def _refused(where: str, day: int, reason: str) -> BadSentiment:
    return BadSentiment(f"{where}: {reason}; nothing of {day_text(day)} was stored")
