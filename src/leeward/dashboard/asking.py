"""Questions that take a replay to answer: why, parity, the audit, models. Each is the command line
in a process of its own, so that neither time nor memory of the dashboard goes into it."""

from __future__ import annotations

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from typing import Final

from leeward.domain.errors import BadUsage, Failed, LeewardError, Refused
from leeward.runtime.clock import now_ms
from leeward.runtime.settings import CHILD_COMMAND, TO_READ, Settings, child_environment

_ERRORS: Final[dict[int, type[LeewardError]]] = {2: BadUsage, 3: Refused}
_LONGEST_S: Final = 180.0
_KEPT: Final = 64
_AUDIT_MS: Final = 30_000
_MOST_WAITING: Final = 8
_MOST_BYTES: Final = 32 * 1024 * 1024


class Asking:
    """Asks one question at a time; answers are kept for as long as their `stamp` stays the same."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[tuple[str, ...], tuple[Hashable, object]] = OrderedDict()

    async def ask(self, *arguments: str, stamp: Hashable = None) -> object:
        """Returns the JSON that a command prints. Raises Failed with the words of one that ended
        without, Refused where too many wait."""
        known = self._kept.get(arguments)
        if known is not None and known[0] == stamp:
            return known[1]
        if self._waiting >= _MOST_WAITING:
            raise Refused("too many questions wait already; try again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                known = self._kept.get(arguments)
                if known is not None and known[0] == stamp:
                    return known[1]
                answer = await self._asked(arguments)
        finally:
            self._waiting -= 1
        self._kept[arguments] = stamp, answer
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return answer

    async def audit(self) -> object:
        """Returns the verdict on the database, half a minute old at most: who changes old lines
        leaves no new one, so nothing that is stored says that it has to be made again."""
        return await self.ask("db", "check", "--copy", stamp=now_ms() // _AUDIT_MS)

    async def _asked(self, arguments: tuple[str, ...]) -> object:
        named = arguments.index("--") if "--" in arguments else len(arguments)
        process = await asyncio.create_subprocess_exec(
            *CHILD_COMMAND, *arguments[:named], "--json", *arguments[named:],
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=child_environment(self._settings, TO_READ),
        )  # fmt: skip
        with suppress(OSError, AttributeError):  # where there is no such thing, or it is gone
            os.setpriority(os.PRIO_PROCESS, process.pid, 10)
        try:
            printed, errors = await asyncio.wait_for(process.communicate(), _LONGEST_S)
        except (TimeoutError, asyncio.CancelledError) as error:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise Failed(f"{arguments[0]}: no answer within {_LONGEST_S:.0f} s") from None
            raise
        try:
            return json.loads(printed[:_MOST_BYTES])
        except ValueError:
            kind = _ERRORS.get(process.returncode or 1, Failed)
            raise kind(last_words(errors)) from None


def last_words(errors: bytes) -> str:
    """Returns the message that a command ended with."""
    lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("leeward: ")] or lines[-1:] or ["it failed"]
    return told[-1].removeprefix("leeward: ")[:500]
