"""The campaign over many processes, resumable."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.harness.campaign import Verdict, plan_of, run_loudly
from tests.harness.figures import Figures

#: Runs of one process between two reports.
_SHARE = 250


def _verdicts(seeds: range) -> list[Verdict]:
    with TemporaryDirectory(prefix="leeward-campaign-") as place:
        return [run_loudly(plan_of(seed), Path(place)) for seed in seeds]


def _shares(first: int, last: int) -> Iterator[range]:
    for start in range(first, last, _SHARE):
        yield range(start, min(start + _SHARE, last))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=100_000, help="how many in all, seeds from 0 on")
    asked.add_argument("--workers", type=int, default=1)
    asked.add_argument("--state", type=Path)
    given = asked.parse_args()
    state: Path | None = given.state
    figures = Figures()
    if state is not None and state.exists():
        figures = Figures(**json.loads(state.read_text()))
    with ProcessPoolExecutor(given.workers) as workers:
        for verdicts in workers.map(_verdicts, _shares(figures.runs, given.runs)):
            for verdict in verdicts:
                figures.add(verdict)
            if state is not None:
                state.write_text(json.dumps(asdict(figures)))
            print(figures.words(), flush=True)  # noqa: T201 - a command
    print(json.dumps(figures.failures, indent=1))  # noqa: T201 - a command
    raise SystemExit(bool(figures.failures))
