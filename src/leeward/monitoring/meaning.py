"""A kind of note in words."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING = "Nothing."


@dataclass(frozen=True, slots=True)
class Meaning:
    """What happened, what Leeward did about it, and what a person should do: each a sentence or
    two."""

    happened: str
    done: str
    to_do: str
