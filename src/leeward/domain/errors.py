"""What can go wrong, named by how the caller reacts.

LeewardError            one clear message, one exit code
├── Failed        (1)   the work could not be done: bad data, no network, disk full
│   ├── BadCandles      a candle, a file or the store breaks a rule of `Candles`
│   ├── BadSentiment    a daily value, an answer or a file of a sentiment source breaks a rule
│   ├── BadModel        a file of a model is not what it is said to be, or is no model
│   ├── RetryLater      a source did not answer; nothing was changed
│   └── CannotWrite     an output path or the disk refused the bytes
├── BadUsage      (2)   the caller asked for something that does not exist or is out of bounds
│   └── BadConfig       a setting is unknown, malformed or out of bounds
└── Refused       (3)   a safety rule said no
    └── LooksAhead      a strategy reads candles that were not closed yet

A message says what was refused, the value, the rule and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LeewardError(Exception):
    """Base of every error a user can cause; `exit_code` is what the command line returns."""

    exit_code = 1


class Failed(LeewardError):
    exit_code = 1


class BadCandles(Failed):
    pass


class BadSentiment(Failed):
    pass


class BadModel(Failed):
    pass


class RetryLater(Failed):
    pass


class CannotWrite(Failed):
    pass


class BadUsage(LeewardError):
    exit_code = 2


class BadConfig(BadUsage):
    pass


class Refused(LeewardError):
    exit_code = 3


class LooksAhead(Refused):
    pass


def unknown_name(kind: str, name: str, known: Iterable[str]) -> BadUsage:
    """Returns the error for a name that does not exist, with the nearest one that does.

    >>> str(unknown_name("strategy", "ema_cros", ["ema_cross", "adaptive"]))
    "unknown strategy 'ema_cros'; did you mean 'ema_cross'? Known: adaptive, ema_cross"
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? Known" if near else "known"
    return BadUsage(f"unknown {kind} '{name}'; {hint}: {', '.join(names) or 'none'}")
