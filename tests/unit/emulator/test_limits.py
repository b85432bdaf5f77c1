from __future__ import annotations

from leeward.emulator.limits import AddressLimits, OrderCounts
from leeward.emulator.rejections import Json

MINUTE = 60_000
NOW = 100 * MINUTE + 10_000


def test_weight_over_the_minute_is_refused_until_the_next_minute() -> None:
    limits = AddressLimits()
    limits.weight.add(NOW, 5_990)
    assert limits.check(NOW, 10) is None
    refused = limits.check(NOW, 11)
    assert refused is not None
    assert (refused.code, refused.http_status) == (-1003, 429)
    assert refused.data == {"serverTime": NOW, "retryAfter": 101 * MINUTE}
    assert limits.check(101 * MINUTE, 11) is None
    assert limits.weight.at(101 * MINUTE) == 0


def test_going_on_after_429_bans_the_address_longer_each_time() -> None:
    limits = AddressLimits()
    limits.weight.add(NOW, 6_000)
    answers = [limits.check(NOW, 1) for _ in range(12)]
    statuses = [answer.http_status for answer in answers if answer is not None]
    assert statuses == [429] * 10 + [418] * 2
    assert limits.banned_until_ms == NOW + 2 * MINUTE
    assert f"IP banned until {NOW + 2 * MINUTE}" in str(answers[-1])
    assert limits.check(NOW + 2 * MINUTE, 1) is None
    limits.ban(NOW)
    assert limits.banned_until_ms == NOW + 8 * MINUTE


def test_order_count_is_by_ten_seconds_and_day() -> None:
    counts = OrderCounts()
    counts.placed("a", NOW, 100)
    refused = counts.check("a", NOW)
    assert refused is not None
    assert refused.msg == "Too many new orders; current limit is 100 orders per 10 SECOND."
    assert refused.http_status == 429
    assert counts.check("b", NOW) is None
    assert counts.check("a", NOW + 10_000) is None
    assert [window.at(NOW + 10_000) for window in counts.windows("a")] == [0, 100]


def test_first_fill_gives_back_one_as_taker_and_five_as_maker() -> None:
    counts = OrderCounts()
    counts.placed("a", NOW, 10)
    taker: Json = {"e": "executionReport", "x": "TRADE", "s": "BTCUSDT", "i": 1, "m": False}
    maker: Json = {**taker, "i": 2, "m": True}
    other: Json = {"e": "balanceUpdate"}
    for event in (taker, taker, maker, maker, other):
        counts.heard("a", event, NOW)
    assert [window.at(NOW) for window in counts.windows("a")] == [4, 4]
    counts.heard("a", {**maker, "i": 3}, NOW)
    assert counts.windows("a")[0].at(NOW) == 0
