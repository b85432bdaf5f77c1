"""What a session counts of itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.histories import executed, life_of_a_position, marked

from leeward.domain.money import Money
from leeward.domain.timeframe import DAY_MS
from leeward.engine.records import EquityMarked, PositionClosed
from leeward.runtime.trading.measuring import Measures, trade_values

HOUR_MS = 3_600_000


def mark(hour: int, equity: str, peak: str = "10000") -> EquityMarked:
    return replace(marked(0, equity), open_time_ms=hour * HOUR_MS, peak=Decimal(peak))


def test_a_deposit_is_no_profit() -> None:
    measures = Measures()
    measures.step([mark(0, "10000")], Decimal(500), 0.1, HOUR_MS)
    measures.step([mark(1, "11000")], Decimal(0), 0.1, HOUR_MS)
    measures.step([mark(2, "22000", "22000")], Decimal(11_000), 0.1, HOUR_MS)
    assert measures.values()["return"] == pytest.approx(0.1)
    measures.step([mark(3, "16500", "22000")], Decimal(0), 0.3, HOUR_MS)
    found = measures.values()
    assert found["return"] == pytest.approx(0.1 * 0.75 - 0.25)
    assert found["max_drawdown"] == pytest.approx(0.25)
    assert (found["steps"], found["step_p99_ms"]) == (4, 300.0)


def test_a_day_is_over_at_its_last_candle_or_at_the_first_after_a_gap() -> None:
    measures = Measures()
    for hour in (21, 22):
        measures.step([mark(hour, "10000")], Decimal(0), 0.1, HOUR_MS)
    assert not measures.over
    measures.step([mark(23, "9000")], Decimal(0), 0.1, HOUR_MS)
    measures.step([mark(24, "8000")], Decimal(0), 0.1, HOUR_MS)
    measures.step([mark(80, "8000")], Decimal(0), 0.1, HOUR_MS)
    assert [at_ms for at_ms, _ in measures.over] == [DAY_MS, 3 * DAY_MS]
    assert measures.over[0][1]["return"] == pytest.approx(-0.1)


def test_decisions_are_counted() -> None:
    measures = Measures()
    rows = [replace(executed(0), decision=each) for each in ("enter", "refused", "refused", "none")]
    measures.step([mark(0, "10000"), *rows], Decimal(0), 0.1, HOUR_MS)
    found = measures.values()
    assert (found["entries"], found["refusals"]) == (1, 2)


def test_fees_count_in_quote_units_and_gaps_without_a_stop_add_up() -> None:
    commits = life_of_a_position()
    end = next(each for commit in commits for each in commit if isinstance(each, PositionClosed))
    trade = replace(
        end.trade,
        fees=(Money(Decimal(2), "USDT"), Money(Decimal("0.01"), "BTC"), Money(Decimal(7), "BNB")),
    )
    found = trade_values([PositionClosed(trade, 5, 1_500), end], {"ETHUSDT": 0.25})
    price = float(end.trade.entry_price.value)
    assert found["fees"] == pytest.approx(2 + 0.01 * price + trade_values([end], {})["fees"])
    assert found["trades"] == 2
    counted = trade_values([PositionClosed(trade, 5, 1_500)], {}, {"BNB": Decimal(600)})
    assert counted["fees"] == pytest.approx(2 + 0.01 * price + 4_200)
    assert counted["pnl"] == pytest.approx(float(trade.pnl.amount) - 4_200)
    assert found["unprotected_s"] == pytest.approx(1.75 + end.unprotected_ms / 1000)
