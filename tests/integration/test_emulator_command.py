from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import Run

COMMAND = [str(Path(sys.executable).with_name("leeward")), "emulator", "--symbols", "BTCUSDT"]


def test_command_prints_one_line_of_json_serves_and_stops_on_interrupt(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("- {effect: busy_1008, match: {route: '*ping'}, count: 1}\n")
    environment = {**os.environ, "LEEWARD_DATA__DIR": str(tmp_path)}
    running = subprocess.Popen(
        [*COMMAND, "--json", "--speed", "60", "--faults", str(faults)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        assert list(told) == ["rest", "ws", "ws_api", "admin", "api_key", "api_secret"]
        assert httpx.get(f"{told['rest']}/api/v3/ping", timeout=60).status_code == 503
        assert httpx.get(f"{told['rest']}/api/v3/ping", timeout=60).json() == {}
        assert httpx.get(f"{told['admin']}/sim/health", timeout=60).json()["emulator"] is True
    finally:
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "THIS IS AN EMULATOR" in said
    assert "SYNTHETIC" in said


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--host", "192.0.2.1"], 3, "not loopback"),
        (["--host", "LOCALHOST"], 3, "not loopback"),
        (["--start", "1999-01-01"], 2, "outside the candles"),
        (["--candles", "nowhere"], 2, "is not a folder"),
        (["--faults", "nowhere.yaml"], 2, "cannot be read"),
        (["--speed", "0"], 2, "speed"),
        (["--symbols", ""], 2, "names no symbol"),
        (["--balance", "USDT"], 2, "no asset with an amount"),
        (["--balance", "USDT=-1"], 2, "no asset with an amount"),
        (["--port", "99999"], 2, "65535"),
        (["--admin-port", "70000"], 2, "65535"),
    ],
)
def test_command_refuses_with_a_reason(
    leeward: Run, options: list[str], code: int, word: str
) -> None:
    ended = leeward("emulator", "--symbols", "BTCUSDT", *options)
    assert ended.code == code
    assert word in ended.err
    assert "Traceback" not in ended.err


def test_command_replays_real_candles_of_a_folder(tmp_path: Path, market_data: Path) -> None:
    files = sorted(market_data.rglob("BTCUSDT-1h*"))
    if not files:
        pytest.skip("no BTCUSDT 1h candles")
    folder = tmp_path / "candles"
    folder.mkdir()
    (folder / files[0].name).write_bytes(files[0].read_bytes())
    environment = {**os.environ, "LEEWARD_DATA__DIR": str(tmp_path)}
    running = subprocess.Popen(
        [*COMMAND, "--json", "--stepped", "--candles", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        params = {"symbol": "BTCUSDT", "interval": "1h", "limit": "3"}
        rows = httpx.get(f"{told['rest']}/api/v3/klines", params=params, timeout=60).json()
        assert len(rows) == 3
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode == 0


def test_command_gives_the_account_what_is_asked_and_says_when_candles_run_out(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "LEEWARD_DATA__DIR": str(tmp_path)}
    running = subprocess.Popen(
        [*COMMAND, "--json", "--stepped", "--start", "2024-01-30", "--balance", "usdt=5,BTC=0.5"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        held = httpx.get(f"{told['admin']}/sim/state", timeout=60).json()["accounts"]["main"][
            "balances"
        ]
        assert {asset: each["free"] for asset, each in held.items()} == {
            "USDT": "5.00000000",
            "BTC": "0.50000000",
        }
        httpx.post(f"{told['admin']}/sim/step", json={"ms": "2d"}, timeout=60)
    finally:
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert "BTCUSDT: the candles are used up at 2024-01-31" in said
