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
