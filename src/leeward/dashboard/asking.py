"""Questions that take a replay to answer: why, parity, the audit, models. Each is the command line
in a process of its own, so that neither time nor memory of the dashboard goes into it."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import Process
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from typing import Final

from leeward.dashboard.visitors import Rates
from leeward.domain.errors import BadUsage, Failed, LeewardError, Refused
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.settings import CHILD_COMMAND, TO_READ, Settings, child_environment

_ERRORS: Final[dict[int, type[LeewardError]]] = {2: BadUsage, 3: Refused}
_LONGEST_S: Final = 180.0
_KEPT: Final = 64
_KEPT_BYTES: Final = 8 * 1024 * 1024
_AUDIT_MS: Final = 30_000
_MOST_WAITING: Final = 8
#: Of those, programs may have so many: the pages of a person always find a place.
_MOST_OF_TOKENS: Final = 4
#: One token may ask so many questions at once, and then one in so many seconds, those not counted
#: whose answer is known.
_AT_ONCE, AGAIN_S = 5.0, 10
_MOST_BYTES: Final = 32 * 1024 * 1024


class TooOften(Refused):
    """A token asked more than its share."""


class Asking:
    """Asks one question at a time; answers are kept for as long as their `stamp` stays the same.
    `asker` is a token's name, "" for a person, who has no share to keep to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[tuple[str, ...], tuple[Hashable, bytes]] = OrderedDict()
        self._of_tokens = Rates(1 / AGAIN_S, _AT_ONCE, monotonic_s)

    async def ask(self, *arguments: str, stamp: Hashable = None, asker: str = "") -> object:
        """Returns the JSON that a command prints. Raises Failed with the words of one that ended
        without, Refused where too many wait, TooOften."""
        known = self._kept.get(arguments)
        if known is not None and known[0] == stamp:
            return json.loads(known[1])
        if self._waiting >= (_MOST_OF_TOKENS if asker else _MOST_WAITING):
            raise Refused("too many questions wait already; try again in a moment")
        if asker and not self._of_tokens.allows(asker):
            raise TooOften(f"this token asked for too many replays; try again in {AGAIN_S} s")
        self._waiting += 1
        try:
            async with self._turn:
                known = self._kept.get(arguments)
                if known is not None and known[0] == stamp:
                    return json.loads(known[1])
                printed, answer = await self._asked(arguments)
        finally:
            self._waiting -= 1
        self._keep(arguments, stamp, printed)
        return answer

    def _keep(self, arguments: tuple[str, ...], stamp: Hashable, printed: bytes) -> None:
        self._kept.pop(arguments, None)
        self._kept[arguments] = stamp, printed
        size = sum(len(each) for _, each in self._kept.values())
        while size > _KEPT_BYTES or len(self._kept) > _KEPT:
            _, (_, oldest) = self._kept.popitem(last=False)
            size -= len(oldest)

    async def audit(self, asker: str = "") -> object:
        """Returns the verdict on the database, half a minute old at most: who changes old lines
        leaves no new one, so nothing that is stored says that it has to be made again."""
        return await self.ask("db", "check", "--copy", stamp=now_ms() // _AUDIT_MS, asker=asker)

    async def _asked(self, arguments: tuple[str, ...]) -> tuple[bytes, object]:
        named = arguments.index("--") if "--" in arguments else len(arguments)
        process = await asyncio.create_subprocess_exec(
            *CHILD_COMMAND, *arguments[:named], "--json", *arguments[named:],
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=child_environment(self._settings, TO_READ),
        )  # fmt: skip
        try:
            printed, errors = await asyncio.wait_for(heard_out(process), _LONGEST_S)
        except TimeoutError:
            raise Failed(f"{arguments[0]}: no answer within {_LONGEST_S:.0f} s") from None
        try:
            return printed, json.loads(printed[:_MOST_BYTES])
        except ValueError:
            kind = _ERRORS.get(process.returncode or 1, Failed)
            raise kind(last_words(errors)) from None


async def heard_out(process: Process) -> tuple[bytes, bytes]:
    """Returns what a command printed, and its errors. It makes way for what trades, and does not
    outlive who waits for it."""
    with suppress(OSError, AttributeError):  # where there is no such thing, or it is gone
        os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    try:
        return await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise


def last_words(errors: bytes) -> str:
    """Returns the message that a command ended with."""
    lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("leeward: ")] or lines[-1:] or ["it failed"]
    return told[-1].removeprefix("leeward: ")[:500]
