"""A Telegram bot that answers and steers: only for the chats it was told, and never without asking
again."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from leeward.domain.errors import BadConfig, LeewardError
from leeward.monitoring.logs import Log

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup, Message
    from telegram.ext import Application, CallbackContext
    from telegram.request import BaseRequest

    _Application: TypeAlias = Application[Any, Any, Any, Any, Any, Any]

#: How long a question may be answered.
PATIENCE_S: Final = 60.0
_TRIES: Final = 5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
#: Strangers that are remembered, so that each is noted once.
_MOST_STRANGERS: Final = 1_000
_LONGEST: Final = 4_000
_POLL_S: Final = 20
_NOT_KNOWN, _BUSY = (401, 404), 503
#: Messages that are worked on side by side, and how many of one chat, orders not counted; what
#: comes beyond that is passed over, so that whoever floods holds up no order.
_MOST_AT_ONCE, _MOST_OF_A_CHAT = 32, 2
#: Questions that are answered side by side, apart from orders: some take a replay.
_ANSWERERS: Final = 2


@dataclass(frozen=True, slots=True)
class Answers:
    """What the bot says; all three block, and raise LeewardError for what cannot be: the answer to
    a question and its argument; the account of an order and what it would do to it; and what became
    of the order on that account, by its actor."""

    answer: Callable[[str, str], str]
    warning: Callable[[str, str], tuple[str, str]]
    act: Callable[[str, str, str, str], str]


@dataclass(frozen=True, slots=True)
class Allowed:
    """The chats that may ask, those that may also order, and the words of both."""

    viewers: Collection[int]
    operators: Collection[int]
    asks: Collection[str]
    orders: Collection[str]

    def may_ask(self, chat: int) -> bool:
        return chat in self.viewers or chat in self.operators


@dataclass(frozen=True, slots=True)
class _Question:
    """An order that waits for its confirmation, by the one who asked."""

    kind: str
    argument: str
    account: str
    chat: int
    asker: int | None
    until_s: float


@dataclass
class TelegramBot:
    """Serves the chats. A question is answered once, within a minute, by the person who asked; what
    waited while nobody listened is over."""

    token: str
    url: str
    allowed: Allowed
    answers: Answers
    log: Log
    monotonic_s: Callable[[], float]
    _questions: dict[str, _Question] = field(default_factory=dict)
    _strangers: set[int] = field(default_factory=set)
    _under_way: Counter[int] = field(default_factory=Counter)
    _answerers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_ANSWERERS, thread_name_prefix="answers")
    )

    async def run(self, over: asyncio.Event) -> None:
        """Serves until `over`. Raises BadConfig for a token that is not known."""
        from telegram.ext import ApplicationBuilder, TypeHandler

        _be_quiet()
        base = self.url.rstrip("/")
        builder = ApplicationBuilder().token(self.token).base_url(f"{base}/bot")
        builder = builder.get_updates_request(_patient_request())
        application = builder.concurrent_updates(_MOST_AT_ONCE).build()
        application.add_handler(TypeHandler(object, self._take))
        application.add_error_handler(self._failed)
        try:
            if await self._reached(application, over):
                await self._serve(application, over)
        finally:
            await application.shutdown()
            await application.bot.shutdown()  # also where it was never reached
            self._answerers.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, application: _Application, over: asyncio.Event) -> None:
        assert application.updater is not None
        await application.start()
        await application.updater.start_polling(
            timeout=_POLL_S, error_callback=self._polling_failed, bootstrap_retries=-1
        )
        self.log.event("telegram_ready")
        await over.wait()
        await application.updater.stop()
        await application.stop()

    async def _reached(self, application: _Application, over: asyncio.Event) -> bool:
        """Returns whether Telegram knows the bot, asked until it answers; False once `over`."""
        from telegram.error import InvalidToken, TelegramError

        pause_s = _FIRST_PAUSE_S
        while not over.is_set():
            try:
                await application.initialize()
            except InvalidToken:
                raise BadConfig(
                    "telegram.token: Telegram does not know it; take the one that @BotFather gave "
                    "you, as LEEWARD_TELEGRAM__TOKEN"
                ) from None
            except TelegramError as error:
                self._polling_failed(error)
            else:
                return True
            await _pause(over, pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return False

    # What comes in.

    async def _take(self, update: object, _: object) -> None:
        from telegram import CallbackQuery, Message, Update

        assert isinstance(update, Update)
        chat = update.effective_chat
        if chat is None or not self._is_known(chat.id):
            return
        match update.message, update.callback_query:
            case Message(text=str() as text) as message, _ if text.startswith("/"):
                await self._heard(message, text)
            case _, CallbackQuery(data=str() as data) as query:
                await self._pressed(query, chat.id, data)
            case _:
                pass

    def _is_known(self, chat: int) -> bool:
        if self.allowed.may_ask(chat):
            return True
        if chat not in self._strangers and len(self._strangers) < _MOST_STRANGERS:
            self._strangers.add(chat)
            self.log.event("telegram_stranger", "warning", chat=chat)
        return False

    async def _heard(self, message: Message, text: str) -> None:
        command, _, argument = text[1:].strip().partition(" ")
        command, argument = command.partition("@")[0].lower(), argument.strip()
        chat = message.chat.id
        if command in self.allowed.orders and chat in self.allowed.operators:
            await self._ask(message, command, argument)
        elif self._under_way[chat] < _MOST_OF_A_CHAT:
            self._under_way[chat] += 1
            try:
                await self._inform(message, command, argument)
            finally:
                self._under_way[chat] -= 1

    async def _inform(self, message: Message, command: str, argument: str) -> None:
        """Answers a question, and an order of a chat that may only ask."""
        if command in self.allowed.orders:
            self.log.event("telegram_refused", "warning", chat=message.chat.id, command=command)
            await self._say(message, f"/{command}: this chat may ask, and not order")
            return
        question = command if command in self.allowed.asks else "help"
        asking = partial(self.answers.answer, question, argument)
        await self._say(message, await self._words(self._answerers, asking))

    async def _ask(self, message: Message, kind: str, argument: str) -> None:
        """Says what an order would do, and asks."""
        from telegram import InlineKeyboardButton, InlineKeyboardMarkup

        try:
            account, warning = await asyncio.to_thread(self.answers.warning, kind, argument)
        except LeewardError as error:
            await self._say(message, str(error))
            return
        asker = None if message.from_user is None else message.from_user.id
        until_s = self.monotonic_s() + PATIENCE_S
        now_s = self.monotonic_s()
        for old in [name for name, each in self._questions.items() if each.until_s <= now_s]:
            del self._questions[old]
        name = secrets.token_urlsafe(12)
        self._questions[name] = _Question(kind, argument, account, message.chat.id, asker, until_s)
        buttons = [
            InlineKeyboardButton(f"Yes, {kind}", callback_data=f"yes {name}"),
            InlineKeyboardButton("No", callback_data=f"no {name}"),
        ]
        await self._say(
            message,
            f"{warning}\n\nThis question is open for {PATIENCE_S:.0f} seconds.",
            InlineKeyboardMarkup([buttons]),
        )

    async def _pressed(self, query: CallbackQuery, chat: int, data: str) -> None:
        verdict, _, name = data.partition(" ")
        presser = query.from_user.id
        waiting = self._questions.get(name)
        mine = waiting is not None and waiting.chat == chat and waiting.asker in {None, presser}
        if waiting is not None and not mine:
            self.log.event("telegram_refused", "warning", chat=chat, user=presser)
            await self._try(lambda: query.answer("Only who asked may answer"))
            return
        # Taken out before anything else is done: it counts once.
        question = self._questions.pop(name, None)
        await self._try(query.answer)
        if question is None or question.until_s <= self.monotonic_s():
            await self._end(query, "This question is over; nothing was done. Ask again.")
        elif verdict != "yes":
            await self._end(query, f"/{question.kind}: no. Nothing was done.")
        elif chat in self.allowed.operators:
            await self._act(query, question)

    async def _act(self, query: CallbackQuery, question: _Question) -> None:
        user = query.from_user.id
        actor = f"telegram:{question.chat}" + (f":{user}" if user != question.chat else "")
        self.log.event(
            "telegram_order", "warning", kind=question.kind, argument=question.argument, actor=actor
        )
        given = question.kind, question.argument, question.account, actor
        words = await self._words(None, partial(self.answers.act, *given))
        await self._end(query, words)

    # What goes out.

    async def _words(self, threads: ThreadPoolExecutor | None, ask: Callable[[], str]) -> str:
        """Returns the answer, or the words of the refusal; `threads` of None are the loop's."""
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, ask)
        except LeewardError as error:
            return str(error)

    async def _say(
        self, message: Message, text: str, buttons: InlineKeyboardMarkup | None = None
    ) -> None:
        await self._try(lambda: message.reply_text(_cut(text), reply_markup=buttons))

    async def _end(self, query: CallbackQuery, text: str) -> None:
        """Puts the outcome in the place of the question, whose buttons go."""
        await self._try(lambda: query.edit_message_text(_cut(text)))

    async def _try(self, send: Callable[[], Awaitable[object]]) -> None:
        """Sends, again where Telegram is busy or cannot be reached; gives up after some tries."""
        from telegram.error import NetworkError, RetryAfter, TelegramError

        pause_s = _FIRST_PAUSE_S
        for tried in range(1, _TRIES + 1):
            try:
                await send()
            except RetryAfter as error:
                wait = error.retry_after
                pause_s = max(pause_s, wait if isinstance(wait, int) else wait.total_seconds())
            except NetworkError as error:
                self._polling_failed(error)
            except TelegramError as error:
                self._polling_failed(error)  # a message that is gone, a chat that left: not again
                return
            else:
                return
            if tried < _TRIES:
                await asyncio.sleep(min(pause_s, _LONGEST_PAUSE_S))
                pause_s *= 2

    # What goes wrong.

    def _polling_failed(self, error: BaseException) -> None:
        # The words of some of these errors hold the address, which holds the token: the log hides
        # it, and the kind of the error says enough.
        self.log.event("telegram_trouble", "warning", error=type(error).__name__, words=str(error))

    async def _failed(self, _: object, context: CallbackContext[Any, Any, Any, Any]) -> None:
        if context.error is not None:
            self._polling_failed(context.error)


def _patient_request() -> BaseRequest:
    """Returns what asks for messages: a token that is not known, or an address that is not there,
    is trouble that may pass. The library would end its asking, and say nothing."""
    from telegram.request import HTTPXRequest

    class Patient(HTTPXRequest):
        async def do_request(self, *given: Any, **more: Any) -> tuple[int, bytes]:  # noqa: ANN401 - passed on
            status, body = await super().do_request(*given, **more)
            return (_BUSY if status in _NOT_KNOWN else status), body

    return Patient(connection_pool_size=1)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


async def _pause(over: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return


def _be_quiet() -> None:
    """Keeps the libraries from writing: their words hold the token."""
    for name in ("telegram", "httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [logging.NullHandler()], False
