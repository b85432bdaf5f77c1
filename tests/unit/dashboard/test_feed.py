"""One look at the database for all who want to know."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.dashboards import settings_in, write_history
from tests.histories import ACCOUNT, SESSION, marked, session_started

from leeward.dashboard import feed as feeds
from leeward.dashboard.feed import Feed
from leeward.database import browsing
from leeward.database.lease import take_lease
from leeward.domain.errors import BadUsage, Refused
from leeward.runtime.clock import now_ms, sleep_s
from leeward.runtime.database import open_configured
from leeward.runtime.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = settings_in(tmp_path)
    write_history(made)
    return made


def test_the_overview_tells_positions_at_the_last_prices(settings: Settings) -> None:
    feed = Feed(settings)
    feed.look()
    found = feed.overview(ACCOUNT)
    (held,) = found.positions
    assert (held.quantity, held.entry_price) == (Decimal("0.4995"), Decimal(100))
    assert held.last_price == Decimal("101.5")
    assert held.unrealised == Decimal("1.5") * Decimal("0.4995")
    assert held.stop_distance_fraction == pytest.approx(6.5 / 101.5)
    assert found.equity == Decimal("10007.5")
    assert found.exposure == Decimal("101.5") * Decimal("0.4995")
    assert found.cash == found.equity - found.exposure
    assert found.today_pnl == Decimal("7.5")
    assert [event.kind for event in found.alerts] == ["Noted"]
    feed.close()


def test_a_new_version_comes_with_a_commit_and_with_a_heartbeat_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_AGE_MS", 600_000)  # nothing grows old between two looks
    feed = Feed(settings)
    feed.look()
    first = feed.version
    feed.look()
    assert feed.version == first
    database = open_configured(settings)
    lease = take_lease(database, ACCOUNT, "here:2")
    database.beat(ACCOUNT, lease.epoch, now_ms(), {"session": SESSION, "computer_ms": now_ms()})
    feed.look()
    assert feed.version == first + 1
    assert feed.overview(ACCOUNT).alive
    database.record(ACCOUNT, lease.epoch, [marked(60, "9000")])
    feed.look()
    assert feed.version == first + 2
    lease.release()
    database.close()
    feed.close()


def test_what_was_read_is_kept_until_the_account_changes(settings: Settings) -> None:
    async def story() -> None:
        feed = Feed(settings)
        await feed.start()
        asked: list[int] = []

        def count(_: object) -> int:
            asked.append(1)
            return len(asked)

        assert await feed.read("count", count, ACCOUNT) == 1
        assert await feed.read("count", count, ACCOUNT) == 1
        waiting = asyncio.create_task(feed.changed(feed.version, 5.0))
        before, stamp = feed.version, feed.stamp(ACCOUNT)
        await feed.act("halt", "lunch", ACCOUNT, "dashboard:owner")
        assert await waiting >= before
        async with asyncio.timeout(60.0):
            while feed.stamp(ACCOUNT) == stamp:
                await asyncio.sleep(0.01)
        assert await feed.read("count", count, ACCOUNT) == 2
        feed.close()

    asyncio.run(story())


def test_what_is_kept_has_so_many_rows_and_no_more(settings: Settings) -> None:
    async def story() -> None:
        feed = Feed(settings)
        await feed.start()
        asked: list[int] = []

        async def read(name: int) -> None:
            def rows(_: object) -> tuple[list[int], int]:
                asked.append(name)
                return [name] * 1_000, 7

            await feed.read(name, rows, ACCOUNT)

        for name in (*range(30), 29, 15, 0):
            await read(name)
        assert asked == [*range(30), 0]
        await feed.read("huge", lambda _: np.zeros(1_000_000), ACCOUNT)
        await feed.read("huge", lambda _: asked.append(-1), ACCOUNT)
        assert asked[-1] == 0
        feed.close()

    asyncio.run(story())


def test_without_a_database_the_feed_says_so_and_finds_it_later(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    feed = Feed(settings)
    feed.look()
    assert feed.problem is not None
    assert "there is no database" in feed.problem
    write_history(settings)
    feed.look()
    assert feed.accounts() == (ACCOUNT,)
    feed.close()


def test_what_cannot_be_told_is_said_and_looked_at_again(settings: Settings) -> None:
    async def story() -> None:
        feed = Feed(settings)
        await feed.start()
        database = open_configured(settings)
        lease = take_lease(database, ACCOUNT, "here:2")
        newer = session_started(lease.epoch, "of-a-later-version")
        database.record(
            ACCOUNT, lease.epoch, [replace(newer, facts={"risk": {"a_limit_of_then": 1}})]
        )
        async with asyncio.timeout(60.0):
            while "a_limit_of_then" not in str(feed.problem):
                await feed.changed(feed.version, 1.0)
        database.record(ACCOUNT, lease.epoch, [session_started(lease.epoch, "of-this-version")])
        async with asyncio.timeout(60.0):
            while feed.problem is not None:
                await feed.changed(feed.version, 1.0)
        lease.release()
        database.close()
        feed.close()

    asyncio.run(story())


def test_a_restored_file_is_opened_anew(settings: Settings) -> None:
    feed = Feed(settings)
    feed.look()
    file = settings.data.dir.parent / "leeward.db"
    file.unlink()
    write_history(settings)
    feed.look()
    assert feed.problem is None
    with feed._opened().reading() as connection:
        assert browsing.last_mark(connection, ACCOUNT) is not None
    feed.close()


def test_only_commands_that_exist_are_sent_and_no_file_is_swapped_in(settings: Settings) -> None:
    async def story() -> None:
        feed = Feed(settings)
        with pytest.raises(BadUsage, match="unknown command 'sell'"):
            await feed.act("sell", "", ACCOUNT, "api:x")
        with pytest.raises(Refused, match="is a file"):
            await feed.act("swap", '{"strategy": "/tmp/evil.py:Evil"}', ACCOUNT, "api:x")
        feed.close()

    asyncio.run(story())


def test_the_same_question_is_read_once_for_all_who_ask_it_together(settings: Settings) -> None:
    async def story() -> None:
        feed = Feed(settings)
        await feed.start()
        asked: list[int] = []

        def slow(_: object) -> int:
            asked.append(1)
            sleep_s(0.2)
            return len(asked)

        waiting = [asyncio.create_task(feed.read("slow", slow, ACCOUNT)) for _ in range(20)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        answers = await asyncio.gather(*waiting[1:])
        assert set(answers) == {1}
        feed.close()

    asyncio.run(story())
