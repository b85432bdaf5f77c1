"""The models of a session: those on record, checked before the first order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leeward.database.engine import Database
from leeward.database.promotions import active_promotions
from leeward.domain.errors import Refused
from leeward.domain.timeframe import Timeframe
from leeward.engine.records import Mode, Noted, Severity
from leeward.runtime.settings import Settings
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.model_care import Columns, ModelCare
from leeward.strategies.base import Strategy

if TYPE_CHECKING:
    from leeward.inference.bundle import Bundle

__all__ = ["Columns", "SessionModels", "session_models"]


@dataclass(frozen=True, slots=True)
class SessionModels:
    """What models give each symbol, JSON-ready facts of them, and what an operator should know."""

    columns: Mapping[str, Columns] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    #: By the model or the symbol that they are about, "" for all.
    notes: Mapping[str, str] = field(default_factory=dict)
    #: The models in use, by name.
    bundles: Mapping[str, Bundle] = field(default_factory=dict)
    #: Where the sentiment that is read comes from, "" where none is.
    source: str = ""
    #: Looks at the models whenever their columns are asked for.
    care: ModelCare = field(default_factory=ModelCare)

    def noted(self, at_ms: int) -> list[Noted]:
        return [
            Noted("model", words, Severity.WARNING, at_ms, subject)
            for subject, words in self.notes.items()
        ]


def session_models(
    settings: Settings,
    asked: Asked,
    strategy: Strategy,
    timeframe: Timeframe,
    database: Database,
    pins: Mapping[str, str] | None = None,
) -> SessionModels:
    """Returns the models that the strategy needs, loaded and checked; none where it needs none.
    `pins` are hashes of models, by name, that win over those on record.

    Raises BadModel or BadUsage for a model that cannot be used, Refused for one that may not be:
    not promoted, rejected or quarantined, in live trading without a demonstrated edge.
    """
    if not strategy.needs:
        return SessionModels()
    from leeward.runtime.predictions import GrowingOutlook, Outlook, model_use

    if asked.mode is Mode.LIVE and settings.ml.sizing == "raw":
        raise Refused(
            "live refused: ml.sizing is 'raw', which sizes positions as if every forecast were "
            "worth its face; that is for backtests and paper: set it to 'confidence'"
        )
    promoted = active_promotions(database)
    on_record = {name: promotion.sha256 for name, promotion in promoted.items()}
    use = model_use(settings, {**on_record, **(pins or {})})
    columns: dict[str, Columns] = {}
    facts: dict[str, object] = {}
    notes: dict[str, str] = {}
    bundles: dict[str, Bundle] = {}
    source, care = "", ModelCare()
    for symbol in asked.symbols:
        outlook = Outlook(strategy.needs, symbol, timeframe, use)
        for model in outlook.models:
            bundle = model.bundle
            record = promoted.get(bundle.name)
            is_it = record is not None and record.sha256 == bundle.sha256
            status = record.status if record is not None and is_it else bundle.metadata.status
            _check_pinned(bundle, use.pins)
            words = _check_allowed(bundle, status, asked.mode, settings.ml.allow_unproven)
            if words:
                notes[bundle.name] = words
            model.predictor.load()
            bundles[bundle.name] = bundle
        columns[symbol] = care.watched(symbol, GrowingOutlook(outlook))
        facts[symbol], source = outlook.facts, outlook.source or source
        if "sentiment" in strategy.needs and not outlook.has_sentiment:
            notes[symbol] = "no sentiment, or no model that reads it: the price model decides"
    if settings.ml.sizing == "raw":
        notes[""] = "RAW SIZING: sizes leave out what the forecasts proved worth"
    return SessionModels(columns, facts, notes, bundles, source, care)


def _check_pinned(bundle: Bundle, pins: Mapping[str, str]) -> None:
    from leeward.inference.bundle import shipped_pins

    if bundle.sha256 not in {pins.get(bundle.name), shipped_pins().get(bundle.name)}:
        raise Refused(
            f"{bundle.name}: nothing on record says that this model is to be used; run `leeward "
            f"models promote {bundle.name}`, or pin its hash as ml.pins"
        )


def _check_allowed(bundle: Bundle, status: str, mode: Mode, allow_unproven: bool) -> str:
    """Returns what has to be said of a model that may be used, "" for nothing."""
    facts, name = bundle.metadata, f"{bundle.name} {bundle.metadata.version}"
    if facts.quarantined or "rejected" in {status, facts.status_cap}:
        why = "quarantined: a leak tripwire fired" if facts.quarantined else "rejected by its gates"
        raise Refused(f"{name}: is {why}; it trades nothing; choose another version")
    if mode is Mode.LIVE and status != "live" and not allow_unproven:
        failed = ", ".join(facts.failed_gates[:6])
        raise Refused(
            f"live refused: {name} is a model for {status} trading: no demonstrated edge"
            f"{f' (gates failed: {failed})' if failed else ''}; trade it on paper, or take the "
            "risk with ml.allow_unproven=true, which is logged"
        )
    if facts.is_proven and (mode is not Mode.LIVE or status == "live"):
        return ""
    override = "; ml.allow_unproven lets it trade live" if mode is Mode.LIVE else ""
    return f"NO DEMONSTRATED EDGE: {facts.version}, {status}, {facts.status_cap} at most{override}"
