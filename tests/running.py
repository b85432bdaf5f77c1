"""Trading commands as processes of their own, for tests that watch or stop them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LEEWARD = str(Path(sys.executable).with_name("leeward"))
PATIENCE_S = 60.0
#: Deadlines of ours that a busy machine may miss; what is done then is another behaviour. A test
#: that is about one of them sets it itself.
DEADLINES = (
    "leeward.runtime.trading.watchdogs._LAG_S",
    "leeward.runtime.trading.means.ANSWER_S",
    "leeward.runtime.trading.steps.ANSWER_S",
    "leeward.runtime.operating._ANSWER_S",
)
#: The same for those that are settings.
SET_DEADLINES = ("commit_deadline_s", "protection_deadline_s")
ENVIRONMENT = {f"LEEWARD_TRADING__{name.upper()}": str(PATIENCE_S) for name in SET_DEADLINES}
_UNHURRIED = "\n".join(
    [
        "from importlib import import_module",
        "from leeward.cli.main import main",
        *(
            f"import_module('{module}').{name} = {PATIENCE_S}"
            for module, _, name in (each.rpartition(".") for each in DEADLINES)
        ),
        "main()",
    ]
)
RESTLESS = f"{Path(__file__).with_name('restless.py')}:Restless"
#: The account that a paper session on the emulator trades.
ACCOUNT = "paper:emulator:main"
TRADES = ("--symbols", "BTCUSDT,ETHUSDT", "--set", "risk.trend_gate=off")


@contextmanager
def started(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Yields a running command whose data lie in `folder`; it is killed at the end if need be."""
    # A dashboard lowers its priority before it loads anything: it begins as it is.
    program = [LEEWARD] if "dashboard" in arguments else [sys.executable, "-c", _UNHURRIED]
    process = subprocess.Popen(
        [*program, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env={
            **os.environ, **ENVIRONMENT, "LEEWARD_DATA__DIR": str(folder / "data"), **environment
        },
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


@contextmanager
def trading(folder: Path, url: str, until: str) -> Iterator[subprocess.Popen[str]]:
    """Yields a restless paper session on an emulator, once it has printed some words."""
    with started(
        folder, "paper", RESTLESS, *TRADES, "--url", url, "--log", "log.jsonl"
    ) as process:  # fmt: skip
        lines_until(process, until)
        yield process


def wait_for(holds: Callable[[], bool], within_s: float = 120.0) -> float:
    """Returns after how many seconds it held; raises AssertionError where it does not in time."""
    begun_s = time.monotonic()
    while not holds():
        assert time.monotonic() - begun_s < within_s
        time.sleep(0.05)
    return time.monotonic() - begun_s


def lines_until(process: subprocess.Popen[str], words: str, within_s: float = 120.0) -> list[str]:
    """Returns the lines printed up to the first that holds `words`."""
    lines: list[str] = []
    until_s = time.monotonic() + within_s
    assert process.stdout is not None
    while time.monotonic() < until_s:
        line = process.stdout.readline()
        lines.append(line)
        if words in line:
            return lines
        if not line:
            break
    raise AssertionError(f"'{words}' was not printed: {lines[-3:]}")
