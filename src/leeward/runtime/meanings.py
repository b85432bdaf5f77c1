"""What each setting means, with its unit: for `docs/settings.md` and the file of `leeward init`.

A setting without words here fails the build of the reference.
"""

from __future__ import annotations

from typing import Final

MEANINGS: Final = {
    "data.dir": "folder of the candle store",
    "data.archive_url": "where monthly and daily candle archives are downloaded from",
    "data.rest_url": "where the newest candles are asked for",
    "backtest.balance": "quote units to start with",
    "backtest.fee": "fraction of price, a side",
    "backtest.slippage": "fraction of price, a side; a target has none",
    "risk.max_position_fraction": "of equity in one position at most; the size is cut. Above 0.1 "
    "only with `--i-understand-the-risks`",
    "risk.risk_per_trade_fraction": "of equity between decision close and stop at most; the size "
    "is cut",
    "risk.max_exposure_fraction": "of equity in all positions together; the size is cut, then "
    "refused (`max_exposure`)",
    "risk.max_correlated_fraction": "of equity in symbols that move together; the size is cut, "
    "then refused (`correlated`)",
    "risk.correlation_threshold": "Pearson's r of the last 720 log returns from which two symbols "
    "move together; fewer than 30 count as if they did",
    "risk.max_open_positions": "positions at the same time; refused (`max_open_positions`)",
    "risk.require_stop": "whether a position without a stop gets the default one; live trading "
    "refuses to go without it",
    "risk.default_stop_fraction": "of the close; how far below it the default stop lies",
    "risk.trend_gate": "`ema:PERIOD:LOOKBACK`: buy only while the close is above EMA(PERIOD) and "
    "that is above its value LOOKBACK candles before; `off` for none; refused (`against_trend`)",
    "risk.daily_loss_fraction": "of the equity before the day; once lost, nothing is bought for "
    "the rest of the UTC day (`daily_loss`)",
    "risk.drawdown_ladder": "rungs of (drawdown from the highest equity, factor on the size); the "
    "deepest rung reached applies",
    "risk.max_drawdown_fraction": "of the highest equity; once lost, every position is closed at "
    "the next open and nothing is bought any more (`halted`)",
    "risk.cooldown_candles": "candles of a symbol without a new entry after its stop (`cooldown`)",
    "risk.max_orders_per_hour": "orders that paper and live trading send in an hour; more than "
    "that is a fault, and trading goes on REDUCING",
    "venue.name": "the exchange to trade on",
    "venue.url": "REST address of the emulator; those of the others are fixed",
    "venue.api_key": "the key of the account",
    "venue.api_secret": "its secret, by the environment or a key file only",
    "venue.key_file": "file that holds the key and its secret",
    "venue.recv_window_ms": "milliseconds after which the exchange refuses a late request",
    "venue.allow_any_ip": "whether a key that works from any address is taken; logged each time",
    "database.url": "`sqlite:///FILE` or `postgresql://USER@HOST/NAME`; without one `leeward.db` "
    "beside the data directory; with a password by the environment only",
    "trading.account": "name of the account in the database; one process trades it at a time",
    "trading.entry": "`ioc`: a capped order that fills at once or lapses, then its stop; `list`: "
    "all or nothing, the stop placed by the exchange with the fill; `auto`: `list` where the "
    "symbol allows it",
    "trading.max_slippage_fraction": "of the close; how far above it an entry may be filled",
    "trading.protection_deadline_s": "seconds; a position without a stop for longer is sold",
    "trading.audit_s": "seconds between two comparisons of the books with the exchange",
    "trading.commit_deadline_s": "seconds the database may take; then nothing is bought",
    "paper.balance": "quote units the paper account starts with",
    "paper.fills": "`candles`: as a backtest fills; `book`: at the best bid and ask as they come",
    "metrics.port": "port on this machine at which a session answers Prometheus; none without one",
    "alerts.channels": "list of Apprise addresses that alerts go to; by the environment only",
    "alerts.level": "the least severity that is sent",
    "alerts.mute": "kinds of notes that are never sent",
    "alerts.repeat_minutes": "minutes in which the same note about the same symbol is sent once",
    "alerts.max_per_hour": "alerts sent in an hour at most; the rest are counted and told at once",
    "alerts.heartbeat_url": "asked for while all is well, so that its silence tells of a dead "
    "process; by the environment only",
    "alerts.heartbeat_s": "seconds between two heartbeats",
    "alerts.daily_summary": "UTC time of day of the daily summary; `off` for none",
    "telegram.token": "of the bot; by the environment only",
    "telegram.viewers": "chats that may ask; of a group, every member",
    "telegram.operators": "chats that may ask, halt, resume and flatten; of a group, every member",
    "telegram.url": "where the Bot API is; over http on this machine alone",
    "dashboard.host": "address to listen at; another than this machine's needs TLS or a proxy",
    "dashboard.port": "port to listen at; 0 for a free one",
    "dashboard.tls_certificate": "file of the certificate, PEM",
    "dashboard.tls_key": "file of its key, PEM",
    "dashboard.behind_proxy": "whether a proxy before it speaks TLS",
    "dashboard.proxies": "addresses or networks of that proxy, where it is on another machine",
    "dashboard.allowed_hosts": "names by which browsers may call it, besides this machine's",
    "dashboard.session_hours": "hours after which one signs in again",
    "sentiment.senticrypt_url": "where SentiCrypt's daily scores are asked for",
    "sentiment.fear_greed_url": "where the Fear & Greed index is asked for",
    "sentiment.cryptocompare_url": "where CryptoCompare's news are asked for",
    "sentiment.cryptocompare_key": "CryptoCompare's API key, by the environment only",
    "sentiment.stale_after_hours": "hours after the end of a day for which its sentiment counts "
    "as known, where no newer one came; later it is unknown",
    "ml.dir": "folder of the models; without it `models` in the data directory",
    "ml.sizing": "`confidence`: what forecasts proved worth counts; `raw`: it does not, to watch a "
    "model trade, never live",
    "ml.allow_unproven": "trade live on a model without a demonstrated edge; logged each time",
    "ml.pins": "name of a model: the sha256 its metadata must have",
    "instruments.SYMBOL.lot_step": "base units; quantities are multiples of it",
    "instruments.SYMBOL.tick_size": "quote units; prices are multiples of it, 0 for no rounding",
    "instruments.SYMBOL.min_notional": "quote units; smaller orders are refused (`below_minimum`)",
}
