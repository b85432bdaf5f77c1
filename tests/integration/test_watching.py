"""A paper session that is watched: metrics over HTTP, alerts through Apprise, a heartbeat."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from leeward.monitoring.metrics import ALL
from tests.hearing import Hearing, hearing
from tests.integration.conftest import Run
from tests.running import RESTLESS, TRADES, lines_until, started
from tests.served import Served, generated, served

#: Set only where there is something to tell: a cause, a refusal, a model, an order in doubt.
ONLY_SOMETIMES = {
    "leeward_cause",
    "leeward_closed_trades_total",
    "leeward_refusals_total",
    "leeward_model_coverage_ratio",
    "leeward_model_drift_psi",
    "leeward_model_age_days",
    "leeward_model_sound",
    "leeward_notes_total",
}


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=60) as running:
        yield running


@pytest.fixture
def hears() -> Iterator[Hearing]:
    with hearing() as server:
        yield server


def free_port() -> int:
    """Returns a port that nobody is given who asks for any."""
    first = 20_000 + os.getpid() % 10_000
    for port in range(first, first + 100):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def scraped(port: int) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Returns every sample by its name."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_a_session_is_scraped_and_its_alerts_and_heartbeats_arrive(
    market: Served, hears: Hearing, tmp_path: Path
) -> None:
    port = free_port()
    with started(
        tmp_path, "paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--log", "log.jsonl",
        "--set", "alerts.level=info", "--set", "alerts.heartbeat_s=10",
        "--set", f"metrics.port={port}",
        LEEWARD_ALERTS__CHANNELS=json.dumps([hears.channel]),
        LEEWARD_ALERTS__HEARTBEAT_URL=hears.url,
    ) as process:  # fmt: skip
        lines_until(process, "hold")
        hears.until(lambda: any("position_opened" in each for each in hears.titles()))
        hears.until(lambda: bool(hears.gets))
        until_s = time.monotonic() + 120
        wanted = {"leeward_ack_to_fill_seconds_count", "leeward_stop_distance_ratio"}
        while not wanted <= (found := scraped(port)).keys():
            assert time.monotonic() < until_s
            time.sleep(0.2)
        process.terminate()
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    names = {name.removesuffix("_bucket") for name in found}
    assert {name for name in ALL if name not in names} <= ONLY_SOMETIMES
    ((labels, one),) = found["leeward_info"]
    assert (labels["account"], labels["mode"], one) == ("paper:emulator:main", "paper", 1.0)
    assert {each["state"]: value for each, value in found["leeward_state"]}["ACTIVE"] == 1.0
    assert found["leeward_healthy"] == [({}, 1.0)]
    assert 9_000 < found["leeward_equity_quote"][0][1] < 11_000
    assert found["leeward_positions"][0][1] >= 1
    assert all(0 < value < 1 for _, value in found["leeward_stop_distance_ratio"])
    assert all(value >= 0 for _, value in found["leeward_limit_use_ratio"])
    opened = next(each for each in hears.posts if "position_opened" in each["title"])
    assert "What Leeward did: Its stop is placed at once." in opened["message"]
    hears.until(lambda: any("session_ended" in title for title in hears.titles()))
    assert "canary" not in (tmp_path / "log.jsonl").read_text() + out


def test_what_no_channel_took_waits_on_the_disk_for_the_next_process(
    market: Served, hears: Hearing, tmp_path: Path
) -> None:
    """Killed while every channel was dead: the next session tells."""
    environment = {"LEEWARD_ALERTS__CHANNELS": json.dumps([hears.channel])}
    command = ("paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--log", "log.jsonl",
               "--set", "alerts.level=info")  # fmt: skip
    hears.status = 503
    with started(tmp_path, *command, **environment) as process:
        lines_until(process, "hold")
        (outbox,) = tmp_path.glob("*.alerts")
        hears.until(lambda: "position_opened" in outbox.read_text())
        process.kill()
        process.wait(60)
    assert hears.posts == []
    hears.status = 200
    with started(tmp_path, *command, "--candles", "1", **environment) as process:
        process.communicate(timeout=120)
    told = " ".join(f"{each['title']} {each['message']}" for each in hears.posts)
    assert "position_opened" in told
    assert '"put"' not in outbox.read_text().rpartition("taken")[2]


def test_a_port_that_is_taken_is_told_and_trading_goes_on(
    leeward: Run, market: Served, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shown = leeward(
            "paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--log", "log.jsonl",
            "--candles", "1", "--set", f"metrics.port={port}",
        )  # fmt: skip
    assert shown.code == 0, shown.err
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    (told,) = [each for each in log if each["event"] == "metrics_port"]
    assert told["level"] == "warning"
    assert f"metrics.port {port}: cannot be listened at" in told["words"]
