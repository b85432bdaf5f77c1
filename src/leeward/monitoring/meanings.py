"""What each kind of note means: what happened, what Leeward did about it, what a person should do.

Alerts are made of these words, and so is `docs/runbook.md`; a test holds that every kind that the
code notes is here.
"""

from __future__ import annotations

from leeward.monitoring.meaning import Meaning
from leeward.monitoring.meanings_of_running import RUNNING
from leeward.monitoring.meanings_of_trading import TRADING

#: Heading of the runbook -> kind -> its meaning.
MEANINGS: dict[str, dict[str, Meaning]] = {**TRADING, **RUNNING}
KINDS: dict[str, Meaning] = {
    kind: meaning for group in MEANINGS.values() for kind, meaning in group.items()
}
_UNKNOWN = Meaning("", "See the words.", "Look at `leeward status` and the log.")


def meaning_of(kind: str) -> Meaning:
    """Returns the meaning; of a kind that is not known, where to look."""
    return KINDS.get(kind, _UNKNOWN)
