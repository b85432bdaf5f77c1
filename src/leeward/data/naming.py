"""Symbol and timeframe out of the names that candle files usually bear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from leeward.domain.errors import BadCandles
from leeward.domain.timeframe import Timeframe

#: The kinds of file an import understands.
SUFFIXES = (".csv", ".zip", ".parquet", ".feather", ".ipc", ".arrow")

_FUTURES = {"futures", "um", "cm", "perp", "swap"}
_VENUES = {"spot", "binance"}
#: What pairs are quoted in; a word that ends in none of these is not taken for a symbol.
_QUOTES = (
    "USDT", "USDC", "USD", "BUSD", "FDUSD", "TUSD", "USDP", "USD1", "DAI", "BTC", "ETH", "BNB",
    "EUR", "EURI", "GBP", "TRY", "BRL", "JPY", "AUD", "ARS", "MXN", "PLN", "ZAR", "IDR", "NGN",
    "UAH", "RUB", "KRW", "INR",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """The series a file belongs to, and whether it says that it is of a futures market."""

    symbol: str
    timeframe: Timeframe
    futures: bool = False


def read_name(path: PurePath, symbol: str | None, timeframe: Timeframe | None) -> Series:
    """Returns the series a file holds; `symbol` and `timeframe`, where given, overrule its name.

    Raises BadCandles where the name does not say.

    >>> read_name(PurePath("um-futures-AVAXUSDT-1m-2024-02-01.csv"), None, None).symbol
    'AVAXUSDT'
    >>> read_name(PurePath("BTC_USDT-1h.feather"), None, None).timeframe.name
    '1h'
    """
    words = re.split(r"[-_. ]+", path.stem)
    lengths = [_timeframe_of(word) for word in words]
    at = next((i for i, length in enumerate(lengths) if length is not None), len(words))
    parents = {part.lower() for part in path.parts[:-1]}
    futures = bool(_FUTURES & {word.lower() for word in words} or "futures" in parents)
    if timeframe is None:
        timeframe = lengths[at] if at < len(words) else None
    if symbol is None:
        symbol = _symbol_of(words[:at])
    missing = " and ".join(
        name for name, value in (("--symbol", symbol), ("--timeframe", timeframe)) if value is None
    )
    if symbol is None or timeframe is None:
        raise BadCandles(
            f"{path}: its name does not say what it holds; "
            f"name it like BTCUSDT-1h-2024-03.csv, or give {missing}"
        )
    return Series(symbol, timeframe, futures or _is_settled(words[:at]))


def _timeframe_of(word: str) -> Timeframe | None:
    # 1M is a month, which the store does not hold; every other unit may come in capitals.
    name = word if word.endswith("M") else word.lower()
    return Timeframe.parse(name) if name in Timeframe.names() else None


def _symbol_of(words: list[str]) -> str | None:
    """Returns BTCUSDT for BTCUSDT, BTC_USDT and BTC_USDT_USDT; None where it would be a guess."""
    names = [word.upper() for word in words if word and word.lower() not in _FUTURES | _VENUES]
    if _is_settled(names):
        names.pop()
    name = "".join(names)
    if len(names) == 1 and name not in _QUOTES and name.endswith(_QUOTES):
        return name
    return name if len(names) == 2 and names[1] in _QUOTES else None


def _is_settled(words: list[str]) -> bool:
    """Returns whether the words name a futures pair with the currency it is settled in."""
    return len(words) == 3 and words[1] == words[2]
