"""The benchmarks still run; what they measure is looked at by people, not by tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks import emulator_work, leeward_work, market, trading_work
from benchmarks.subjects import slope
from benchmarks.table import show_memory, show_rate_target, show_ratio, show_target, show_time


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with little in it, generated because no real candles lie where it looks."""
    path = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEEWARD_TEST_DATA", str(path))
        assert "SYNTHETIC" in str(market.prepare(path, 3_000, 1_000)["source"])
    return path


@pytest.mark.parametrize(
    ("work", "candles"),
    [
        (leeward_work.time_loop, 3_000),
        (leeward_work.time_symbols_loop, 10_000),
        (leeward_work.time_backtest, 3_000),
        (leeward_work.time_symbols, 10_000),
    ],
)
@pytest.mark.parametrize("limits", ["contained", "same_trades"])
def test_leewards_side_tells_its_times_and_trades(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    work: Callable[[Path, str, int], None],
    candles: int,
    limits: str,
) -> None:
    work(folder, limits, 2)
    told = json.loads(capsys.readouterr().out)
    assert told["candles"] == candles
    assert told["trades"] > 0
    assert len(told["seconds"]) == 2
    assert min(told["seconds"]) > 0


def test_open_limits_refuse_no_entry_that_the_peers_would_take(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trades = {}
    for limits in ("contained", "same_trades"):
        leeward_work.time_loop(folder, limits, 1)
        trades[limits] = json.loads(capsys.readouterr().out)["trades"]
    assert trades["contained"] < trades["same_trades"]


def test_cells_say_the_best_time_its_spread_and_the_verdict() -> None:
    assert show_time([0.0123, 0.0246]) == "12.3 ms (+100 %, 2)"
    assert show_time([5e-9, 6e-9]) == "5 ns (+20 %, 2)"
    assert show_memory(1234.4) == "1,234 MiB"
    assert show_target(0.04, 0.05) == "≤ 50 ms: met"
    assert show_target(0.06, 0.05) == "≤ 50 ms: missed"
    assert show_ratio(0.6, 0.2) == "3.0 ×"
    assert show_ratio(0.6, 0.2, 4) == "3.0 × (target 4 ×: missed)"
    assert show_rate_target(0.0005, 1_000) == ("≥ 1,000/s: 2,000/s, met", "2.00 × the target")
    assert show_rate_target(0.002, 1_000)[0] == "≥ 1,000/s: 500/s, missed"
    assert slope([5.0, 5.5, 6.0]) == 0.5


@pytest.mark.parametrize(
    ("work", "numbers"),
    [
        (emulator_work.time_rest, (1, 16)),
        (emulator_work.time_api, (1, 16)),
        (emulator_work.time_candles, (1, 2, 3)),
    ],
)
def test_the_emulator_is_timed_through_sockets(
    capsys: pytest.CaptureFixture[str], work: Callable[..., None], numbers: tuple[int, ...]
) -> None:
    work(*numbers)
    told = json.loads(capsys.readouterr().out)
    assert len(told["seconds"]) == 1
    assert min(told["seconds"]) > 0
    assert told["server_mib"] > 0


def test_the_emulators_memory_is_told_after_each_replayed_hour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulator_work.watch_replay(2)
    assert len(json.loads(capsys.readouterr().out)["resident_mib"]) == 2


def test_a_trading_session_tells_the_time_of_its_steps(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asyncio.run(trading_work.measure(tmp_path, 2, 3))
    told = json.loads(capsys.readouterr().out)
    assert len(told["seconds"]) == 3
    assert min(told["seconds"]) > 0
