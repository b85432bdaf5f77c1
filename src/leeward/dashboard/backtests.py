"""Backtests asked for by a page or the API: one after the other, each a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from leeward.dashboard.asking import heard_out, last_words
from leeward.domain.errors import BadUsage, Refused, unknown_name
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.settings import CHILD_COMMAND, Settings, child_environment

_SECTIONS: Final = ("data", "backtest", "risk", "instruments", "ml", "sentiment")

State = Literal["waiting", "running", "done", "failed", "stopped"]
_KEPT: Final = 50
_MOST_WAITING: Final = 5
_LONGEST_S: Final = 1_800.0
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_SYMBOL: Final = re.compile(r"[A-Z0-9]{2,20}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_.,:+-]{1,64}")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T[0-9:.]+Z?)?")


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run: a strategy by name, never by file. `risk` holds limits by name; None stands for
    the default."""

    strategy: str
    symbols: tuple[str, ...]
    timeframe: str | None = None
    start: str | None = None
    end: str | None = None
    balance: float | None = None
    fee: float | None = None
    slippage: float | None = None
    params: dict[str, str] = field(default_factory=dict)
    risk: dict[str, str] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """Returns the arguments of `leeward backtest`; raises BadUsage for what cannot be one."""
        for name in (self.strategy, *self.params, *self.risk):
            _check("name", name, _NAME)
        for symbol in self.symbols:
            _check("symbol", symbol, _SYMBOL)
        for value in (*self.params.values(), *self.risk.values(), self.timeframe):
            _check("value", "0" if value is None else value, _VALUE)
        for date in (self.start, self.end):
            _check("date", "2020-01-01" if date is None else date, _DATE)
        if not self.symbols:
            raise BadUsage("symbols: name one or more, as in BTCUSDT")
        options = {
            "--symbols": ",".join(self.symbols),
            "--timeframe": self.timeframe,
            "--start": self.start,
            "--end": self.end,
            "--balance": self.balance,
            "--fee": self.fee,
            "--slippage": self.slippage,
        }
        given = [f"{name}={value}" for name, value in options.items() if value is not None]
        params = [f"--param={name}={value}" for name, value in self.params.items()]
        risk = [f"--set=risk.{name}={value}" for name, value in self.risk.items()]
        return [self.strategy, *given, *params, *risk]


@dataclass(frozen=True, slots=True)
class Run:
    """One backtest; `words` says how it went, `metrics` what it found."""

    run_id: str
    wish: Wish
    actor: str
    state: State
    asked_ms: int
    took_s: float | None = None
    words: str = ""
    metrics: dict[str, float | None] | None = None
    has_report: bool = False


class Backtests:
    """Keeps the last runs; their files lie in `reports` in the data directory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.data.dir.absolute() / "reports"
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._turn = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self.version = 0

    def all(self) -> list[Run]:
        """Returns the runs, the newest first."""
        return list(reversed(self._runs.values()))

    def find(self, run_id: str) -> Run:
        """Returns a run; raises BadUsage for one that is not there."""
        found = self._runs.get(run_id)
        if found is None:
            raise unknown_name("backtest", run_id[:80], self._runs)
        return found

    def report(self, run_id: str) -> Path:
        """Returns the report of a run that is done; raises BadUsage where there is none."""
        run = self.find(run_id)
        if not run.has_report:
            raise BadUsage(f"backtest {run_id} has no report: it is {run.state}")
        return self.folder / f"{run.run_id}.html"

    def result(self, run_id: str) -> Path:
        """Returns the JSON of a run that is done; raises BadUsage where there is none."""
        self.report(run_id)
        return self.folder / f"{run_id}.json"

    def start(self, wish: Wish, actor: str) -> Run:
        """Starts a run, or lets it wait for the one before; returns at once. Raises BadUsage for a
        wish that is none, Refused where too many wait."""
        wish.arguments()
        if sum(run.state in {"waiting", "running"} for run in self._runs.values()) > _MOST_WAITING:
            raise Refused(f"{_MOST_WAITING} backtests wait already; try again when one is done")
        at_ms = now_ms()
        run_id = f"bt-{at_ms}"
        while run_id in self._runs:
            at_ms += 1
            run_id = f"bt-{at_ms}"
        run = Run(run_id, wish, actor, "waiting", at_ms)
        self._put(run)
        self._tasks[run_id] = asyncio.create_task(self._in_turn(run))
        self._tasks[run_id].add_done_callback(lambda _: self._tasks.pop(run_id, None))
        return run

    def stop(self, run_id: str) -> None:
        """Ends a run that waits or runs."""
        run = self.find(run_id)
        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()
            self._put(replace(run, state="stopped", words="stopped"))

    async def close(self) -> None:
        """Ends all runs."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _put(self, run: Run) -> None:
        self._runs[run.run_id] = run
        self.version += 1
        while len(self._runs) > _KEPT:
            self._runs.popitem(last=False)

    async def _in_turn(self, run: Run) -> None:
        async with self._turn:
            self._put(replace(run, state="running"))
            begun_s = monotonic_s()
            try:
                ended = await asyncio.wait_for(self._run(run), _LONGEST_S)
            except TimeoutError:
                ended = replace(run, state="failed", words=f"not done within {_LONGEST_S:.0f} s")
            except OSError as error:
                ended = replace(run, state="failed", words=f"cannot start: {error.strerror}")
            self._put(replace(ended, took_s=round(monotonic_s() - begun_s, 2)))

    async def _run(self, run: Run) -> Run:
        self.folder.mkdir(parents=True, exist_ok=True)
        json_file, report = (self.folder / f"{run.run_id}.{end}" for end in ("json", "html"))
        process = await asyncio.create_subprocess_exec(
            *CHILD_COMMAND, "backtest", *run.wish.arguments(),
            f"--json={json_file}", f"--report={report}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE, env=child_environment(self._settings, _SECTIONS),
        )  # fmt: skip
        _, errors = await heard_out(process)
        if process.returncode != 0:
            return replace(run, state="failed", words=last_words(errors))
        metrics = json.loads(await asyncio.to_thread(json_file.read_bytes))["metrics"]
        return replace(run, state="done", words="done", metrics=metrics, has_report=True)


def _check(kind: str, text: str, rule: re.Pattern[str]) -> None:
    if not rule.fullmatch(text):
        raise BadUsage(f"{kind} '{text[:40]}' cannot be used here")
