from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leeward import compiled as room

SOURCE = "def double(x: float) -> float:\n    return 2 * x\n"


def load(path: Path) -> Callable[[float], float]:
    spec = importlib.util.spec_from_file_location("doubling", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Numba looks there for the module of code that it reads back.
    sys.modules["doubling"] = module
    spec.loader.exec_module(module)
    function: Callable[[float], float] = room.compiled(module.double)
    return function


def cache_hits(function: Callable[[float], float]) -> int:
    assert function(2.0) == 4.0
    return sum(function.stats.cache_hits.values())  # type: ignore[attr-defined] # the counter Numba keeps


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "doubling.py"
    path.write_text(SOURCE)
    yield path
    sys.modules.pop("doubling", None)


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


COMPUTE_EVERYTHING = """
import hashlib, json, sys
import numpy as np
from leeward import backtest
from leeward.data.generated import generate_market
from leeward.domain.timeframe import Timeframe
from leeward.indicators.table import INDICATORS
import leeward.indicators as room

for name in room.__all__:
    getattr(room, name)
hour = Timeframe.parse("1h")
market = generate_market(["AUSDT", "BUSDT"], hour, 1_609_459_200_000, 1_500, seed=5)
first = market["AUSDT"]
numbers = {"fast": 5, "slow": 20}
digest = hashlib.sha256()
for name, indicator in sorted(INDICATORS.items()):
    columns = [getattr(first, c, first.close / first.high) for c in indicator.columns]
    chosen = {p: v if isinstance(v, float | int) else numbers.get(p, 7)
              for p, v in indicator.parameters.items()}
    result = indicator.function(*columns, **chosen)
    for column in result if isinstance(result, tuple) else (result,):
        digest.update(np.asarray(column).tobytes())
for strategy in ("ema_cross", "adaptive", "enhanced"):
    for candles in (first, list(market.values())):
        text = backtest(strategy, candles).to_json()
        digest.update(text.partition('"timing"')[0].encode())
print(digest.hexdigest())
"""


def test_code_from_a_warm_cache_computes_the_same_bytes_as_code_just_built(tmp_path: Path) -> None:
    def compute() -> str:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", COMPUTE_EVERYTHING],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    built = compute()
    assert list(tmp_path.rglob("*.nbc"))
    assert compute() == built
