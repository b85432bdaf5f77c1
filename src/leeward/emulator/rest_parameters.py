"""The parameters of one request, read with the refusals that the exchange gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl

from leeward.emulator.rejections import Rejection, mandatory

_DECIMAL: Final = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
_INTEGER: Final = re.compile(r"^[0-9]{1,20}$")
_SYMBOL: Final = re.compile(r"^[^\Wa-z]([^\Wa-z]|[-_.]){0,49}$")
_CLIENT_ID: Final = re.compile(r"^[a-zA-Z0-9-_]{1,36}$")
#: Where the pattern that Python needs is not the one that the exchange shows.
_SHOWN: Final = {_SYMBOL: "^[A-Z0-9-_.]{1,20}$"}
_LONG_MAX: Final = 2**63 - 1
#: Times from here on are microseconds.
MICROSECONDS_FROM: Final = 10**15


class Parameters:
    """Names and raw texts as sent."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str | None:
        """Returns the value as sent, None where absent; refuses an empty one (-1105)."""
        value = self.values.get(name)
        if value == "":
            raise Rejection(-1105, f"Parameter '{name}' was empty.")
        return value

    def required(self, name: str) -> str:
        """Returns the value; refuses (-1102) an absent or empty one."""
        value = self.values.get(name)
        if value is None or value == "":
            raise mandatory(name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Returns a number without sign and exponent."""
        value = self._matching(name, _DECIMAL)
        return None if value is None else Decimal(value)

    def integer(self, name: str) -> int | None:
        value = self._matching(name, _INTEGER)
        if value is None:
            return None
        number = int(value)
        if number > _LONG_MAX:
            raise Rejection(-1108, f"Parameter '{name}' overflowed.")
        return number

    def required_integer(self, name: str) -> int:
        self.required(name)
        value = self.integer(name)
        if value is None:
            raise mandatory(name)
        return value

    def client_id(self, name: str) -> str | None:
        """Returns a client order id of up to 36 letters, digits, minus and underscore."""
        return self._matching(name, _CLIENT_ID)

    def one_of(self, name: str, allowed: Sequence[str], refusal: Rejection) -> str | None:
        value = self.text(name)
        if value is not None and value not in allowed:
            raise refusal
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise invalid(name)
        return value.lower() == "true"

    def limit(self, default: int, most: int) -> int:
        """Returns `limit`, cut to `most`; refuses zero."""
        value = self.integer("limit")
        if value is None:
            return default
        if value == 0:
            raise invalid("limit")
        return min(value, most)

    def time_ms(self, name: str) -> int | None:
        """Returns a time in ms; it may be sent in ms or in microseconds."""
        value = self.integer(name)
        return None if value is None else milliseconds(value)

    def symbol(self) -> str:
        """Returns the mandatory `symbol`."""
        self.required("symbol")
        return self._matching("symbol", _SYMBOL) or ""

    def symbols(self, *, required: bool = False) -> list[str] | None:
        """Returns what `symbol` or `symbols` (a JSON array) names; None where neither is sent."""
        if "symbol" in self.values and "symbols" in self:
            raise Rejection(-1101, "Too many parameters sent for this endpoint.")
        if "symbol" in self.values:
            return [self.symbol()]
        raw = self.text("symbols")
        if raw is None:
            if required:
                raise mandatory("symbol")
            return None
        return _symbol_list(raw)

    def _matching(self, name: str, pattern: re.Pattern[str]) -> str | None:
        value = self.text(name)
        if value is not None and not pattern.match(value):
            shown = _SHOWN.get(pattern, pattern.pattern)
            raise Rejection(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '{shown}'."
            )
        return value


def read_query(query: bytes, body: bytes = b"") -> Parameters:
    """Returns the parameters of a REST request; on a clash the query wins. A name that comes twice
    in one of them is refused (-1101)."""
    values: dict[str, str] = {}
    for part in (body, query):
        pairs = parse_qsl(part.decode("utf-8", "replace"), keep_blank_values=True)
        names = [name for name, _ in pairs]
        if len(names) != len(set(names)):
            raise Rejection(-1101, "Duplicate values for a parameter detected.")
        values.update(pairs)
    return Parameters(values)


def read_frame(params: Mapping[str, object]) -> Parameters:
    """Returns the parameters of a WebSocket request: every value as the text that is signed."""
    return Parameters({name: wire_text(value) for name, value in params.items()})


def wire_text(value: object) -> str:
    """Returns a JSON value as signed text.

    >>> wire_text(True), wire_text(5), wire_text(["A", "B"])
    ('true', '5', '["A","B"]')
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def milliseconds(value: int) -> int:
    """Returns a time sent in ms or microseconds in ms."""
    return value // 1000 if value >= MICROSECONDS_FROM else value


def invalid(name: str) -> Rejection:
    """Returns the refusal of a value that the parameter cannot have."""
    return Rejection(-1130, f"Data sent for parameter '{name}' is not valid.")


def _symbol_list(raw: str) -> list[str]:
    try:
        names = json.loads(raw)
    except ValueError:
        names = None
    if not isinstance(names, list) or not names:
        raise _bad_symbols()
    found = []
    for name in names:
        if not isinstance(name, str) or not _SYMBOL.match(name):
            raise _bad_symbols()
        found.append(name)
    if len(found) != len(set(found)):
        raise Rejection(-1151, "Symbol is present multiple times in the list.")
    return found


def _bad_symbols() -> Rejection:
    shown = r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$'
    return Rejection(
        -1100, f"Illegal characters found in parameter 'symbols'; legal range is '{shown}'."
    )
