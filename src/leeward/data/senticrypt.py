"""SentiCrypt: three models' scores of what the internet wrote about Bitcoin, a row a day; no key.

https://senticrypt.com/docs.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leeward.data.sentiment import SOURCES, day_text, parse_day
from leeward.data.sentiment_asking import Asker
from leeward.data.sentiment_reading import Days, Item, judge_days, number_in, text_in, whole_in

SENTICRYPT = SOURCES["senticrypt"]
#: So many days are asked for one by one; for more, the whole history is one answer.
_MOST_SINGLE = 10


def fetch_senticrypt(asker: Asker, url: str, days: Sequence[int]) -> Iterator[Days]:
    """Yields the days of one answer, or of one answer a day; those it does not have are absent.

    `days` are the ones asked for, in order, all of them over. Raises as `Asker.ask` does.
    """
    if len(days) > _MOST_SINGLE:
        where = f"{url}/all.json"
        answer = asker.ask(where)
        if not isinstance(answer, list) or not answer:
            raise asker.unreadable(where, answer)
        items = [(f"entry {i}", item) for i, item in enumerate(answer, start=1)]
    else:
        items = []
        for day in days:
            where = f"{url}/history/{day_text(day)}.json"
            answer = asker.ask(where)
            if answer is None:
                continue
            if not isinstance(answer, dict) or answer.get("date") != day_text(day):
                raise asker.unreadable(where, answer)
            items.append((day_text(day), answer))
    yield judge_days(SENTICRYPT, items, read_senticrypt, days[-1] + 1)


def read_senticrypt(item: Item) -> tuple[int, tuple[float, ...]]:
    """Returns the day and the values of one row, of the API or of a file. Raises ValueError."""
    values = {name: number_in(item, name) for name in SENTICRYPT.columns}
    values["count"] = float(whole_in(item, "count"))
    return parse_day(text_in(item, "date")), tuple(values.values())
