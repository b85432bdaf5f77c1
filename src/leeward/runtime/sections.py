"""The sections of the settings; `leeward.runtime.settings` reads them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from leeward.domain.instrument import Instrument

_STRICT = ConfigDict(extra="forbid", frozen=True)


class DataSettings(BaseModel):
    """Where candles lie and where they come from."""

    model_config = _STRICT

    dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("~/.leeward/data"), validate_default=True
    )
    archive_url: str = "https://data.binance.vision"
    rest_url: str = "https://data-api.binance.vision"


class BacktestSettings(BaseModel):
    """What a backtest assumes: quote units to start with, costs as fractions of price per side."""

    model_config = _STRICT

    balance: float = Field(10_000.0, gt=0, allow_inf_nan=False)
    fee: float = Field(0.001, ge=0, lt=1)
    slippage: float = Field(0.0005, ge=0, lt=1)


class InstrumentSettings(BaseModel):
    """Exchange filters of one symbol, as in `leeward.domain.instrument`."""

    model_config = _STRICT

    lot_step: float = Field(Instrument("").lot_step, gt=0, allow_inf_nan=False)
    tick_size: float = Field(Instrument("").tick_size, ge=0, allow_inf_nan=False)
    min_notional: float = Field(Instrument("").min_notional, ge=0, allow_inf_nan=False)


class VenueSettings(BaseModel):
    """The exchange to trade on, and the key. The secret comes by the environment or a key file."""

    model_config = _STRICT

    name: Literal["binance", "testnet", "demo", "emulator"] = "binance"
    #: The emulator's REST address; the others' are fixed.
    url: str | None = None
    api_key: str | None = None
    api_secret: SecretStr | None = None
    key_file: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    recv_window_ms: int = Field(5000, ge=100, le=60_000)
    #: Takes a key that works from any IP address; logged each time.
    allow_any_ip: bool = False


class DatabaseSettings(BaseModel):
    """Where sessions, intents, orders and fills are kept. Without a URL: `leeward.db`, a SQLite
    file beside the data directory."""

    model_config = _STRICT

    url: SecretStr | None = None


class TradingSettings(BaseModel):
    """How paper and live trading treat orders."""

    model_config = _STRICT

    #: The account's name in the database; one process trades an account at a time.
    account: str = Field("main", min_length=1, max_length=40, pattern=r"^[A-Za-z0-9._-]+$")
    entry: Literal["auto", "ioc", "list"] = "auto"
    max_slippage_fraction: float = Field(0.005, gt=0, le=0.05)
    protection_deadline_s: float = Field(5.0, gt=0, le=60)
    audit_s: float = Field(60.0, ge=1, le=3600)
    commit_deadline_s: float = Field(2.0, gt=0, le=60)


class PaperSettings(BaseModel):
    """The account that exists on paper only; its costs are those of the backtest."""

    model_config = _STRICT

    balance: float = Field(10_000.0, gt=0, allow_inf_nan=False)
    fills: Literal["candles", "book"] = "candles"


class SentimentSettings(BaseModel):
    """Where daily sentiment comes from, and for how long it counts. The key comes by the
    environment."""

    model_config = _STRICT

    senticrypt_url: str = "https://api.senticrypt.com/v2"
    fear_greed_url: str = "https://api.alternative.me/fng/"
    cryptocompare_url: str = "https://data-api.cryptocompare.com"
    cryptocompare_key: SecretStr | None = None
    stale_after_hours: float = Field(48.0, gt=0, le=720)


class MlSettings(BaseModel):
    """Which models are used, and how. Without `dir`: the folder `models` in the data directory."""

    model_config = _STRICT

    dir: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    #: "raw" leaves out what forecasts proved worth, to watch a model trade; not for live trading.
    sizing: Literal["confidence", "raw"] = "confidence"
    #: Takes a model without a proven edge into live trading; logged each time.
    allow_unproven: bool = False
    #: Name of a model -> the sha256 that its metadata must have.
    pins: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}


class MetricsSettings(BaseModel):
    """Where a session tells Prometheus how it does: a port of this machine; none without one."""

    model_config = _STRICT

    port: int | None = Field(None, ge=1024, le=65_535)


class AlertsSettings(BaseModel):
    """Who is told what. Channels hold passwords and the like: they come by the environment."""

    model_config = _STRICT

    #: Addresses as Apprise spells them, as in `mailto://user:password@example.org`.
    channels: tuple[SecretStr, ...] = ()
    level: Literal["info", "warning", "critical"] = "warning"
    #: Kinds of notes that are never sent.
    mute: tuple[str, ...] = ()
    #: The same note about the same symbol is sent once in so long.
    repeat_minutes: float = Field(60.0, ge=0, le=1440)
    max_per_hour: int = Field(30, ge=1, le=1000)
    #: Asked for while all is well, so that its silence tells of a dead process.
    heartbeat_url: SecretStr | None = None
    heartbeat_s: float = Field(60.0, ge=10, le=3600)
    #: UTC time of day of the daily summary; "off" for none.
    daily_summary: Annotated[str, Field(pattern=r"^(off|([01]\d|2[0-3]):[0-5]\d)$")] = "00:05"


class TelegramSettings(BaseModel):
    """A bot that answers and steers. The token comes by the environment."""

    model_config = _STRICT

    token: SecretStr | None = None
    #: Who may ask; chats that are not named here get no answer.
    viewers: tuple[int, ...] = ()
    operators: tuple[int, ...] = ()
    url: str = "https://api.telegram.org"


class DashboardSettings(BaseModel):
    """Where the pages and the REST API are served."""

    model_config = _STRICT

    host: str = "127.0.0.1"
    port: int = Field(8321, ge=0, le=65_535)
    tls_certificate: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    tls_key: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    #: A proxy before it speaks TLS; needed to listen elsewhere than on this machine without it.
    behind_proxy: bool = False
    #: Where that proxy is, besides this machine: only it may say who called.
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    #: Names by which browsers may call it, besides those of this machine.
    allowed_hosts: tuple[str, ...] = ()
    session_hours: float = Field(12.0, gt=0, le=720)
