"""Trades: the one function behind `leeward paper` and `leeward live`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from leeward.domain.errors import BadUsage, Refused
from leeward.domain.times import iso
from leeward.engine.books import books_of
from leeward.engine.records import Mode
from leeward.runtime.database import open_configured
from leeward.runtime.settings import Settings
from leeward.runtime.strategies import load_strategy
from leeward.runtime.trading.facts import Asked, most_to_lose
from leeward.runtime.trading.key_rights import check_live
from leeward.runtime.trading.market import Market, equity_of, reached, without_key
from leeward.runtime.trading.running import Running
from leeward.runtime.trading.session import TradingSession
from leeward.runtime.trading.start import Ready, Watcher, account_name, put_together
from leeward.runtime.trading.watching import watched

#: Where nobody is to trade unheard: on the others there is nothing to lose, and rehearsals go on
#: without channels.
_REAL_MONEY: Final = frozenset({"binance"})


@dataclass(frozen=True, slots=True)
class Talk:
    """How a start talks: `say` what is told before the first step; `confirm` returns what the
    operator answers to the words and the phrase they have to give; `begun` hears when nothing can
    refuse the start any more."""

    say: Callable[[str], None]
    confirm: Callable[[str, str], str | None]
    begun: Callable[[], None] = lambda: None


def confirmation_phrase(settings: Settings) -> str:
    """Returns what an operator writes to trade real money: it names the account and the venue.

    >>> confirmation_phrase(Settings())
    'trade main on binance'
    """
    return f"trade {settings.trading.account} on {settings.venue.name}"


async def trade(settings: Settings, asked: Asked, watcher: Watcher, talk: Talk) -> str:
    """Returns in words how the session ended, and what is left protected.

    Raises Refused where a safety rule says no: risk not acknowledged or not confirmed, a key with
    too many rights, no stop policy, no channel that takes alerts, another process on the account,
    books and venue that do not agree, too few candles.
    """
    live = asked.mode is Mode.LIVE
    if live and not asked.acknowledged:
        raise Refused(
            "live refused: real orders with real money; read what it may lose, rehearse it with "
            "`leeward paper` and `leeward drill`, then pass --i-understand-the-risks"
        )
    settings.risk.check_acknowledged(asked.acknowledged)
    load_strategy(asked.strategy)(**asked.params)  # a mistake in it is told before all else
    used = settings if live else without_key(settings)
    account = account_name(asked.mode, used)
    async with (
        watched(used, account, watcher) as watch,
        reached(used, asked.symbols, watch.alarm) as market,
    ):
        _check_end(asked, market)
        notes = await check_live(used, market) if live else []
        for noted in notes:
            watch.alarm(noted)
        if live and used.venue.name in _REAL_MONEY:
            notes += watch.unheard() if asked.no_alerts else await watch.check_channels()
        if live:
            await _confirmed(used, market, talk)
        async with put_together(used, asked, market, watch.watcher) as ready:
            ready.notes.extend(notes)
            _introduce(ready, account, talk)
            talk.begun()
            running = Running(ready)
            with watch.over(running), _stopping_gracefully(ready.session):
                return await running.run()


def _check_end(asked: Asked, market: Market) -> None:
    now_ms = market.server_now_ms()
    if asked.until_ms is not None and asked.until_ms <= now_ms:
        raise BadUsage(
            f"--until {iso(asked.until_ms)} is over: the venue's time is {iso(now_ms)}; name a "
            "later one, or leave it out"
        )


async def _confirmed(settings: Settings, market: Market, talk: Talk) -> None:
    database = open_configured(settings, examine=False)
    try:
        account = account_name(Mode.LIVE, settings)
        held = books_of(database.load(account), account, market.quote).positions()
    finally:
        database.close()
    words = most_to_lose(*await equity_of(market, held), settings.risk)
    phrase = confirmation_phrase(settings)
    answer = talk.confirm(words, phrase)
    if answer is None:
        raise Refused(
            f"live refused: nobody confirmed it; on a terminal type '{phrase}' when asked, for a "
            f"service set LEEWARD_LIVE_CONFIRMATION='{phrase}'"
        )
    answer = " ".join(answer.split())
    if answer != phrase:
        raise Refused(f"live refused: '{answer}' is not the confirmation; it is '{phrase}'")


def _introduce(ready: Ready, account: str, talk: Talk) -> None:
    session, started = ready.session, ready.started
    state = session.keeper.books.state
    before = "" if state is None else f", {state.state} before ({state.reason})"
    talk.say(
        f"{account}: {started.strategy} on {', '.join(started.symbols)} {started.timeframe}, "
        f"session {started.session_id}{before}"
    )
    if ready.resumed:
        talk.say(f"{account}: {ready.resumed}")
    paper = ready.settings.paper
    if ready.market.paper and session.keeper.books.marked and "balance" in paper.model_fields_set:
        talk.say(
            f"{account}: goes on with the money it has; paper.balance = {paper.balance:g} is for a "
            "new account: --set trading.account=NAME begins one"
        )
    for each in session.keeper.books.positions():
        if each.symbol not in started.symbols:
            talk.say(
                f"{account}: {each.symbol} is held and not among the symbols: its stop is looked "
                "after, no signal sells it"
            )


@contextmanager
def _stopping_gracefully(session: TradingSession) -> Iterator[None]:
    """Ends the session, not the process, at the first Ctrl-C or SIGTERM, and where its terminal is
    closed, unless it is to outlive that (nohup); a second one kills."""
    loop = asyncio.get_running_loop()
    signals = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)

    def forget() -> None:
        for each in signals:
            loop.remove_signal_handler(each)

    def stop(received: signal.Signals) -> None:
        forget()
        session.end(f"stopped by {received.name}")

    with suppress(NotImplementedError):  # Windows has no such handlers
        for each in signals:
            loop.add_signal_handler(each, stop, each)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            forget()
