"""What is written leaves by a thread: nobody waits for who reads it."""

from __future__ import annotations

import io
import threading
import time

import pytest

from leeward.monitoring import outlet as outlets
from leeward.monitoring.outlet import _MOST_WAITING, Outlet


class Stuck(io.StringIO):
    """A terminal that was stopped, until it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: str, /) -> int:
        self.goes_on.wait(60)
        return super().write(text)


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits may take as long as it likes to leave."""
    monkeypatch.setattr(outlets, "_LAST_WORDS_S", 60.0)


@pytest.mark.usefixtures("_patient")
def test_a_stream_that_takes_nothing_holds_nobody_up_and_gets_what_waited_once_it_does() -> None:
    stream = Stuck()
    outlet = Outlet(stream, keep_open=True)
    began_s = time.monotonic()
    for number in range(2 * _MOST_WAITING):
        outlet.write(f"{number}\n")
    assert time.monotonic() - began_s < 30
    stream.goes_on.set()
    outlet.close()
    told = [int(line) for line in stream.getvalue().split()]
    assert _MOST_WAITING <= len(told) < 2 * _MOST_WAITING
    assert told == sorted(told)
    assert told[0] == 0


def test_closing_waits_a_moment_only_for_a_stream_that_takes_nothing() -> None:
    stream = Stuck()
    outlet = Outlet(stream)
    outlet.write("words")
    began_s = time.monotonic()
    outlet.close()
    assert 1 < time.monotonic() - began_s < 30
    assert not stream.closed
    stream.goes_on.set()


@pytest.mark.usefixtures("_patient")
def test_lines_leave_in_the_order_in_which_they_were_written() -> None:
    stream = io.StringIO()
    outlet = Outlet(stream, keep_open=True)
    for number in range(1_000):
        outlet.write(f"{number}\n")
    outlet.close()
    assert stream.getvalue().split() == [str(number) for number in range(1_000)]
