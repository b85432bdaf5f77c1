"""Sessions that went as the simulation takes them to match their backtest; spoilt ones differ by
exactly what was spoilt."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from tests.sessions import FakeSession, Spoilt
from tests.walks import walk

from leeward.domain.candles import Candles
from leeward.engine.records import EquityMarked, Executed, StateMoved, TradingState
from leeward.research.parity import Parity, check_parity
from leeward.research.recorded import Recorded
from leeward.risk.limits import RiskLimits

ROWS = 850
OFF = RiskLimits(trend_gate="off")


def market(seed: int = 5, rows: int = ROWS) -> tuple[Candles, ...]:
    names = ("BTCUSDT", "ETHUSDT")
    return tuple(walk(rows, symbol=name, seed=seed + i) for i, name in enumerate(names))


def parity_of(spoilt: Spoilt, strategy: str = "adaptive", seed: int = 5) -> Parity:
    return check_parity(FakeSession(market(seed), strategy, spoilt=spoilt).run())


@cache
def plain() -> Recorded:
    return FakeSession(market(), "adaptive").run()


def nonzero(parity: Parity) -> set[str]:
    return {name for name, amount in parity.gap.parts.by_name().items() if amount}


@pytest.mark.parametrize("strategy", ["ema_cross", "adaptive", "enhanced"])
def test_a_session_filled_as_the_simulation_fills_has_no_gap(strategy: str) -> None:
    parity = parity_of(Spoilt(), strategy)
    assert parity.gap.pairs
    assert parity.gap.total == 0
    assert nonzero(parity) == set()
    assert parity.decisions.differences == ()
    assert parity.decisions.alike == parity.decisions.decided == 2 * 250
    assert parity.is_clean


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("price", {"fill_price"}),
        ("fee", {"fee"}),
        ("fee_in_base", {"fee", "missed"}),  # what is kept leaves a rest below the lot step
        ("partial", {"missed"}),
        ("missed", {"missed"}),
        ("refused", {"refusal"}),
        ("gate", {"refusal"}),
        ("late", {"timing"}),
        ("missing", {"data"}),
    ],
)
def test_what_was_spoilt_lands_in_its_own_part(what: str, parts: set[str]) -> None:
    # The first trade alone is spoilt. Sizes follow equity, so later ones are of another size.
    first = check_parity(plain()).gap.pairs[0]
    hours = 0 if what == "missing" else 2
    until_ms = first.decided_ms + 1 + hours * 3_600_000
    spoilt = replace(Spoilt(until_ms=until_ms), **{what: 1.0})  # type: ignore[arg-type] # a chance
    parity = parity_of(spoilt)
    own = next(pair for pair in parity.gap.pairs if pair.decided_ms == first.decided_ms)
    assert {name for name, amount in own.parts.by_name().items() if amount} <= parts
    assert own.parts.total != 0
    assert parity.gap.remainder == 0
    assert not parity.decisions.unexplained


@pytest.mark.parametrize("seed", range(1, 7))
def test_the_gap_of_any_session_is_explained_to_the_last_unit(seed: int) -> None:
    chance = np.random.default_rng(seed).uniform(0, 0.4, 9)
    parity = parity_of(replace(Spoilt(*chance.tolist()), seed=seed), seed=seed)
    assert parity.gap.remainder == 0
    assert parity.gap.total == parity.gap.parts.total
    assert parity.decisions.unexplained == ()
    assert parity.gap.faults == ()
    assert parity.is_clean


def test_trades_sum_to_what_the_account_gained() -> None:
    recorded = plain()
    gained = recorded.marks[-1].equity - recorded.marks[0].equity
    # The last position is valued as sold: with slippage and fee, which the mark leaves out.
    assert float(check_parity(recorded).gap.session) == pytest.approx(float(gained), abs=2.0)


def changed(recorded: Recorded, place: int, **fields: object) -> Recorded:
    records = list(recorded.records)
    records[place] = replace(records[place], **fields)  # type: ignore[arg-type] # fields of the record at the place
    return Recorded(recorded.sessions, recorded.before, tuple(records), recorded.history)


def first_row(recorded: Recorded, decision: str) -> tuple[int, Executed]:
    return next(
        (place, record)
        for place, record in enumerate(recorded.records)
        if isinstance(record, Executed) and record.decision == decision
    )


@pytest.mark.parametrize(
    ("decision", "fields", "replayed"),
    [
        ("enter", {"decision": "none", "reason": ""}, "enter"),
        ("none", {"decision": "enter", "quantity": 1.0}, "none"),
        ("enter", {"quantity": 0.5}, "enter"),
        ("enter", {"stop": 1.0}, "enter"),
        ("enter", {"target": 1000.0}, "enter"),
        ("hold", {"decision": "exit", "reason": "signal"}, "hold"),
        ("enter", {"decision": "refused", "reason": "cooldown"}, "enter"),
    ],
)
def test_a_decision_that_the_core_would_not_take_is_unexplained(
    decision: str, fields: dict[str, object], replayed: str
) -> None:
    place, row = first_row(plain(), decision)
    parity = check_parity(changed(plain(), place, **fields))
    (found,) = parity.decisions.unexplained
    assert (found.symbol, found.open_time_ms) == (row.symbol, row.open_time_ms)
    assert found.replayed.startswith(replayed)
    assert not parity.is_clean


def test_a_refusal_by_another_part_than_the_core_is_explained() -> None:
    place, _ = first_row(plain(), "enter")
    parity = check_parity(changed(plain(), place, decision="refused", reason="symbol_closed"))
    assert parity.decisions.unexplained == ()
    assert [found.cause for found in parity.decisions.differences] == ["refusal"]


def test_a_refusal_by_the_state_is_explained_while_that_state_was_recorded() -> None:
    place, row = first_row(plain(), "enter")
    refused = changed(plain(), place, decision="refused", reason="reducing")
    assert check_parity(refused).decisions.unexplained
    moved = StateMoved(TradingState.REDUCING, "stale", "watchdog", row.at_ms - 1)
    started, *rest = refused.records
    told = Recorded(refused.sessions, (), (started, moved, *rest), refused.history)
    assert check_parity(told).decisions.unexplained == ()


def test_a_refusal_is_explained_by_a_state_that_was_in_force_before_it_could_be_written() -> None:
    """As with a database that is down at the step: the move is committed after the step's rows."""
    place, row = first_row(plain(), "enter")
    refused = changed(plain(), place, decision="refused", reason="reducing")
    moved = StateMoved(TradingState.REDUCING, "database", "watch", row.at_ms + 500)
    marks = [n for n, each in enumerate(refused.records) if isinstance(each, EquityMarked)]
    following = next(n for n in marks if n > place)
    told = (*refused.records[:following], moved, *refused.records[following:])
    assert check_parity(replace(refused, records=told)).decisions.unexplained == ()
    later = (*refused.records[: following + 1], moved, *refused.records[following + 1 :])
    assert check_parity(replace(refused, records=later)).decisions.unexplained


def test_a_row_that_was_never_written_is_unexplained() -> None:
    place, row = first_row(plain(), "none")
    kept = [record for i, record in enumerate(plain().records) if i != place]
    recorded = Recorded(plain().sessions, (), tuple(kept), plain().history)
    (found,) = check_parity(recorded).decisions.unexplained
    assert (found.symbol, found.recorded) == (row.symbol, "nothing written down")


@pytest.mark.parametrize("field", ["peak", "day_base"])
def test_a_mark_that_does_not_follow_from_the_one_before_is_unexplained(field: str) -> None:
    places = [i for i, r in enumerate(plain().records) if isinstance(r, EquityMarked)]
    parity = check_parity(changed(plain(), places[30], **{field: Decimal(11_000)}))
    assert {found.symbol for found in parity.decisions.unexplained} == {""}
    assert not parity.is_clean


def test_a_trade_booked_otherwise_than_it_was_filled_is_a_fault() -> None:
    from leeward.domain.money import Money
    from leeward.engine.records import PositionClosed

    place, closed = next(
        (i, r) for i, r in enumerate(plain().records) if isinstance(r, PositionClosed)
    )
    wrong = replace(closed.trade, proceeds=closed.trade.proceeds + Money(Decimal(1), "USDT"))
    parity = check_parity(changed(plain(), place, trade=wrong))
    assert len(parity.gap.faults) == 1
    assert not parity.is_clean


def test_the_json_tells_the_parts_exactly() -> None:
    parity = parity_of(Spoilt(price=0.5, partial=0.5))
    document = json.loads(json.dumps(parity.as_json()))
    parts = sum(Decimal(text) for text in document["pnl"]["parts"].values())
    assert parts == Decimal(document["pnl"]["gap"])
    assert document["clean"] is True
    assert len(document["trades"]) == len(parity.gap.pairs)


def test_a_second_session_that_goes_on_is_one_chain_with_the_first() -> None:
    candles = market(rows=1_200)
    first = FakeSession(tuple(c.rows(0, 900) for c in candles), "adaptive")
    first.run()
    second = FakeSession(
        candles, "adaptive", history=900, session_id="s2", before=tuple(first.commits)
    )
    second.run()
    records = tuple(r for commit in (*first.commits, *second.commits) for r in commit)
    started = first.recorded().sessions + second.recorded().sessions
    chain = Recorded(started, (), records, {c.symbol: (c,) for c in candles})
    parity = check_parity(chain)
    assert parity.decisions.steps == 600
    assert parity.decisions.unexplained == ()
    assert parity.gap.remainder == 0
