"""Time, limits and addresses: what the client knows before it sends."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.errors import BadUsage
from leeward.venues.addresses import NAMES, Addresses, addresses_of
from leeward.venues.governor import BanFile, Governor, Lane
from leeward.venues.timing import ServerClock

MINUTE = 60_000


class Hand:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def test_the_shortest_round_trip_tells_the_time() -> None:
    hand = Hand()
    clock = ServerClock(hand)
    assert not clock.known
    clock.offer(99.0, 100.0, 1_000_000)  # the middle was half a second ago: 1,000,500 by now
    assert clock.now_ms() == 1_000_500
    clock.offer(99.99, 100.01, 1_000_300)
    hand.s = 100.01
    assert clock.now_ms() == 1_000_310
    clock.offer(99.0, 100.4, 1_000_200)  # slower and within its own doubt: not believed
    hand.s = 101.0
    assert clock.now_ms() == 1_001_300


def test_our_clock_may_step_and_theirs_too() -> None:
    hand = Hand()
    clock = ServerClock(hand)
    clock.offer(99.99, 100.01, 1_000_000)
    clock.offer(100.0, 100.2, 1_060_000)  # a minute ahead: no round trip explains it
    hand.s = 100.1
    assert clock.now_ms() == 1_060_000


def test_a_time_refused_is_forgotten() -> None:
    clock = ServerClock(Hand())
    clock.offer(99.0, 100.0, 5)
    clock.forget()
    assert not clock.known
    assert clock.age_s() == float("inf")
    assert clock.doubt_ms() == float("inf")


def test_what_is_dated_goes_on_by_a_time_refused_until_a_better_one_is_told() -> None:
    hand = Hand()
    clock = ServerClock(hand)
    clock.offer(99.99, 100.01, 1_000_000)
    clock.forget()
    hand.s = 101.0
    assert clock.now_ms() == 1_001_000
    clock.offer(100.0, 102.0, 1_000_500)  # of a long round trip, and believed: there is no other
    assert clock.known
    assert clock.now_ms() == 1_000_500


@given(st.floats(0.1, 100), st.floats(0.0, 0.02))
def test_a_replayed_time_is_followed_at_any_speed(speed: float, round_trip: float) -> None:
    hand = Hand()
    clock = ServerClock(hand, replayed=True)

    def server(at: float) -> int:
        return round((at - 100) * 1000 * speed)

    for at in (100.0, 101.0, 106.0):
        clock.offer(at - round_trip / 2, at + round_trip / 2, server(at))
    hand.s = 110.0
    assert clock.now_ms() == pytest.approx(server(110.0), rel=0.01, abs=2)
    clock.forget()
    assert clock.known


def test_a_doubt_grows_with_age() -> None:
    hand = Hand()
    clock = ServerClock(hand)
    clock.offer(99.9, 100.1, 5)
    assert clock.doubt_ms() == pytest.approx(100)
    hand.s = 1100.0
    assert clock.doubt_ms() == pytest.approx(200)
    assert clock.age_s() == pytest.approx(999.9)


def test_lanes_share_the_weight_exits_first() -> None:
    governor = Governor("x")
    waits = {}
    for lane in reversed(Lane):
        count = 0
        while not governor.wait_ms(lane, 20, 0, 10 * MINUTE):
            governor.take(20, 0, 10 * MINUTE)
            count += 1
        waits[lane] = (count, governor.used_weight)
    assert {lane: used for lane, (_, used) in waits.items()} == {
        Lane.MARKET: 3600,
        Lane.QUERY: 4500,
        Lane.ENTRY: 5100,
        Lane.PROTECTION: 5700,
        Lane.EXIT: 6000,
    }
    assert governor.wait_ms(Lane.EXIT, 20, 0, 10 * MINUTE + 59_000) == 1_000
    assert governor.wait_ms(Lane.MARKET, 20, 0, 11 * MINUTE) == 0


def test_the_exchanges_count_wins_unless_it_is_of_a_minute_that_passed() -> None:
    governor = Governor("x")
    governor.counted({"x-mbx-used-weight-1m": "5999"}, 0, 10)
    assert governor.wait_ms(Lane.EXIT, 2, 0, 20) == MINUTE - 20
    governor.counted({"x-mbx-used-weight": "5999"}, 0, MINUTE + 5)
    assert governor.wait_ms(Lane.EXIT, 2, 0, MINUTE + 5) == 0
    for odd in ("", "many", "-5", "٣", "9" * 13):
        governor.counted({"x-mbx-used-weight-1m": odd}, MINUTE, MINUTE + 5)
    assert governor.wait_ms(Lane.MARKET, 2, 0, MINUTE + 5) == 0


def test_orders_have_their_own_limits_by_ten_seconds_and_day() -> None:
    governor = Governor("x")
    governor.set_limits(None, {"10S": 10, "1D": 50, "1H": 7})
    governor.counted({"x-mbx-order-count-10s": "9", "x-mbx-order-count-1d": "9"}, 0, 1)
    assert governor.wait_ms(Lane.ENTRY, 1, 1, 1) == 9_999
    assert governor.wait_ms(Lane.EXIT, 1, 1, 1) == 0
    assert governor.wait_ms(Lane.QUERY, 1, 0, 1) == 0
    governor.counted({"x-mbx-order-count-1d": "50"}, 10_000, 10_001)
    assert governor.wait_ms(Lane.EXIT, 1, 1, 10_001) == 86_400_000 - 10_001


def test_a_firewall_stops_questions_and_not_orders() -> None:
    governor = Governor("x")
    governor.slow_down(100.0)
    assert governor.blocked_s(0, 101.0, Lane.QUERY) == 29.0
    assert governor.blocked_s(0, 101.0, Lane.ENTRY) == 0.0


def test_bans_are_kept_by_address_and_a_torn_file_holds_none(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "bans.json"
    Governor("a", BanFile(file)).ban(60.0, 1_000, 0.0)
    Governor("b", BanFile(file)).ban(None, 1_000, 0.0)
    assert Governor("a", BanFile(file)).blocked_s(1_000, 0.0, Lane.EXIT) == 60.0
    assert Governor("b", BanFile(file)).blocked_s(1_000, 0.0, Lane.EXIT) == 120.0
    assert Governor("c", BanFile(file)).blocked_s(1_000, 0.0, Lane.EXIT) == 0.0
    for torn in ("{", "[]", '{"a": "soon"}', "5"):
        file.write_text(torn)
        assert Governor("a", BanFile(file)).blocked_s(1_000, 0.0, Lane.EXIT) == 0.0
    Governor("a", BanFile(file)).ban(5.0, 0, 0.0)
    assert BanFile(file).until_ms("a") == 5_000


def test_a_ban_dated_by_a_clock_that_was_years_ahead_does_not_hold_for_years(
    tmp_path: Path,
) -> None:
    file, years_ms = tmp_path / "bans.json", 4 * 365 * 86_400_000
    Governor("a", BanFile(file)).ban(120.0, years_ms, 0.0)  # before the date was put right
    governor = Governor("a", BanFile(file))
    assert governor.blocked_s(0, 0.0, Lane.EXIT) == 0.0
    governor.ban(60.0, 0, 0.0)
    assert governor.blocked_s(0, 0.0, Lane.EXIT) == 60.0
    assert BanFile(file).until_ms("a") == 60_000


def test_no_answer_keeps_exits_out_for_longer_than_the_exchange_bans_anybody() -> None:
    banned, paused = Governor("a"), Governor("b")
    banned.ban(999_999_999.0, 0, 0.0)
    paused.pause(999_999_999.0, 0.0)
    for governor in (banned, paused):
        assert governor.blocked_s(0, 0.0, Lane.EXIT) == 3 * 86_400
        assert governor.blocked_s(3 * 86_400_000, 3 * 86_400.0, Lane.EXIT) == 0.0


def test_a_date_set_back_prolongs_no_ban() -> None:
    governor = Governor("a")
    governor.ban(60.0, 7_200_000, 10.0)
    assert governor.blocked_s(0, 11.0, Lane.EXIT) == 59.0
    assert governor.blocked_s(59_000, 70.0, Lane.EXIT) == 0.0


def test_a_ban_ends_by_the_date_where_the_computer_slept() -> None:
    governor = Governor("a")
    governor.ban(60.0, 0, 10.0)
    assert governor.blocked_s(60_000, 11.0, Lane.EXIT) == 0.0


def test_a_full_disk_does_not_stop_a_ban(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    governor = Governor("a", BanFile(blocked / "bans.json"))
    governor.ban(60.0, 0, 0.0)
    assert governor.blocked_s(0, 0.0, Lane.EXIT) == 60.0


def test_venues_differ_in_addresses_only() -> None:
    assert [addresses_of(name).name for name in NAMES[:-1]] == ["binance", "testnet", "demo"]
    assert addresses_of("emulator", "http://127.0.0.1:8700/") == Addresses(
        "emulator",
        "http://127.0.0.1:8700",
        "ws://127.0.0.1:8700",
        "ws://127.0.0.1:8700/ws-api/v3",
        wallet=True,
        replayed=True,
    )
    assert addresses_of("emulator", "https://box").streams == "wss://box"
    assert not addresses_of("testnet").wallet


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("binanse", None, "did you mean 'binance'"),
        ("emulator", None, "give --url"),
        ("emulator", "127.0.0.1:5", "is no address"),
        ("binance", "http://127.0.0.1", "its address is fixed"),
    ],
)
def test_a_venue_that_is_nowhere_is_refused(name: str, url: str | None, words: str) -> None:
    with pytest.raises(BadUsage, match=words):
        addresses_of(name, url)
