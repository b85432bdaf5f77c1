"""The chain of a decision names the numbers that the gate had, and what came of it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache

import pytest
from tests.sessions import FakeSession, Spoilt
from tests.walks import walk

from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage
from leeward.domain.money import Quantity
from leeward.domain.trades import EXIT_REASONS
from leeward.engine.records import (
    EquityMarked,
    IntentMade,
    OrderState,
    PlanChanged,
    PositionClosed,
    TradingState,
)
from leeward.report.reasons import (
    BOUND_WORDS,
    EXIT_WORDS,
    GATE_WORDS,
    ORDER_WORDS,
    STATE_WORDS,
)
from leeward.report.why import Chain, as_json_object, tell
from leeward.research.recorded import Recorded
from leeward.research.why import why_in_session
from leeward.risk.limits import RiskLimits
from leeward.risk.refusals import REFUSALS
from leeward.risk.sizing import floor_to_step

#: So tight that each limit binds somewhere.
TIGHT = RiskLimits(
    trend_gate="off",
    max_exposure_fraction=0.12,
    risk_per_trade_fraction=0.002,
    correlation_threshold=0.01,
    max_correlated_fraction=0.11,
    drawdown_ladder=((0.001, 0.9), (0.01, 0.5)),
)


def market(symbols: int = 4) -> tuple[Candles, ...]:
    names = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")[:symbols]
    return tuple(walk(800, symbol=name, seed=20 + i) for i, name in enumerate(names))


@cache
def plain() -> Recorded:
    return FakeSession(market(2), "adaptive", spoilt=Spoilt(fee=0.2)).run()


def chains(recorded: Recorded, decision: str) -> list[Chain]:
    rows = [(key, row) for key, row in recorded.executed.items() if row.decision == decision]
    return [why_in_session(recorded, symbol, time) for (symbol, time), _ in rows[:12]]


def words(chain: Chain) -> dict[str, str]:
    return dict(tell(chain))


def test_the_smallest_bound_times_the_ladder_in_whole_lots_is_the_quantity() -> None:
    recorded = FakeSession(market(), "adaptive", limits=TIGHT).run()
    bound = set()
    found = chains(recorded, "enter")
    for chain in found:
        assert chain.sizing is not None
        least = min(chain.sizing.bounds, key=lambda each: each.size)
        size = least.size * chain.sizing.ladder
        whole = floor_to_step(size / chain.sizing.close, chain.sizing.lot_step)
        assert chain.quantity == whole == chain.sizing.quantity
        bound.add(least.limit)
    assert len(bound) > 1
    assert any(chain.sizing is not None and chain.sizing.ladder < 1 for chain in found)


def test_an_entry_tells_its_size_and_ends_with_its_profit() -> None:
    chain = chains(plain(), "enter")[0]
    told = words(chain)
    assert "entry condition holds (breakout)" in told["strategy"]
    assert told["size"].startswith("asked 10 % of equity: 1,000.00")
    assert told["decision"].startswith(f"buy {chain.quantity:.10g}, stop ")
    closed = next(record for record in chain.story if isinstance(record, PositionClosed))
    assert told["closed"].endswith(f"profit {closed.trade.pnl.amount.normalize():+f} USDT")
    assert [label for label, _ in tell(chain)][-1] == "closed"


def test_an_entry_that_was_ordered_for_less_than_decided_says_so() -> None:
    whole = chains(plain(), "enter")
    assert all("cut" not in words(chain) for chain in whole)
    made = next(record for record in whole[0].story if isinstance(record, IntentMade))
    part = replace(made.orders[0], quantity=Quantity(Decimal("0.001")))
    story = tuple(
        replace(made, orders=(part, *made.orders[1:])) if record is made else record
        for record in whole[0].story
    )
    assert words(replace(whole[0], story=story))["cut"].startswith("to 0.001: what limits and cash")


def test_a_refusal_names_the_limit_and_the_trend_its_numbers() -> None:
    recorded = FakeSession(market(2), "adaptive", limits=RiskLimits()).run()
    chain = next(c for c in chains(recorded, "refused") if c.reason == "against_trend")
    told = words(chain)
    assert "the trend gate saw no rising market (against_trend)" in told["decision"]
    assert "EMA(200) against 10 candles ago, close" in told["trend gate"]
    assert "size" not in told


def test_an_exit_tells_why_and_of_which_position() -> None:
    chain = chains(plain(), "exit")[0]
    assert "exit condition holds" in words(chain)["strategy"]
    assert "the strategy's exit condition held (signal)" in words(chain)["decision"]
    assert chain.held is not None
    assert words(chain)["held"].startswith(f"{chain.held.quantity:.10g} since ")


def test_a_raised_stop_is_told() -> None:
    place, raised = next(
        (place, record)
        for place, record in enumerate(plain().records)
        if isinstance(record, PlanChanged) and record.closing is None
    )
    symbol = raised.position_id.split("-")[0]
    marks = [r for r in plain().records[:place] if isinstance(r, EquityMarked)]
    chain = why_in_session(plain(), symbol, marks[-1].open_time_ms)
    assert raised.plan.stop is not None
    assert chain.raised_to == float(raised.plan.stop.value)
    assert f"the stop rises to {raised.plan.stop}" in words(chain)["decision"]


def test_a_candle_that_did_not_come_in_time_is_told() -> None:
    recorded = FakeSession(market(1), spoilt=Spoilt(missing=0.2)).run()
    chain = chains(recorded, "skipped")[0]
    assert words(chain)["candle"].endswith("not known at the decision")
    assert words(chain)["decision"] == "no decision: the candle did not come in time"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"prediction": 0.1, "ladder": 2.0}, "prediction 0.1, ladder 2 (sentiment model); "),
        ({"prediction": None, "ladder": 0.0}, "prediction unknown, ladder 0 (rule); "),
        ({"prediction": None, "ladder": None}, "prediction unknown, ladder unknown; "),
        ({"ladder": 2.0}, "ladder 2; "),  # a column of that name in a strategy that asks no model
    ],
)
def test_who_decided_is_said_in_words(columns: dict[str, float | None], said: str) -> None:
    chain = replace(chains(plain(), "enter")[0], columns=columns)
    assert words(chain)["strategy"].startswith(said)


def test_the_last_decision_is_the_default() -> None:
    last = max(time for symbol, time in plain().executed if symbol == "ETHUSDT")
    assert why_in_session(plain(), "ETHUSDT").open_time_ms == last


def test_an_unknown_symbol_or_time_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadUsage, match="unknown symbol 'BTCUSD'; did you mean 'BTCUSDT'"):
        why_in_session(plain(), "BTCUSD")
    first = min(time for _, time in plain().executed)
    with pytest.raises(BadUsage, match="the nearest: 2024-01-26T00:00:00Z and 2024-01-26T01:00"):
        why_in_session(plain(), "BTCUSDT", first + 1)


def test_the_json_holds_the_records_and_the_words() -> None:
    chain = chains(plain(), "enter")[0]
    document = json.loads(json.dumps(as_json_object(chain)))
    assert document["decision"] == "enter"
    assert document["candle_opens"].endswith("Z")
    assert len(document["story"]) == len(chain.story)
    assert [row["about"] for row in document["words"]] == [label for label, _ in tell(chain)]


def test_every_state_has_words() -> None:
    assert set(STATE_WORDS) == set(TradingState)
    assert set(ORDER_WORDS) == set(OrderState)
    assert set(EXIT_WORDS) >= set(EXIT_REASONS)
    assert set(GATE_WORDS) >= set(REFUSALS)
    assert len(BOUND_WORDS) == 5
