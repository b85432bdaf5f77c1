"""`leeward telegram`: a bot that answers and steers, for the chats named in the settings."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from leeward.cli.trading import Changes, Config, LogFile

if TYPE_CHECKING:
    from leeward.monitoring.logs import Log
    from leeward.monitoring.telegram import TelegramBot
    from leeward.runtime.settings import Settings


def telegram(
    account: Annotated[
        str | None,
        typer.Option(help="As in paper:binance:main; else the only one, or the one running."),
    ] = None,
    log: LogFile = None,
    set_: Changes = None,
    config: Config = None,
) -> None:
    """Answer /status, /positions and /why on Telegram, and halt, resume or flatten when told to.

    Only the chats of telegram.viewers and telegram.operators get an answer; only operators may
    order, and each order is asked back. It works through the database, like every other command.
    """
    from leeward.monitoring.logs import open_log
    from leeward.runtime.chat import only_one
    from leeward.runtime.clock import now_ms
    from leeward.runtime.settings import load_settings, secrets_in

    settings = load_settings(config, set_ or [])
    notes = open_log(log, now_ms, secrets_in(settings))
    try:
        bot = _bot(settings, account, notes)
        with only_one(settings):
            asyncio.run(_serve(bot))
    finally:
        notes.close()


def _bot(settings: Settings, account: str | None, notes: Log) -> TelegramBot:
    from leeward.domain.errors import BadConfig
    from leeward.domain.hosts import LOCAL_NAMES
    from leeward.monitoring.telegram import Allowed, Answers, TelegramBot
    from leeward.runtime.chat import ASKS, ORDERS, Chat
    from leeward.runtime.clock import monotonic_s

    given = settings.telegram
    if given.token is None:
        raise BadConfig(
            "telegram.token is not set; make a bot with @BotFather and give its token as "
            "LEEWARD_TELEGRAM__TOKEN"
        )
    if not given.viewers and not given.operators:
        raise BadConfig(
            "telegram.operators and telegram.viewers are empty, so nobody would get an answer; "
            "name the ids of your chats: a chat that is not named is noted with its id"
        )
    try:
        where = urlsplit(given.url)
    except ValueError as error:
        raise BadConfig(f"telegram.url: is no address: {error}") from None
    here = where.scheme == "http" and where.hostname in LOCAL_NAMES
    if where.scheme != "https" and not here:
        raise BadConfig(
            f"telegram.url: {where.scheme}://{where.hostname}: the token would pass in clear; use "
            "https, or a Bot API server on 127.0.0.1"
        )
    chat = Chat(settings, account, partial(_why, settings))
    return TelegramBot(
        given.token.get_secret_value(),
        given.url,
        Allowed(given.viewers, given.operators, ASKS, ORDERS),
        Answers(chat.answer, chat.warning, chat.act),
        notes,
        monotonic_s,
    )


def _why(settings: Settings, session: str, symbol: str) -> str:
    """Returns the last decision of a session on a symbol, a line a step."""
    from leeward.report.why import tell
    from leeward.research.reading import read_sessions
    from leeward.research.why import why_in_session
    from leeward.runtime.database import opened_to_read

    with opened_to_read(settings) as database:
        recorded = read_sessions(database, settings, session)
    return "\n".join(f"{label}: {text}" for label, text in tell(why_in_session(recorded, symbol)))


async def _serve(bot: TelegramBot) -> None:
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, over.set)
    await bot.run(over)
