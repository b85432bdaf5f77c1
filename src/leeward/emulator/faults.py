"""The fault menu: what can go wrong, when it applies, and how often."""

from __future__ import annotations

import fnmatch
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from leeward.domain.errors import BadUsage, unknown_name
from leeward.domain.times import parse_time

#: Faults of requests. `executed` says whether the request still takes effect (default as named);
#: `ms` is wall time for delays and the exchange's time elsewhere.
REQUEST_FAULTS: Final = {
    "latency": "answer `ms` later; the request is processed first unless `before` is true",
    "jitter": "answer later, by chance up to `ms`; the request is processed first",
    "stall": "process the request `ms` later",
    "reset_before": "cut the connection before the request is processed",
    "reset_after": "process the request, then cut the connection: the answer is lost",
    "no_answer": "process the request (unless `executed` is false) and never answer",
    "timeout_unknown": "-1007; `executed` true or false, else by coin",
    "unknown_1006": "-1006; `executed` true or false, else by coin",
    "http_5xx": "`status` (default 502) with a gateway's HTML; `executed` default false",
    "internal_1001": "500 with -1001; `executed` default false",
    "busy_1008": "503 with -1008, not processed",
    "rate_429": "429 with -1003 and Retry-After of `seconds` (default 5)",
    "ban_418": "418 with a ban of the address for `seconds` (default 120)",
    "waf_403": "403 with HTML",
    "orders_1015": "429 with -1015",
    "timestamp_1021": "-1021; `early` true for the other text",
    "bad_signature": "-1022",
    "key_refused": "-2015",
    "trade_disabled": "-2010, this action is disabled on this account",
    "refuse": "any refusal: `code`, `msg`, `status`",
    "bad_json": "process the request, answer garbled JSON",
    "truncated": "process the request, answer half of the JSON",
    "gzip_broken": "process the request, answer plain JSON that claims to be compressed",
    "wrong_type": "process the request, answer with numbers as other types",
    "not_found_lag": "for `ms` after an order's last change, queries do not know it",
    "zero_balance": "balances are shown as zero",
    "stale_account": "balances are shown as they were when it struck first",
    "stale_klines": "klines end `bars` (default 1) early",
    "duplicate_accept": "process the request twice, as no exchange may: a trap for tests",
}
#: Faults of messages that are pushed: match by `stream`, `account`, `event`, `symbol`, `execution`
#: (NEW, TRADE, ...), `closed` ("true" for a candle's last message).
PUSH_FAULTS: Final = {
    "event_drop": "the message is not sent",
    "event_dup": "the message is sent twice",
    "event_reorder": "the message is sent after the next one",
    "event_delay": "the message is sent `ms` later",
    "silent": "nothing is pushed; pings and answers stay alive",
}
#: Faults of what is told of a market, in answers and messages alike: match by `symbol`, by `route`
#: or `method` (answers only), by `stream` (messages only). Those of candles are about the candle
#: that is open when the fault begins.
MARKET_FAULTS: Final = {
    "kline_gap": "the candle open when it begins, and `bars` (default 1) in all, are told nowhere",
    "kline_restated": "answers tell that candle, `bars` in all, `bps` (default 100) higher",
    "book_crossed": "the best bid is told above the best ask",
}
#: Faults of subscriptions: match by `stream` (all names of the message, with commas) or `account`.
SUBSCRIPTION_FAULTS: Final = {
    "subscribe_error": "the subscription is refused with `code` (default -1000) and `msg`",
    "subscribe_lost": "the subscription is confirmed, and nothing is ever sent",
}
#: What happens at one moment, to connections, markets or accounts.
ACTIONS: Final = {
    "ws_cut": "sockets are reset (`kind` stream or ws_api; all if not given)",
    "ws_close": "sockets are closed properly",
    "ws_24h": "sockets are closed as after 24 hours",
    "ws_half_open": "sockets stay open, nothing is sent any more, no pongs either",
    "ws_no_pong": "sockets bring messages, and no pongs",
    "ws_slow": "sockets bring `bytes` (default 1000) a second of our time; 0 ends it",
    "ws_refuse": "new sockets are refused for `ms`",
    "server_shutdown": "serverShutdown is announced, sockets are cut `ms` (default 1000) later",
    "uds_terminated": "eventStreamTerminated ends the user data subscriptions",
    "key_revoked": "the account's keys stop working",
    "clock_skew": "timestamps are judged `ms` late (negative: early); 0 ends it",
    "clock_jump": "the time told and judged by jumps by `ms` (negative: back); 0 sets it right",
    "slow_clock": "the same time goes `rate` times as fast (default 0.5); 1 ends it",
    "symbol_status": "`symbol` becomes `status`",
    "symbol_halt": "`symbol` halts, for `ms` if given",
    "symbol_break": "`symbol` breaks, for `ms` if given",
    "cancel_only": "`symbol` accepts cancels only, for `ms` if given",
    "delist": "`symbol` is delisted and its orders expire",
    "delist_announced": "the schedule says that `symbol` is delisted in `ms`; then it is",
    "filter_change": "`filter` (in the exchange's form) of `symbol`, or of the exchange, changes",
    "price_jump": "`symbol` trades at `price`, a number or a list, through every stop between",
    "book_empty": "nobody but accounts offers anything in `symbol`, for `ms` if given",
    "spread_blowout": "the spread of `symbol` becomes `bps` (default 500), for `ms` if given",
    "partial_fill": "the newest open order of `symbol` fills by `fraction`",
    "partial_then_expire": "the newest open order of `symbol` fills by `fraction`, then expires",
    "deposit": "`account` receives `amount` of `asset`",
    "withdrawal": "`account` withdraws `amount` of `asset`",
    "external_lock": "`amount` of `asset` of `account` is locked from outside",
    "manual_order": "`account` places `order` by hand (parameters of the exchange)",
    "manual_cancel": "`account` cancels its open orders of `symbol` by hand",
    "exchange_cancel": "the exchange expires open orders (of `symbol` or `account` if given)",
    "maintenance": "503 for `ms`, sockets cut; `cancel` true expires every order",
}
EFFECTS: Final = (
    *REQUEST_FAULTS,
    *PUSH_FAULTS,
    *MARKET_FAULTS,
    *SUBSCRIPTION_FAULTS,
    *ACTIONS,
)

_WHEN: Final = ("at", "until", "for", "count", "nth", "probability", "match", "id", "effect")
_NUMBERS: Final = ("seconds", "status", "code", "bars", "bps")
_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(slots=True)
class Fault:
    """One entry of the menu. It applies from `at_ms` to `until_ms` (exchange's time) to what
    matches, to the `nth` of them only, with `probability`, `count` times at most."""

    id: str
    effect: str
    match: Mapping[str, str]
    settings: Mapping[str, object]
    at_ms: int
    until_ms: int | None = None
    count: int | None = None
    nth: int | None = None
    probability: float = 1.0
    seen: int = 0
    applied: int = 0
    error: str | None = None
    #: What an account's first answer showed.
    shown: dict[str, object] = field(default_factory=dict)

    @property
    def is_action(self) -> bool:
        return self.effect in ACTIONS

    def number(self, name: str, default: float) -> float:
        """Returns setting `name` as a number; raises BadUsage for anything else."""
        value = self.settings.get(name, default)
        number = _number(value)
        if number is None:
            raise BadUsage(f"fault {self.id}: {name} is {value!r}; give a number")
        return number

    def text(self, name: str, default: str | None = None) -> str:
        value = self.settings.get(name, default)
        if value is None:
            raise BadUsage(f"fault {self.id}: {self.effect} needs '{name}'")
        return str(value)

    def applies(self, now_ms: int, facts: Mapping[str, str], chance: random.Random) -> bool:
        """Returns whether it strikes now; counts what it saw and what it struck."""
        if now_ms < self.at_ms or (self.until_ms is not None and now_ms >= self.until_ms):
            return False
        if not all(
            fnmatch.fnmatchcase(facts.get(name, ""), wanted) for name, wanted in self.match.items()
        ):
            return False
        self.seen += 1
        if (self.nth is not None and self.seen != self.nth) or (
            self.count is not None and self.applied >= self.count
        ):
            return False
        if self.probability < 1 and chance.random() >= self.probability:
            return False
        self.applied += 1
        return True

    def json(self) -> dict[str, object]:
        """Returns the fault as `/sim/faults` shows it."""
        return {
            "id": self.id,
            "effect": self.effect,
            "match": dict(self.match),
            "at": self.at_ms,
            "until": self.until_ms,
            "count": self.count,
            "nth": self.nth,
            "probability": self.probability,
            "seen": self.seen,
            "applied": self.applied,
            "error": self.error,
            **self.settings,
        }


@dataclass(slots=True)
class FaultBoard:
    """All faults of a session, with a stream of chance of their own."""

    seed: int
    start_ms: int
    faults: dict[str, Fault] = field(default_factory=dict)
    _chance: random.Random = field(init=False, repr=False)
    _numbered: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}/faults")  # noqa: S311 - a seeded rehearsal

    def add(self, entry: Mapping[str, object], now_ms: int) -> Fault:
        """Returns the fault of one entry of a timeline or an admin call, now on the board.

        Without `at` it begins at `now_ms`; durations count from the start of the session. Raises
        BadUsage for an unknown effect, match or value.
        """
        self._numbered += 1
        fault = _read(entry, f"fault-{self._numbered}", self.start_ms, now_ms)
        if fault.id in self.faults:
            raise BadUsage(f"fault {fault.id}: there is one with this id; choose another")
        self.faults[fault.id] = fault
        return fault

    def schedule(self, effect: str, settings: Mapping[str, object], at_ms: int) -> None:
        """Adds an action that follows from another, such as the end of a halt."""
        self._numbered += 1
        name = f"fault-{self._numbered}"
        self.faults[name] = Fault(name, effect, {}, settings, at_ms)

    def remove(self, fault_id: str) -> None:
        if fault_id not in self.faults:
            raise unknown_name("fault", fault_id, self.faults)
        del self.faults[fault_id]

    def has(self, menu: Mapping[str, str]) -> bool:
        """Returns whether any fault of one part of the menu is on the board."""
        return any(fault.effect in menu for fault in self.faults.values())

    def coin(self) -> bool:
        """Returns heads or tails."""
        return self.share() < 0.5

    def share(self) -> float:
        """Returns a number from 0 to 1 by chance."""
        return self._chance.random()

    def striking(
        self,
        menu: Mapping[str, str],
        now_ms: int,
        facts: Mapping[str, str],
        concerned: Callable[[Fault], bool] = lambda _: True,
    ) -> Iterator[Fault]:
        """Yields the faults of one part of the menu that strike what `facts` describe; those not
        `concerned` do not even see it."""
        for fault in list(self.faults.values()):
            if (
                fault.effect in menu
                and concerned(fault)
                and fault.applies(now_ms, facts, self._chance)
            ):
                yield fault

    def next_action_ms(self) -> int | None:
        """Returns when the next action that has not happened is due."""
        due = [fault.at_ms for fault in self._waiting()]
        return min(due, default=None)

    def due_actions(self, now_ms: int) -> list[Fault]:
        """Returns the actions due by `now_ms`, earliest first; each is returned once."""
        due = sorted((f for f in self._waiting() if f.at_ms <= now_ms), key=lambda f: f.at_ms)
        for fault in due:
            fault.applied += 1
        return due

    def _waiting(self) -> Iterator[Fault]:
        return (fault for fault in self.faults.values() if fault.is_action and not fault.applied)


def read_timeline(text: str, source: str) -> list[dict[str, object]]:
    """Returns the entries of a YAML timeline: a list, or a mapping with the list `faults`."""
    import yaml  # type: ignore[import-untyped] # PyYAML ships no types

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadUsage(f"{source}: not readable as YAML: {error}") from None
    entries = content.get("faults") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadUsage(
            f"{source}: give a list of faults, each a mapping such as {{effect: ws_cut}}"
        )
    return entries


def duration_ms(value: object, name: str) -> int:
    """Returns milliseconds of "250ms", "90s", "2m", "1h", "1d" or a number of ms.

    >>> duration_ms("90s", "at")
    90000
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value)
    unit = text.lstrip("0123456789.")
    digits = text[: len(text) - len(unit)]
    if unit not in _UNITS or not digits or digits.count(".") > 1:
        raise BadUsage(f"{name}: '{value}' is no duration; write 250ms, 90s, 2m, 1h or 1d")
    return round(float(digits) * _UNITS[unit])


def _read(entry: Mapping[str, object], name: str, start_ms: int, now_ms: int) -> Fault:
    effect = str(entry.get("effect", ""))
    if effect not in EFFECTS:
        raise unknown_name("fault", effect, EFFECTS)
    fault_id = str(entry.get("id", name))
    at_ms = now_ms if entry.get("at") is None else _moment(entry["at"], start_ms, fault_id)
    until_ms = None
    if entry.get("until") is not None:
        until_ms = _moment(entry["until"], start_ms, fault_id)
    elif entry.get("for") is not None:
        until_ms = at_ms + duration_ms(entry["for"], f"fault {fault_id}: for")
    match = entry.get("match") or {}
    if not isinstance(match, Mapping):
        raise BadUsage(f"fault {fault_id}: match is {match!r}; give names and patterns")
    settings = {key: value for key, value in entry.items() if key not in _WHEN}
    if "ms" in settings:
        settings["ms"] = duration_ms(settings["ms"], f"fault {fault_id}: ms")
    fault = Fault(
        fault_id,
        effect,
        {str(key): str(value) for key, value in match.items()},
        settings,
        at_ms,
        until_ms,
        _whole(entry.get("count"), fault_id, "count"),
        _whole(entry.get("nth"), fault_id, "nth"),
        _share(entry.get("probability", 1.0), fault_id),
    )
    for name in () if effect in ACTIONS else _NUMBERS:
        fault.number(name, 0)
    return fault


def _moment(value: object, start_ms: int, fault_id: str) -> int:
    """Returns a time given as duration since the start or as ISO 8601."""
    if isinstance(value, str) and "-" in value:
        return parse_time(value, f"fault {fault_id}")
    if hasattr(value, "isoformat"):  # YAML reads unquoted dates by itself
        return parse_time(str(value.isoformat()), f"fault {fault_id}")
    return start_ms + duration_ms(value, f"fault {fault_id}")


def _whole(value: object, fault_id: str, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadUsage(f"fault {fault_id}: {name} is {value!r}; give a whole number from 1 on")
    return value


def _share(value: object, fault_id: str) -> float:
    share = _number(value)
    if share is None or not 0 <= share <= 1:
        raise BadUsage(f"fault {fault_id}: probability is {value!r}; give a number from 0 to 1")
    return share


def _number(value: object) -> float | None:
    """Returns a number, also one given as text: the admin port keeps fractions as written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
