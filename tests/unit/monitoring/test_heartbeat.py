"""The call that is made while all is well."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from tests.hearing import Hearing, hearing

from leeward.monitoring import heartbeat as heartbeats
from leeward.monitoring.heartbeat import FRESH_S, Heartbeat


@pytest.fixture
def hears(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hearing]:
    monkeypatch.setattr(heartbeats, "_TIMEOUT_S", 60.0)
    with hearing() as server:
        yield server


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s, self.counts, self.failing = 100.0, list[str](), 0
        self.looks = 0

    def heartbeat(self, hears: Hearing) -> Heartbeat:
        return Heartbeat(hears.url, 0.02, self._time_s, self.counts.append, self._failing)

    def _time_s(self) -> float:
        self.looks += 1
        return self.now_s

    def looked(self, times: int) -> None:
        """Waits until the thread looked at the clock so often again: it asks between two looks."""
        wanted, until_s = self.looks + times, time.monotonic() + 60
        while self.looks < wanted:
            assert time.monotonic() < until_s
            time.sleep(0.01)

    def _failing(self) -> None:
        self.failing += 1


def test_it_is_silent_until_the_session_is_well_and_once_that_word_is_old(hears: Hearing) -> None:
    watch = Watch()
    heartbeat = watch.heartbeat(hears)
    watch.looked(5)
    assert hears.gets == []
    heartbeat.well()
    hears.until(lambda: len(hears.gets) > 2)
    watch.now_s += FRESH_S + 1
    watch.looked(2)  # what was under way is over
    heard = len(hears.gets)
    watch.looked(5)
    assert len(hears.gets) == heard
    heartbeat.close()
    assert set(watch.counts) == {"sent"}


def test_failures_in_a_row_are_told_once_and_it_goes_on(hears: Hearing) -> None:
    watch = Watch()
    hears.status = 500
    heartbeat = watch.heartbeat(hears)
    heartbeat.well()
    hears.until(lambda: watch.counts.count("failed") > 5)
    assert watch.failing == 1
    hears.status = 200
    hears.until(lambda: "sent" in watch.counts)
    heartbeat.close()


def test_whatever_the_system_raises_is_a_failure_and_no_end(
    hears: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(address: str, **how: float) -> httpx.Response:
        error = next(errors, None)
        if error is not None:
            raise error  # of the file of certificates, which is read for every call
        return whole(address, timeout=how["timeout"])

    whole, errors = httpx.get, iter([OSError(24, "Too many open files")])
    monkeypatch.setattr(httpx, "get", get)
    watch = Watch()
    heartbeat = watch.heartbeat(hears)
    heartbeat.well()
    hears.until(lambda: "sent" in watch.counts)
    heartbeat.close()
    assert watch.counts[0] == "failed"


def test_an_address_that_is_none_fails_and_says_nothing_of_itself() -> None:
    watch = Watch()
    for url in ("http://127.0.0.1:9/canary", "nonsense", "http://[bad/canary"):
        heartbeat = Heartbeat(url, 0.02, lambda: watch.now_s, watch.counts.append, watch._failing)
        heartbeat.well()
        until_s = time.monotonic() + 60
        while watch.counts.count("failed") < 1:
            assert time.monotonic() < until_s
            time.sleep(0.02)
        heartbeat.close()
        assert set(watch.counts) == {"failed"}
        watch.counts.clear()
