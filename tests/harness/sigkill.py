"""The real process, killed at any instant by the operating system, started again and judged.

    python -m tests.harness.sigkill --runs 300 --state kills.json [--url postgresql://...]

goes on where the state file says it stopped; every run is one kill.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from leeward.data.store import CandleStore
from leeward.runtime.drill_engine import Rehearsal, rehearsal
from leeward.runtime.drill_stage import exchange_of, until
from leeward.runtime.emulator import gather_market

SYMBOLS = ("BTCUSDT", "ETHUSDT")
#: What a process may take from its start until books and exchange agree.
PATIENCE_S = 40.0
#: Kills on one exchange and one database, before both begin anew.
_A_LIFE = 15


@dataclass
class Tally:
    """What is known so far: kills, and what was wrong after which of them."""

    done: int = 0
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def words(self) -> str:
        bound = 3 / max(1, self.done)
        return (
            f"{len(self.failures)} of {self.done} kills left a difference (bound {bound:.1e}); "
            f"slowest return to agreement {self.slowest_s:.1f} s"
        )


def read_tally(state: Path | None) -> Tally:
    if state is None or not state.exists():
        return Tally()
    return Tally(**json.loads(state.read_text()))


def kill_on(
    runs: int,
    tally: Tally,
    url: str | None = None,
    state: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Tally:
    """Kills until `runs` are done in all; keeps the tally in `state` after each."""
    while tally.done < runs:
        chance = Random(f"kills/{tally.done}")  # noqa: S311 - a seeded rehearsal
        with _scene(100 + tally.done, url) as scene:
            _one_life(scene, min(_A_LIFE, runs - tally.done), chance, tally, state, say)
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


def _one_life(
    scene: Rehearsal,
    kills: int,
    chance: Random,
    tally: Tally,
    state: Path | None,
    say: Callable[[str], None],
) -> None:
    scene.engine.start()
    until(lambda: bool(scene.stops()), PATIENCE_S)
    for _ in range(kills):
        # Some die while they start or recover, most while they trade.
        until(lambda: False, chance.choice((chance.uniform(0.3, 3), chance.uniform(0, 8))))
        ended = scene.engine.ended()
        boots = scene.boots()
        scene.engine.kill()
        scene.engine.start()
        until(lambda: scene.boots() > boots and scene.is_recovered(), PATIENCE_S)  # noqa: B023 - called at once
        waited_s = until(lambda: not scene.differences(), PATIENCE_S)
        tally.done += 1
        if ended is not None:
            tally.failures.append(f"kill {tally.done}: had ended by itself with {ended}")
        if waited_s is None:
            tally.failures.append(f"kill {tally.done}: {scene.differences()[:3]}")
        else:
            tally.slowest_s = max(tally.slowest_s, waited_s)
        if state is not None:
            state.write_text(json.dumps(asdict(tally)))
        say(tally.words())


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=300)
    asked.add_argument("--state", type=Path)
    asked.add_argument("--url", help="of the database; else SQLite in a temporary folder")
    given = asked.parse_args()
    tally = read_tally(given.state)
    kill_on(given.runs, tally, given.url, given.state, say=lambda words: print(words, flush=True))  # noqa: T201 - a command
    raise SystemExit(bool(tally.failures))


if __name__ == "__main__":
    main()
