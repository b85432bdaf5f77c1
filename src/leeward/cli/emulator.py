"""`leeward emulator`: a local exchange that replays candles and misbehaves on command."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leeward.domain.errors import BadUsage

if TYPE_CHECKING:
    from leeward.emulator.server import Addresses

_FASTEST = 1_000_000


def emulator(  # noqa: PLR0913 - one argument an option of the command
    symbols: Annotated[str, typer.Option(help="As in BTCUSDT,ETHUSDT.")] = "BTCUSDT,ETHUSDT",
    candles: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of candle files; else the store.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="UTC date at which the replay begins.")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Seconds of the exchange a second; else real time, now.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same market.")] = 1,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A YAML timeline of faults.")
    ] = None,
    balance: Annotated[
        str, typer.Option(metavar="ASSET=AMOUNT,...", help="What the default account holds.")
    ] = "USDT=10000",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of REST and sockets; 0 for a free one.")
    ] = 0,
    admin_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the admin calls; 0 for a free one.")
    ] = 0,
    stepped: Annotated[
        bool, typer.Option("--stepped", help="Time moves only by the admin call step.")
    ] = False,
    host: Annotated[str, typer.Option(help="Loopback unless --open.")] = "127.0.0.1",
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Let others reach it; its admin port has no password.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Serve Binance spot on this machine from replayed candles.

    Bots of others work on it unchanged but for the address. Without --speed, history is shifted so
    that it happens now. Ctrl-C stops it, with exit code 0.
    """
    from leeward.data.store import CandleStore
    from leeward.domain.times import parse_time
    from leeward.emulator.server import BANNER
    from leeward.runtime.emulator import Ports, compose, gather_market, read_faults, run_emulator
    from leeward.runtime.settings import load_settings

    if speed is not None and not 0 < speed <= _FASTEST:
        raise BadUsage(f"--speed {speed:g} is out of bounds; give a number above 0, up to 1000000")
    start_ms = None if start is None else parse_time(start, "--start")
    names = [name.strip().upper() for name in symbols.split(",") if name.strip()]
    entries = [] if faults is None else read_faults(faults)
    market = gather_market(names, candles, CandleStore(load_settings(config).data.dir),
                           start_ms, seed)  # fmt: skip
    setup: dict[str, object] = {
        "seed": seed,
        "faults": entries,
        "balances": _balances(balance),
    }
    if stepped:
        setup["mode"] = "stepped"
    elif speed is not None:
        setup |= {"mode": "accelerated", "speed": speed, "auth": "scaled"}
    composed = compose(market, start_ms, setup)

    def say(addresses: Addresses) -> None:
        typer.secho(BANNER, fg=typer.colors.BRIGHT_YELLOW, bold=True, err=True)
        typer.echo(f"Market: {market.source}", err=True)
        typer.echo(_as_json(addresses) if as_json else _as_text(addresses))

    def warn(words: str) -> None:
        typer.secho(words, fg=typer.colors.BRIGHT_YELLOW, err=True)

    run_emulator(composed, Ports(host, port, admin_port, open_to_all), say, warn)


def _balances(text: str) -> dict[str, Decimal]:
    """Returns the amounts of "USDT=10000,BTC=1" by asset."""
    found = {}
    for part in text.split(","):
        asset, _, amount = part.strip().partition("=")
        try:
            number = Decimal(amount)
        except InvalidOperation:
            number = Decimal("NaN")
        if not asset.isalnum() or not number.is_finite() or number < 0:
            raise BadUsage(
                f"--balance: '{part}' is no asset with an amount; write --balance USDT=10000,BTC=1"
            )
        found[asset.upper()] = number
    return found


def _as_json(addresses: Addresses) -> str:
    from dataclasses import asdict

    return json.dumps(asdict(addresses), separators=(",", ":"))


def _as_text(addresses: Addresses) -> str:
    return (
        f"REST           {addresses.rest}\n"
        f"Streams        {addresses.ws}\n"
        f"WebSocket API  {addresses.ws_api}\n"
        f"Admin          {addresses.admin}\n"
        f"API key        {addresses.api_key}\n"
        f"API secret     {addresses.api_secret}\n"
        "Ctrl-C stops it."
    )
