from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from leeward.cli.main import main
from leeward.data.generated import generate_market
from leeward.data.store import CandleStore
from leeward.domain.timeframe import Timeframe
from tests.running import ACCOUNT, DEADLINES, ENVIRONMENT, PATIENCE_S
from tests.served import Served, Trader, generated, served, trader

if TYPE_CHECKING:
    from tests.stage import Stage


class Shown(NamedTuple):
    """What a command returned and printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Shown]


def status(leeward: Run) -> Any:
    """Returns what `leeward status --json` says of the account that a paper session trades."""
    shown = leeward("status", "--json", "--account", ACCOUNT)
    assert shown.code in {0, 1}, shown.err
    return json.loads(shown.out)[0]


@pytest.fixture
def leeward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the command line in this process, with a store in a folder of the test's own."""
    for deadline in DEADLINES:
        monkeypatch.setattr(deadline, PATIENCE_S)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEEWARD_DATA__DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Shown:
        monkeypatch.setattr(sys, "argv", ["leeward", *arguments])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        return Shown(code, *capsys.readouterr())

    return run


@pytest.fixture
def stored_market(tmp_path: Path) -> CandleStore:
    """A store with 3,000 generated hours of two symbols, beginning 2021-01-01."""
    store = CandleStore(tmp_path / "data")
    market = generate_market(
        ["BTCUSDT", "ETHUSDT"], Timeframe.parse("1h"), 1_609_459_200_000, 3_000, seed=3
    )
    for candles in market.values():
        store.merge(candles)
    return store


@pytest.fixture(scope="module")
def emulator() -> Iterator[Served]:
    """A stepped emulator whose account events come after the answers."""
    with served(generated(), mode="stepped", race=False) as running:
        yield running


@pytest.fixture
def me(emulator: Served) -> Iterator[Trader]:
    """A trader without faults, in a minute of its own: no test uses up another's weight."""
    for fault in emulator.sim("GET", "faults"):
        emulator.sim("DELETE", f"faults/{fault['id']}")
    emulator.sim("POST", "step", ms="10m")
    with trader(emulator) as one:
        yield one


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Plays a session on hours of the test's own; its watchdogs look often."""
    from tests.stage import Stage  # most tests need no session

    monkeypatch.setattr("leeward.runtime.trading.watchdogs.PERIOD_S", 0.05)
    return Stage(tmp_path, monkeypatch)
