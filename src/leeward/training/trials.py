"""The ledger of trials: every configuration, seed and symbol that was ever evaluated.

The best of many tries looks good without skill. How many there were decides what its result is
worth, so the ledger is only ever added to, and deleting it is lying to oneself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from leeward.data.durable import cannot_write
from leeward.domain.errors import Failed

FILE = "trials.jsonl"


@dataclass(frozen=True, slots=True)
class Trial:
    """One network on one symbol; `sharpe` is yearly, after costs, None where it never moved."""

    configuration: str
    seed: int
    symbol: str
    at: str
    sharpe: float | None

    @property
    def key(self) -> tuple[str, int, str]:
        return self.configuration, self.seed, self.symbol


def read_trials(folder: Path) -> list[Trial]:
    """Returns every trial once, oldest first: repeating one is no new choice.

    A last line that was cut off by a kill is passed over; raises Failed for any other that is
    not a trial.
    """
    file = folder / FILE
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").split("\n")
    trials: dict[tuple[str, int, str], Trial] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            trial = Trial(**json.loads(line))
        except (ValueError, TypeError):
            if number == len(lines):
                continue
            raise Failed(
                f"{file}: line {number} is not a trial; the ledger is only added to: "
                "bring back the file as it was"
            ) from None
        trials.setdefault(trial.key, trial)
    return list(trials.values())


def add_trials(folder: Path, trials: Sequence[Trial]) -> list[Trial]:
    """Adds the trials that are not in the ledger yet; returns the whole of it."""
    known = {trial.key for trial in read_trials(folder)}
    fresh = [trial for trial in trials if trial.key not in known]
    text = "".join(f"{json.dumps(asdict(trial))}\n" for trial in fresh)
    file = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("ab+") as stream:
            stream.truncate(_whole_lines(file))
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise cannot_write(file, error) from None
    return read_trials(folder)


def _whole_lines(file: Path) -> int:
    """Returns how many bytes are whole lines: a kill may have cut the last one off."""
    return file.read_bytes().rfind(b"\n") + 1


def sharpe_variance(trials: Sequence[Trial]) -> float:
    """Returns the variance of the yearly Sharpe ratios; 0 for fewer than two."""
    known = [trial.sharpe for trial in trials if trial.sharpe is not None]
    return float(np.var(known, ddof=1)) if len(known) > 1 else 0.0
