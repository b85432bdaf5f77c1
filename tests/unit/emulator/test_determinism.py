"""The same seed and the same requests give the same log, in any process."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from tests.emulated import (
    ME,
    MINUTE_US,
    ask,
    exchange_of,
    place,
    place_list,
    play,
    user_events,
)

from leeward.emulator.exchange import Exchange

ROWS = [(100.0, 104.0, 97.0, 103.0, 50.0), (103.0, 103.5, 95.0, 96.0, 80.0)] * 3


def session(seed: int = 1, *, watching: bool = False) -> Exchange:
    """Returns an exchange after some trading."""
    exchange = exchange_of(*ROWS, seed=seed, path="seeded", ticks_per_bar=9)
    if watching:
        for name in ("tstusdt@kline_1m", "tstusdt@depth@100ms", "!miniTicker@arr"):
            exchange.watch(name)
    trade(exchange)
    return exchange


def trade(exchange: Exchange) -> None:
    for _ in range(3):
        place(exchange, "BUY", "MARKET", "1")
        place(exchange, "BUY", "LIMIT", "1", price="98")
        place(exchange, "BUY", "LIMIT", "1", price="60")
        place_list(
            exchange,
            "OCO",
            ask("SELL", "LIMIT_MAKER", "1", price="110", prefix="above"),
            ask("SELL", "STOP_LOSS", "1", stop_price="90", prefix="below"),
        )
        play(exchange)
        exchange.cancel_open_orders(ME, "TSTUSDT")


def test_a_session_repeats_itself_in_another_process_with_another_hash_seed() -> None:
    code = "from tests.unit.emulator.test_determinism import session; print(session().log_hash)"
    root = Path(__file__).parents[3]
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{root}/src"},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {session().log_hash}


def test_another_seed_gives_another_log_and_watching_changes_none() -> None:
    plain = session().log_hash
    assert session(seed=2).log_hash != plain
    assert session(watching=True).log_hash == plain


def test_the_size_of_the_steps_does_not_matter() -> None:
    hashes = set()
    for step in (1_000_000, 7_000_000, 6 * MINUTE_US):
        exchange = exchange_of(*ROWS)
        place(exchange, "BUY", "LIMIT", "1", price="98")
        end = exchange.time_us + 6 * MINUTE_US
        while exchange.time_us < end:
            exchange.advance(min(end, exchange.time_us + step))
        hashes.add(exchange.log_hash)
    assert len(hashes) == 1


def test_a_restored_snapshot_replays_to_the_same_hash() -> None:
    exchange = session()
    kept = exchange.snapshot()
    before = exchange.log_hash
    ends = []
    for _ in range(2):
        trade(exchange)
        ends.append((exchange.log_hash, exchange.truth(), exchange.invariants()))
        exchange.restore(kept)
        assert exchange.log_hash == before
    assert ends[0] == ends[1]
    assert ends[0][2] == []


def test_the_log_numbers_its_lines_and_notes_are_part_of_the_hash() -> None:
    exchange = session()
    lines = exchange.event_log()
    assert [line.split("|", 1)[0] for line in lines] == [str(n + 1) for n in range(len(lines))]
    before = exchange.log_hash
    exchange.note("fault latency")
    assert exchange.event_log(len(lines) + 1) == [f"{len(lines) + 1}|N|fault latency"]
    assert exchange.log_hash != before


def test_reading_changes_nothing() -> None:
    exchange = session()
    user_events(exchange)
    before = exchange.log_hash
    exchange.truth()
    exchange.depth("TSTUSDT")
    exchange.klines("TSTUSDT", "1h")
    exchange.test_order(ME, ask("BUY", "MARKET", str(Decimal(1))))
    assert exchange.drain() == []
    assert exchange.invariants() == []
    assert len(before) == 64
