"""One process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from leeward.domain.errors import CannotWrite, Failed
from leeward.runtime.locks import held


def test_who_comes_second_is_told_in_the_words_of_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "new" / "some.lock"
    for _ in range(2):
        with (
            held(FileLock(path), lambda: "unused"),
            pytest.raises(Failed, match="somebody is in"),
            held(FileLock(path), lambda: "somebody is in"),
        ):
            raise AssertionError("two at once")


def test_a_lock_is_let_go_of_where_the_work_fails(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "some.lock")
    with pytest.raises(ZeroDivisionError), held(lock, lambda: "unused"):
        raise ZeroDivisionError
    assert not lock.is_locked


def test_a_place_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CannotWrite, match=r"file/some\.lock: cannot be locked: "),
        held(FileLock(tmp_path / "file" / "some.lock"), lambda: "unused"),
    ):
        raise AssertionError("nothing holds it")
