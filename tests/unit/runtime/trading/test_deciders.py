"""Who decides: strategies that look after their positions, and for how long."""

from __future__ import annotations

import numpy as np
from tests.accounts import ACCOUNT, HOUR, intent, moved, opened
from tests.markets import HOUR as HOURS
from tests.stubborn import Stubborn
from tests.unit.runtime.trading.test_deciding import setup_for

from leeward.domain.candles import Candles
from leeward.engine.books import books_of
from leeward.engine.records import OrderState
from leeward.runtime.trading.deciders import Caretaker, Deciders, open_or_coming
from leeward.runtime.trading.deciding import Decider


def decider() -> Decider:
    prices = np.full(30, 100.0)
    times = HOUR * np.arange(30)
    candles = [Candles("BTCUSDT", HOURS, times, prices, prices, prices, prices, prices)]
    strategy = Stubborn()
    return Decider(strategy, setup_for(candles, strategy), candles, {})


def test_a_buy_of_open_fate_may_still_open_a_position() -> None:
    entry = intent()
    books = books_of([entry], ACCOUNT, "USDT")
    assert open_or_coming(books) == {entry.position_id}
    books.apply(moved(entry, OrderState.UNKNOWN))
    assert open_or_coming(books) == {entry.position_id}
    books.apply(moved(entry, OrderState.VOID))
    assert open_or_coming(books) == set()
    books.apply(opened(entry))
    assert open_or_coming(books) == {entry.position_id}


def test_a_strategy_looks_after_its_positions_until_the_last_one_is_closed() -> None:
    old = Caretaker(decider(), frozenset({"one", "two"}), {})
    deciders = Deciders(decider(), (old,))
    assert deciders.release({"two", "another"}) == []
    assert old in deciders.caretakers
    assert deciders.release({"another"}) == [old]
    assert not deciders.caretakers
