"""The heart of a drill: the real engine starts, dies on the order path, comes back and stops."""

from __future__ import annotations

from pathlib import Path

from leeward.data.store import CandleStore
from leeward.runtime.drill import _KILLS, SYMBOLS, Line, Sheet, _Drill
from leeward.runtime.drill_engine import rehearsal
from leeward.runtime.drill_stage import exchange_of
from leeward.runtime.emulator import gather_market


def test_the_engine_survives_a_kill_between_fill_and_stop(tmp_path: Path) -> None:
    said: list[Line] = []
    market = gather_market(SYMBOLS, None, CandleStore(tmp_path / "none"), None, seed=7)
    with exchange_of(market, seed=7) as exchange:
        drill = _Drill(rehearsal(exchange, tmp_path, SYMBOLS), exchange, said.append)
        try:
            drill.line("starts", drill.begins)
            drill.line("kill -9", lambda: drill.killed_at(_KILLS[2]))
            drill.line("stops", drill.ends)
        finally:
            drill.scene.engine.kill()
            drill.scene.close()
    assert [line for line in said if not line.passed] == []
    assert len(said) == 3


def test_a_sheet_passes_only_where_every_line_did() -> None:
    good, bad = (
        Line("this", "so", passed=True, took_s=1),
        Line("that", "no", passed=False, took_s=1),
    )
    assert Sheet("candles", (good,)).passed
    assert not Sheet("candles", (good, bad)).passed
    assert not Sheet("candles", ()).passed
