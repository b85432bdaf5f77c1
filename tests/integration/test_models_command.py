"""`leeward models` on a folder of models that lies elsewhere, with shipped and broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leeward.data.store import CandleStore
from leeward.training.bundle import archive
from tests.integration.conftest import Run
from tests.unit.training.test_promote import NAME, candidate


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that ml.dir names, outside the data directory."""
    folder = tmp_path / "elsewhere"
    monkeypatch.setenv("LEEWARD_ML__DIR", str(folder))
    return folder


def test_every_command_and_a_backtest_use_the_folder_that_the_settings_name(
    leeward: Run, models: Path, stored_market: CandleStore, tmp_path: Path
) -> None:
    del stored_market  # it fills the store
    first, second = candidate(1), candidate(2)
    for bundle in (first, second):
        archive(models, bundle)

    listed = json.loads(leeward("models", "list", "--json").out)["models"]
    archived = [each["version"] for each in listed if each["place"] == "archived"]
    assert archived == [second.version, first.version]
    for bundle in (first, second):
        done = leeward("models", "promote", NAME, "--version", bundle.version)
        assert done.code == 0, done.err
    assert json.loads(leeward("models", "verify", NAME, "--json").out)["sha256"] == second.sha256
    assert second.version in leeward("models", "show", NAME).out
    assert leeward("models", "rollback", NAME).code == 0
    shown = json.loads(leeward("models", "show", NAME, "--json").out)
    assert shown["version"] == first.version
    done = leeward("backtest", "ml_basic", "--symbols", "BTCUSDT", "--json", "r.json")
    assert (done.code, first.version in done.out) == (0, True), done.err
    assert not (tmp_path / "data" / "models").exists()


def test_the_status_on_record_and_its_reason_are_shown(leeward: Run, models: Path) -> None:
    first, second = candidate(1), candidate(2)
    for bundle in (first, second):
        archive(models, bundle)
    asked = ("models", "promote", NAME, "--version", first.version, "--status", "live")
    assert leeward(*asked).code == 3
    assert leeward(*asked, "--override", "I watch it myself").code == 0

    listed = json.loads(leeward("models", "list", "--json").out)["models"]
    statuses = {each["version"]: each["status"] for each in listed if each["place"] == "archived"}
    assert statuses == {first.version: "live", second.version: "research"}
    shown = leeward("models", "show", NAME).out
    assert "promoted as live by " in shown
    assert "over its gates: I watch it myself" in shown
    assert (
        json.loads(leeward("models", "show", NAME, "--json").out)["promotion"]["status"] == "live"
    )
    assert "promoted as" not in leeward("models", "show", NAME, "--version", second.version).out


def test_a_folder_for_models_that_cannot_be_written_is_refused_before_training(
    leeward: Run, stored_market: CandleStore, tmp_path: Path
) -> None:
    del stored_market  # it fills the store
    (tmp_path / "file").touch()
    for out in ("file", "file/models"):
        done = leeward("train", "price", "--symbol", "BTCUSDT", "--out", out)
        assert (done.code, done.out) == (1, "")
        assert f"{out}: cannot be written: " in done.err
        assert "is no folder; name another. Nothing was changed there" in done.err
    assert not (tmp_path / "data" / "training").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("models", "list"),
        ("backtest", "ml_basic", "--symbols", "BTCUSDT"),
        ("train", "price", "--symbol", "BTCUSDT"),
    ],
    ids=lambda words: words[0],
)
def test_a_setting_that_names_no_folder_of_models_is_refused_by_its_name(
    leeward: Run, models: Path, stored_market: CandleStore, words: tuple[str, ...]
) -> None:
    del stored_market  # it fills the store
    models.touch()

    done = leeward(*words)

    assert (done.code, done.out) == (2, ""), done.err
    assert f"ml.dir: {models}: is no folder; " in done.err
