"""The emergency journal keeps what it was given, whatever a crash leaves of its last line."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.errors import CannotWrite, Failed
from leeward.domain.money import Quantity
from leeward.engine.records import Noted, OrderMoved, OrderState, Record, Severity
from leeward.runtime.trading.journal import Journal

NOTED = Noted("kind", "words", Severity.INFO, 1)
MOVED = OrderMoved("lw-1", OrderState.OPEN, Quantity(Decimal("0.1")), 2)


def test_batches_come_back_in_order_and_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([NOTED, MOVED], 3)
    journal.append([MOVED], 3)
    assert Journal(tmp_path / "journal").batches() == [(NOTED, MOVED), (MOVED,)]


@given(cut=st.integers(1, 40))
def test_a_line_that_was_cut_short_is_dropped_and_the_next_one_is_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal"
    journal = Journal(path)
    journal.append([NOTED], 3)
    journal.append([MOVED], 3)
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(path)
    again.append([MOVED], 3)
    assert again.batches() == [(NOTED,), (MOVED,)]


def test_a_broken_line_before_the_last_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path).append([NOTED], 3)
    path.write_bytes(b"garbage\n" + path.read_bytes())
    with pytest.raises(Failed, match="line 1 cannot be read"):
        Journal(path).batches()


def test_it_is_empty_once_cleared(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([NOTED], 3)
    journal.clear()
    assert Journal(tmp_path / "journal").batches() == []


def test_every_batch_is_forced_to_the_disk_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[int] = []
    journal = Journal(tmp_path / "journal")
    real = os.fsync

    def note(handle: int) -> None:
        forced.append(os.fstat(handle).st_size)
        real(handle)

    monkeypatch.setattr(os, "fsync", note)
    journal.append([NOTED], 3)
    assert (tmp_path / "journal").stat().st_size in forced


def test_a_full_disk_gives_up_the_reserve_for_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal")
    reserve = tmp_path / "journal.reserve"
    assert reserve.stat().st_size > 100_000
    real = os.fsync

    def full_while_reserved(handle: int) -> None:
        if reserve.exists():
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full_while_reserved)
    journal.append([MOVED], 3)
    assert journal.batches() == [(MOVED,)]


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal")
    records: list[Record] = [MOVED]

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match="free some space"):
        journal.append(records, 3)
