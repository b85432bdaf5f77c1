"""What the demo trades with: nothing of the user's."""

from __future__ import annotations

from pathlib import Path

from leeward.runtime.api import load_candles
from leeward.runtime.demo_trading import trading_stage
from leeward.runtime.settings import load_settings


def test_the_demo_touches_no_port_channel_or_folder_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "leeward.toml").write_text(
        "[dashboard]\nport = 8400\nallowed_hosts = ['trade.example.org']\n[metrics]\nport = 9464\n"
    )
    settings = load_settings(tmp_path / "leeward.toml")
    with trading_stage(settings, 1) as (used, _):
        assert used.dashboard.port == 0
        assert not used.dashboard.allowed_hosts
        assert used.metrics.port is None
        assert not used.alerts.channels
        assert used.data.dir != settings.data.dir
    assert not used.data.dir.exists()


def test_what_it_trades_can_be_backtested_while_it_runs(tmp_path: Path) -> None:
    with trading_stage(load_settings(None, [f"data.dir={tmp_path}"]), 1) as (used, asked):
        for symbol in asked.symbols:
            candles = load_candles(symbol, "1h", settings=used)
            assert len(candles) == 240
