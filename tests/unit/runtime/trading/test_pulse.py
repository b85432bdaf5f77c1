"""What a heartbeat says of prices."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

from tests.accounts import ACCOUNT, SYMBOL, fill, intent, money, opened, opening, own
from tests.paper import candle, hour

from leeward.engine.books import books_of
from leeward.engine.records import FeesValued, Role, TradingState
from leeward.runtime.trading.measuring import Measures
from leeward.runtime.trading.pulse import LastPrices, pulse
from leeward.runtime.trading.session import TradingSession


def test_the_newest_price_of_a_symbol_is_told_with_its_time() -> None:
    seen = LastPrices()
    seen.take(candle(0, 100.0, 101.0, 99.0, 100.5), hour(1) + 50)
    seen.take(candle(1, 100.5, 102.0, 100.0, 101.5), hour(1) + 2_000)
    assert seen.facts() == {"BTCUSDT": [101.5, hour(1) + 2_000]}


def test_a_candle_that_comes_late_does_not_turn_a_price_back() -> None:
    seen = LastPrices()
    seen.take(candle(1, 100.5, 102.0, 100.0, 101.5), hour(1) + 2_000)
    seen.take(candle(0, 100.0, 101.0, 99.0, 100.5), hour(1) + 3_000)
    assert seen.facts() == {"BTCUSDT": [101.5, hour(1) + 2_000]}


def test_the_price_of_a_closed_candle_is_as_old_as_its_end() -> None:
    seen = LastPrices()
    seen.take(replace(candle(0, 100.0, 101.0, 99.0, 100.5), symbol="ETHUSDT"), hour(5))
    assert seen.facts() == {"ETHUSDT": [100.5, hour(1)]}


def test_what_is_no_cash_of_the_equity_is_in_the_market() -> None:
    entry, fee = intent(), money("0.002", "BNB")
    filled = own(entry, Role.ENTRY, fill(1, "1", fee=fee))
    valued = FeesValued("BNB", Decimal("0.002"), money("1.2"), 5)
    books = books_of([opening("1000"), entry, filled, opened(entry), valued], ACCOUNT, "USDT")
    standing = SimpleNamespace(state=TradingState.ACTIVE, causes=SimpleNamespace(words=str))
    session = SimpleNamespace(
        keeper=SimpleNamespace(books=books), measures=Measures(), last_prices=LastPrices(),
        standing=standing, coming=None, desk=SimpleNamespace(unprotected_s=lambda _: 0.0),
        plan=SimpleNamespace(who=SimpleNamespace(session_id="s")),
        equity=lambda _: books.equity({SYMBOL: Decimal(110)}).equity,
        price=lambda _: Decimal(110),
        decider=SimpleNamespace(moving_together=lambda held: [frozenset(held)]),
        behind_ms=lambda: 0, server_now_ms=lambda: 10, reconciled=False,
    )  # fmt: skip
    told = pulse(cast("TradingSession", session))
    assert told["reconciled"] is False
    assert Decimal(str(told["together"])) == 110
    assert Decimal(str(told["equity"])) - Decimal(str(told["cash"])) == 110
