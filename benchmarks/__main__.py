"""`python -m benchmarks [--quick] [NAME...]`: prints the table; `make bench` installs the peers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.child import run_child
from benchmarks.subjects import SUBJECTS, Bench
from benchmarks.table import Row, describe_machine, print_rows

_NOTES = """
Best of several runs, each engine in processes of its own; peak memory is that of the process.
Same work: EMA 20/100 cross, stop 2 ATR below and target 4 % above the decision close, 10 % of
equity, fee 0.1 % and slippage 0.05 % a side. Where peers are beside it, Leeward runs with every
limit set so that it does not bind, because the peers know none. What still differs: vectorbt and
backtesting.py size by the price of the fill, not of the decision; vectorbt looks at the stop from
the candle after the entry on; backtesting.py takes both sides' slippage at the entry and starts
its averages at the first candle. End to end is load, indicators, signals, account and metrics;
Leeward's also holds the content hash that names a result, and not the look-ahead check, which has
a row of its own. The emulator and its client share the machine's cores; processor time tells them
apart. An hour of real time is `python -m benchmarks.emulator_work minutes 60`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUBJECTS)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the candles, few runs")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"{unknown[0]}: unknown; choose from {', '.join(SUBJECTS)}")
    rows, rows_each = (100_000, 10_000) if asked.quick else (1_000_000, 100_000)
    with TemporaryDirectory(prefix="leeward-bench-") as folder:
        print("Preparing the candles ...", file=sys.stderr)
        market = run_child("market", folder, rows, rows_each)
        print(f"{describe_machine()}\nCandles: {market.facts['source']}; ten symbols: generated.\n")
        print_rows(_rows(asked.names or list(SUBJECTS), Bench(Path(folder), asked.quick)))
        print(_NOTES)


def _rows(names: list[str], bench: Bench) -> Iterator[Row]:
    for name in names:
        yield from SUBJECTS[name](bench)


if __name__ == "__main__":
    main()
