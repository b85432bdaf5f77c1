"""Days of sentiment out of what a source or a file says; nothing in it is believed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from leeward.data.sentiment import Rows, Source, day_text
from leeward.domain.errors import BadSentiment

Item = Mapping[str, object]

_MOST_LISTED = 3
_SHOWN = 30  # characters of a value that is no number


@dataclass(frozen=True, slots=True)
class Days:
    """The good days of an answer or a file, and why each other one is none."""

    rows: Rows
    bad: tuple[str, ...] = ()


def judge_days(
    source: Source,
    items: Iterable[tuple[str, object]],
    read: Callable[[Item], tuple[int, tuple[float, ...]]],
    today: int,
) -> Days:
    """Returns the days in `items`, each with a word for its place; `read` raises ValueError.

    Bad is what is unreadable, out of range, later than `today`, or told twice in two ways.
    """
    rows: dict[int, tuple[float, ...]] = {}
    bad: list[str] = []
    for place, item in items:
        try:
            if not isinstance(item, Mapping):
                raise ValueError(f"{str(item)[:_SHOWN]!r} is not a day with its values")
            day, values = read(item)
            fault = _fault(source, day, values, today, rows.get(day))
        except ValueError as error:
            bad.append(f"{place}: {error}")
            continue
        if fault is None:
            rows[day] = values
        else:
            bad.append(f"{place} ({day_text(day)}): {fault}")
    return Days(rows, tuple(bad))


def _fault(
    source: Source, day: int, values: tuple[float, ...], today: int, before: Sequence[float] | None
) -> str | None:
    if day > today:
        return f"lies in the future; by the clock here it is {day_text(today)}"
    if before is not None and before != values:
        return "stands there twice, with different values"
    return source.fault(values)


def text_in(item: Item, name: str) -> str:
    """Returns a text of an item; raises ValueError where it is none."""
    value = item.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is {_shown(value)}, not a text")
    return value


def number_in(item: Item, name: str) -> float:
    """Returns a finite number of an item, also one written as a text; else raises ValueError."""
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{name} is {_shown(value)}, not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is {_shown(value)}, not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is {_shown(value)}, not a finite number")
    return number


def whole_in(item: Item, name: str) -> int:
    """Returns a whole number of an item, also one written as a text; else raises ValueError."""
    number = number_in(item, name)
    if not number.is_integer():
        raise ValueError(f"{name} is {_shown(item.get(name))}, not a whole number")
    return int(number)


def refuse_bad(parts: Sequence[Days], name: object, skip_bad: bool) -> None:
    """Raises BadSentiment for bad days, unless they are to be skipped and good ones remain."""
    bad = [fault for days in parts for fault in days.bad]
    some_good = any(days.rows for days in parts)
    if not bad or (skip_bad and some_good):
        return
    more = len(bad) - _MOST_LISTED
    listed = "; ".join(bad[:_MOST_LISTED]) + (f"; and {more:,} more" if more > 0 else "")
    way_out = "; --skip-bad stores the good days" if some_good else ""
    raise BadSentiment(f"{name}: {listed}; nothing of it was stored{way_out}")


def _shown(value: object) -> str:
    return "missing" if value is None else repr(str(value)[:_SHOWN])
