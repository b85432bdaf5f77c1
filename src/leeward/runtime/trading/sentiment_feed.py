"""Daily sentiment while a session runs: asked for beside it, so that no candle waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, TypeVar

from leeward.engine.records import Noted, Severity
from leeward.runtime.trading.start import Ready

T = TypeVar("T")

#: Nothing is sent where all days up to yesterday are stored, so this is how late a new one may be.
_PERIOD_S = 15 * 60.0
#: A source in trouble is asked ever more seldom.
_LONGEST_S = 2 * 3600.0


@dataclass
class SentimentFeed:
    """Keeps the days of the source that the models read up to date in the store, where they look
    at their next candle.

    A source that fails, or sends what breaks a rule, changes nothing that is stored: it is told
    once, and what is stored counts until it is stale. Then sentiment is unknown, and the next step
    of the ladder decides.
    """

    ready: Ready
    _source: str = ""
    _asked_ms: int | None = None
    _fault: str | None = None

    async def run(self) -> NoReturn:
        pause_s = _PERIOD_S
        while True:
            if self.ready.models.source:
                await self._refresh(self.ready.models.source)
            pause_s = _PERIOD_S if self._fault is None else min(2 * pause_s, _LONGEST_S)
            await self.ready.session.clock.sleep(pause_s)

    def facts(self) -> dict[str, object] | None:
        """Returns how the source answered last, JSON-ready; None where no model reads any."""
        if not self._source:
            return None
        return {"source": self._source, "asked_ms": self._asked_ms, "fault": self._fault}

    async def _refresh(self, source: str) -> None:
        from leeward.runtime.sentiment import refresh_sentiment

        session, before = self.ready.session, self._fault
        work = partial(refresh_sentiment, source, self.ready.settings, lambda _: None)
        try:
            done = await _beside(work)
        except Exception as error:  # noqa: BLE001 - whatever a source does, trading goes on
            self._fault = str(error) or type(error).__name__
        else:
            self._fault = None
        self._source, self._asked_ms = source, session.server_now_ms()
        if self._fault is not None and before is None:
            words = f"{self._fault}. What is stored counts until it is stale"
            session.alarm(Noted("sentiment", words, Severity.WARNING, self._asked_ms))
        elif self._fault is None and before is not None:
            words = f"{source}: answers again, {done.kept.added} days are new"
            session.alarm(Noted("sentiment_back", words, Severity.INFO, self._asked_ms))


async def _beside(work: Callable[[], T]) -> T:
    """Returns what work in a thread returns. The end of the process does not wait for it: a source
    may take minutes."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else settle())

    def run() -> None:
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            tell(partial(done.set_exception, error))
        else:
            tell(partial(done.set_result, found))

    threading.Thread(target=run, name="sentiment", daemon=True).start()
    return await done
