from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from leeward import compiled as room

SOURCE = "def double(x: float) -> float:\n    return 2 * x\n"


def load(path: Path) -> Callable[[float], float]:
    spec = importlib.util.spec_from_file_location("doubling", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[float], float] = room.compiled(module.double)
    return function


def cache_hits(function: Callable[[float], float]) -> int:
    assert function(2.0) == 4.0
    return sum(function.stats.cache_hits.values())  # type: ignore[attr-defined] # the counter Numba keeps


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "doubling.py"
    path.write_text(SOURCE)
    return path


def test_machine_code_is_kept_on_disk(source: Path) -> None:
    assert cache_hits(load(source)) == 0
    assert cache_hits(load(source)) == 1


def test_a_change_in_any_file_of_the_package_makes_it_stale(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_hits(load(source))
    stamp = room._package_stamp()
    monkeypatch.setattr(room, "_package_stamp", lambda: (*stamp, ("risk/new.py", 1, 1)))
    assert cache_hits(load(source)) == 0


def test_the_stamp_covers_every_room_with_compiled_code() -> None:
    package = Path(room.__file__).parent
    users = {
        path.parent.name
        for path in package.rglob("*.py")
        if "leeward.compiled import" in path.read_text()
    }
    stamped = {name.partition("/")[0] for name, _, _ in room._package_stamp()}
    assert users <= stamped
