from __future__ import annotations

from decimal import Decimal

from tests.accounts import (
    HOUR,
    PLAN,
    SYMBOL,
    books,
    fill,
    held_books,
    intent,
    moved,
    opening,
    own,
    report,
)

from leeward.domain.orders import OrderStatus, Side
from leeward.domain.timeframe import Timeframe
from leeward.engine.filling import Beside, fill_records
from leeward.engine.records import FillBooked, OrderState, PositionOpened, Role, TransferBooked

H1 = Timeframe.parse("1h")
ENTRY = intent()
START = (opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)


def test_no_trades_are_no_records() -> None:
    assert fill_records(books(), (), H1) == ()


def test_trades_are_booked_once_and_by_trade_id() -> None:
    kept = books(*START, moved(ENTRY, OrderState.FILLED, "1", order_id=1))
    first, second = fill(5, "0.5", time_ms=HOUR + 5), fill(6, "0.5", time_ms=HOUR + 4)
    found = fill_records(kept, [second, first, second], H1)
    assert found == (
        PositionOpened(
            ENTRY.position_id, SYMBOL, HOUR, PLAN, ENTRY.strategy, ENTRY.tag, first.time_ms
        ),
        own(ENTRY, Role.ENTRY, first),
        own(ENTRY, Role.ENTRY, second),
    )
    for record in found:
        kept.apply(record)
    assert fill_records(kept, [first, second], H1) == ()


def test_a_report_names_its_order_before_it_is_written_down() -> None:
    kept = books(*START)
    bought = fill(5, "1", order_id=44)
    told = report(ENTRY, OrderStatus.FILLED, "1", order_id=44)
    assert fill_records(kept, [bought], H1) == ()
    found = fill_records(kept, [bought], H1, Beside(reports=(told,)))
    assert found[-1] == own(ENTRY, Role.ENTRY, bought)


def test_what_comes_after_a_trade_of_unknown_owner_waits_with_it() -> None:
    kept = books(*START)
    stranger = fill(4, "1", order_id=60, time_ms=ENTRY.made_ms - 10_001)
    maybe = fill(5, "1", order_id=44)
    later = fill(6, "1", order_id=61)
    found = fill_records(kept, [stranger, maybe, later], H1)
    assert [each.fill.trade_id for each in found if isinstance(each, FillBooked)] == [4]


def test_trades_from_before_an_order_was_meant_are_not_its() -> None:
    kept = books(*START)
    old = fill(5, "1", order_id=44, time_ms=ENTRY.made_ms - 10_001)
    assert fill_records(kept, [old], H1)[-1] == FillBooked(old, None, None, None)


def test_trades_of_an_account_seen_for_the_first_time_are_in_its_opening() -> None:
    assert fill_records(books(), [fill(5, "1", order_id=44)], H1) == ()


def test_a_sale_that_leaves_what_is_ours_needs_no_balances() -> None:
    kept = held_books("1", opening("2", "BTC"))
    sold = fill(5, "2", side=Side.SELL, order_id=70)
    assert fill_records(kept, [sold], H1)[-1] == FillBooked(sold, None, None, None)


def test_a_sale_that_may_not_leave_what_is_ours_does() -> None:
    kept = held_books()
    sold = fill(5, "0.5", side=Side.SELL, order_id=70)
    later = fill(6, "0.5", order_id=71)
    assert fill_records(kept, [sold, later], H1) == ()
    taken = fill_records(kept, [sold], H1, Beside(held={"BTC": Decimal("0.5")}))
    assert not any(isinstance(record, TransferBooked) for record in taken)
    unseen = fill_records(kept, [sold], H1, Beside(held={"BTC": Decimal("1.5")}))
    assert isinstance(unseen[0], TransferBooked)
    assert unseen[0].money.amount == 1


def test_a_sale_of_more_than_was_there_sold_coins_that_came_unseen() -> None:
    kept = books(*START, moved(ENTRY, OrderState.FILLED, "1", order_id=1))
    sold = fill(4, "3", side=Side.SELL, order_id=70)
    bought = fill(5, "1")
    assert fill_records(kept, [sold, bought], H1) == ()
    found = fill_records(kept, [sold, bought], H1, Beside(held={"BTC": Decimal(1)}))
    assert isinstance(found[0], TransferBooked)
    assert found[0].money.amount == 3
    for record in found:
        kept.apply(record)
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity.value == 1


def test_an_order_given_up_long_ago_makes_no_trade_wait() -> None:
    void = moved(ENTRY, OrderState.VOID, at_ms=HOUR)
    soon = fill(5, "1", order_id=44, time_ms=2 * HOUR)
    late = fill(5, "1", order_id=44, time_ms=25 * HOUR)
    assert fill_records(books(*START, void), [soon], H1) == ()
    assert fill_records(books(*START, void), [late], H1)[-1] == FillBooked(late, None, None, None)
