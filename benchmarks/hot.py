"""The candles for the peers, straight from the file that Leeward itself maps into memory.

That spares them a parser: what they are timed on is the backtest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ("open", "high", "low", "close", "volume")


def load_frame(folder: Path, timeframe: str) -> pd.DataFrame:
    """Returns the BTCUSDT candles of the store under `folder`, by UTC open time."""
    table = np.load(folder / "hot" / "BTCUSDT" / f"{timeframe}.npy", mmap_mode="r")
    index = pd.DatetimeIndex(table[0].view(np.int64).astype("datetime64[ms]"))
    rows = (1 + position for position in range(len(COLUMNS)))
    return pd.DataFrame(
        {name: table[row] for name, row in zip(COLUMNS, rows, strict=True)}, index=index, copy=False
    )
