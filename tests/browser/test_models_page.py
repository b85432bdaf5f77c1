"""The page of models beside a session that asks one, which another version challenges."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import (
    ASKED_MS,
    LOOKS,
    SCREENSHOTS,
    SETTLED,
    SIDEWAYS,
    Opened,
    Watched,
    watching,
)
from tests.running import wait_for
from tests.tiny_models import edit_metadata, renamed

from leeward.database.challenges import forecasts, pairs

FIGURE, SHARE = re.compile(r"^\d+\.\d{3}$"), re.compile(r"^\d+\.\d %$")
NAME, OLDER = "btcusdt_price_1m", "20261101T000000Z-0lder000"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Watched]:
    """A session of ml_basic whose model is challenged by an archived version of it."""
    folder = tmp_path_factory.mktemp("models")
    models = folder / "models"
    place = models / "archive" / NAME / OLDER
    renamed(place, "BTCUSDT", "1m")
    edit_metadata(place, lambda metadata: metadata.update(version=OLDER), NAME)
    pins = {NAME: renamed(models, "BTCUSDT", "1m")}
    environment = {"LEEWARD_ML__DIR": str(models), "LEEWARD_ML__PINS": json.dumps(pins)}
    session = ("ml_basic", "--symbols", "BTCUSDT", "--timeframe", "1m", "--venue", "emulator")
    with watching(folder, chromium, *session, until="Z  ", environment=environment) as found:
        told = found.leeward("models", "challenge", NAME)
        assert OLDER in told
        yield found


def test_a_model_in_use_shows_drift_and_coverage_and_its_challenger(
    opened: Opened, watched: Watched
) -> None:
    def is_compared() -> bool:
        found = pairs(watched.database, NAME)
        return bool(found) and len(forecasts(watched.database, found[0])) > 20

    wait_for(is_compared, 300)
    facts: Any = watched.now().facts["models"]
    assert list(facts) == [NAME]
    compared = json.loads(watched.leeward("models", "compare", NAME, "--json"))["comparisons"][0]
    for look in LOOKS:
        page = opened("/models", look).page
        signs = page.locator(".card", has_text="In use now")
        expect(signs).to_contain_text(f"{NAME} ")
        expect(signs.locator(".tile", has_text="Drift").locator("dd").first).to_have_text(FIGURE)
        expect(signs.locator(".tile", has_text="Coverage").locator("dd").first).to_have_text(SHARE)
        rivals = page.locator(".card", has_text="Champion against challenger")
        expect(rivals).to_contain_text(
            f"challenger {compared['challenger'][:12]}", timeout=ASKED_MS
        )
        expect(rivals).to_contain_text("Verdict: too early to tell")
        expect(page.locator(".card", has_text="All models")).to_contain_text("archived")
        page.wait_for_function(SETTLED, timeout=ASKED_MS)
        page.wait_for_timeout(500)
        page.screenshot(path=SCREENSHOTS / f"models-in-use-{look}.png", full_page=True)
        assert page.evaluate(SIDEWAYS) <= 0
