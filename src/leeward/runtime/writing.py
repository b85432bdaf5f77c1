"""Writes a new strategy file to start from."""

from __future__ import annotations

import keyword
from pathlib import Path

from leeward.data.durable import cannot_write, discard
from leeward.domain.errors import BadUsage, CannotWrite

_TEMPLATE = '''\
"""A strategy of your own. Check it and try it on past candles:

    leeward strategies check {file}
    leeward backtest {file} --symbols BTCUSDT --timeframe 1h
"""

import numpy as np

from leeward import Strategy, param
from leeward.indicators import atr, crossed_above, crossed_below, ema


class {name}(Strategy):
    """Long while the close is above its average."""

    # Used when the command names no other timeframe.
    timeframe = "1h"

    # Parameters: the default and its bounds. Try others with --param length=80.
    length = param(50, low=10, high=200)
    stop_atr = param(3.0, low=0.5, high=6.0)

    # Further candles, joined as columns such as ETHUSDT_4h_close (SELF is the symbol traded):
    # informative = (("ETHUSDT", "4h"), ("SELF", "1d"))

    def calculate_indicators(self, candles):
        # Columns are NumPy arrays, one row a closed candle. Row t may use rows up to t only:
        # no mean or maximum of a whole column, no row further down.
        return candles.with_columns(
            average=ema(candles.close, self.length),
            atr=atr(candles.high, candles.low, candles.close, 14),
        )

    def check_entry_conditions(self, frame):
        # True where to buy. A dict of tag -> condition names the reason in the report.
        return {{"above": crossed_above(frame.close, frame.average)}}

    def check_exit_conditions(self, frame):
        # True where to sell.
        return {{"below": crossed_below(frame.close, frame.average)}}

    def calculate_position_size(self, frame):
        # The fraction of equity asked for, 0 to 1; the risk limits may cut it.
        return np.full(len(frame), 0.10)

    def calculate_stop(self, frame):
        # A price below the close, NaN for the default stop. Leave the method out for that.
        return frame.close - self.stop_atr * frame.atr

    # Optional in the same way: calculate_target (a price), calculate_trail (a distance below
    # the close to which the stop is raised), calculate_confidence (0 to 1, ranks entries).
'''


def write_strategy(name: str, folder: Path) -> Path:
    """Returns the file `NAME.py` it wrote: a commented strategy that passes the contract.

    Raises BadUsage for a name that Python cannot use, CannotWrite where the file exists already
    or the folder refuses.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BadUsage(
            f"strategy name '{name}' refused: use letters, digits and underscores, a letter "
            "first, as in my_trend"
        )
    path = folder / f"{name}.py"
    words = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    text = _TEMPLATE.format(name=words or name, file=path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CannotWrite(
            f"{path}: exists already and was left as it is; choose another name"
        ) from None
    except OSError as error:
        discard(path)
        raise cannot_write(path, error) from None
    return path
