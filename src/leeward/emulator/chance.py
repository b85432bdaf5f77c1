"""Random streams of a session: one a subsystem, named, so that one never shifts another."""

from __future__ import annotations

import random
import string

_ALPHANUMERIC = string.ascii_letters + string.digits


def stream(seed: int, name: str) -> random.Random:
    """Returns the random stream called `name` of a session; the same in every process."""
    return random.Random(f"{seed}:{name}")  # noqa: S311 - reproducible chance, not a secret


def client_id(chance: random.Random) -> str:
    """Returns an id as the exchange makes them up: 22 letters and digits."""
    return "".join(chance.choices(_ALPHANUMERIC, k=22))


def scatter(a: int, b: int) -> int:
    """Returns a number in [0, 2**32) that looks random and depends on `a` and `b` only."""
    mixed = (a * 0x9E3779B97F4A7C15 + b * 0xC2B2AE3D27D4EB4F) & 0xFFFFFFFFFFFFFFFF
    mixed ^= mixed >> 29
    mixed = (mixed * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    return mixed >> 32
