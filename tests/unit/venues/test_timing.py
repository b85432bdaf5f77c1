from __future__ import annotations

from leeward.venues.timing import ServerClock


def test_the_speed_is_told_although_round_trips_shorten() -> None:
    # A connection is opened within the first round trip; the next ones get a little faster.
    now_s = 0.0
    server = ServerClock(lambda: now_s, replayed=True)
    for round_trip_s in (0.020, 0.0032, 0.0031, 0.0030, 0.0029):
        sent_s = now_s
        now_s += round_trip_s
        server.offer(sent_s, now_s, round((sent_s + now_s) / 2 * 1000 * 60))
        now_s += 0.05
    assert 57 < server.speed < 63
