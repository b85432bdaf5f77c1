"""`leeward paper` with a strategy of models, on an emulator's prices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.data.store import CandleStore
from leeward.database.engine import open_database
from leeward.engine.records import Executed, Noted, SessionStarted
from tests.integration.conftest import Run
from tests.served import Served, generated, served
from tests.tiny_models import MODELS, renamed

ACCOUNT = "paper:emulator:main"


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=120) as running:
        yield running


def paper(leeward: Run, market: Served, *options: str) -> tuple[int, str, str]:
    return leeward(
        "paper", "ml_basic", "--symbols", "BTCUSDT", "--timeframe", "1m", "--venue", "emulator",
        "--url", market.addresses.rest, *options,
    )  # fmt: skip


def test_every_step_writes_down_what_the_model_said_and_that_it_has_no_edge(
    leeward: Run, market: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = renamed(tmp_path / "models", "BTCUSDT", "1m")
    monkeypatch.setenv("LEEWARD_ML__DIR", str(tmp_path / "models"))
    code, _, err = paper(leeward, market, "--candles", "3")
    assert (code, "nothing on record says" in err) == (3, True)
    monkeypatch.setenv("LEEWARD_ML__PINS", json.dumps({"btcusdt_price_1m": sha256}))

    code, _, err = paper(leeward, market, "--candles", "3", "--json")

    assert code == 0, err
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    records = database.history(ACCOUNT)
    database.close()
    (started,) = (each for each in records if isinstance(each, SessionStarted))
    models = started.facts["models"]
    assert isinstance(models, dict)
    assert models["BTCUSDT"]["prediction"]["sha256"] == sha256
    steps = [each for each in records if isinstance(each, Executed)]
    assert len(steps) == 3
    assert {each.columns["ladder"] for each in steps} <= {0.0, 1.0}
    assert all(each.columns["prediction_confidence"] == 0.0 for each in steps)
    notes = [each.words for each in records if isinstance(each, Noted) and each.kind == "model"]
    assert any(words.startswith("NO DEMONSTRATED EDGE") for words in notes)

    shown = leeward("parity", "--json")
    assert shown.code == 0, shown.err
    assert json.loads(shown.out)["clean"] is True
    assert "ladder" in leeward("why", "BTCUSDT").out


def test_why_finds_the_models_of_a_backtest_again(
    leeward: Run, stored_market: CandleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stored_market  # it fills the store
    monkeypatch.setenv("LEEWARD_ML__DIR", str(MODELS))
    code, _, err = leeward("backtest", "ml_basic", "--symbols", "BTCUSDT", "--json", "r.json")
    assert code == 0, err

    shown = leeward("why", "BTCUSDT", "--backtest", "r.json")

    assert shown.code == 0, shown.err
    assert "ladder" in shown.out
