"""The second half of the first run: paper trading on a local exchange, fast enough to watch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from leeward.data.generated import generate_market
from leeward.data.resample import resample
from leeward.data.store import CandleStore
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.engine.records import Mode
from leeward.risk.limits import RiskLimits
from leeward.runtime.drill_stage import exchange_of
from leeward.runtime.emulator import Market
from leeward.runtime.sections import (
    AlertsSettings,
    DashboardSettings,
    DatabaseSettings,
    MetricsSettings,
    TelegramSettings,
    VenueSettings,
)
from leeward.runtime.settings import Settings
from leeward.runtime.trading.facts import Asked

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
#: Two candles of a minute in every second.
SPEED: Final = 120.0
#: Chosen to trade often, not to earn: quick averages, and no gate that waits for a trend.
STRATEGY: Final = "ema_cross"
_PARAMS: Final = {"fast": "5", "slow": "50"}
_LIMITS: Final = RiskLimits(trend_gate="off")

_START_MS: Final = 1_704_067_200_000
_ROWS: Final = 10 * DAY_MS // 60_000
_SEED: Final = 7


@contextmanager
def trading_stage(settings: Settings, candles: int | None) -> Iterator[tuple[Settings, Asked]]:
    """Yields what to trade with: a local exchange that replays a generated market, and a folder
    of its own that is gone afterwards. The session ends after so many candles, if given."""
    market = Market(
        generate_market(SYMBOLS, Timeframe.parse("1m"), _START_MS, _ROWS, _SEED), "generated"
    )
    with (
        TemporaryDirectory(prefix="leeward-demo-") as folder,
        exchange_of(market, _SEED, SPEED) as exchange,
    ):
        used = settings.model_copy(
            update={
                "data": settings.data.model_copy(update={"dir": Path(folder) / "data"}),
                "database": DatabaseSettings(),
                "venue": VenueSettings(name="emulator", url=exchange.addresses.rest),
                "risk": _LIMITS,
                "metrics": MetricsSettings(),
                "alerts": AlertsSettings(),  # a demo wakes nobody
                "telegram": TelegramSettings(),
                # A free port: at the usual one the user's own session may be watched.
                "dashboard": DashboardSettings(port=0),
            }
        )
        _keep(market, CandleStore(used.data.dir))
        yield used, Asked(Mode.PAPER, STRATEGY, SYMBOLS, "1m", _PARAMS, None, candles)


def _keep(market: Market, store: CandleStore) -> None:
    """Stores what the exchange serves, for backtests that are asked for on the dashboard: minutes,
    and the hours that strategies are made for."""
    for minutes in market.candles.values():
        store.merge(minutes)
        store.merge(resample(minutes, Timeframe.parse("1h")))
