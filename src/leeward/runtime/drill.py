"""The drill: the real engine on an emulated exchange, killed and struck by faults, and judged.

Every line says what was tried and what was seen. The exchange's own truth is the judge: no fill
lost, no order twice, no position without a stop, every balance equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias

from leeward.data.store import CandleStore
from leeward.domain.errors import Failed
from leeward.runtime.clock import monotonic_s
from leeward.runtime.drill_engine import Rehearsal, rehearsal
from leeward.runtime.drill_stage import SPEED, Exchange, exchange_of, until
from leeward.runtime.emulator import gather_market

Level: TypeAlias = Literal["quick", "full"]
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
#: What a restart may take, start of the interpreter included, until all agrees again.
_RESTART_S: Final = 60.0
#: What may pass until the strategy sends an order of the wanted kind.
_OPPORTUNITY_S: Final = 45.0
_CALM_S: Final = 30.0
_MARKET: Final = f"generated candles (SYNTHETIC), {SPEED:.0f} times as fast as real ones"
#: Some candles, on which a halted engine must not buy.
_HALTED_S: Final = 7.0


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was tried."""

    tried: str
    seen: str
    passed: bool
    took_s: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a drill found, and on which candles; it passed where every line did."""

    market: str
    lines: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        return bool(self.lines) and all(line.passed for line in self.lines)


@dataclass(frozen=True, slots=True)
class Kill:
    """A place on the order path: the request at which the process is killed, and how far that
    request had come."""

    words: str
    match: dict[str, str]
    executed: bool


_ORDER: Final = "POST /api/v3/order"
_KILLS: Final[Sequence[Kill]] = (
    Kill("entry on its way", {"route": _ORDER, "side": "BUY"}, executed=False),
    Kill("entry filled, answer not seen", {"route": _ORDER, "side": "BUY"}, executed=True),
    Kill("entry filled, stop on its way", {"route": _ORDER, "type": "STOP_LOSS"}, executed=False),
    Kill("stop placed, answer not seen", {"route": _ORDER, "type": "STOP_LOSS"}, executed=True),
    Kill(
        "stop being raised, nothing done", {"route": f"{_ORDER}/cancelReplace"}, executed=False
    ),
    Kill("stop raised, answer not seen", {"route": f"{_ORDER}/cancelReplace"}, executed=True),
    Kill("exit begun, stop being cancelled", {"route": "DELETE /api/v3/order"}, executed=False),
    Kill("exit begun, stop cancelled", {"route": "DELETE /api/v3/order"}, executed=True),
    Kill("exit on its way", {"route": _ORDER, "type": "MARKET", "side": "SELL"}, executed=False),
    Kill("exit sold, answer not seen", {"route": _ORDER, "type": "MARKET", "side": "SELL"},
         executed=True),
)  # fmt: skip
_QUICK_KILLS: Final = (1, 2, 5, 9)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Faults that strike for some seconds while the engine goes on, and what ends those that go on
    by themselves."""

    words: str
    faults: Sequence[dict[str, object]]
    lasts_s: float = 5.0
    after: Sequence[dict[str, object]] = ()


_ANY_ORDER: Final = {"route": "* /api/v3/order*"}
_TROUBLES: Final[Sequence[Trouble]] = (
    Trouble("stops cancelled by hand", ({"effect": "manual_cancel"},)),
    Trouble(
        "answers lost, orders carried out",
        ({"effect": "no_answer", "match": {"route": _ORDER}, "probability": 0.3, "count": 2},),
        8,
    ),
    Trouble(
        "half of the orders end in -1007 or 502",
        (
            {"effect": "timeout_unknown", "match": _ANY_ORDER, "probability": 0.3},
            {"effect": "http_5xx", "match": _ANY_ORDER, "probability": 0.3},
        ),
    ),
    Trouble("all sockets cut", ({"effect": "ws_cut"},), 3),
    Trouble(
        "price through every stop while the stream is silent",
        ({"effect": "silent", "for": "60s"}, {"effect": "price_jump", "symbol": "BTCUSDT"}),
    ),
    Trouble("new orders unknown to questions", ({"effect": "not_found_lag", "ms": 3000},)),
    Trouble("balances shown as zero", ({"effect": "zero_balance"},)),
    Trouble("events lost, doubled and out of order", (
        {"effect": "event_drop", "probability": 0.3},
        {"effect": "event_dup", "probability": 0.3},
        {"effect": "event_reorder", "probability": 0.3},
    )),
    Trouble(
        "subscriptions refused, then confirmed and mute",
        (
            {"effect": "subscribe_error", "count": 2},
            {"effect": "subscribe_lost", "count": 2},
            {"effect": "ws_cut"},
        ),
        8,
    ),
    Trouble(
        "sockets far too slow",
        ({"effect": "ws_slow", "bytes": 50},),
        15,
        ({"effect": "ws_slow", "bytes": 0},),
    ),
    Trouble("a candle that the exchange does not have", ({"effect": "kline_gap"},), 8),
    Trouble(
        "candles lost by the stream, and told otherwise when asked for",
        (
            {"effect": "event_drop", "match": {"closed": "true"}},
            {"effect": "kline_restated", "bars": 10},
        ),
        15,
    ),
    Trouble(
        "the exchange's clock jumps, then goes slow",
        ({"effect": "clock_jump", "ms": "150s"}, {"effect": "slow_clock", "rate": 0.2}),
        8,
        ({"effect": "clock_jump", "ms": 0},),
    ),
    Trouble("too many requests (429)", ({"effect": "rate_429", "seconds": 2, "count": 3},)),
    Trouble("a deposit arrives", ({"effect": "deposit", "asset": "USDT", "amount": "250"},)),
    Trouble("trading halts for a while", (
        {"effect": "symbol_halt", "symbol": "ETHUSDT", "ms": "60s"},
    )),
    Trouble("the exchange is down for maintenance", ({"effect": "maintenance", "ms": "60s"},)),
)  # fmt: skip
_QUICK_TROUBLES: Final = (2, 3, 4)


@dataclass
class _Drill:
    scene: Rehearsal
    exchange: Exchange
    say: Callable[[Line], None]
    lines: list[Line] = field(default_factory=list)

    def line(self, tried: str, work: Callable[[], tuple[bool, str]]) -> None:
        """Tries one thing and writes its line; what raises has failed."""
        began_s = monotonic_s()
        try:
            passed, seen = work()
        except Failed as error:
            passed, seen = False, str(error)
        line = Line(tried, seen, passed, monotonic_s() - began_s)
        self.lines.append(line)
        self.say(line)

    def begins(self) -> tuple[bool, str]:
        self.scene.engine.start()
        waited_s = until(lambda: bool(self.scene.stops()), _OPPORTUNITY_S)
        if waited_s is None:
            return False, f"no position with a stop after {_OPPORTUNITY_S:.0f} s; {self._last()}"
        return True, f"a position with its stop after {waited_s:.1f} s"

    def killed_at(self, kill: Kill) -> tuple[bool, str]:
        """Kills the process while one request is under way, and starts it again."""
        effect = "no_answer" if kill.executed else "stall"
        settings: dict[str, object] = {"match": kill.match, "count": 1}
        if not kill.executed:
            settings["ms"] = 3_000
        fault = self.exchange.strike(effect, **settings)
        if until(lambda: self.exchange.strikes(fault) > 0, _OPPORTUNITY_S) is None:
            self.exchange.calm()
            return False, f"the strategy sent no such order in {_OPPORTUNITY_S:.0f} s"
        return self._killed("killed and back: books and exchange agree after")

    def _killed(self, words: str) -> tuple[bool, str]:
        """Kills, starts again and waits until the new process has recovered and all agrees."""
        scene = self.scene
        boots = scene.boots()
        scene.engine.kill()
        self.exchange.calm()
        scene.engine.start()
        began_s = monotonic_s()
        if until(lambda: scene.boots() > boots and scene.is_recovered(), _RESTART_S) is None:
            return False, f"not recovered {_RESTART_S:.0f} s after the start; {self._last()}"
        return self._agrees(_RESTART_S, words, began_s)

    def troubled_by(self, trouble: Trouble) -> tuple[bool, str]:
        """Lets faults strike for a while."""
        until(lambda: bool(self.scene.stops()), _OPPORTUNITY_S)
        faults = []
        for fault in trouble.faults:
            settings = dict(fault)
            if settings["effect"] == "price_jump":
                settings["price"] = self.scene.below_the_stops(str(settings["symbol"]))
            if settings["effect"] == "manual_cancel":
                settings["symbol"] = next(iter(self.scene.stops()), "BTCUSDT")
            faults.append(self._strike(settings))
        until(lambda: self._struck(faults) > 0, _OPPORTUNITY_S)
        until(lambda: False, trouble.lasts_s)
        struck = self._struck(faults)
        self.exchange.calm()
        for fault in trouble.after:
            self._strike(fault)
        ended = self.scene.engine.ended()
        if ended is not None:
            return False, f"the engine ended with exit code {ended}; {self._last()}"
        if not struck:
            return False, "no fault struck: the strategy gave none of them an opportunity"
        return self._agrees(_CALM_S, f"struck {struck} times; books and exchange agree after")

    def _strike(self, fault: Mapping[str, object]) -> str:
        settings = dict(fault)
        return self.exchange.strike(str(settings.pop("effect")), **settings)

    def _struck(self, faults: Sequence[str]) -> int:
        return sum(self.exchange.strikes(each) for each in faults)

    def _agrees(
        self, patience_s: float, words: str, began_s: float | None = None
    ) -> tuple[bool, str]:
        """Returns whether books and exchange agree in time, in words with the seconds it took."""
        began_s = monotonic_s() if began_s is None else began_s
        if until(lambda: not self.scene.differences(), patience_s) is not None:
            return True, f"{words} {monotonic_s() - began_s:.1f} s"
        wrong = self.scene.differences() or ["gone just now"]
        return False, f"{len(wrong)} differences after {patience_s:.0f} s: {wrong[0]}"

    def second_instance(self) -> tuple[bool, str]:
        code, said = self.scene.second_instance()
        return code == 3, f"exit code {code}: {said}"

    def halts(self) -> tuple[bool, str]:
        """Halts by command, kills, starts again: it stays halted until an operator resumes."""
        refused = self.scene.command("halt")
        if until(lambda: self.scene.state() == "HALTED", 2) is None:
            return False, refused or f"2 s after the command the state is {self.scene.state()}"
        entries = self.scene.entries()
        agreed, seen = self._killed("agreed after")
        until(lambda: False, _HALTED_S)
        after, state = self.scene.entries(), self.scene.state()
        if not agreed or state != "HALTED" or after != entries:
            return False, f"{seen}; state {state}, {after - entries} entries while halted"
        # It resumes once books and exchange agree, and not before.
        if until(lambda: self.scene.command("resume") is None, _CALM_S) is None:
            return False, f"resume: {self.scene.command('resume')}"
        return True, "halted within 2 s, still halted after a kill, no entry; resumed by command"

    def ends(self) -> tuple[bool, str]:
        code = self.scene.engine.stop()
        wrong = self.scene.differences()
        if code or wrong:
            return False, f"exit code {code}; {wrong[0] if wrong else self._last()}"
        return True, f"exit code 0, {len(self.scene.stops())} positions left with their stops"

    def _last(self) -> str:
        said = self.scene.engine.said().strip().splitlines()
        return f"it said: {said[-1][:200]}" if said else "it said nothing"


def run_drill(level: Level, say: Callable[[Line], None]) -> Sheet:
    """Returns the sheet of a drill; `say` hears each line as it is known."""
    with TemporaryDirectory(prefix="leeward-drill-") as place:
        folder = Path(place)
        market = gather_market(SYMBOLS, None, CandleStore(folder / "none"), None, seed=7)
        with exchange_of(market, seed=7) as exchange:
            scene = rehearsal(exchange, folder, SYMBOLS)
            drill = _Drill(scene, exchange, say)
            try:
                _all_lines(drill, level)
            finally:
                scene.engine.kill()
                scene.close()
            return Sheet(_MARKET, tuple(drill.lines))


def _all_lines(drill: _Drill, level: Level) -> None:
    drill.line("starts, reconciles, trades", drill.begins)
    if not drill.lines[0].passed:
        return
    quick = level == "quick"
    for kill in (_KILLS[at] for at in _QUICK_KILLS) if quick else _KILLS:
        drill.line(f"kill -9: {kill.words}", lambda kill=kill: drill.killed_at(kill))  # type: ignore[misc] # the loop's own value
    for trouble in (_TROUBLES[at] for at in _QUICK_TROUBLES) if quick else _TROUBLES:
        drill.line(trouble.words, lambda trouble=trouble: drill.troubled_by(trouble))  # type: ignore[misc] # the loop's own value
    drill.line("a second instance on the same account", drill.second_instance)
    drill.line("halt by command", drill.halts)
    drill.line("stops gracefully", drill.ends)
