"""The polite client, against a real server on a loopback socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from tests.fakes import Answer, FakeBinance, serving

from leeward.data.fetching import PAUSES_S, Fetcher
from leeward.domain.errors import BadConfig, Failed, RetryLater


class Waits:
    """A clock that notes how long it was asked to sleep, and what the user was told."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []
        self.notices: list[str] = []
        self.fetcher = Fetcher(time.perf_counter, self.slept_s.append, self.notices.append)


@pytest.fixture
def waits() -> Iterator[Waits]:
    waits = Waits()
    with waits.fetcher.client:
        yield waits


@pytest.fixture
def exchange() -> Iterator[FakeBinance]:
    with serving(FakeBinance([], now_ms=1_717_243_215_000)) as fake:  # second 15 of its minute
        yield fake


def test_a_good_answer_comes_back_whole(waits: Waits, exchange: FakeBinance) -> None:
    reply = waits.fetcher.get(f"{exchange.url}/api/v3/time")
    assert (reply.status, reply.body) == (200, b'{"serverTime": 1717243215000}')
    assert waits.slept_s == []


def test_a_missing_file_is_an_answer_and_not_tried_again(
    waits: Waits, exchange: FakeBinance
) -> None:
    assert waits.fetcher.get(f"{exchange.url}/nothing").status == 404
    assert len(exchange.requests) == 1


@pytest.mark.parametrize(
    "broken",
    [Answer(503), Answer(500, b"<html>"), Answer(200, b"half", length=1000)],
    ids=["unavailable", "gateway page", "cut off"],
)
def test_a_passing_trouble_is_tried_again_after_growing_pauses(
    waits: Waits, exchange: FakeBinance, broken: Answer
) -> None:
    exchange.scripted["/time"] = [broken, broken]
    assert waits.fetcher.get(f"{exchange.url}/api/v3/time").status == 200
    assert waits.slept_s == list(PAUSES_S[:2])


def test_lasting_trouble_ends_after_four_tries_naming_the_host(
    waits: Waits, exchange: FakeBinance
) -> None:
    exchange.scripted["/time"] = [Answer(502)] * 10
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:\d+ is in trouble \(HTTP 502\)"):
        waits.fetcher.get(f"{exchange.url}/api/v3/time")
    assert len(exchange.requests) == 4


def test_a_port_nobody_listens_on_is_told_as_not_reached(waits: Waits) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # kept, so that nobody else begins to listen there
        with pytest.raises(RetryLater, match=f"127.0.0.1:{port} cannot be reached: .*refused"):
            waits.fetcher.get(f"http://127.0.0.1:{port}/")
    assert waits.slept_s == list(PAUSES_S)


def test_too_many_requests_waits_as_long_as_asked_and_says_so(
    waits: Waits, exchange: FakeBinance
) -> None:
    exchange.scripted["/time"] = [Answer(429, headers={"Retry-After": "7"}), Answer(429)]
    assert waits.fetcher.get(f"{exchange.url}/api/v3/time").status == 200
    assert waits.slept_s == [7.0, 60.0]
    assert waits.notices[0].endswith("asks to slow down (429); waiting 7 s")


def test_a_wait_of_many_minutes_is_left_to_the_user(waits: Waits, exchange: FakeBinance) -> None:
    exchange.scripted["/time"] = [Answer(429, headers={"Retry-After": "3600"})]
    with pytest.raises(RetryLater, match=r"asks to wait 3600 s \(429\)"):
        waits.fetcher.get(f"{exchange.url}/api/v3/time")
    assert waits.slept_s == []


def test_a_ban_stops_at_once(waits: Waits, exchange: FakeBinance) -> None:
    exchange.scripted["/time"] = [Answer(418, headers={"Retry-After": "120"})]
    with pytest.raises(RetryLater, match=r"has banned this address for 120 s \(418\)"):
        waits.fetcher.get(f"{exchange.url}/api/v3/time")
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("status", [302, 403, 451])
def test_a_refusal_that_waiting_does_not_cure_is_not_tried_again(
    waits: Waits, exchange: FakeBinance, status: int
) -> None:
    exchange.scripted["/time"] = [Answer(status, b"<html>no</html>")]
    with pytest.raises(Failed, match=rf"refuses \(HTTP {status}\): '<html>no</html>'"):
        waits.fetcher.get(f"{exchange.url}/api/v3/time")
    assert len(exchange.requests) == 1


def test_much_used_weight_waits_for_the_next_minute_of_the_server(
    waits: Waits, exchange: FakeBinance
) -> None:
    exchange.scripted["/time"] = [Answer(200, headers={"X-MBX-USED-WEIGHT-1M": "3000"})]
    waits.fetcher.get(f"{exchange.url}/api/v3/time")
    assert waits.slept_s == [45.0]


def test_an_answer_that_drips_ends_at_the_deadline(exchange: FakeBinance) -> None:
    seconds = iter(range(0, 10_000, 40))
    dripping = Fetcher(lambda: float(next(seconds)), lambda _: None, lambda _: None)
    with dripping.client, pytest.raises(RetryLater, match="no whole answer within 30 s"):
        dripping.get(f"{exchange.url}/api/v3/time", within_s=30.0)


@pytest.mark.parametrize("url", ["data.binance.vision/x", "ftp://x/y", "http://"])
def test_an_address_that_is_none_is_refused_as_a_setting(waits: Waits, url: str) -> None:
    with pytest.raises(BadConfig, match=r"correct data\.archive_url"):
        waits.fetcher.get(url)


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://localhost:1")
    with pytest.raises(BadConfig, match="proxy of this environment"):
        Fetcher(time.perf_counter, lambda _: None, lambda _: None)
