"""Public market data: parameters, weights and answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from leeward.emulator.operations import Call, Operation, costs
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.requests import Page
from leeward.emulator.rest_parameters import Parameters, invalid
from leeward.emulator.symbols import STATUSES

_ZONE: Final = re.compile(r"^([+-]?)(\d{1,2})(?::(\d{2}))?$")
_WINDOW: Final = re.compile(r"^(?:[1-9]|[1-5]\d)m$|^(?:[1-9]|1\d|2[0-3])h$|^[1-7]d$")
_EARLIEST_ZONE_MS, _LATEST_ZONE_MS = -12 * 3_600_000, 14 * 3_600_000
_MOST_SYMBOLS = 100
_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1000, 50), (5000, 250))


def market_operations() -> list[Operation]:
    """Returns every public operation."""
    v3 = "GET /api/v3/"
    table: list[tuple[str, str | None, Callable[[Parameters], int], Callable[[Call], object]]] = [
        ("ping", "ping", costs(1), lambda _: {}),
        ("time", "time", costs(1), lambda call: {"serverTime": call.told_ms}),
        ("exchangeInfo", "exchangeInfo", costs(20), _exchange_info),
        ("klines", "klines", costs(2), _klines),
        ("uiKlines", "uiKlines", costs(2), _klines),
        ("depth", "depth", _depth_weight, _depth),
        ("trades", "trades.recent", costs(25), _trades),
        ("historicalTrades", "trades.historical", costs(25), _trades),
        ("aggTrades", "trades.aggregate", costs(4), _agg_trades),
        ("historicalBlockTrades", "blockTrades.historical", costs(25), _block_trades),
        ("avgPrice", "avgPrice", costs(2), lambda c: c.exchange.avg_price(c.parameters.symbol())),
        ("ticker/24hr", "ticker.24hr", _day_weight, _day),
        ("ticker/tradingDay", "ticker.tradingDay", _symbols_weight(4, 200), _trading_day),
        ("ticker", "ticker", _symbols_weight(4, 200), _window),
        ("ticker/price", "ticker.price", _one_or_all, _price),
        ("ticker/bookTicker", "ticker.book", _one_or_all, _book),
        ("executionRules", "executionRules", _symbols_weight(2, 40), _execution_rules),
        ("referencePrice", "referencePrice", costs(2), _reference_price),
        ("referencePrice/calculation", "referencePrice.calculation", costs(2), _reference_price),
    ]
    return [
        Operation(v3 + path, method, "NONE", weight, answer)
        for path, method, weight, answer in table
    ]


def _exchange_info(call: Call) -> Json:
    read = call.parameters
    status = _status(read)
    symbols = read.symbols()
    if symbols is not None and status is not None:
        raise Rejection(-1128, "Combination of optional parameters invalid.")
    read.text("permissions")
    info = call.exchange.exchange_info(symbols, status)
    if not read.flag("showPermissionSets", default=True):
        for symbol in _objects(info["symbols"]):
            symbol.pop("permissionSets", None)
    return info


def _klines(call: Call) -> list[list[object]]:
    read = call.parameters
    symbol = read.symbol()
    return call.exchange.klines(
        symbol,
        read.required("interval"),
        start_ms=read.time_ms("startTime"),
        end_ms=read.time_ms("endTime"),
        limit=read.limit(500, 1000),
        offset_ms=_zone_ms(read),
    )


def _depth(call: Call) -> Json:
    symbol = call.parameters.symbol()
    _check_status(call, [symbol])
    return call.exchange.depth(symbol, call.parameters.limit(100, 5000))


def _depth_weight(read: Parameters) -> int:
    limit = read.limit(100, 5000)
    return next(weight for most, weight in _DEPTH_WEIGHTS if limit <= most)


def _trades(call: Call) -> list[Json]:
    read = call.parameters
    return call.exchange.trades(read.symbol(), read.limit(500, 1000), read.integer("fromId"))


def _agg_trades(call: Call) -> list[Json]:
    read = call.parameters
    return call.exchange.agg_trades(read.symbol(), page(read, "fromId"))


def _block_trades(call: Call) -> list[Json]:
    call.parameters.required_integer("fromId")
    call.exchange.ticker_price([call.parameters.symbol()])
    return []


def _day(call: Call) -> object:
    symbols = call.parameters.symbols()
    _check_status(call, symbols)
    return _one(call, call.exchange.ticker_24hr(symbols, mini=_mini(call.parameters)))


def _day_weight(read: Parameters) -> int:
    symbols = read.symbols()
    if symbols is None or len(symbols) > _MOST_SYMBOLS:
        return 80
    return 2 if len(symbols) <= 20 else 40


def _trading_day(call: Call) -> object:
    symbols = _some(call.parameters)
    offset = _zone_ms(call.parameters)
    mini = _mini(call.parameters)
    found = call.exchange.ticker_trading_day(symbols, offset_ms=offset, mini=mini)
    return _one(call, found)


def _window(call: Call) -> object:
    read = call.parameters
    symbols = _some(read)
    window = read.text("windowSize") or "1d"
    if not _WINDOW.match(window):
        raise invalid("windowSize")
    return _one(call, call.exchange.ticker_window(symbols, window, mini=_mini(read)))


def _price(call: Call) -> object:
    symbols = call.parameters.symbols()
    _check_status(call, symbols)
    return _one(call, call.exchange.ticker_price(symbols))


def _book(call: Call) -> object:
    symbols = call.parameters.symbols()
    _check_status(call, symbols)
    return _one(call, call.exchange.ticker_book(symbols))


def _execution_rules(call: Call) -> Json:
    call.parameters.text("symbolStatus")
    return call.exchange.execution_rules(call.parameters.symbols())


def _reference_price(call: Call) -> Json:
    return call.exchange.reference_price(call.parameters.symbol())


def _one_or_all(read: Parameters) -> int:
    return 2 if "symbol" in read.values else 4


def _symbols_weight(each: int, most: int) -> Callable[[Parameters], int]:
    return lambda read: min(most, each * len(read.symbols() or [""]))


def _some(read: Parameters) -> list[str]:
    symbols = read.symbols(required=True) or []
    if len(symbols) > _MOST_SYMBOLS:
        raise Rejection(-1101, f"Too many symbols; the most is {_MOST_SYMBOLS}.")
    return symbols


def _one(call: Call, found: Sequence[Json]) -> object:
    """Returns the object itself where `symbol` was asked for, else the list."""
    return found[0] if "symbol" in call.parameters.values else list(found)


def _mini(read: Parameters) -> bool:
    refusal = Rejection(-1139, "Invalid ticker type.")
    return read.one_of("type", ("FULL", "MINI"), refusal) == "MINI"


def _status(read: Parameters) -> str | None:
    return read.one_of("symbolStatus", STATUSES, Rejection(-1122, "Invalid symbolStatus."))


def _check_status(call: Call, symbols: Sequence[str] | None) -> None:
    status = _status(call.parameters)
    if status is None or symbols is None:
        return
    for symbol in _objects(call.exchange.exchange_info(symbols)["symbols"]):
        if symbol["status"] != status:
            raise Rejection(-1220, f"The symbol's status does not match the requested {status}.")


def _objects(value: object) -> list[Json]:
    return value if isinstance(value, list) else []


def _zone_ms(read: Parameters) -> int:
    """Returns the offset of `timeZone` ("0", "-1:00", "05:45") in ms."""
    text = read.text("timeZone") or "0"
    found = _ZONE.match(text)
    if found is None:
        raise invalid("timeZone")
    sign, hours, minutes = found.groups()
    offset = (int(hours) * 60 + int(minutes or 0)) * 60_000 * (-1 if sign == "-" else 1)
    if not _EARLIEST_ZONE_MS <= offset <= _LATEST_ZONE_MS:
        raise invalid("timeZone")
    return offset


def page(read: Parameters, id_name: str, default: int = 500, most: int = 1000) -> Page:
    """Returns which part of a history is asked for; ids come in parameter `id_name`."""
    return Page(
        start_ms=read.time_ms("startTime"),
        end_ms=read.time_ms("endTime"),
        from_id=read.integer(id_name),
        limit=read.limit(default, most),
    )
