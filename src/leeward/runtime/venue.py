"""Builds the configured venue's client: addresses, key, limits and clocks."""

from __future__ import annotations

from pathlib import Path

from leeward.domain.errors import BadConfig
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.sections import VenueSettings
from leeward.runtime.settings import Settings
from leeward.venues.addresses import Addresses, addresses_of
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.governor import BanFile, Governor
from leeward.venues.signing import ApiKey, hmac_key, pem_key
from leeward.venues.timing import Clock


def open_venue(settings: Settings, addresses: Addresses | None = None) -> BinanceRest:
    """Returns the client of the venue in the settings, or of `addresses`; nothing is sent yet.

    Raises BadConfig for a key that is set by half or cannot be read.
    """
    where = addresses or addresses_of(settings.venue.name, settings.venue.url)
    governor = Governor(where.rest, BanFile(settings.data.dir / "bans.json"))
    clock = Clock(now_ms, monotonic_s)
    http = BinanceHttp(
        where, api_key_of(settings.venue), clock, governor, settings.venue.recv_window_ms
    )
    return BinanceRest(http)


def api_key_of(venue: VenueSettings) -> ApiKey | None:
    """Returns the configured key, None where there is none."""
    secret, file = venue.api_secret, venue.key_file
    if venue.api_key is None:
        if secret is None and file is None:
            return None
        raise BadConfig("venue.api_key is missing beside its secret; set the key's public name too")
    if (secret is None) == (file is None):
        raise BadConfig(
            "venue.api_key needs one of venue.api_secret (by the environment, for HMAC) and "
            "venue.key_file (a PEM file, for Ed25519 or RSA)"
        )
    if secret is not None:
        return hmac_key(venue.api_key, secret.get_secret_value())
    assert file is not None
    return pem_key(venue.api_key, _content(file), f"venue.key_file {file}")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadConfig(f"venue.key_file {file}: cannot be read: {error.strerror}") from None
