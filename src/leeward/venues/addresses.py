"""Where each venue is. Live, testnet, demo and emulator differ in nothing but this table."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from leeward.domain.errors import BadUsage, unknown_name


@dataclass(frozen=True, slots=True)
class Addresses:
    """One venue's addresses: `rest` without a path, `streams` without `/ws`, `ws_api` whole.

    `wallet` tells whether the rights of a key can be asked for; `replayed`, that the venue's time
    may run at another speed than ours.
    """

    name: str
    rest: str
    streams: str
    ws_api: str
    wallet: bool
    replayed: bool = False


_TABLE = {
    each.name: each
    for each in (
        Addresses(
            "binance",
            "https://api.binance.com",
            "wss://stream.binance.com:9443",
            "wss://ws-api.binance.com:443/ws-api/v3",
            wallet=True,
        ),
        Addresses(
            "testnet",
            "https://testnet.binance.vision",
            "wss://stream.testnet.binance.vision",
            "wss://ws-api.testnet.binance.vision/ws-api/v3",
            wallet=False,
        ),
        Addresses(
            "demo",
            "https://demo-api.binance.com",
            "wss://demo-stream.binance.com",
            "wss://demo-ws-api.binance.com/ws-api/v3",
            wallet=False,
        ),
    )
}
NAMES = (*_TABLE, "emulator")


def addresses_of(name: str, url: str | None = None) -> Addresses:
    """Returns the addresses of a venue; the emulator is wherever `url` says.

    Raises BadUsage for a name that does not exist, an emulator without an address, and an address
    that is not one.
    """
    if name not in NAMES:
        raise unknown_name("venue", name, NAMES)
    if name != "emulator":
        if url is not None:
            raise BadUsage(f"venue {name}: its address is fixed; --url goes with the emulator")
        return _TABLE[name]
    if url is None:
        raise BadUsage(
            "venue emulator: no address; give --url http://127.0.0.1:PORT as `leeward emulator` "
            "prints it, or set venue.url"
        )
    split = urlsplit(url)
    if split.scheme not in {"http", "https"} or not split.hostname:
        raise BadUsage(f"venue.url: '{url}' is no address; write http://127.0.0.1:PORT")
    rest = f"{split.scheme}://{split.netloc}"
    sockets = rest.replace("http", "ws", 1)
    return Addresses("emulator", rest, sockets, f"{sockets}/ws-api/v3", wallet=True, replayed=True)
