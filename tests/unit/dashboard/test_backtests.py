"""Backtests beside the dashboard: what may be asked, and that they run one after the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.dashboards import settings_in

from leeward.dashboard.backtests import Backtests, Run, Wish
from leeward.data.generated import generate_market
from leeward.data.store import CandleStore
from leeward.domain.errors import BadUsage, Refused
from leeward.domain.timeframe import Timeframe

WISH = Wish("ema_cross", ("BTCUSDT",), "1h", params={"fast": "10"}, risk={"trend_gate": "off"})


async def ended(runs: Backtests, run: Run) -> Run:
    while runs.find(run.run_id).state in {"waiting", "running"}:
        await asyncio.sleep(0.05)
    return runs.find(run.run_id)


def test_runs_end_with_metrics_and_files_or_with_words(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    market = generate_market(["BTCUSDT"], Timeframe.parse("1h"), 1_609_459_200_000, 1_500, seed=3)
    CandleStore(settings.data.dir).merge(market["BTCUSDT"])

    async def story() -> None:
        runs = Backtests(settings)
        first = runs.start(WISH, "dashboard:owner")
        second = runs.start(Wish("ema_cross", ("NONEUSDT",)), "api:x")
        assert [run.run_id for run in runs.all()] == [second.run_id, first.run_id]
        done = await ended(runs, first)
        assert (done.state, done.words) == ("done", "done")
        assert done.metrics is not None
        result = json.loads(runs.result(first.run_id).read_bytes())
        assert result["metrics"] == done.metrics
        assert result["inputs"]["params"]["fast"] == 10
        assert b"<html" in runs.report(first.run_id).read_bytes()
        failed = await ended(runs, second)
        assert failed.state == "failed"
        assert "NONEUSDT" in failed.words
        with pytest.raises(BadUsage, match="has no report"):
            runs.report(second.run_id)

    asyncio.run(story())


def test_a_run_is_stopped_and_no_more_than_a_few_wait(tmp_path: Path) -> None:
    async def story() -> None:
        runs = Backtests(settings_in(tmp_path))
        first = runs.start(WISH, "api:x")
        for _ in range(5):
            runs.start(WISH, "api:x")
        with pytest.raises(Refused, match="wait already"):
            runs.start(WISH, "api:x")
        runs.stop(first.run_id)
        assert runs.find(first.run_id).state == "stopped"
        await runs.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": "evil.py:Evil"},
        {"strategy": "--help"},
        {"strategy": "../x"},
        {"symbols": ("BTCUSDT", "--config=x")},
        {"symbols": ()},
        {"timeframe": "1h --set"},
        {"start": "2024-01-01 --json"},
        {"params": {"fast": "1\n2"}},
        {"params": {"a b": "1"}},
        {"risk": {"x.y": "1"}},
    ],
)
def test_no_argument_but_the_described_ones_reaches_the_command(changes: dict[str, Any]) -> None:
    with pytest.raises(BadUsage):
        Wish(**{"strategy": "ema_cross", "symbols": ("BTCUSDT",), **changes}).arguments()
