"""Writes the pages that are made from the program: `python -m docs.build` (`make docs`).

`commands.md` and `settings.md` are generated whole; in the other pages below the output of the
code is renewed. A test fails while a page is not what this would write.
"""

from __future__ import annotations

import builtins
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from docs.notebook import refresh
from pydantic import SecretStr

FOLDER = Path(__file__).parent
#: Pages whose code is run.
NOTEBOOKS = ("tutorial.md", "strategies.md", "emulator.md")

_MADE = "<!-- Made by `make docs`; edits here are lost. -->\n"
_WIDTH = "88"

#: What each setting means, with its unit. A setting without words here fails the build.
_MEANINGS = {
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
    "risk.require_stop": "whether a position without a stop gets the default one",
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
    "beside the data directory",
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
    "telegram.viewers": "chats that may ask",
    "telegram.operators": "chats that may ask, halt, resume and flatten",
    "telegram.url": "where the Bot API is",
    "dashboard.host": "address to listen at; another than this machine's needs TLS or a proxy",
    "dashboard.port": "port to listen at; 0 for a free one",
    "dashboard.tls_certificate": "file of the certificate, PEM",
    "dashboard.tls_key": "file of its key, PEM",
    "dashboard.behind_proxy": "whether a proxy before it speaks TLS",
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

_TYPES: dict[object, str] = {
    float: "number",
    int: "whole number",
    bool: "true or false",
    str: "text",
    Path: "path",
    SecretStr: "secret",
}

_SETTINGS = """# Settings

Where the same setting is given twice, the first of these wins: `--set risk.trend_gate=off` (of
`leeward backtest`), an environment variable such as `LEEWARD_RISK__TREND_GATE=off`, the file
`leeward.toml` (searched from the working directory upwards, or named by `--config`), the default.
Unknown names are refused, with the nearest known one. Lists are written as JSON in `--set` and in
the environment: `--set 'risk.drawdown_ladder=[[0.05, 0.5]]'`.

```toml
# leeward.toml
[data]
dir = "~/candles"

[risk]
risk_per_trade_fraction = 0.005

[instruments.BTCUSDT]
tick_size = 0.01
```

Fractions are of 1: 0.10 is 10 %. Every limit in force stands in the result of a backtest and
decides its `result_id`.
"""

_COMMANDS = """# Commands

Exit codes: 0 ok, 1 failed, 2 usage, 3 refused by a safety rule, 130 interrupted. A message says
what was refused, the value, the rule and the way out; nothing half-written is left behind.
"""


def pages() -> dict[str, str]:
    """Returns the name of every page that depends on the program, and what it should hold."""
    return {
        "commands.md": commands_page(),
        "settings.md": settings_page(),
        **{name: refresh((FOLDER / name).read_text(encoding="utf-8")) for name in NOTEBOOKS},
    }


def commands_page() -> str:
    """Returns the help of every command, as the command line shows it."""
    from typer.testing import CliRunner

    from leeward.cli.main import app

    runner = CliRunner(env={"COLUMNS": _WIDTH, "NO_COLOR": "1"})
    parts = [_MADE + _COMMANDS]
    for path in _command_paths():
        name = " ".join(("leeward", *path))
        shown = runner.invoke(app, [*path, "--help"], prog_name="leeward").output
        lines = "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
        parts.append(f"## {name}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def _command_paths() -> Iterator[tuple[str, ...]]:
    import typer.main

    from leeward.cli.main import app

    def below(path: tuple[str, ...], command: object) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from below((*path, name), inner)

    yield from below((), typer.main.get_command(app))


def settings_page() -> str:
    """Returns every setting: name, type, default and meaning."""
    from leeward.runtime.settings import Settings

    parts = [_MADE + _SETTINGS]
    for section, field in Settings.model_fields.items():
        name, model = section, field.annotation
        if get_origin(model) is dict:  # one model for all of its values
            name, model = f"{section}.SYMBOL", get_args(model)[1]
        parts.append(f"## {name}\n\n{_table(name, model)}")
    return "\n".join(parts)


def _table(section: str, model: Any) -> str:
    kinds = get_type_hints(model)
    lines = ["| name | type | default | meaning |", "|---|---|---|---|"]
    for name, default in _defaults(model).items():
        setting = f"{section}.{name}"
        if setting not in _MEANINGS:
            raise LookupError(f"{setting} is new: say what it means in _MEANINGS of {__file__}")
        shown = "" if default is None else f"`{_as_toml(default)}`"
        lines.append(f"| `{name}` | {_kind(kinds[name])} | {shown} | {_MEANINGS[setting]} |")
    return "\n".join(lines) + "\n"


def _defaults(model: type) -> dict[str, object]:
    if is_dataclass(model):
        return {field.name: field.default for field in fields(model)}
    return {name: field.default for name, field in getattr(model, "model_fields", {}).items()}


def _kind(annotation: object) -> str:
    """Returns the type in a reader's words; what may be left out is shown by its default."""
    inner = [arg for arg in get_args(annotation) if arg is not NoneType]
    match get_origin(annotation):
        case typing.Literal:
            return ", ".join(f"`{value}`" for value in inner)
        case typing.Union | types.UnionType:
            return " or ".join(map(_kind, inner))
        case builtins.tuple:
            return "list of pairs" if get_origin(inner[0]) else "list"
    return _TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _as_toml(default: object) -> object:
    if isinstance(default, tuple):
        return [list(rung) for rung in default]
    return str(default).lower() if isinstance(default, bool) else default


def main() -> None:
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
