"""What a challenger and the model in use expect of the same candles."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_models import HOUR, copied, edit_metadata

from leeward.data.generated import generate_candles
from leeward.domain.candles import Candles
from leeward.domain.errors import BadModel, BadUsage, Refused
from leeward.inference.bundle import SHIPPED, load_bundle
from leeward.runtime.predictions import ModelUse, Outlook
from leeward.runtime.rivals import load_rivals, name_challenger

NAME = "btcusdt_price"
CANDLES = generate_candles("BTCUSDT", HOUR, 1_704_067_200_000, 600, seed=9)
OTHER = load_bundle(SHIPPED, NAME)


@pytest.fixture
def use(tmp_path: Path) -> ModelUse:
    """Returns models of which the shipped one is archived beside the active tiny one."""
    folder = copied(tmp_path / "models")
    place = folder / "archive" / NAME / OTHER.metadata.version
    place.mkdir(parents=True)
    for file in SHIPPED.glob(f"{NAME}.*"):
        shutil.copy(file, place)
    return ModelUse(folder, tmp_path / "data")


def columns_of(name: str, use: ModelUse) -> tuple[np.ndarray, np.ndarray]:
    pins = {NAME: OTHER.sha256} if name == "challenger" else {}
    told = Outlook(
        ("prediction",), "BTCUSDT", HOUR, ModelUse(use.models, use.data, pins=pins)
    ).models[0]
    rows, asked = told.ask(CANDLES)
    columns = told.told(asked, 0)
    return rows, np.column_stack([columns["prediction"], columns["prediction_p_up"]])


def test_both_expect_what_a_session_would_be_told_bit_for_bit(use: ModelUse) -> None:
    rivals = load_rivals(load_bundle(use.models, NAME), OTHER.sha256, use)

    made = rivals.forecasts(CANDLES, int(CANDLES.open_time[199]))

    assert [each.open_time_ms for each in made] == CANDLES.open_time[200:-1].tolist()
    rows, champion = columns_of("champion", use)
    _, challenger = columns_of("challenger", use)
    told = {int(CANDLES.open_time[row]): i for i, row in enumerate(rows)}
    known = 0
    for each in made:
        at = told[each.open_time_ms]
        for found, column in (
            ((each.champion_return, each.champion_p_up), champion),
            ((each.challenger_return, each.challenger_p_up), challenger),
        ):
            # A drifted model tells a strategy nothing; here what it would have said counts.
            if np.isfinite(column[at]).all():
                known += 1
                assert found == tuple(column[at])
    assert known > 150
    assert made[0].champion_return != made[0].challenger_return
    log_returns = np.diff(np.log(CANDLES.close))[200:]
    assert np.allclose([each.came for each in made], log_returns, rtol=0, atol=1e-12)


def test_nothing_is_said_before_it_is_known_what_came(use: ModelUse) -> None:
    rivals = load_rivals(load_bundle(use.models, NAME), OTHER.sha256, use)
    newest = int(CANDLES.open_time[399])

    assert rivals.forecasts(CANDLES.rows(0, 400), newest - 1) == []
    (one,) = rivals.forecasts(CANDLES.rows(0, 401), newest - 1)
    assert one.open_time_ms == newest
    assert rivals.forecasts(CANDLES.rows(0, 401), newest) == []
    assert rivals.forecasts(CANDLES, newest - 1)[0] == one


def test_windows_with_a_hole_are_left_out(use: ModelUse) -> None:
    kept = np.delete(np.arange(600), 500)
    columns = ("open_time", "open", "high", "low", "close", "volume")
    holed = Candles("BTCUSDT", HOUR, *(getattr(CANDLES, name)[kept] for name in columns))
    rivals = load_rivals(load_bundle(use.models, NAME), OTHER.sha256, use)

    made = rivals.forecasts(holed, int(CANDLES.open_time[479]))

    # The candle after row 499 is missing, and whole windows end from row 620 on.
    assert [each.open_time_ms for each in made] == CANDLES.open_time[480:499].tolist()


def test_the_newest_archived_version_is_named_unless_told(use: ModelUse) -> None:
    made, version = name_challenger(use, NAME, None, "trader", 5)
    assert (made.sha256, made.since_ms, made.actor) == (OTHER.sha256, 5, "trader")
    assert version == OTHER.metadata.version
    with pytest.raises(BadUsage, match="unknown version of btcusdt_price"):
        name_challenger(use, NAME, "20990101T000000Z-00000000", "trader", 5)
    with pytest.raises(BadUsage, match="nothing archived"):
        name_challenger(use, "ethusdt_price", None, "trader", 5)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quarantined": True}, "a leak tripwire fired"),
        ({"status_cap": "rejected"}, "its gates rejected it"),
    ],
)
def test_a_rejected_version_challenges_nothing(
    use: ModelUse, changes: dict[str, object], why: str
) -> None:
    place = use.models / "archive" / NAME / OTHER.metadata.version
    edit_metadata(place, lambda metadata: metadata.update(changes))

    with pytest.raises(Refused, match=why):
        name_challenger(use, NAME, None, "trader", 5)


def test_a_challenger_whose_files_changed_is_not_loaded(use: ModelUse) -> None:
    champion = load_bundle(use.models, NAME)

    with pytest.raises(BadModel, match="is pinned, but"):
        load_rivals(champion, "0" * 64, use)
