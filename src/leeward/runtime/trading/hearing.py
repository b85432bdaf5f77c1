"""Whether a user stream that is connected also tells what happens: one may be confirmed and mute,
while its pings go on."""

from __future__ import annotations

#: Our seconds without an event after which one is looked at; the events of what we ordered come
#: within one.
SILENT_S = 10.0


class Hearing:
    """Compares what a stream tells with how often the venue moved our books."""

    def __init__(self) -> None:
        self._turns: int | None = None
        self._moved = False

    def told(self) -> None:
        """Takes note of an event."""
        self._turns, self._moved = None, False

    def is_mute(self, turns: int) -> bool:
        """Returns, each time that SILENT_S passed without an event, whether the stream is mute: the
        books moved long after the last event, and no event came for as long after that. `turns`
        counts the moves of the books."""
        if self._moved:
            self.told()
            return True
        self._moved = self._turns is not None and turns != self._turns
        self._turns = turns
        return False
