"""Questions that take a process: how many are asked, for whom, and what is kept of them."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from tests.dashboards import settings_in

from leeward.dashboard import asking
from leeward.dashboard.asking import Asking, TooOften, heard_out
from leeward.domain.errors import Refused


class Made(Asking):
    """Answers at once, or once it may, with as many bytes as asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(settings_in(folder))
        self.made: list[str] = []
        self.may = asyncio.Event()
        self.may.set()

    async def _asked(self, arguments: tuple[str, ...]) -> tuple[bytes, object]:
        await self.may.wait()
        self.made.append(arguments[0])
        return b'{"ok": true}' + b" " * int(arguments[1]), {"ok": True}


def within(folder: Path, story: Callable[[Made], Coroutine[None, None, None]]) -> None:
    async def play() -> None:
        await story(Made(folder))

    asyncio.run(play())


def test_a_token_asks_a_few_questions_and_then_one_in_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(asking, "monotonic_s", lambda: now_s)

    async def story(made: Made) -> None:
        nonlocal now_s
        for number in range(5):
            assert await made.ask(f"why {number}", "0", asker="api:one") == {"ok": True}
        with pytest.raises(TooOften, match="try again in 10 s"):
            await made.ask("why 5", "0", asker="api:one")
        # What is known already costs nothing, and others have chances of their own.
        await made.ask("why 4", "0", asker="api:one")
        await made.ask("why 6", "0", asker="api:two")
        for number in range(20):
            await made.ask(f"a page {number}", "0")
        now_s += 10.1
        await made.ask("why 5", "0", asker="api:one")
        with pytest.raises(TooOften):
            await made.ask("why 7", "0", asker="api:one")

    within(tmp_path, story)


def test_tokens_leave_places_for_pages(tmp_path: Path) -> None:
    async def story(made: Made) -> None:
        made.may.clear()
        begun = [
            asyncio.ensure_future(made.ask(f"why {number}", "0", asker=f"api:{number}"))
            for number in range(9)
        ]
        await asyncio.sleep(0)
        page = asyncio.ensure_future(made.ask("a page", "0"))
        await asyncio.sleep(0)
        made.may.set()
        answers = await asyncio.gather(*begun, return_exceptions=True)
        assert [isinstance(each, Refused) for each in answers] == [False] * 4 + [True] * 5
        assert await page == {"ok": True}

    within(tmp_path, story)


def test_what_is_kept_has_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    async def story(made: Made) -> None:
        for name in ("first", "second", "first"):
            await made.ask(name, str(5 * 2**20))
        assert made.made == ["first", "second", "first"]
        await made.ask("small", "0")
        await made.ask("first", str(5 * 2**20))
        assert made.made == ["first", "second", "first", "small"]

    within(tmp_path, story)


def test_a_command_does_not_outlive_who_waits_for_it() -> None:
    async def play() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import time; time.sleep(600)",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard_out(process), 0.1)
        assert process.returncode == -signal.SIGKILL

    asyncio.run(play())
