"""Times the phases of a run, and apart from them what compiled code took to build or load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from numba.core import event

from leeward.runtime.clock import monotonic_s


class Stopwatch:
    """Phases in seconds; the time Numba spends building or loading code counts as compile_s."""

    def __init__(self) -> None:
        self._begun = monotonic_s()
        self._compile_s = 0.0
        self._phases: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the time spent inside, less compilation, to phase `name`."""
        listener = event.TimingListener()
        begun = monotonic_s()
        with event.install_listener("numba:compiler_lock", listener):
            yield
        elapsed = monotonic_s() - begun
        compiling = listener.duration if listener.done else 0.0
        self._compile_s += compiling
        self._phases[name] = self._phases.get(name, 0.0) + elapsed - compiling

    def timing(self, load_s: float) -> dict[str, float]:
        """Returns all phases, with `load_s` spent before this watch was started."""
        total_s = monotonic_s() - self._begun + load_s
        return {"load_s": load_s, "compile_s": self._compile_s, **self._phases, "total_s": total_s}
