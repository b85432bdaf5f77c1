"""Binance's public REST interface, as far as candles need it; no key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from leeward.data.fetching import Fetcher
from leeward.domain.errors import BadUsage, Failed
from leeward.domain.timeframe import Timeframe

_MOST_ROWS = 1_000  # a request
_INVALID_SYMBOL = -1121


@dataclass(frozen=True)
class BinanceRest:
    """Reads `{url}/api/v3/...`."""

    fetcher: Fetcher
    url: str

    def server_time(self) -> int:
        """Returns the exchange's UTC time in ms: what is closed is decided by its clock alone."""
        answer = self._read("time", {})
        if not isinstance(answer, dict) or not isinstance(answer.get("serverTime"), int):
            raise self._unreadable("time", answer)
        return int(answer["serverTime"])

    def first_open(self, symbol: str, timeframe: Timeframe) -> int | None:
        """Returns the open time of the symbol's first candle ever, None where it has none yet.

        Raises BadUsage, with the nearest name that exists, for a symbol that does not.
        """
        rows = self._rows(symbol, timeframe, {"startTime": 0, "limit": 1})
        return int(rows[0][0]) if rows else None

    def archive_csv(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> bytes:
        """Returns the candles that open in [start_ms, end_ms) in the archive's CSV layout.

        The last candle of an answer may still be running; `end_ms` is to lie at or before the open
        of the running candle, and what the exchange sends from there on is dropped.
        """
        lines: list[str] = []
        while start_ms < end_ms:
            span = {"startTime": start_ms, "endTime": end_ms - 1, "limit": _MOST_ROWS}
            rows = self._rows(symbol, timeframe, span)
            wanted = [row for row in rows if start_ms <= row[0] < end_ms]
            lines += [",".join(str(value) for value in row) for row in wanted]
            if len(wanted) < _MOST_ROWS:
                break
            start_ms = int(wanted[-1][0]) + timeframe.length_ms
        return "\n".join(lines).encode()

    def _rows(
        self, symbol: str, timeframe: Timeframe, span: Mapping[str, str | int]
    ) -> list[list[Any]]:
        answer = self._read("klines", {"symbol": symbol, "interval": timeframe.name, **span})
        if not isinstance(answer, list) or not all(_is_row(row) for row in answer):
            raise self._unreadable("klines", answer)
        return answer

    def _read(self, path: str, params: Mapping[str, str | int]) -> object:
        reply = self.fetcher.get(f"{self.url}/api/v3/{path}", params)
        try:
            answer = json.loads(reply.body)
        except ValueError:
            raise self._unreadable(path, reply.body.decode(errors="replace")) from None
        if reply.status == 400 and isinstance(answer, dict):
            raise self._refused(str(params.get("symbol")), answer)
        if reply.status != 200:
            raise self._unreadable(path, answer)
        return answer

    def _refused(self, symbol: str, answer: dict[str, object]) -> BadUsage:
        if answer.get("code") != _INVALID_SYMBOL:
            return BadUsage(
                f"{symbol}: Binance refuses: {answer.get('msg')} ({answer.get('code')})"
            )
        near = get_close_matches(symbol, self._symbols(), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return BadUsage(f"unknown symbol '{symbol}': Binance has no such spot market{hint}")

    def _symbols(self) -> list[str]:
        answer = self._read("ticker/price", {})
        rows = answer if isinstance(answer, list) else []
        return [str(row["symbol"]) for row in rows if isinstance(row, dict) and "symbol" in row]

    def _unreadable(self, path: str, answer: object) -> Failed:
        return Failed(
            f"{self.url}/api/v3/{path}: this is not an answer of Binance: {str(answer)[:80]!r}; "
            "is there a proxy or a login page on the way?"
        )


def _is_row(row: object) -> bool:
    return isinstance(row, list) and len(row) == 12 and type(row[0]) is int
