"""The Telegram bot against a server that speaks the Bot API."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from tests.bot_api import TOKEN, BotApi, bot_api, too_many

from leeward.domain.errors import BadConfig, BadUsage
from leeward.monitoring.logs import Log
from leeward.monitoring.telegram import PATIENCE_S, Allowed, Answers, TelegramBot

OPERATOR, VIEWER, STRANGER = 11, 22, 33
VIEWERS = (VIEWER, *range(100, 120))


@dataclass
class Desk:
    """Answers made up, and what was ordered."""

    done: list[tuple[str, str, str, str]] = field(default_factory=list)
    #: The account that is traded now.
    account: str = "paper:a:main"
    #: Set while questions are answered at once.
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.free.set()

    def answer(self, question: str, argument: str) -> str:
        self.free.wait(60)
        if question == "why" and not argument:
            raise BadUsage("/why: name a symbol")
        return f"{question} {argument}".strip()

    def warning(self, kind: str, argument: str) -> tuple[str, str]:
        if argument == "NOUSDT":
            raise BadUsage("nothing is held of NOUSDT")
        return self.account, f"{kind} {argument}?"

    def act(self, kind: str, argument: str, account: str, actor: str) -> str:
        self.done.append((kind, argument, account, actor))
        return f"done: {kind}"


@dataclass
class Served:
    api: BotApi
    desk: Desk
    log: io.StringIO
    #: Added to the time of the bot's clock.
    later_s: float = 0.0

    def logged(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.log.getvalue().splitlines()]

    def said(self, chat: int, text: str, user: int | None = None) -> str:
        return self.api.answer_after(lambda: self.api.write(chat, text, user))

    def pressed(self, chat: int, data: str, user: int | None = None) -> str:
        return self.api.answer_after(lambda: self.api.press(chat, data, user))


@contextmanager
def serving(api: BotApi, token: str = TOKEN) -> Iterator[Served]:
    """Yields a bot that runs in a loop and thread of its own."""
    served = Served(api, Desk(), io.StringIO())
    desk = served.desk

    async def main() -> None:
        loop = asyncio.get_running_loop()
        bot = TelegramBot(
            token, api.url,
            Allowed(VIEWERS, (OPERATOR,), ("status", "positions", "why"),
                    ("halt", "resume", "flatten")),
            Answers(desk.answer, desk.warning, desk.act),
            Log(served.log, lambda: 0, (token,)),
            lambda: loop.time() + served.later_s,
        )  # fmt: skip
        ends.append((loop, over := asyncio.Event()))
        begun.set()
        await bot.run(over)

    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    begun, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            asyncio.run(main())
        except BadConfig as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(60)
    try:
        yield served
    finally:
        loop, over = ends[0]
        if thread.is_alive():
            loop.call_soon_threadsafe(over.set)
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


@pytest.fixture
def api() -> Iterator[BotApi]:
    with bot_api() as server:
        yield server


@pytest.fixture
def bot(api: BotApi) -> Iterator[Served]:
    with serving(api) as served:
        yield served


def test_who_is_named_may_ask(bot: Served) -> None:
    assert bot.said(VIEWER, "/status") == "status"
    assert bot.said(OPERATOR, "/why BTCUSDT") == "why BTCUSDT"
    assert bot.said(VIEWER, "/positions@leeward_bot") == "positions"
    assert bot.said(VIEWER, "/why") == "/why: name a symbol"
    assert bot.said(VIEWER, "/anything") == "help"


def test_a_stranger_gets_no_answer_and_is_noted_once(bot: Served) -> None:
    for text in ("/status", "/halt", "hello"):
        bot.api.write(STRANGER, text)
    bot.api.press(STRANGER, "yes x")
    assert bot.said(VIEWER, "/status") == "status"
    assert {int(each["chat_id"]) for each in bot.api.said} == {VIEWER}
    assert bot.logged().count("telegram_stranger") == 1


def test_an_order_is_asked_back_and_done_once(bot: Served) -> None:
    question = bot.said(OPERATOR, "/flatten BTCUSDT")
    assert question.startswith("flatten BTCUSDT?")
    assert "60 seconds" in question
    assert bot.desk.done == []
    yes = bot.api.buttons()["Yes, flatten"]
    assert bot.pressed(OPERATOR, yes) == "done: flatten"
    assert bot.desk.done == [("flatten", "BTCUSDT", "paper:a:main", f"telegram:{OPERATOR}")]
    assert "is over" in bot.pressed(OPERATOR, yes)
    assert len(bot.desk.done) == 1


def test_an_order_in_a_group_names_the_member(bot: Served) -> None:
    bot.api.answer_after(lambda: bot.api.write(OPERATOR, "/halt", user=77))
    bot.pressed(OPERATOR, bot.api.buttons()["Yes, halt"], user=77)
    assert [actor for *_, actor in bot.desk.done] == [f"telegram:{OPERATOR}:77"]


def test_an_order_is_for_the_account_it_was_asked_for(bot: Served) -> None:
    bot.said(OPERATOR, "/flatten")
    bot.desk.account = "live:b:main"
    bot.pressed(OPERATOR, bot.api.buttons()["Yes, flatten"])
    assert [account for _, _, account, _ in bot.desk.done] == ["paper:a:main"]


def test_an_order_that_is_not_confirmed_is_not_done(bot: Served) -> None:
    bot.said(OPERATOR, "/halt")
    assert "Nothing was done" in bot.pressed(OPERATOR, bot.api.buttons()["No"])
    bot.said(OPERATOR, "/halt")
    yes = bot.api.buttons()["Yes, halt"]
    bot.later_s = PATIENCE_S
    assert "is over" in bot.pressed(OPERATOR, yes)
    assert "is over" in bot.pressed(OPERATOR, "yes made-up")
    assert bot.desk.done == []


def test_a_viewer_may_not_order_nor_confirm_for_another(bot: Served) -> None:
    assert "may ask, and not order" in bot.said(VIEWER, "/halt")
    bot.said(OPERATOR, "/halt")
    yes = bot.api.buttons()["Yes, halt"]
    bot.api.press(VIEWER, yes)
    bot.api.press(OPERATOR, yes, user=99)
    assert bot.said(VIEWER, "/status") == "status"
    assert bot.desk.done == []
    assert bot.pressed(OPERATOR, yes) == "done: halt"


def test_a_chat_that_floods_holds_up_no_order(bot: Served) -> None:
    bot.desk.free.clear()
    try:
        for _ in range(40):
            bot.api.write(VIEWER, "/why BTCUSDT")
        assert bot.said(OPERATOR, "/halt").startswith("halt")
    finally:
        bot.desk.free.set()
    assert len([each for each in bot.api.said if int(each["chat_id"]) == VIEWER]) <= 2


def test_many_chats_whose_questions_take_long_hold_up_no_order(bot: Served) -> None:
    bot.desk.free.clear()
    try:
        for chat in VIEWERS:
            bot.api.write(chat, "/why BTCUSDT")
        assert bot.said(OPERATOR, "/halt").startswith("halt ?")
        yes = bot.api.buttons()["Yes, halt"]
        assert bot.pressed(OPERATOR, yes) == "done: halt"
    finally:
        bot.desk.free.set()


def test_what_cannot_be_done_is_said_before_it_is_asked_back(bot: Served) -> None:
    assert bot.said(OPERATOR, "/flatten NOUSDT") == "nothing is held of NOUSDT"


@pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")  # the library's
def test_it_goes_on_through_busy_servers_errors_and_garbage(api: BotApi) -> None:
    api.fail("getMe", (502, b"<html>bad gateway</html>"))
    api.fail("getUpdates", too_many(1), (500, b"{}"), (200, b"not json"), (200, b'{"ok": 5}'))
    api.fail("sendMessage", too_many(1), (503, b""))
    with serving(api) as bot:
        assert bot.api.answer_after(lambda: api.write(VIEWER, "/status"), 200) == "status"
    text = bot.log.getvalue()
    assert "telegram_trouble" in text
    assert "canary" not in text


@pytest.mark.parametrize("status", [401, 404])
def test_a_moment_in_which_its_token_is_not_known_does_not_end_its_listening(
    api: BotApi, status: int
) -> None:
    words = {"ok": False, "error_code": status, "description": "Not Found"}
    api.fail("getUpdates", (status, json.dumps(words).encode()))
    with serving(api) as bot:
        assert bot.api.answer_after(lambda: api.write(VIEWER, "/status")) == "status"
    assert "telegram_trouble" in bot.logged()


def test_a_token_that_is_not_known_is_named_and_not_shown(api: BotApi) -> None:
    with (
        pytest.raises(BadConfig, match="Telegram does not know it") as caught,
        serving(api, "999:canary-of-another") as _,
    ):
        pass
    assert "canary" not in str(caught.value)
