"""Alerts that wait on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.monitoring.outbox import MOST_WAITING, Outbox


def titles(outbox: Outbox, channel: str | None = None) -> list[str]:
    return [each.title for each in outbox.waiting(channel)]


def test_what_a_channel_took_waits_for_the_others_alone(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "box")
    outbox.put(5, "warning", "one", "words", ("a", "b"))
    outbox.put(6, "critical", "two", "words", ("a", "b"))
    outbox.taken(outbox.waiting("a"), "a")
    assert titles(outbox, "a") == []
    assert titles(outbox, "b") == ["one", "two"]
    outbox.taken(outbox.waiting("b")[:1], "b")
    outbox.close()
    again = Outbox(tmp_path / "box")
    assert titles(again) == ["two"]
    (left,) = again.waiting()
    assert (left.at_ms, left.level, left.body, left.to) == (6, "critical", "words", ("b",))
    again.close()


def test_numbers_go_on_where_they_ended(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "box")
    first.put(1, "info", "one", "", ("a",))
    first.close()
    second = Outbox(tmp_path / "box")
    second.put(2, "info", "two", "", ("a",))
    assert [each.number for each in second.waiting()] == [1, 2]
    second.close()


@given(cut=st.integers(0, 400))
def test_a_line_cut_short_loses_that_alert_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    outbox = Outbox(folder / "box")
    for number in range(3):
        outbox.put(number, "info", f"alert {number}", "words", ("a",))
    outbox.close()
    content = (folder / "box").read_bytes()
    kept = content[: min(cut, len(content))]
    (folder / "box").write_bytes(kept)
    whole = kept.count(b"\n") + kept.endswith(b"}}")
    again = Outbox(folder / "box")
    assert titles(again) == [f"alert {number}" for number in range(whole)]
    again.put(9, "info", "later", "", ("a",))
    again.close()
    last = Outbox(folder / "box")
    assert titles(last)[-1] == "later"
    last.close()


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    rubbish = b'\xff\xfe\n[]\n{"put": 5}\n{"put": {"number": 1}}\n{"taken": "x", "by": 1}\n\n'
    (tmp_path / "box").write_bytes(rubbish)
    outbox = Outbox(tmp_path / "box")
    assert outbox.waiting() == []
    outbox.close()


def test_a_dead_channel_grows_neither_memory_nor_file_without_end(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "box")
    for number in range(3 * MOST_WAITING):
        outbox.put(number, "info", f"alert {number}", "w" * 200, ("dead", "alive"))
        outbox.taken(outbox.waiting("alive"), "alive")
    assert len(outbox.waiting()) == MOST_WAITING
    assert outbox.waiting()[-1].title == f"alert {3 * MOST_WAITING - 1}"
    assert outbox.lost == 2 * MOST_WAITING
    assert (tmp_path / "box").stat().st_size < 1_000_000
    outbox.close()


def test_what_was_for_channels_that_are_gone_is_forgotten(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "box")
    outbox.put(1, "info", "one", "", ("old", "kept"))
    outbox.put(2, "info", "two", "", ("old",))
    outbox.drop_all_but(("kept",))
    assert titles(outbox) == ["one"]
    outbox.close()


def test_what_is_put_while_the_file_is_written_anew_goes_along(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "box")
    over = threading.Event()

    def rewrite() -> None:
        while not over.is_set():
            outbox._rewrite()

    thread = threading.Thread(target=rewrite)
    thread.start()
    for number in range(300):
        outbox.put(number, "info", f"alert {number}", "", ("a",))
    over.set()
    thread.join()
    outbox.close()
    again = Outbox(tmp_path / "box")
    assert titles(again) == [f"alert {number}" for number in range(300)]
    again.close()


VICTIM = """
import sys
from pathlib import Path
from leeward.monitoring.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    outbox.put(number, "info", f"alert {number}", "words", ("a",))
    print(number, flush=True)
    if number % 7 == 0:
        outbox.taken(outbox.waiting("a")[:3], "a")
    if number % 50 == 0:
        outbox._rewrite()
"""


def test_whatever_was_put_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    for turn, count in enumerate((20, 101, 333)):
        box = tmp_path / f"box-{turn}"
        process = subprocess.Popen(
            [sys.executable, "-c", VICTIM, str(box)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(count):
            told = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        told = max([told, *(int(each) for each in process.stdout.read().split())])
        process.communicate(timeout=60)
        outbox = Outbox(box)
        numbers = [each.at_ms for each in outbox.waiting()]
        first = numbers[0]
        assert numbers[: told - first + 1] == list(range(first, told + 1))
        # Taken, or more than may wait where this test comes late to the kill.
        assert first - 1 <= max(3 * (numbers[-1] // 7), numbers[-1] - MOST_WAITING + 3)
        outbox.close()


def test_a_full_disk_keeps_alerts_in_memory(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "box")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, outbox._file)
    os.close(full)
    outbox.put(1, "info", "one", "", ("a",))
    assert titles(outbox) == ["one"]
    outbox.taken(outbox.waiting(), "a")
    assert titles(outbox) == []
    outbox.close()
