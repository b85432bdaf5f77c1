"""The points at which a process can be killed, by the phase it is in. Gathered from runs; a test
holds that the campaign passes each of them, and kills there."""

from __future__ import annotations

POINTS: tuple[str, ...] = ()
