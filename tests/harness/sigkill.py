"""The real process, killed at any instant by the operating system, started again and judged.

    python -m tests.harness.sigkill --runs 300 --state kills.json [--postgres | --url URL]

goes on where the state file says it stopped; every run is one kill. `--postgres` starts a server
of its own; a URL names an empty database, and all kills are on one exchange then.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from leeward.data.store import CandleStore
from leeward.domain.errors import Failed
from leeward.engine.records import TradingState
from leeward.runtime.clock import monotonic_s
from leeward.runtime.drill_engine import Rehearsal, rehearsal
from leeward.runtime.drill_stage import exchange_of, until
from leeward.runtime.emulator import gather_market
from tests.databases import running_postgres
from tests.harness.figures import bound

SYMBOLS = ("BTCUSDT", "ETHUSDT")
#: What a process may take from its start until books and exchange agree.
PATIENCE_S = 60.0
#: Kills on one exchange and one database, before both begin anew.
A_LIFE = 30
#: About what a process needs until it has recovered: kills while it starts are drawn from it.
_BOOT_S = 1.8
#: A minute candle of the exchange.
_CANDLE_S = 3.0

MakeUrl = Callable[[], str | None]


@dataclass
class Tally:
    """What is known so far: kills, when they came, and what was wrong after which of them."""

    done: int = 0
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    moments: dict[str, int] = field(default_factory=dict)
    trades: int = 0
    took_s: float = 0.0

    def words(self) -> str:
        failed = len(self.failures)
        most = bound(failed, self.done)
        return (
            f"{failed} of {self.done} kills left a difference (bound {most:.1e}); "
            f"{self.moments}; {self.trades} trades; slowest from start to agreement "
            f"{self.slowest_s:.1f} s; {self.took_s / max(1, self.done):.1f} s a kill"
        )


def read_tally(state: Path | None) -> Tally:
    if state is None or not state.exists():
        return Tally()
    return Tally(**json.loads(state.read_text()))


def kill_on(
    runs: int,
    tally: Tally,
    make_url: MakeUrl = lambda: None,
    say: Callable[[Tally], None] = lambda _: None,
    a_life: int = A_LIFE,
) -> Tally:
    """Kills until `runs` are done in all; `say` hears of the tally whenever all was judged."""
    while tally.done < runs:
        with _scene(100 + tally.done, make_url()) as scene:
            _Life(scene, tally, say).go(min(a_life, runs - tally.done))
    return tally


@contextmanager
def _scene(seed: int, url: str | None) -> Iterator[Rehearsal]:
    with TemporaryDirectory(prefix="leeward-kills-") as place:
        folder = Path(place)
        market = gather_market(SYMBOLS, None, CandleStore(folder / "none"), None, seed)
        with exchange_of(market, seed) as exchange:
            scene = rehearsal(exchange, folder, SYMBOLS, url)
            try:
                yield scene
            finally:
                scene.engine.kill()
                scene.close()


@dataclass
class _Life:
    """One exchange and one database, on which a process is killed again and again."""

    scene: Rehearsal
    tally: Tally
    say: Callable[[Tally], None]
    began_s: float = field(default_factory=monotonic_s)
    #: Of the last start: how many processes had booted before it, and when it was.
    boots: int = 0
    started_s: float = 0.0

    def go(self, kills: int) -> None:
        """Kills so often: while the process starts, at any time, and while orders are moving."""
        chance = Random(f"kills/{self.tally.done}")  # noqa: S311 - a seeded rehearsal
        self.scene.engine.start()
        self._until(lambda: bool(self.scene.stops()))
        pending: list[str] = []
        for _ in range(kills):
            moment = chance.choice(("starting", "any time", "orders moving", "orders moving"))
            if moment == "starting" and pending:
                _pass(chance.uniform(0, _BOOT_S))
            else:
                self._judge(pending)
                pending = []
                self._await(moment, chance)
            if (ended := self.scene.engine.ended()) is not None:
                self._fail(
                    f"it had ended by itself with {ended}: {self.scene.engine.said()[-500:]}"
                )
            self._until(lambda: True)
            self.boots = self.scene.boots()
            self.scene.engine.kill()
            self.scene.engine.start()
            self.started_s = monotonic_s()
            pending.append(moment)
        self._judge(pending)
        self.tally.trades += len(self.scene.truth().trades)

    def _await(self, moment: str, chance: Random) -> None:
        """Lets time pass until the moment of a kill."""
        if moment != "orders moving":
            _pass(chance.uniform(0, _CANDLE_S))
            return
        seen = self._orders()
        until(lambda: self._orders() != seen, 4 * _CANDLE_S)
        # The steps of an entry or exit follow each other within some hundredths of a second.
        _pass(chance.uniform(0, 0.15))

    def _orders(self) -> list[tuple[str, str]]:
        orders = self.scene.truth().orders
        return [(name, order["status"]) for name, order in orders.items()]

    def _judge(self, pending: list[str]) -> None:
        """Compares books and exchange after the last start, for all kills since the last look."""
        if not pending:
            return
        scene, tally = self.scene, self.tally
        self._until(lambda: scene.boots() > self.boots and scene.is_recovered())
        agreed = self._until(lambda: not scene.differences())
        tally.done += len(pending)
        tally.moments = dict(Counter(tally.moments) + Counter(pending))
        if not agreed:
            self._fail(f"{scene.differences()[:3]}")
        elif scene.state() == TradingState.HALTED.value:  # and nobody halted it
            self._fail(f"it halted: {scene.engine.said()[-500:]}")
        tally.slowest_s = max(tally.slowest_s, monotonic_s() - self.started_s)
        now_s = monotonic_s()
        tally.took_s, self.began_s = tally.took_s + now_s - self.began_s, now_s
        self.say(tally)

    def _until(self, met: Callable[[], bool]) -> bool:
        """Returns whether something was met in time; raises Failed where the process has ended by
        itself, for then it never will be."""

        def met_or_over() -> bool:
            if (code := self.scene.engine.ended()) is not None:
                raise Failed(f"it ended with {code}: {self.scene.engine.said()[-1500:]}")
            return met()

        return until(met_or_over, PATIENCE_S) is not None

    def _fail(self, words: str) -> None:
        self.tally.failures.append(f"kill {self.tally.done}: {words}")


def _pass(seconds: float) -> None:
    until(lambda: False, seconds)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=300)
    asked.add_argument("--state", type=Path)
    asked.add_argument("--url", help="of an empty database; else SQLite in a temporary folder")
    asked.add_argument("--postgres", action="store_true", help="start a PostgreSQL server for it")
    given = asked.parse_args()
    tally = read_tally(given.state)

    def say(tally: Tally) -> None:
        print(tally.words(), flush=True)  # noqa: T201 - a command
        if given.state is not None:
            given.state.write_text(json.dumps(asdict(tally)))

    with ExitStack() as stack:
        make_url: MakeUrl = lambda: given.url  # noqa: E731 - one of two
        if given.postgres:
            make_url = stack.enter_context(running_postgres()).new_database
        kill_on(given.runs, tally, make_url, say, given.runs if given.url else A_LIFE)
    raise SystemExit(bool(tally.failures))


if __name__ == "__main__":
    main()
