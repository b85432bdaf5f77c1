"""What a newcomer sees: before anything was started, and before the first trade."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import (
    ASKED_MS,
    LOOKS,
    PAGES,
    SCREENSHOTS,
    SETTLED,
    SIDEWAYS,
    Opened,
    Watched,
    agree,
    context_of,
    log_in,
    pages_over,
    watching,
)
from tests.running import RESTLESS, TRADES

PATIENT = RESTLESS.replace("Restless", "Patient")
#: What stands where nothing is yet.
WORDS = {
    "/": ["Nothing is held."],
    "/trades": ["No trades yet."],
    "/performance": ["Too short yet.", "No trades yet.", "0 trades"],
    "/risk": ["No entry was refused."],
    "/models": ["No model is in use.", "No challenger."],
    "/backtests": ["No backtest yet.", "none stored yet"],
    "/control": ["Nothing was asked yet.", "Nothing is held now."],
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Watched]:
    """A session that has decided on candles and bought nothing."""
    folder = tmp_path_factory.mktemp("first-day")
    # So slow that no day passes meanwhile.
    with watching(folder, chromium, PATIENT, *TRADES, until="Z  ", speed=30) as found:
        yield found


def test_every_page_says_in_words_that_nothing_happened_yet(
    opened: Opened, watched: Watched
) -> None:
    for look in LOOKS:
        visit = opened("/", look)
        visit.complaints.clear()
        for path in PAGES:
            visit.go(path)
            page = visit.page
            page.wait_for_function(SETTLED, timeout=ASKED_MS)
            for words in WORDS.get(path, []):
                expect(page.locator(".page")).to_contain_text(words)
            if path == "/":
                agree_on_alerts(page, watched)
            assert page.evaluate(SIDEWAYS) <= 0, f"{path}, {look}"
            assert not re.search(r"\b(NaN|None|null|undefined|Infinity)\b", page.inner_text("body"))
            page.wait_for_timeout(300)
            name = path.strip("/") or "overview"
            page.screenshot(path=SCREENSHOTS / f"first-day-{name}-{look}.png", full_page=True)
        assert visit.complaints == []


def agree_on_alerts(page: Page, watched: Watched) -> None:
    """Waits until the page says that there are none, where there are none: a machine with much else
    to do is a reason for one."""
    agree(
        lambda: "No alerts." in page.locator(".page").inner_text(),
        lambda: not watched.now().alerts,
    )


def test_without_a_database_every_page_tells_how_to_begin(
    tmp_path: Path, chromium: Browser
) -> None:
    with pages_over(tmp_path) as address:
        for look in LOOKS:
            context = context_of(chromium, look)
            visit = log_in(context, address)
            for path in PAGES:
                visit.go(path)
                expect(visit.page.locator(".page")).to_contain_text("leeward paper ema_cross")
                expect(visit.page.locator(".bar")).to_contain_text("There is no database at")
            visit.page.screenshot(path=SCREENSHOTS / f"first-start-{look}.png")
            assert visit.complaints == []
            context.close()
