"""Answers and events with times in microseconds, for clients that ask for them."""

from __future__ import annotations

from typing import Final

_TIMES: Final = frozenset({
    "serverTime", "time", "updateTime", "workingTime", "transactTime", "transactionTime",
    "openTime", "closeTime", "trailingTime", "timestamp", "authorizedSince", "connectedSince",
})  # fmt: skip
_KLINE_TIMES: Final = (0, 6)
#: Times of events, by event; `E` is one in all of them.
_EVENT_TIMES: Final = {
    "executionReport": ("T", "O", "W", "D"),
    "outboundAccountPosition": ("u",),
    "24hrTicker": ("O", "C"),
    "trade": ("T",),
    "aggTrade": ("T",),
    "balanceUpdate": ("T",),
    "externalLockUpdate": ("T",),
    "listStatus": ("T",),
    "avgPrice": ("T",),
}


def in_microseconds(answer: object) -> object:
    """Returns a copy of an answer with every time in microseconds; -1 stays."""
    if isinstance(answer, dict):
        return {
            key: _scaled(value) if key in _TIMES else in_microseconds(value)
            for key, value in answer.items()
        }
    if isinstance(answer, list):
        if len(answer) == 12 and isinstance(answer[0], int):  # a kline row
            return [_scaled(v) if i in _KLINE_TIMES else v for i, v in enumerate(answer)]
        return [in_microseconds(each) for each in answer]
    return answer


def event_in_microseconds(event: object) -> object:
    """Returns a copy of an event with every time in microseconds."""
    if isinstance(event, list):
        return [event_in_microseconds(each) for each in event]
    if not isinstance(event, dict):
        return event
    name = str(event.get("e", ""))
    times = {"E", *_EVENT_TIMES.get(name, ())}
    if name.endswith("Ticker") and name != "24hrMiniTicker":
        times |= {"O", "C"}
    changed = {key: _scaled(value) if key in times else value for key, value in event.items()}
    bar = event.get("k")
    if name == "kline" and isinstance(bar, dict):
        changed["k"] = {k: _scaled(v) if k in {"t", "T"} else v for k, v in bar.items()}
    return changed


def _scaled(value: object) -> object:
    return value * 1000 if isinstance(value, int) and value > 0 else value
