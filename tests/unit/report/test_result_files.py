from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leeward.domain.errors import CannotWrite
from leeward.report.files import check_writable, write_whole


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Files of this process may not grow beyond `size` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_bytes(b"old")
    write_whole(path, b"new content")
    assert path.read_bytes() == b"new content"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_bytes(b"old")
    with disk_full_after(1_000), pytest.raises(CannotWrite, match=r"out\.json: cannot be written"):
        write_whole(path, b"x" * 100_000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="does not exist; create it first"):
        check_writable(tmp_path / "nowhere" / "out.json")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="it is a folder; name a file in it"):
        check_writable(tmp_path)


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_folder_without_permission_is_refused_before_the_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CannotWrite, match="Permission denied"):
        check_writable(tmp_path / "out.json")
    tmp_path.chmod(0o700)


def test_a_name_too_long_for_the_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="too long"):
        check_writable(tmp_path / ("x" * 300))


def test_a_device_is_written_to_and_stays_a_device() -> None:
    write_whole(Path("/dev/null"), b"gone")
    assert not Path("/dev/null").is_file()


def test_a_full_device_is_refused() -> None:
    with pytest.raises(CannotWrite, match="No space left on device"):
        write_whole(Path("/dev/full"), b"x")


def test_a_link_keeps_pointing_at_the_file_it_names(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    link = tmp_path / "link.json"
    link.symlink_to(real)
    write_whole(link, b"content")
    assert link.is_symlink()
    assert real.read_bytes() == b"content"
