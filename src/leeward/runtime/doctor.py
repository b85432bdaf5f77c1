"""Looks at everything trading needs, and says what to do where something is missing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from leeward.domain.answers import Found, Reaction, Unavailable
from leeward.domain.errors import BadConfig
from leeward.domain.rules import SymbolStatus
from leeward.runtime.settings import Settings
from leeward.runtime.venue import open_venue
from leeward.venues.addresses import Addresses
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.governor import Lane
from leeward.venues.key_check import judge_key
from leeward.venues.sockets import SocketEnded, open_socket

_LEAST_FREE = 200 << 20
_LITTLE_FREE = 2 << 30
_CLOCK_OFF_MS = 1_000
_SYMBOLS = ("BTCUSDT", "ETHUSDT")


class Level(StrEnum):
    OK = "ok"
    NOTICE = "notice"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it where there is something to do."""

    check: str
    level: Level
    found: str
    advice: str = ""


async def examine(settings: Settings, addresses: Addresses) -> AsyncIterator[Finding]:
    """Yields the findings as they come. No order is sent; nothing is changed but a probe file."""
    for finding in [_data_dir(settings.data.dir), _disk(settings.data.dir), _key_file(settings)]:
        if finding is not None:
            yield finding
    try:
        venue = open_venue(settings, addresses)
    except BadConfig as error:
        yield Finding("keys", Level.FAILED, str(error), "correct the setting; see `venue` there")
        return
    try:
        async for finding in _at_the_venue(settings, venue):
            yield finding
    finally:
        await venue.aclose()


def _data_dir(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"leeward")
    except OSError as error:
        advice = "make it writable, or set data.dir to a folder that is"
        return Finding("data dir", Level.FAILED, f"{folder}: {error.strerror}", advice)
    return Finding("data dir", Level.OK, f"{folder} is writable")


def _disk(folder: Path) -> Finding | None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None  # the check of the folder has said so
    found = f"{free / 1e9:.1f} GB free under {folder}"
    if free < _LEAST_FREE:
        return Finding("disk", Level.FAILED, found, "free at least 0.2 GB before trading")
    if free < _LITTLE_FREE:
        return Finding("disk", Level.WARNING, found, "free some: candles and logs will grow")
    return Finding("disk", Level.OK, found)


def _key_file(settings: Settings) -> Finding | None:
    file = settings.venue.key_file
    if file is None or os.name != "posix" or not file.is_file():
        return None
    if file.stat().st_mode & 0o077:
        found = f"{file} can be read by others on this machine"
        return Finding("key file", Level.WARNING, found, f"chmod 600 {file}")
    return Finding("key file", Level.OK, f"{file} is readable by its owner only")


async def _at_the_venue(settings: Settings, venue: BinanceRest) -> AsyncIterator[Finding]:
    reached = await _reachability(venue)
    yield reached
    if reached.level is Level.FAILED:
        skipped = "clock, filters, limits and keys"
        yield Finding("the rest", Level.NOTICE, f"{skipped} were not looked at: no connection")
        return
    yield _clock(venue)
    yield await _socket("streams", f"{venue.http.addresses.streams}/stream")
    yield await _socket("WebSocket API", venue.http.addresses.ws_api)
    yield await _filters(venue)
    yield _limits(venue)
    async for finding in _keys(settings, venue):
        yield finding


async def _reachability(venue: BinanceRest) -> Finding:
    where = venue.http.addresses.rest
    held_s = venue.http.blocked_s(Lane.EXIT)
    if held_s:
        found = f"{where}: this address is banned for {held_s:.0f} s more"
        return Finding("reachability", Level.FAILED, found, "wait; asking earlier prolongs it")
    if await venue.http.sync():
        doubt_ms = venue.http.server_clock.doubt_ms()
        return Finding(
            "reachability", Level.OK, f"{where} answers; round trip {2 * doubt_ms:.0f} ms"
        )
    answer = await venue.server_time_ms()
    why = answer.why if isinstance(answer, Unavailable) else "it answers now and then only"
    advice = "check the network, the address and whether the exchange serves this country"
    if venue.http.addresses.replayed:
        advice = "start it with `leeward emulator` and give the address it prints"
    return Finding("reachability", Level.FAILED, f"{where}: {why}", advice)


def _clock(venue: BinanceRest) -> Finding:
    server = venue.http.server_clock
    if venue.http.addresses.replayed:
        found = f"replayed time, {server.speed:.1f} seconds in one of ours"
        return Finding("clock", Level.OK, found)
    off_ms = venue.http.clock.now_ms() - server.now_ms()
    found = f"our clock is {off_ms:+d} ms off the exchange's (± {server.doubt_ms():.0f} ms)"
    if abs(off_ms) > _CLOCK_OFF_MS:
        advice = "turn on time synchronisation; orders carry the exchange's time in any case"
        return Finding("clock", Level.WARNING, found, advice)
    return Finding("clock", Level.OK, found)


async def _socket(check: str, url: str) -> Finding:
    try:
        async with open_socket(url):
            return Finding(check, Level.OK, f"{url} opens")
    except SocketEnded as error:
        advice = "check that WebSockets pass the network: proxy, firewall, port"
        return Finding(check, Level.FAILED, str(error), advice)


async def _filters(venue: BinanceRest) -> Finding:
    rules = await venue.rules(_SYMBOLS)
    if isinstance(rules, Unavailable) and rules.reaction is Reaction.FIX_REQUEST:
        rules = await venue.rules()  # an emulator may have other symbols
    if not isinstance(rules, Found):
        return Finding("filters", Level.FAILED, rules.why, "try again; then report it")
    symbols = rules.value.values()
    new = sorted({notice for each in symbols for notice in each.notices})
    closed = [each.symbol for each in symbols if each.status is not SymbolStatus.TRADING]
    names = ", ".join(sorted(rules.value)[:5])
    if new:
        advice = "look for a newer Leeward: the exchange has rules this version does not know"
        return Finding("filters", Level.WARNING, f"{names}: {'; '.join(new)}", advice)
    if closed:
        found = f"not trading now: {', '.join(sorted(closed)[:5])}"
        return Finding("filters", Level.WARNING, found, "wait until the exchange opens them")
    return Finding("filters", Level.OK, f"understood for {names}")


def _limits(venue: BinanceRest) -> Finding:
    used, limit = venue.http.governor.used_weight, venue.http.governor.weight_limit
    found = f"{used} of {limit} weight used in this minute"
    if used > limit / 2:
        advice = "something else on this IP address asks a lot; stop it or give it another address"
        return Finding("limits", Level.WARNING, found, advice)
    return Finding("limits", Level.OK, found)


async def _keys(settings: Settings, venue: BinanceRest) -> AsyncIterator[Finding]:
    key = venue.http.key
    if key is None:
        advice = "none is needed for backtests and paper; live needs venue.api_key and its secret"
        yield Finding("keys", Level.NOTICE, "no API key is set", advice)
        return
    account = await venue.account()
    if not isinstance(account, Found):
        advice = "check the key, its IP restriction, and that it belongs to this venue"
        yield Finding("keys", Level.FAILED, f"{key.kind} key: {account.why}", advice)
        return
    if not account.value.can_trade:
        advice = "ask the exchange why; nothing can be done here"
        yield Finding("keys", Level.FAILED, "the account may not trade", advice)
        return
    yield Finding("keys", Level.OK, f"the {key.kind} key is accepted; the account may trade")
    async for finding in _rights(settings, venue):
        yield finding


async def _rights(settings: Settings, venue: BinanceRest) -> AsyncIterator[Finding]:
    if not venue.http.addresses.wallet:
        found = f"{venue.http.addresses.name} does not tell the rights of a key; not looked at"
        yield Finding("key rights", Level.NOTICE, found)
        return
    rights = await venue.key_rights()
    if not isinstance(rights, Found):
        yield Finding("key rights", Level.FAILED, rights.why, "a key of unknown rights is refused")
        return
    verdict = judge_key(rights.value, any_ip_allowed=settings.venue.allow_any_ip)
    for words in verdict.notices:
        yield Finding("key rights", Level.WARNING, words)
    for words in verdict.refusals:
        found, _, advice = words.partition("; ")
        yield Finding("key rights", Level.FAILED, found, advice)
    if not verdict.refusals:
        yield Finding("key rights", Level.OK, "no right to withdraw, transfer or borrow")
