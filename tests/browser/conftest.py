"""A paper session that trades on the emulator, its dashboard, and a Chromium that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)
from tests.running import ACCOUNT, LEEWARD, RESTLESS, TRADES, lines_until, started
from tests.served import generated, served
from tests.walks import walk

from leeward.data.store import CandleStore
from leeward.database.engine import Database, open_database
from leeward.engine.records import TradingState
from leeward.runtime.overview import Overview, overview

# A page of a machine that does much else is patiently waited for.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)
#: A question that is answered by a process of its own, which makes way for all others.
ASKED_MS = 200_000
#: How long a test may take that waits for many such pages.
LONGEST_S = 900
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "a long and plain password"  # noqa: S105 - of the test alone
#: So restless a strategy reaches every limit; here it is to trade on.
FREE = (
    "--set", "risk.max_orders_per_hour=1000000", "--set", "risk.daily_loss_fraction=1",
    "--set", "risk.max_drawdown_fraction=1",
)  # fmt: skip
LOOKS: dict[str, dict[str, object]] = {
    "light": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PAGES = {
    "/": "Overview",
    "/chart": "Chart",
    "/trades": "Trades",
    "/performance": "Performance",
    "/risk": "Risk",
    "/models": "Models",
    "/backtests": "Backtests",
    "/log": "Log",
    "/control": "Control",
}
SETTLED = "() => !document.querySelector('.page .waiting')"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Visit:
    """An open page, and everything it said or asked for."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        """Opens a page of the dashboard and waits until it is there and connected."""
        self.page.goto(f"{self.base}{path}")
        self.page.wait_for_selector(".page h1")
        self.page.wait_for_function("window.did_handshake === true")

    def strangers(self) -> set[str]:
        """Returns the hosts that were asked besides our own."""
        hosts = {urlsplit(url).hostname for url in self.requests if not url.startswith("data:")}
        return {str(host) for host in hosts} - {"127.0.0.1"}


@dataclass
class Watched:
    """A dashboard over a session that trades."""

    base: str
    folder: Path
    database: Database
    browser: Browser
    environment: Mapping[str, str] = field(default_factory=dict)

    def now(self) -> Overview:
        return overview(self.database, ACCOUNT)

    def is_asked(self) -> bool:
        """Returns whether an order is not carried out yet."""
        return bool(self.database.pending_commands(ACCOUNT))

    def rests_at(self, state: TradingState) -> bool:
        """Returns whether the account has a state, and nothing is asked that could change it."""
        return self.now().state is state and not self.is_asked()

    def leeward(self, *arguments: str) -> str:
        """Returns what a command printed."""
        done = subprocess.run(
            [LEEWARD, *arguments], capture_output=True, text=True, cwd=self.folder, timeout=200,
            check=False,
            env={
                **os.environ, "LEEWARD_DATA__DIR": str(self.folder / "data"), **self.environment,
            },
        )  # fmt: skip
        return done.stdout + done.stderr


Opened = Callable[..., Visit]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LONGEST_S))


def answered(dialog: Locator, outcome: str) -> None:
    """Waits for the answer to an order: its outcome, or that a busy session has none yet."""
    expect(dialog).to_contain_text(re.compile(rf"Done: {outcome}|is not carried out yet"))


def asked_by(page: Page, button: str, heading: str) -> Locator:
    """Returns the dialog that a button opens, pressed when it can be: what is held comes and goes,
    and a press may come too late."""
    dialog = page.get_by_role("dialog", name=heading)
    until_s = time.monotonic() + ASKED_MS / 1000
    while not dialog.is_visible():
        assert time.monotonic() < until_s, f"{button} opens nothing"
        page.get_by_role("button", name=button).last.click()
    return dialog


def agree(shown: Callable[[], Any], known: Callable[[], Any]) -> None:
    """Waits until a page shows what the database has: both move on."""
    until_s = time.monotonic() + ASKED_MS / 1000
    while (seen := shown()) != (wanted := known()):
        assert time.monotonic() < until_s, f"shown is {seen}, the database has {wanted}"
        time.sleep(0.05)


def context_of(browser: Browser, look: str = "light") -> BrowserContext:
    made = browser.new_context(timezone_id="Europe/Berlin", **LOOKS[look])
    made.set_default_timeout(PATIENCE_MS)
    return made


def log_in(context: BrowserContext, base: str) -> Visit:
    visit = Visit(context.new_page(), base)
    visit.page.goto(f"{base}/login")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Log in").click()
    visit.page.wait_for_selector(".page h1")
    return visit


@pytest.fixture(scope="module")  # a second Playwright cannot begin before it has ended
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine; install it to test what it shows")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Watched]:
    """A session that has begun to trade at 120 times the speed of the clock, and its dashboard."""
    folder = tmp_path_factory.mktemp("watched")
    CandleStore(folder / "data").merge(walk(900))
    with watching(folder, chromium, RESTLESS, *TRADES, *FREE, until="SELL") as found:
        yield found


@contextmanager
def watching(
    folder: Path,
    browser: Browser,
    *session: str,
    until: str,
    speed: int = 120,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Watched]:
    """Yields a paper session on the emulator that has printed some words, and its dashboard."""
    with (
        served(generated(), mode="accelerated", speed=speed) as market,
        started(
            folder, "paper", *session, "--no-dashboard", "--url", market.addresses.rest, "--log",
            "session.jsonl", **(environment or {}),
        ) as running,
    ):  # fmt: skip
        lines_until(running, until, 240)
        with pages_over(folder, **(environment or {})) as address:
            database = open_database(f"sqlite:///{folder / 'leeward.db'}", examine=False)
            yield Watched(address, folder, database, browser, environment or {})
            database.close()


@contextmanager
def pages_over(folder: Path, **environment: str) -> Iterator[str]:
    """Yields the address of a dashboard over whatever is in the folder."""
    _set_password(folder)
    with started(
        folder, "dashboard", "--port", "0", "--log", "dashboard.jsonl", **environment
    ) as pages:
        address = re.search(r"http://\S+", lines_until(pages, "dashboard: ", 240)[-1])
        assert address is not None
        yield address[0]


def _set_password(folder: Path) -> None:
    subprocess.run(
        [LEEWARD, "access", "password", "--own"], input=f"{PASSWORD}\n", text=True, check=True,
        capture_output=True, cwd=folder, timeout=200,
        env={**os.environ, "LEEWARD_DATA__DIR": str(folder / "data")},
    )  # fmt: skip


@pytest.fixture
def opened(watched: Watched) -> Iterator[Callable[[str], Visit]]:
    """Opens a page in a light window, logged in; each test has a window of its own."""
    contexts: list[BrowserContext] = []

    def visit(path: str, look: str = "light") -> Visit:
        context = context_of(watched.browser, look)
        contexts.append(context)
        found = log_in(context, watched.base)
        if path != "/":
            found.go(path)
        return found

    yield visit
    for context in contexts:
        context.close()
