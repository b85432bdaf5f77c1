"""A finished backtest: its numbers, its trades, and its files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leeward.domain.candles import Candles
from leeward.domain.errors import Failed
from leeward.domain.frame import Frame
from leeward.domain.times import iso
from leeward.report import figures
from leeward.report.files import write_whole
from leeward.report.models import model_banners
from leeward.report.rows import TIMES, Column, equity_columns, plain, plain_rows, trade_columns
from leeward.simulation.setup import Setup, Simulation

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

SCHEMA = "leeward.backtest/1"


class PandasFrames(NamedTuple):
    """The trades and the equity of every step as pandas frames, times in UTC."""

    trades: pd.DataFrame
    equity: pd.DataFrame


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """What a backtest was given and what came of it.

    `inputs` is JSON-ready and names everything that decides the result. `candles` hold the loaded
    range, also before the first step; `frames` the strategy's columns on them, one a symbol, or
    none. Tag code k of a trade means `entry_tags[k - 1]`, code 0 none. `timing` is in seconds.
    `synthetic` marks generated candles. `beside` holds the figures of what else was tried on the
    same candles with the same account, by name: "rule" for strategies that ask models.
    """

    inputs: Mapping[str, object]
    setup: Setup
    simulation: Simulation
    candles: tuple[Candles, ...]
    frames: tuple[Frame, ...]
    entry_tags: tuple[str, ...]
    exit_tags: tuple[str, ...]
    checks: Mapping[str, object]
    result_id: str
    timing: Mapping[str, float]
    synthetic: bool = False
    beside: Mapping[str, figures.Figures] = field(default_factory=dict)

    @cached_property
    def metrics(self) -> figures.Figures:
        """Every metric by name; None where the data cannot support it."""
        return figures.measure(self.setup, self.simulation, self.candles)

    @cached_property
    def refusals(self) -> dict[str, int]:
        """How often each reason refused an entry; reasons that never did are 0."""
        return figures.count_refusals(self.simulation)

    @cached_property
    def comparison(self) -> dict[str, figures.Figures]:
        """Buy and hold, what was tried beside it, the same entries at other costs, and the order
        of prices in a candle."""
        return {**figures.compare(self.setup, self.simulation, self.candles), **self.beside}

    @cached_property
    def breakdowns(self) -> dict[str, list[dict[str, str | int | float]]]:
        """Trades, win rate, profit and mean return by month, exit reason, entry tag and symbol."""
        return figures.break_down(self.simulation, self.entry_tags)

    @property
    def trades(self) -> pl.DataFrame:
        """One row a closed trade, in order of entry; times are UTC."""
        return _polars_frame(self.trade_columns)

    @property
    def equity(self) -> pl.DataFrame:
        """Equity, exposure and drawdown at the close of every step; times are UTC."""
        return _polars_frame(equity_columns(self.simulation, self.setup.balance))

    @cached_property
    def trade_columns(self) -> dict[str, Column]:
        return trade_columns(self.simulation, self.entry_tags, self.exit_tags)

    def to_pandas(self) -> PandasFrames:
        """Returns trades and equity as pandas frames; raises Failed where pandas is missing."""
        return PandasFrames(
            _pandas_frame(self.trade_columns),
            _pandas_frame(equity_columns(self.simulation, self.setup.balance)),
        )

    def to_json(self) -> str:
        """Returns the result as JSON, one trade a line. The same inputs give the same text, but
        for `timing`."""
        halted = self.simulation.halted_ms
        banners = [f"{title}: {text}" for title, text in model_banners(self)]
        document = {
            "schema": SCHEMA,
            **({"banners": banners} if banners else {}),
            "result_id": self.result_id,
            "inputs": self.inputs,
            "state": {
                "halted_at": None if halted is None else iso(halted),
                "synthetic": self.synthetic,
            },
            "metrics": self.metrics,
            "comparison": self.comparison,
            "breakdowns": self.breakdowns,
            "trades": plain_rows(self.trade_columns),
            "refusals": self.refusals,
            "checks": self.checks,
            "timing": self.timing,
        }
        return _lines(document)

    def write_json(self, path: Path | str) -> None:
        """Writes `to_json` to a file; raises CannotWrite and changes nothing where refused."""
        write_whole(Path(path), self.to_json().encode())

    def write_csv(self, path: Path | str) -> None:
        """Writes the trades as CSV with a header; an unknown value is an empty field."""
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(self.trade_columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain_rows(self.trade_columns))
        write_whole(Path(path), buffer.getvalue().encode())

    def report(self, path: Path | str, certificates: Sequence[Mapping[str, object]] = ()) -> None:
        """Writes the HTML report: one file that opens without a network.

        `certificates` are JSON-ready data certificates to show beside the gaps.
        """
        from leeward.report.html import write_report

        write_report(Path(path), [self], certificates)

    def timed(self, timing: Mapping[str, float]) -> BacktestResult:
        """Returns the same result with its timing, keeping what was measured already."""
        result = copy(self)
        object.__setattr__(result, "timing", dict(timing))
        return result


def _lines(document: Mapping[str, object]) -> str:
    """Returns JSON with one line a key, and one a trade: short to write, easy to compare."""
    parts = []
    for name, value in document.items():
        if isinstance(value, list) and value:
            rows = ",\n    ".join(_dump(row) for row in value)
            parts.append(f"  {json.dumps(name)}: [\n    {rows}\n  ]")
        else:
            parts.append(f"  {json.dumps(name)}: {_dump(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _dump(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def _polars_frame(columns: Mapping[str, Column]) -> pl.DataFrame:
    import polars as pl

    frame = pl.DataFrame(
        {name: col.tolist() if col.dtype == object else col for name, col in columns.items()},
        schema_overrides={name: pl.String for name, col in columns.items() if col.dtype == object},
    )
    times = [name for name in TIMES if name in columns]
    return frame.with_columns(pl.col(times).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"))


def _pandas_frame(columns: Mapping[str, Column]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise Failed(
            "to_pandas: pandas is not installed; run pip install 'leeward[pandas]'"
        ) from None
    return pd.DataFrame(
        {
            name: pd.to_datetime(column, unit="ms", utc=True) if name in TIMES else column
            for name, column in columns.items()
        }
    )
