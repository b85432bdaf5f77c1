"""The real process, killed by the operating system while its strategy is exchanged, and judged.

python -m tests.harness.swap_kills --runs 50
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from leeward.data.store import CandleStore
from leeward.database.engine import Database, open_database
from leeward.domain.errors import Failed
from leeward.engine.records import Record, SessionStarted, TradingState
from leeward.runtime import drill_strategy
from leeward.runtime.clock import now_ms
from leeward.runtime.drill_engine import Rehearsal, rehearsal
from leeward.runtime.drill_stage import exchange_of, until
from leeward.runtime.emulator import gather_market
from leeward.runtime.swap_wish import POLICIES, Wish
from leeward.runtime.trading.lineage import swap_facts
from tests.harness.swaps import one_at_a_time

ACCOUNT = "live:emulator:main"
_PATIENCE_S = 120.0
#: What a process needs to load and check a strategy and to wait for its candle.
_SWAP_S = 7.0


@dataclass
class Swapped:
    """What is known so far; `made` counts the swaps that were over when the process was killed."""

    done: int = 0
    made: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def words(self) -> str:
        return (
            f"{len(self.failures)} of {self.done} kills in a swap left something wrong; "
            f"{self.made} swaps were made before the kill; {dict(self.moments)}"
        )


def kill_in_swaps(runs: int, url: str | None = None, seed: int = 1) -> Swapped:
    """Asks for another strategy and kills, so often."""
    with TemporaryDirectory(prefix="leeward-swaps-") as place:
        folder = Path(place)
        market = gather_market(("BTCUSDT",), None, CandleStore(folder / "none"), None, seed)
        with exchange_of(market, seed) as exchange:
            scene = rehearsal(exchange, folder, ("BTCUSDT",), url)
            try:
                return _Life(scene, folder, Random(f"swaps/{seed}")).go(runs)  # noqa: S311 - a seeded rehearsal
            finally:
                scene.engine.kill()
                scene.close()


@dataclass
class _Life:
    scene: Rehearsal
    folder: Path
    chance: Random
    found: Swapped = field(default_factory=Swapped)

    def go(self, runs: int) -> Swapped:
        text = Path(str(drill_strategy.__file__)).read_text(encoding="utf-8")
        names = []
        for number in range(2):
            file = self.folder / f"other{number}.py"
            file.write_text(text.replace("% 4", f"% {5 + number}"), encoding="utf-8")
            names.append(f"{file}:Restless")
        self.scene.engine.start()
        self._until(lambda: bool(self.scene.stops()))
        database = open_database(self.scene.url, create=False, examine=False)
        try:
            for number in range(runs):
                self._swap_and_kill(database, names[number % 2])
        finally:
            database.close()
        return self.found

    def _swap_and_kill(self, database: Database, strategy: str) -> None:
        """Kills while it loads, at any time, or in the moment in which the swap is written down."""
        moment = self.chance.choice(("any time", "when it is made", "when it is made"))
        wish = Wish(strategy, positions=self.chance.choice(POLICIES))
        before = len(_sessions(database))
        number = database.send_command(ACCOUNT, "swap", wish.argument(), "tester", now_ms())
        if moment == "any time":
            until(lambda: False, self.chance.uniform(0, _SWAP_S))
        else:
            self._until(lambda: len(_sessions(database)) > before)
            until(lambda: False, self.chance.uniform(0, 0.1))
        boots = self.scene.boots()
        self.scene.engine.kill()
        self.found.made += len(_sessions(database)) > before
        self.found.moments[moment] += 1
        self.scene.engine.start()
        self._until(lambda: self.scene.boots() > boots and self.scene.is_recovered())
        # What was not made before is made after the start: a command is carried out once.
        self._until(lambda: _outcome(database, number) is not None)
        agreed = self._until(lambda: not self.scene.differences())
        self.found.done += 1
        if not agreed:
            self._fail(f"{self.scene.differences()[:3]}")
        self._judge(database, number)

    def _judge(self, database: Database, number: int) -> None:
        history = database.history(ACCOUNT)
        for words in one_at_a_time(history)[:2]:
            self._fail(words)
        outcome = _outcome(database, number) or ""
        made = [s for s in _started(history) if swap_facts(s).get("command") == number]
        if "took over" not in outcome or not made:
            self._fail(f"command {number}: '{outcome}', and {len(made)} sessions of it")
        if len({each.strategy for each in made}) > 1:
            self._fail(f"command {number} swapped in {made}")
        if self.scene.state() == TradingState.HALTED.value:
            self._fail(f"it halted: {self.scene.engine.said()[-300:]}")

    def _until(self, met: object) -> bool:
        assert callable(met)

        def met_or_over() -> bool:
            if (code := self.scene.engine.ended()) is not None:
                raise Failed(f"it ended with {code}: {self.scene.engine.said()[-1500:]}")
            return bool(met())

        return until(met_or_over, _PATIENCE_S) is not None

    def _fail(self, words: str) -> None:
        self.found.failures.append(f"kill {self.found.done}: {words}")


def _started(history: list[Record]) -> list[SessionStarted]:
    return [each for each in history if isinstance(each, SessionStarted)]


def _sessions(database: Database) -> list[SessionStarted]:
    return _started(database.history(ACCOUNT))


def _outcome(database: Database, number: int) -> str | None:
    found = database.command(number)
    return None if found is None else found.outcome


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=50)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    tally = kill_in_swaps(given.runs, None, given.seed)
    print(tally.words(), *tally.failures, sep="\n")  # noqa: T201 - a command
    raise SystemExit(bool(tally.failures))
