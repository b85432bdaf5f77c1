"""How the models of a session fare: told where that changes, and kept as figures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.engine.records import Noted, Severity

if TYPE_CHECKING:
    from leeward.runtime.predictions import GrowingOutlook
    from leeward.runtime.vital_signs import VitalSigns

#: What gives a strategy its further columns: those of all candles, when a new one has closed.
Columns: TypeAlias = Callable[[Candles], Mapping[str, FloatColumn]]

_HOUR_MS: Final = 3_600_000


@dataclass
class ModelCare:
    """Looks at each model at each candle it is asked at.

    `alarm` hears of every model that loses its confidence, and of its return. `due` are figures,
    with the time of their candle, that are to be written down: of the first candle, of one an hour,
    and of each at which something changed; whoever writes them takes them.
    """

    alarm: Callable[[Noted], None] = lambda _: None
    signs: dict[str, VitalSigns] = field(default_factory=dict)
    #: For each symbol, the candles up to the last one that was looked at.
    candles: dict[str, Candles] = field(default_factory=dict)
    #: For each model that has one, the version of its challenger.
    challengers: Mapping[str, str] = field(default_factory=dict)
    due: deque[tuple[int, dict[str, float]]] = field(default_factory=deque)

    def watched(self, symbol: str, growing: GrowingOutlook) -> Columns:
        """Returns the columns of a growing outlook, looked at whenever they are asked for."""

        def columns(candles: Candles) -> Mapping[str, FloatColumn]:
            found = growing.columns(candles)
            self.candles[symbol] = candles
            for signs in growing.vital_signs():
                self._look(signs)
            return found

        return columns

    def facts(self) -> dict[str, object]:
        """Returns how every model fares now, by name; JSON-ready."""
        return {
            name: {**asdict(signs), "challenger": self.challengers.get(name)}
            for name, signs in self.signs.items()
        }

    def _look(self, signs: VitalSigns) -> None:
        before = self.signs.get(signs.name)
        if before is not None and before.close_ms == signs.close_ms:
            return
        self.signs[signs.name] = signs
        changed = signs.state != ("sound" if before is None else before.state)
        if changed:
            self.alarm(_told(signs))
        if before is None or changed or signs.close_ms // _HOUR_MS > before.close_ms // _HOUR_MS:
            self.due.append((signs.close_ms, signs.figures()))


def _told(signs: VitalSigns) -> Noted:
    if signs.is_sound:
        words, severity = "has its confidence back", Severity.INFO
    else:
        words = f"no confidence, the next step of the ladder decides: {signs.why}"
        severity = Severity.WARNING
    return Noted(f"model_{signs.state}", words, severity, signs.close_ms, signs.name)
