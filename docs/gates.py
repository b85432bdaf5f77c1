"""What the money gates let through: `python -m docs.gates CANDLES.parquet [SHARE]`.

Markets in which nothing can be learned, markets with one candidate that knows something, and the
same under costs; the table stands in models.md. SHARE is a fraction of the 700 markets, 1 for all.
Needs the extra `train`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from tests.train.nulls import judge_world, make_world

from leeward.training.money import Bars, passes

CANDIDATES = 12
#: Name, markets, hours, rank IC of the one candidate, costs a side.
WORLDS = (
    ("null, no costs, half a year", 500, 4_380, 0.0, 0.0),
    ("one edge of rank IC 0.10, no costs, a year", 100, 8_760, 0.10, 0.0),
    ("the same edge at 10 bp a side", 100, 8_760, 0.10, 0.001),
)


def main() -> None:
    close = pl.read_parquet(Path(sys.argv[1]))["close"].to_numpy()
    share = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    moves = np.diff(np.log(close[-30_000:]))
    print("| world | worlds | PSR | DSR | PBO | SPA | all four |\n|---|---|---|---|---|---|---|")
    for name, worlds, hours, skill, cost in WORLDS:
        told(name, [judged(moves, seed, hours, skill, cost) for seed in range(int(share * worlds))])


def judged(moves, seed, hours, skill, cost):
    chance = np.random.Generator(np.random.PCG64(seed))
    return judge_world(make_world(moves, hours, CANDIDATES, skill, chance), cost)


def told(name, found) -> None:
    bars = Bars()
    shares = (
        np.mean([money.psr >= bars.psr for money in found]),
        np.mean([money.dsr >= bars.dsr for money in found]),
        np.mean([money.pbo <= bars.pbo for money in found]),
        np.mean([money.spa["holding"] < bars.spa for money in found]),
    )
    cells = " | ".join(f"{share:.0%}".replace("%", " %") for share in shares)
    print(f"| {name} | {len(found)} | {cells} | {sum(map(passes, found))} |", flush=True)


if __name__ == "__main__":
    main()
