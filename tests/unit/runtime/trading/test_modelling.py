"""Which models a session may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert
from tests.tiny_models import HOUR, MODELS, copied, edit_metadata

from leeward.data.generated import generate_candles
from leeward.database.engine import Database
from leeward.database.promotions import active_promotions
from leeward.database.tables import models
from leeward.domain.errors import BadConfig, BadModel, BadUsage, Refused
from leeward.engine.records import Mode, Severity
from leeward.inference.bundle import load_bundle
from leeward.monitoring.sieve import Sieve
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.modelling import SessionModels, session_models
from leeward.strategies.ema_cross import EmaCross
from leeward.strategies.ml_basic import MlBasic
from leeward.strategies.ml_with_sentiment import MlWithSentiment

NAME = "btcusdt_price"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path / "models")


def promote(database: Database, folder: Path, status: str, at_ms: int = 1, name: str = NAME) -> str:
    sha256 = load_bundle(folder, name).sha256
    row = {"name": name, "sha256": sha256, "status": status, "previous": None, "actor": "test"}
    with database.writing() as connection:
        connection.execute(insert(models).values(**row, promoted_ms=at_ms, metrics={}))
    return sha256


def asked(mode: Mode = Mode.PAPER, symbol: str = "BTCUSDT") -> Asked:
    return Asked(mode, "ml_basic", (symbol,))


def settings(folder: Path, *changes: str) -> Settings:
    return load_settings(None, [f"ml.dir={folder}", f"data.dir={folder.parent}/data", *changes])


def used(database: Database, folder: Path, *changes: str, mode: Mode = Mode.PAPER) -> SessionModels:
    return session_models(settings(folder, *changes), asked(mode), MlBasic(), HOUR, database)


def test_a_strategy_without_needs_gets_nothing(database: Database, folder: Path) -> None:
    assert session_models(settings(folder), asked(), EmaCross(), HOUR, database) == SessionModels()


def test_the_model_on_record_gives_its_columns_and_says_that_it_has_no_edge(
    database: Database, folder: Path
) -> None:
    sha256 = promote(database, folder, "paper")

    found = used(database, folder)

    candles = generate_candles("BTCUSDT", HOUR, 0, 200, seed=1)
    assert np.isfinite(found.columns["BTCUSDT"](candles)["prediction"][119:]).all()
    facts = found.facts["BTCUSDT"]
    assert isinstance(facts, dict)
    assert facts["prediction"]["sha256"] == sha256
    (note,) = found.noted(5)
    assert note.words.startswith("NO DEMONSTRATED EDGE: ")
    assert (note.kind, note.subject, note.at_ms) == ("model", NAME, 5)


@pytest.mark.parametrize("name", ["file", "file/models", 300 * "x"])
def test_a_setting_that_names_no_folder_of_models_is_refused(
    database: Database, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BadConfig, match=r"^ml\.dir: .*; name the folder where the models lie$"):
        used(database, tmp_path / name)


def test_a_model_that_nobody_promoted_is_refused(database: Database, folder: Path) -> None:
    with pytest.raises(Refused, match="nothing on record says that this model is to be used"):
        used(database, folder)


def test_settings_may_pin_a_model_that_is_not_on_record(database: Database, folder: Path) -> None:
    pin = load_bundle(folder, NAME).sha256

    assert used(database, folder, f'ml.pins={{"{NAME}": "{pin}"}}').columns


def test_the_promotion_made_last_counts(database: Database, folder: Path) -> None:
    promote(database, folder, "paper")
    edit_metadata(folder, lambda metadata: metadata.update(created_at="2027-01-01T00:00:00Z"))
    later = promote(database, folder, "shadow", at_ms=2)

    assert active_promotions(database)[NAME].sha256 == later
    assert active_promotions(database)[NAME].status == "shadow"


def test_files_that_changed_after_the_promotion_are_refused(
    database: Database, folder: Path
) -> None:
    promote(database, folder, "paper")
    edit_metadata(folder, lambda metadata: metadata["calibration"].update(shrink=1.0))

    with pytest.raises(BadModel, match="is pinned, but"):
        used(database, folder)


def test_live_refuses_a_model_without_an_edge(database: Database, folder: Path) -> None:
    promote(database, folder, "paper")

    with pytest.raises(Refused, match=r"no demonstrated edge \(gates failed: skill\)"):
        used(database, folder, mode=Mode.LIVE)


def test_an_explicit_override_lets_it_trade_live_and_is_noted(
    database: Database, folder: Path
) -> None:
    promote(database, folder, "paper")

    found = used(database, folder, "ml.allow_unproven=true", mode=Mode.LIVE)

    assert found.notes[NAME].endswith("ml.allow_unproven lets it trade live")


def test_live_refuses_sizes_that_leave_out_what_forecasts_are_worth(
    database: Database, folder: Path
) -> None:
    promote(database, folder, "live")

    with pytest.raises(Refused, match=r"ml.sizing is 'raw'"):
        used(database, folder, "ml.sizing=raw", "ml.allow_unproven=true", mode=Mode.LIVE)
    assert "RAW SIZING" in used(database, folder, "ml.sizing=raw").notes[""]


def test_a_proven_model_trades_live_without_a_word(database: Database, folder: Path) -> None:
    edit_metadata(folder, lambda metadata: metadata.update(status="live", status_cap="live"))
    promote(database, folder, "live")

    assert used(database, folder, mode=Mode.LIVE).notes == {}


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE])
@pytest.mark.parametrize(
    ("changes", "why"),
    [({"quarantined": True}, "a leak tripwire fired"), ({"status_cap": "rejected"}, "rejected")],
)
def test_rejected_and_quarantined_models_trade_nowhere(
    database: Database, folder: Path, mode: Mode, changes: dict[str, object], why: str
) -> None:
    edit_metadata(folder, lambda metadata: metadata.update(changes))
    promote(database, folder, "live")

    with pytest.raises(Refused, match=why):
        used(database, folder, "ml.allow_unproven=true", mode=mode)


def test_missing_sentiment_is_said_and_stops_nothing(database: Database, folder: Path) -> None:
    promote(database, folder, "paper")
    promote(database, folder, "paper", name="btcusdt_sentiment")

    found = session_models(settings(folder), asked(), MlWithSentiment(), HOUR, database)

    assert found.notes["BTCUSDT"].startswith("no sentiment")


def test_a_symbol_without_a_model_is_refused(database: Database) -> None:
    with pytest.raises(BadUsage, match="there is no model nosuchusdt_price"):
        session_models(settings(MODELS), asked(symbol="NOSUCHUSDT"), MlBasic(), HOUR, database)


def test_an_alert_of_one_model_does_not_keep_that_of_another_back(
    database: Database, folder: Path
) -> None:
    promote(database, folder, "paper")
    promote(database, folder, "paper", name="btcusdt_sentiment")
    sieve = Sieve(Severity.WARNING, (), 3600.0, 1000)

    found = session_models(settings(folder), asked(), MlWithSentiment(), HOUR, database)

    notes = found.noted(5)
    assert len(notes) == 3
    assert all(sieve.passes(note, 0.0) for note in notes)
    assert not any(sieve.passes(note, 1.0) for note in notes)
