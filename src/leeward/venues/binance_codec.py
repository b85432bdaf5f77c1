"""Reads Binance's JSON as typed values: bytes in, `Unreadable` for whatever breaks the protocol.

Numbers are decimal strings and stay exact. Only what is read is checked: unknown fields pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NoReturn, TypeVar

from leeward.domain.errors import Failed
from leeward.domain.money import Price, Quantity

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

# Bounded, so that no amount can cost time or memory: the exchange itself sends at most 20.
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_MOST_INTEGER = 1 << 63
_SHOWN = 80


class Unreadable(Failed):
    """A message that is not what the exchange documents; nothing of it may be believed."""


def decode(body: bytes | str) -> object:
    """Returns the JSON value of a message; raises Unreadable for anything else."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not valid JSON ({error}): {shown(body)}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def shown(value: object) -> str:
    """Returns the start of a message, safe to print and to log."""
    if isinstance(value, bytes | bytearray):
        return repr(bytes(value[:_SHOWN]))
    return ascii(value)[:_SHOWN]


def reading(reader: Callable[[object], T], body: bytes | str) -> T:
    """Returns what `reader` makes of a message; raises nothing but Unreadable.

    An amount that reads as a number and yet cannot be (a price of zero) is refused by the amount's
    own type; the one word for both is Unreadable.
    """
    value = decode(body)
    try:
        return reader(value)
    except Unreadable:
        raise
    except Failed as error:
        raise Unreadable(f"{error}: {shown(body)}") from None


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object with the place it came from, for messages."""

    values: Mapping[str, object]
    place: str = ""

    @classmethod
    def of(cls, value: object, place: str = "") -> Record:
        if not isinstance(value, dict):
            raise Unreadable(f"{place or 'message'}: an object is needed, not {shown(value)}")
        return cls(value, place)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def fails(self, name: str, need: str) -> Unreadable:
        """Returns the error for a field that is missing or not what is needed."""
        path = f"{self.place}.{name}" if self.place else name
        found = shown(self.values[name]) if name in self.values else "nothing"
        return Unreadable(f"{path}: {need} is needed, not {found}")

    def record(self, name: str) -> Record:
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise self.fails(name, "an object")
        return Record(value, f"{self.place}.{name}" if self.place else name)

    def records(self, name: str) -> Iterator[Record]:
        for at, value in enumerate(self.list(name)):
            yield Record.of(value, f"{self.place}.{name}[{at}]")

    def list(self, name: str) -> list[object]:
        value = self.values.get(name)
        if not isinstance(value, list):
            raise self.fails(name, "an array")
        return value

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str) or not printable(value):
            raise self.fails(name, "a text")
        return value

    def filled_text(self, name: str) -> str:
        """Returns a text with at least one character."""
        if not (value := self.text(name)):
            raise self.fails(name, "a name")
        return value

    def integer(self, name: str) -> int:
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _MOST_INTEGER:
            raise self.fails(name, "a whole number")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise self.fails(name, "true or false")
        return value

    def flag_or(self, name: str, otherwise: bool) -> bool:
        return self.flag(name) if name in self.values else otherwise

    def decimal(self, name: str) -> Decimal:
        if (value := as_decimal(self.values.get(name))) is None:
            raise self.fails(name, "a decimal number as text")
        return value

    def quantity(self, name: str) -> Quantity:
        if (value := self.decimal(name)) < 0:
            raise self.fails(name, "zero or more")
        return Quantity(value)

    def price(self, name: str) -> Price:
        if (value := self.decimal(name)) <= 0:
            raise self.fails(name, "a price above zero")
        return Price(value)

    def price_or_none(self, name: str) -> Price | None:
        """Returns None where the field is absent or zero, the exchange's two ways to say so."""
        if name not in self.values or self.decimal(name) == 0:
            return None
        return self.price(name)

    def word(self, name: str, kind: type[Word]) -> Word:
        """Returns the enum member, `UNKNOWN` for a text that this version does not know."""
        text = self.text(name)
        return kind(text) if text in kind.__members__ else kind("UNKNOWN")


def as_list(value: object) -> list[object]:
    """Returns a top-level array."""
    if not isinstance(value, list):
        raise Unreadable(f"an array is needed, not {shown(value)}")
    return value


def as_decimal(value: object) -> Decimal | None:
    """Returns the number of a decimal text, None for anything else."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


def printable(text: str) -> bool:
    """Returns whether a text can be written anywhere: JSON allows half a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
