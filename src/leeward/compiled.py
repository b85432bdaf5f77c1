"""Compiles a function once and keeps the machine code on disk, as fresh as all of its callees.

Numba's own disk cache looks at the file a function stands in, not at the files of the functions
it calls: after an update of the risk gate alone it would go on running the old gate inside the
account loop. Here every compiled function is stale as soon as any source file of the package is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.cpu import CPUContext
from numba.core.runtime import rtsys

P = ParamSpec("P")
R = TypeVar("R")

#: Rooms with compiled functions, or with constants that are compiled into them.
_ROOMS = ("domain", "indicators", "statistics", "risk", "engine", "simulation", "data", "report")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Returns the function compiled to machine code that releases the GIL.

    It is inlined where other compiled code calls it, and it may not make new arrays: without that
    promise every call counts references to the dozens of arrays that the account loop hands down,
    which costs more than most of what is called. Floats are added in the order written, so that
    every machine gets the same last bit.
    """
    inlined = njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
    return _cached(inlined(function), function)


def compiled_alone(function: Callable[P, R]) -> Callable[P, R]:
    """Returns the function compiled as one of its own, which may make new arrays."""
    return _cached(njit(nogil=True, error_model="numpy")(function), function)


def compiled_in_any_order(function: Callable[P, R]) -> Callable[P, R]:
    """Returns the function compiled so that sums may be added in any order, several at a time.

    Faster, but the last bits differ between machines: only for what is compared with a threshold.
    """
    fast = njit(
        nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"}, _nrt=False
    )
    return _cached(fast(function), function)


def _cached(dispatcher: Callable[P, R], function: Callable[P, R]) -> Callable[P, R]:
    # What njit(cache=True) does inside.
    dispatcher._cache = _PackageCache(function)  # type: ignore[attr-defined] # noqa: SLF001
    return dispatcher


@cache
def _package_stamp() -> tuple[tuple[str, int, int], ...]:
    """Returns name, time of change and size of every source file that may hold compiled code."""
    root = Path(__file__).parent
    files = (path for room in _ROOMS for path in sorted((root / room).glob("*.py")))
    stats = ((f"{path.parent.name}/{path.name}", path.stat()) for path in files)
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


class _PackageCache(FunctionCache):  # type: ignore[misc] # Numba comes without types
    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=_package_stamp(),
        )

    def load_overload(self, sig: object, target_context: CPUContext) -> object:
        # Numba would first import all the overloads it knows, a fifth of a second that only
        # building needs. Code that is built already needs the run-time system.
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
