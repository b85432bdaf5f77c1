"""`leeward swap` beside a running paper session, and without one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Run, status
from tests.running import ACCOUNT, trading, wait_for
from tests.served import Served, generated, served


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=60) as running:
        yield running


@pytest.fixture
def session(market: Served, tmp_path: Path, leeward: Run) -> Iterator[subprocess.Popen[str]]:
    """A paper session that runs, and has decided."""
    del leeward  # it sets the folder
    with trading(tmp_path, market.addresses.rest, until="T") as process:
        yield process


@pytest.mark.usefixtures("session")
def test_swap_says_what_will_happen_and_when_and_then_it_does(leeward: Run) -> None:
    asked = ("swap", "ema_cross", "--param", "fast=7", "--positions", "close", "--shadow")
    shown = leeward(*asked, "1000")
    assert shown.code == 0, shown.err
    assert shown.out.startswith(f"{ACCOUNT}: ema_cross (fast=7, slow=100, stop_atr=2.0) takes over")
    assert "from restless.py:Restless at the candle close of " in shown.out
    assert "tried on 1000 candles without orders" in shown.out
    second = leeward("swap", "adaptive")
    assert second.code == 3
    assert "is under way, to ema_cross" in second.err
    assert "swap to ema_cross: " in leeward("status").out
    assert leeward("swap", "--rollback").code == 0
    assert leeward(*asked, "2").code == 0
    wait_for(lambda: status(leeward)["session"]["strategy"] == "ema_cross")
    text = leeward("status").out
    assert "  swapped in " in text
    assert "for restless.py:Restless; `leeward swap --rollback` takes it back" in text
    back = json.loads(leeward("swap", "--rollback", "--json").out)
    # It may have been done by the time the answer is put into words.
    assert back["words"].startswith(
        ("restless.py:Restless takes over from ema_cross",
         "restless.py:Restless took over from ema_cross")
    )  # fmt: skip
    wait_for(lambda: status(leeward)["session"]["swap"]["before"]["strategy"] == "ema_cross")
    # Its first decision comes after the swap.
    wait_for(lambda: "swapped in by" in leeward("why", "BTCUSDT").out.replace("\n", " "))


def test_a_wrong_wish_is_a_matter_of_usage(leeward: Run, session: object) -> None:
    del session
    for arguments, words in (
        (("ema_crss",), "ema_cross"),
        (("nothing.py",), "no such strategy file"),
        ((), "name a strategy or a model, or roll back"),
        (("ema_cross", "--rollback"), "one of them"),
        (("ema_cross", "--positions", "keep"), "adopt"),
        (("ema_cross", "--shadow", "-1"), "out of bounds"),
    ):
        shown = leeward("swap", *arguments)
        assert shown.code == 2, (arguments, shown.err)
        assert words in shown.err
    refused = leeward("swap", "ema_cross", "--param", "fast=100000")
    assert refused.code == 3
    assert "restless.py:Restless goes on" in refused.err


def test_without_a_process_the_swap_waits_for_the_next_start(
    leeward: Run, session: subprocess.Popen[str]
) -> None:
    session.kill()
    session.wait(60)
    shown = leeward("swap", "ema_cross")
    assert shown.code == 0
    assert "no process trades it" in shown.out
