"""Sentiment sources as the settings have them: where each is asked, and asking it now."""

from __future__ import annotations

from collections.abc import Callable

from leeward.data.fetching import Fetcher, open_client
from leeward.data.sentiment_asking import MOST_BYTES
from leeward.data.sentiment_sources import Address, Download, download_sentiment
from leeward.data.sentiment_store import SentimentStore
from leeward.runtime.clock import monotonic_s, now_ms, sleep_s
from leeward.runtime.settings import Settings


def sentiment_addresses(settings: Settings) -> dict[str, Address]:
    """Returns where each source is asked; CryptoCompare only where its key is given."""
    given = settings.sentiment
    addresses = {
        "senticrypt": Address(given.senticrypt_url.rstrip("/")),
        "fear-greed": Address(given.fear_greed_url),
    }
    if given.cryptocompare_key is not None:
        key = given.cryptocompare_key.get_secret_value()
        addresses["cryptocompare"] = Address(given.cryptocompare_url.rstrip("/"), key)
    return addresses


def refresh_sentiment(
    name: str,
    settings: Settings,
    notice: Callable[[str], None],
    start_day: int | None = None,
    skip_bad: bool = False,
) -> Download:
    """Stores what a source of `sentiment_addresses` has that is not stored yet.

    Blocks while it asks and waits, minutes where the source is in trouble; asks nothing where all
    days up to yesterday are stored. `notice` takes a line while a wait lasts. Raises as
    `download_sentiment` does; whatever it raises, what was stored stays.
    """
    address = sentiment_addresses(settings)[name]
    client = open_client(None if address.key is None else {"x-api-key": address.key})
    setting = f"sentiment.{name.replace('-', '_')}_url"
    fetcher = Fetcher(monotonic_s, sleep_s, notice, client, MOST_BYTES, setting)
    store = SentimentStore(settings.data.dir)
    with client:
        return download_sentiment(name, address, fetcher, store, now_ms(), start_day, skip_bad)
