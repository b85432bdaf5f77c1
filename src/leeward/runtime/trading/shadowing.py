"""Challengers of a session's models: they predict on its candles, and nothing follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

from leeward.database.challenges import Pair, challenges, keep_forecasts, last_forecast_ms
from leeward.database.errors import DatabaseDown
from leeward.engine.records import Noted, Severity
from leeward.runtime.trading.model_figures import Aside
from leeward.runtime.trading.start import Ready

if TYPE_CHECKING:
    from leeward.inference.bundle import Bundle
    from leeward.runtime.rivals import Rivals

T = TypeVar("T")

_PERIOD_S = 1.0
#: How often the database is asked who challenges whom.
_LOOK_S = 30.0


@dataclass
class _Followed:
    """Two models that are compared since the challenger was named; what opened up to `after_ms` is
    written down, or was before."""

    pair: Pair
    since_ms: int
    rivals: Rivals
    after_ms: int


@dataclass
class Shadow:
    """Has challengers predict in a thread of their own, on the candles that the session decided on,
    and writes down what both models expected once it is known what came.

    Goes on after a restart where it was. Nothing here can hold up a step, or halt the account.
    """

    ready: Ready
    aside: Aside
    _followed: dict[str, _Followed] = field(default_factory=dict)
    #: Pairs that cannot be compared, told once each time that the challenger is named.
    _refused: dict[Pair, int] = field(default_factory=dict)

    async def run(self) -> NoReturn:
        clock = self.ready.session.clock
        look_at_s = clock.monotonic_s()
        while True:
            try:
                if self.ready.models.bundles and clock.monotonic_s() >= look_at_s:
                    look_at_s = clock.monotonic_s() + _LOOK_S
                    await self._look()
                for followed in list(self._followed.values()):
                    await self._follow(followed)
            except DatabaseDown:  # the watchdogs say so
                pass
            await clock.sleep(_PERIOD_S)

    async def _look(self) -> None:
        """Finds out who challenges the models in use."""
        ready = self.ready
        named = await self.aside(partial(challenges, ready.database))
        wanted = {
            name: Pair(ready.started.account, name, bundle.sha256, named[name].sha256)
            for name, bundle in ready.models.bundles.items()
            if name in named and named[name].sha256 != bundle.sha256
        }
        for name in [n for n, each in self._followed.items() if wanted.get(n) != each.pair]:
            del self._followed[name]
        for name, pair in wanted.items():
            since_ms = named[name].since_ms
            if name not in self._followed and self._refused.get(pair) != since_ms:
                await self._begin(pair, since_ms)
        challengers = {n: each.rivals.challenger for n, each in self._followed.items()}
        ready.models.care.challengers = {n: b.metadata.version for n, b in challengers.items()}

    async def _begin(self, pair: Pair, since_ms: int) -> None:
        ready = self.ready
        champion = ready.models.bundles[pair.name]
        candles = ready.models.care.candles.get(champion.metadata.symbol)
        if candles is None:
            return
        last_ms = await self.aside(partial(last_forecast_ms, ready.database, pair))
        after_ms = int(candles.open_time[-1]) - 1 if last_ms is None else last_ms
        rivals = await self._guarded(pair, since_ms, partial(self._load, champion, pair))
        if rivals is not None:
            self._followed[pair.name] = _Followed(pair, since_ms, rivals, after_ms)
            words = (
                f"{rivals.challenger.metadata.version} predicts beside {champion.metadata.version}"
            )
            self._note(pair, f"{words}; no order follows from it", Severity.INFO)

    def _load(self, champion: Bundle, pair: Pair) -> Rivals:
        from leeward.runtime.predictions import model_use
        from leeward.runtime.rivals import load_rivals

        return load_rivals(champion, pair.challenger, model_use(self.ready.settings))

    async def _follow(self, followed: _Followed) -> None:
        """Writes down what came since."""
        rivals, pair = followed.rivals, followed.pair
        candles = self.ready.models.care.candles.get(rivals.champion.metadata.symbol)
        if candles is None or len(candles) < 2 or candles.open_time[-2] <= followed.after_ms:
            return
        work = partial(rivals.forecasts, candles, followed.after_ms)
        made = await self._guarded(pair, followed.since_ms, work)
        if made is None:
            self._followed.pop(pair.name, None)
            return
        if made:
            at_ms = self.ready.session.server_now_ms()
            await self.aside(partial(keep_forecasts, self.ready.database, pair, made, at_ms))
        followed.after_ms = int(candles.open_time[-2])

    async def _guarded(self, pair: Pair, since_ms: int, work: Callable[[], T]) -> T | None:
        """Returns what work in a thread returns; None, told once, where it cannot be done."""
        try:
            return await asyncio.to_thread(work)
        except Exception as error:  # noqa: BLE001 - whatever a challenger does, trading goes on
            self._refused[pair] = since_ms
            words = f"it predicts no more: {str(error) or type(error).__name__}"
            self._note(pair, words, Severity.WARNING)
            return None

    def _note(self, pair: Pair, words: str, severity: Severity) -> None:
        session = self.ready.session
        told = f"challenger {pair.challenger[:12]}: {words}"
        session.alarm(Noted("challenger", told, severity, session.server_now_ms(), pair.name))
