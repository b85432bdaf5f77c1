from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.accounts import (
    HOUR,
    SYMBOL,
    books,
    fill,
    held_books,
    intent,
    money,
    moved,
    opened,
    opening,
    own,
    quantity,
    report,
)

from leeward.domain.money import Price
from leeward.domain.orders import (
    Contingency,
    Fill,
    ListStatus,
    OrderListReport,
    OrderReport,
    OrderStatus,
    Side,
)
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.facts import Doubt, Findings, VenueFacts
from leeward.engine.reconcile import reconcile
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Role,
    StateMoved,
    TradingState,
    TransferBooked,
    TransferKind,
)

H1 = Timeframe.parse("1h")
NOW = 10 * HOUR
ENTRY = intent()
STOP = intent("protection/1", (Role.STOP,), "1", position_id=ENTRY.position_id)
EXIT = intent("exit/1", (Role.EXIT,), "1", position_id=ENTRY.position_id)
STOP_RESTS = report(STOP, order_id=2)
CANCELLED = report(STOP, OrderStatus.CANCELED, order_id=2)


def facts(
    fills: Sequence[Fill] = (),
    open_orders: Sequence[OrderReport] = (),
    *,
    orders: Sequence[OrderReport] = (),
    absent: frozenset[str] = frozenset(),
    balances: dict[str, str] | None = None,
    doubts: dict[str, Doubt] | None = None,
    at_ms: int = NOW,
) -> VenueFacts:
    return VenueFacts(
        at_ms,
        {SYMBOL: tuple(fills)},
        tuple(open_orders),
        (),
        tuple(orders),
        absent,
        None if balances is None else {name: Decimal(held) for name, held in balances.items()},
        doubts or {},
    )


def settle(kept: Books, told: VenueFacts, epoch: int = 1) -> Findings:
    """Reconciles, and shows that the same facts say nothing more once that is written down."""
    found = reconcile(kept, told, epoch, H1)
    for record in found.records:
        kept.apply(record)
    if found.tighten is not None:
        kept.apply(StateMoved(found.tighten[0], found.tighten[1], "test", NOW))
    again = reconcile(kept, told, epoch, H1)
    assert again.records == ()
    assert again.cancel == found.cancel
    return found


def kinds(found: Findings) -> list[str]:
    return [record.kind for record in found.alarms]


HELD = {"USDT": "900", "BTC": "1"}
MORE = {"USDT": "1400", "BTC": "1"}


def test_books_that_agree_find_nothing() -> None:
    assert settle(held_books(), facts((), [STOP_RESTS], balances=HELD)) == Findings()


# What happened while nobody looked


def test_a_first_boot_writes_down_what_the_account_holds() -> None:
    past = [fill(7, "1"), fill(9, "2", side=Side.SELL)]
    kept = books()
    found = settle(kept, facts(past, balances={"USDT": "1000", "BTC": "3", "DOGE": "5"}))
    assert found.records == (
        TransferBooked("opening/BTCUSDT/10", TransferKind.OPENING, money("3", "BTC"), NOW),
        TransferBooked("opening/USDT", TransferKind.OPENING, money("1000"), NOW),
    )
    assert found.is_clean
    assert (kept.next_trade_id(SYMBOL), kept.foreign(SYMBOL)) == (10, quantity("3"))


def test_coins_missing_at_first_sight_are_missing_only_when_read_twice() -> None:
    done = moved(ENTRY, OrderState.FILLED, "1", order_id=1)
    bought = own(ENTRY, Role.ENTRY, fill(3, "1"))
    kept = books(opening("1000"), ENTRY, done, opened(ENTRY), bought)
    told = facts([bought.fill], balances={"USDT": "900", "BTC": "0.25"})
    first = settle(kept, told)
    assert (kinds(first), first.is_clean) == ([], False)
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("1")
    second = settle(kept, replace(told, at_ms=NOW + 20_000, doubts=first.doubts))
    assert kinds(second) == ["adjustment", "taken"]


def test_an_account_without_quote_is_not_believed_at_once() -> None:
    found = settle(books(), facts(balances={}))
    assert [type(each) for each in found.records] == [TransferBooked]  # no BTC
    assert settle(books(), facts(balances={"BTC": "1"})).records[0] == TransferBooked(
        "opening/BTCUSDT/0", TransferKind.OPENING, money("1", "BTC"), NOW
    )


def test_an_entry_that_filled_while_its_answer_was_lost_is_booked_with_its_position() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    done = report(ENTRY, OrderStatus.FILLED, "1", order_id=5)
    bought = fill(3, "1", order_id=5, fee=money("0.001", "BTC"))
    found = settle(kept, facts([bought], orders=[done], balances={"USDT": "900", "BTC": "0.999"}))
    assert found.records == (
        OrderMoved(
            ENTRY.orders[0].client_order_id,
            OrderState.FILLED,
            quantity("1"),
            done.time_ms,
            "reconciled",
            5,
        ),
        replace(opened(ENTRY), at_ms=bought.time_ms),
        own(ENTRY, Role.ENTRY, bought),
    )
    assert (found.is_clean, found.tighten) == (True, None)
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("0.999")


def test_fills_that_a_report_carries_are_booked_with_it() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    bought = fill(3, "0.4", order_id=5)
    done = report(ENTRY, OrderStatus.EXPIRED, "0.4", order_id=5, fills=(bought,))
    found = settle(kept, facts([], orders=[done], balances={"USDT": "960", "BTC": "0.4"}))
    assert found.is_clean
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("0.4")


def test_an_execution_whose_fill_is_not_there_yet_waits() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    done = report(ENTRY, OrderStatus.FILLED, "1", order_id=5)
    found = settle(kept, facts([], orders=[done], balances={"USDT": "900", "BTC": "1"}))
    assert (found.is_clean, found.doubts) == (False, {})


def test_a_stop_that_filled_offline_leaves_its_position_to_be_closed() -> None:
    kept = held_books()
    sold = fill(5, "1", "89", side=Side.SELL, order_id=2)
    done = report(STOP, OrderStatus.FILLED, "1", order_id=2)
    found = settle(kept, facts([sold], orders=[done], balances={"USDT": "989", "BTC": "0"}))
    assert own(STOP, Role.STOP, sold) in found.records
    assert (found.is_clean, kinds(found)) == (True, [])
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.closing) == (quantity("0"), None)


def test_a_trade_that_may_be_of_an_order_not_named_yet_waits_for_it() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    bought = fill(3, "1", order_id=5)
    told = facts([bought], balances={"USDT": "900", "BTC": "1"})
    found = settle(kept, told)
    assert found.records == ()
    assert (found.is_clean, found.ask) == (False, (ENTRY.orders[0].client_order_id,))


def test_orders_nothing_was_heard_of_are_asked_for() -> None:
    kept = held_books()
    found = settle(kept, facts((), [], balances=HELD))
    assert (found.ask, found.is_clean) == ((STOP.orders[0].client_order_id,), False)


def test_a_venue_that_does_not_answer_settles_nothing() -> None:
    blind = VenueFacts(NOW, {})
    found = settle(held_books(), blind)
    assert (found.records, found.is_clean) == ((), False)
    assert found.ask == (STOP.orders[0].client_order_id,)


def test_an_order_the_venue_no_longer_knows_has_to_be_unknown_twice() -> None:
    kept = held_books()
    name = STOP.orders[0].client_order_id
    gone = facts((), [], absent=frozenset({name}), balances=HELD)
    first = settle(kept, gone)
    assert (first.records, first.is_clean) == ((), False)
    soon = settle(kept, replace(gone, at_ms=NOW + 9_000, doubts=first.doubts))
    assert soon.records == ()
    second = settle(kept, replace(gone, at_ms=NOW + 10_000, doubts=soon.doubts))
    assert kinds(second) == ["vanished"]
    assert kept.orders[name].state is OrderState.EXPIRED


def test_an_order_heard_of_a_moment_ago_is_not_taken_for_vanished() -> None:
    kept = held_books("1", moved(STOP, OrderState.OPEN, order_id=2, at_ms=NOW))
    name = STOP.orders[0].client_order_id
    gone = facts((), [], absent=frozenset({name}), balances=HELD)
    doubts: dict[str, Doubt] = {}
    for after_s in (5, 20, 59):
        found = settle(kept, replace(gone, at_ms=NOW + 1000 * after_s, doubts=doubts))
        assert (found.records, found.is_clean) == ((), False)
        doubts = dict(found.doubts)
    second = settle(kept, replace(gone, at_ms=NOW + 60_000, doubts=doubts))
    assert kinds(second) == ["vanished"]


@pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.EXPIRED])
def test_an_order_that_is_said_to_have_ended_has_ended_however_young(status: OrderStatus) -> None:
    kept = held_books("1", moved(STOP, OrderState.OPEN, order_id=2, at_ms=NOW))
    found = settle(kept, facts((), orders=[report(STOP, status, order_id=2)], balances=HELD))
    assert kept.orders[STOP.orders[0].client_order_id].state.is_final
    assert (found.is_clean, found.doubts) == (True, {})


def test_an_unanswered_order_that_is_absent_is_left_to_the_proof() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    name = ENTRY.orders[0].client_order_id
    found = settle(kept, facts(absent=frozenset({name}), balances={"USDT": "1000"}))
    assert (found.records, found.ask, found.is_clean) == ((), (), False)


def test_a_void_order_that_appears_is_told_and_cancelled() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), EXIT, moved(EXIT, OrderState.VOID))
    appeared = report(EXIT, order_id=8)
    found = settle(kept, facts((), [appeared], balances={"USDT": "1000"}))
    assert kinds(found) == ["appeared"]
    assert found.cancel == (appeared,)


def test_a_void_entry_that_filled_after_all_is_a_position() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY, moved(ENTRY, OrderState.VOID))
    bought = fill(3, "1", order_id=5)
    told = facts([bought], balances={"USDT": "900", "BTC": "1"})
    assert settle(kept, told).is_clean is False  # it may be ours: that has to be asked
    found = settle(
        kept, replace(told, orders=(report(ENTRY, OrderStatus.FILLED, "1", order_id=5),))
    )
    assert found.is_clean
    assert kinds(found) == ["appeared", "appeared"]
    assert kept.position(SYMBOL) is not None


def test_a_trade_beside_a_void_order_is_a_strangers_once_the_order_is_absent() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY, moved(ENTRY, OrderState.VOID))
    name = frozenset({ENTRY.orders[0].client_order_id})
    found = settle(kept, facts([fill(3, "1", order_id=5)], absent=name, balances=HELD))
    assert found.is_clean
    assert (kept.position(SYMBOL), kept.foreign(SYMBOL)) == (None, quantity("1"))


def test_a_fill_of_an_entry_whose_position_is_closed_is_a_position_of_its_own() -> None:
    kept = held_books("1", EXIT)
    sold = own(EXIT, Role.EXIT, fill(5, "1", "110", side=Side.SELL, order_id=3))
    kept.apply(sold)
    kept.apply(PositionClosed(kept.trade_of(ENTRY.position_id, "signal"), HOUR))
    settle(
        kept,
        facts(
            [fill(6, "0.5", order_id=1)],
            balances={"USDT": "960", "BTC": "0.5"},
            orders=[
                report(STOP, OrderStatus.CANCELED, order_id=2),
                report(EXIT, OrderStatus.FILLED, "1", order_id=3),
            ],
        ),
    )
    late = kept.position(SYMBOL)
    assert late is not None
    assert (late.position_id, late.quantity) == (f"{ENTRY.position_id}-late", quantity("0.5"))


def test_what_is_bought_while_a_position_is_open_joins_it() -> None:
    kept = held_books()
    second = intent(open_time_ms=3 * HOUR)
    kept.apply(second)
    done = report(second, OrderStatus.FILLED, "1", order_id=9)
    settle(
        kept,
        facts(
            [fill(6, "1", "110", order_id=9)],
            [STOP_RESTS],
            orders=[done],
            balances={"USDT": "790", "BTC": "2"},
        ),
    )
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.position_id, held.quantity) == (ENTRY.position_id, quantity("2"))


def test_an_overfill_is_booked_and_reduces() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    done = report(ENTRY, OrderStatus.FILLED, "1.5", order_id=5)
    found = settle(
        kept,
        facts([fill(3, "1.5", order_id=5)], orders=[done], balances={"USDT": "850", "BTC": "1.5"}),
    )
    assert kinds(found) == ["overfill"]
    assert found.tighten is not None
    assert found.tighten[0] is TradingState.REDUCING


# Other hands on the account


def test_a_strangers_trades_are_booked_as_such_and_never_ours() -> None:
    kept = held_books()
    found = settle(
        kept,
        facts([fill(5, "3", order_id=70)], [STOP_RESTS], balances={"USDT": "600", "BTC": "4"}),
    )
    assert found.records[-1] == FillBooked(fill(5, "3", order_id=70), None, None, None)
    assert (found.is_clean, found.alarms, found.tighten) == (True, (), None)
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.foreign(SYMBOL)) == (quantity("1"), quantity("3"))


def test_open_orders_of_other_hands_are_noted_once_and_left_alone() -> None:
    strange = replace(STOP_RESTS, client_order_id="web_1", order_id=50)
    found = settle(held_books(), facts((), [STOP_RESTS, strange], balances=HELD))
    assert [type(record).__name__ for record in found.records] == ["Noted"]
    assert (found.alarms, found.cancel) == ((), ())


def test_a_human_who_sells_our_coins_closes_the_position() -> None:
    kept = held_books()
    sold = fill(5, "1", "95", side=Side.SELL, order_id=70)
    found = settle(kept, facts([sold], orders=[CANCELLED], balances={"USDT": "995", "BTC": "0"}))
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.closing) == (quantity("0"), "operator")
    assert kinds(found) == ["taken"]
    assert found.tighten is not None
    assert found.tighten[0] is TradingState.REDUCING
    assert kept.trade_of(held.position_id, "operator").exit_price == Price(Decimal(95))


def test_a_human_who_sells_a_part_of_our_coins_leaves_the_rest_to_us() -> None:
    kept = held_books()
    sold = fill(5, "0.25", "95", side=Side.SELL, order_id=70)
    found = settle(
        kept, facts([sold], orders=[CANCELLED], balances={"USDT": "923.75", "BTC": "0.75"})
    )
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.closing) == (quantity("0.75"), None)
    assert kinds(found) == ["taken"]


@pytest.mark.parametrize("sold", [True, False])
def test_coins_that_come_after_another_hand_took_ours_are_not_ours(sold: bool) -> None:
    kept = held_books()
    sale = [fill(5, "0.25", "95", side=Side.SELL, order_id=70)] if sold else []
    there = {"USDT": "923.75" if sold else "900", "BTC": "0.75"}
    told = facts(sale, orders=[CANCELLED], balances=there)
    first = settle(kept, told)
    if not sold:
        first = settle(kept, replace(told, at_ms=NOW + 20_000, doubts=first.doubts))
    assert "taken" in kinds(first)
    came = facts(sale, balances={**there, "BTC": "3.75"})
    doubted = settle(kept, replace(came, at_ms=NOW + 90_000))
    settle(kept, replace(came, at_ms=NOW + 120_000, doubts=doubted.doubts))
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.foreign(SYMBOL)) == (quantity("0.75"), quantity("3"))


@pytest.mark.parametrize("there", ["0.25", "1"])
def test_what_another_hand_took_is_known_though_an_order_is_in_question_once_the_balance_says_it(
    there: str,
) -> None:
    kept = held_books("1", moved(STOP, OrderState.CANCELED, order_id=2))
    exit_ = replace(EXIT, made_ms=NOW)
    kept.apply(exit_)
    absent = frozenset({exit_.orders[0].client_order_id})
    sale = [fill(5, "0.75", "95", side=Side.SELL, order_id=70)]
    told = facts(sale, absent=absent, balances={"USDT": "971.25", "BTC": there})
    makers = replace(STOP_RESTS, client_order_id="web_1", order_id=70)
    first = settle(kept, replace(told, orders=(*told.orders, makers)))
    assert ("taken" in kinds(first)) == (there == "0.25")
    kept.apply(moved(exit_, OrderState.VOID))
    came = facts(sale, absent=absent, balances={"USDT": "971.25", "BTC": "4"})
    doubted = settle(kept, replace(came, at_ms=NOW + 90_000))
    settle(kept, replace(came, at_ms=NOW + 120_000, doubts=doubted.doubts))
    if there == "0.25":
        held = kept.position(SYMBOL)
        assert held is not None
        assert (held.quantity, kept.foreign(SYMBOL)) == (quantity("0.25"), quantity("3.75"))


@pytest.mark.parametrize("in_question", ["an entry", "an exit"])
def test_dust_that_another_hand_took_is_gone_whatever_order_is_in_question(
    in_question: str,
) -> None:
    kept = held_books("1", EXIT, moved(STOP, OrderState.CANCELED, order_id=2))
    kept.apply(own(EXIT, Role.EXIT, fill(5, "0.9", "110", side=Side.SELL, order_id=3)))
    kept.apply(moved(EXIT, OrderState.EXPIRED, "0.9", order_id=3))
    kept.apply(PositionClosed(kept.trade_of(ENTRY.position_id, "signal"), HOUR))
    assert kept.dust(SYMBOL) == quantity("0.1")
    later = intent(open_time_ms=HOUR)
    kept.apply(later)
    size = "0.08"
    if in_question == "an exit":
        kept.apply(moved(later, OrderState.FILLED, "1", order_id=4))
        kept.apply(opened(later))
        kept.apply(own(later, Role.ENTRY, fill(6, "1", order_id=4)))
        later = intent("exit/2", (Role.EXIT,), "1", position_id=later.position_id)
        later = replace(later, made_ms=NOW)
        kept.apply(later)
        size = "1.08"
    sold = fill(7, size, side=Side.SELL, order_id=70)
    name = later.orders[0].client_order_id
    told = facts([sold], absent=frozenset({name}), balances={"USDT": "1107", "BTC": "0.02"})
    settle(kept, told)
    kept.apply(moved(later, OrderState.VOID))
    if in_question == "an exit":
        kept.apply(PositionClosed(kept.trade_of(later.position_id, "signal"), HOUR))
    came = facts([sold], absent=frozenset({name}), balances={"USDT": "1107", "BTC": "3.02"})
    found = settle(kept, came)
    settle(kept, replace(came, at_ms=NOW + 10_000, doubts=found.doubts))
    assert (kept.dust(SYMBOL), kept.foreign(SYMBOL)) == (quantity("0.02"), quantity("3"))


def test_coins_that_came_unseen_and_were_sold_are_not_ours() -> None:
    kept = held_books()
    sold = fill(5, "2", "95", side=Side.SELL, order_id=70)
    found = settle(kept, facts([sold], [STOP_RESTS], balances={"USDT": "1090", "BTC": "1.5"}))
    assert found.records[0] == TransferBooked(
        "deposit/BTCUSDT/5",
        TransferKind.DEPOSIT,
        money("2.5", "BTC"),
        sold.time_ms,
        "came unseen: sold by another hand, and still more there",
    )
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.foreign(SYMBOL)) == (quantity("1"), quantity("0.5"))
    assert (found.is_clean, found.alarms) == (True, ())


def test_a_sale_that_may_have_eaten_our_coins_waits_for_the_balances() -> None:
    kept = held_books()
    sold = fill(5, "2", "95", side=Side.SELL, order_id=70)
    found = settle(kept, facts([sold], [STOP_RESTS]))
    assert (found.records, found.is_clean) == ((), False)


# Balances that trades do not explain


def test_a_difference_counts_when_it_was_read_twice() -> None:
    kept = held_books()
    told = facts((), [STOP_RESTS], balances={"USDT": "1400", "BTC": "1"})
    first = settle(kept, told)
    assert (first.records, first.is_clean) == ((), False)
    assert first.doubts == {"balance/USDT": Doubt(Decimal(500), NOW)}
    second = settle(kept, replace(told, at_ms=NOW + 10_000, doubts=first.doubts))
    assert second.records[0] == TransferBooked(
        f"adjustment/USDT/{NOW + 10_000}", TransferKind.ADJUSTMENT, money("500"), NOW + 10_000
    )
    assert kinds(second) == ["adjustment"]
    assert second.tighten is not None
    assert second.tighten[0] is TradingState.REDUCING
    third = settle(kept, replace(told, at_ms=NOW + 20_000))
    assert third == Findings()
    assert [kept.cash, kept.unmarked_flow] == [1400, 500]


def test_a_difference_that_changes_starts_anew() -> None:
    kept = held_books()
    told = facts((), [STOP_RESTS], balances={"USDT": "1400", "BTC": "1"})
    first = settle(kept, told)
    other = {"USDT": Decimal(1401), "BTC": Decimal(1)}
    second = settle(kept, replace(told, at_ms=NOW + 60_000, balances=other, doubts=first.doubts))
    assert second.records == ()
    assert second.doubts == {"balance/USDT": Doubt(Decimal(501), NOW + 60_000)}


PASSES = {
    "an order of unknown fate": facts(
        (), [STOP_RESTS], absent=frozenset({EXIT.orders[0].client_order_id}), balances=MORE
    ),
    "no balances": facts((), [STOP_RESTS]),
    "no coins at all": facts((), [STOP_RESTS], balances={}),
    "no trades": replace(facts((), [STOP_RESTS], balances=MORE), fills={}),
    "another difference": facts((), [STOP_RESTS], balances={"USDT": "1401", "BTC": "1"}),
    "no difference": facts((), [STOP_RESTS], balances=HELD),
}


@pytest.mark.parametrize(("between", "told"), PASSES.items())
def test_a_difference_outlasts_a_pass_that_compares_nothing_and_does_not_contradict(
    between: str, told: VenueFacts
) -> None:
    kept = held_books()
    seen = facts((), [STOP_RESTS], balances=MORE)
    first = settle(kept, seen)
    asked_for = [EXIT] if between == "an order of unknown fate" else []
    for each in asked_for:
        kept.apply(each)
    second = settle(kept, replace(told, at_ms=NOW + 9_000, doubts=first.doubts))
    assert (second.records, second.is_clean) == ((), between == "no difference")
    for each in asked_for:
        kept.apply(moved(each, OrderState.VOID))
    third = settle(kept, replace(seen, at_ms=NOW + 10_000, doubts=second.doubts))
    counts = between not in {"another difference", "no difference"}
    assert kinds(third) == (["adjustment"] if counts else [])


@pytest.mark.parametrize("told", [facts(orders=[CANCELLED]), facts(balances={"USDT": "900"})])
def test_coins_all_gone_were_not_gone_all_the_time_where_a_pass_compares_nothing(
    told: VenueFacts,
) -> None:
    kept = held_books()
    gone = facts((), orders=[CANCELLED], balances={"USDT": "900"})
    first = settle(kept, gone)
    assert set(first.doubts) == {"balance/BTC"}
    assert settle(kept, replace(told, fills={}, doubts=first.doubts)).doubts == {}


def test_a_difference_from_before_the_last_trades_is_no_reading_of_before_them() -> None:
    kept = held_books()
    kept.apply(moved(STOP, OrderState.CANCELED, order_id=2))
    told = facts(balances={"USDT": "900", "BTC": "0.8"})
    first = settle(kept, told)
    assert first.doubts == {"balance/BTC": Doubt(Decimal("-0.2"), NOW)}
    bought, sold = (
        fill(5, "0.5", order_id=70, time_ms=NOW + 3000),
        fill(6, "0.3", side=Side.SELL, order_id=71, time_ms=NOW + 4000),
    )
    there = {"USDT": Decimal(880), "BTC": Decimal(1)}  # as the books had it before the two
    again = replace(told, fills={SYMBOL: (bought, sold)}, balances=there, at_ms=NOW + 20_000)
    assert kinds(settle(kept, replace(again, doubts=first.doubts))) == ["adjustment"]


def test_a_difference_that_stays_the_same_over_later_trades_is_no_reading_of_before_them() -> None:
    kept = books(opening("900"), opening("1", SYMBOL, "BTC"))
    earlier = (
        fill(5, "0.5", order_id=70, time_ms=NOW - 60_000),
        fill(6, "0.5", side=Side.SELL, order_id=71, time_ms=NOW - 50_000),
    )
    assert settle(kept, facts(earlier, balances={"USDT": "900", "BTC": "1"})).is_clean
    gone = facts(earlier, balances={"USDT": "900"})
    first = settle(kept, gone)
    later = (
        fill(7, "3", order_id=72, time_ms=NOW + 3000),
        fill(8, "2", side=Side.SELL, order_id=73, time_ms=NOW + 4000),
    )
    there = {"USDT": Decimal(800), "BTC": Decimal(1)}  # as the books had it before all of them
    again = replace(gone, fills={SYMBOL: (*earlier, *later)}, balances=there, at_ms=NOW + 20_000)
    assert kinds(settle(kept, replace(again, doubts=first.doubts))) == ["adjustment"]
    assert kept.balance("BTC") == 1


def test_no_difference_counts_while_an_order_of_ours_may_have_made_it() -> None:
    kept = held_books("1", moved(STOP, OrderState.OPEN, order_id=2, at_ms=NOW))
    name = STOP.orders[0].client_order_id
    filled_unseen = facts((), [], absent=frozenset({name}), balances={"USDT": "990"})
    first = settle(kept, filled_unseen)
    second = settle(kept, replace(filled_unseen, at_ms=NOW + 20_000, doubts=first.doubts))
    assert (second.records, second.is_clean) == ((), False)
    sold = fill(5, "1", "90", side=Side.SELL, order_id=2)
    done = report(STOP, OrderStatus.FILLED, "1", order_id=2)
    third = settle(kept, facts([sold], orders=[done], balances={"USDT": "990"}))
    assert (third.is_clean, kept.cash) == (True, Decimal(990))


def test_an_order_that_rests_though_the_books_hold_it_for_done_is_cancelled() -> None:
    kept = held_books()
    gone = moved(STOP, OrderState.EXPIRED, order_id=2)
    kept.apply(gone)
    found = settle(kept, facts((), [STOP_RESTS], balances=HELD))
    assert found.cancel == (STOP_RESTS,)
    assert kept.orders[STOP.orders[0].client_order_id].state is OrderState.EXPIRED


@pytest.mark.parametrize(
    ("shown", "is_late"),
    [
        ({"USDT": "900", "BTC": "1"}, True),  # as before the sale by another hand
        ({"USDT": "899", "BTC": "1"}, False),
    ],
)
def test_balances_of_before_the_last_trades_are_believed_late(
    shown: dict[str, str], is_late: bool
) -> None:
    kept = books(opening("900"), opening("1", SYMBOL, "BTC"))
    sale = fill(9, "0.25", side=Side.SELL, order_id=77, time_ms=NOW - 20_000)
    assert settle(kept, facts((sale,), balances={"USDT": "925", "BTC": "0.75"})).is_clean
    told = facts((sale,), balances=shown)
    first = settle(kept, told)
    assert (first.records, first.is_clean) == ((), False)
    second = settle(kept, replace(told, at_ms=NOW + 60_000, doubts=first.doubts))
    assert kept.cash == Decimal("925" if is_late else "899")
    # In the end it is believed, whatever it equals.
    settle(kept, replace(told, at_ms=NOW + 300_000, doubts=second.doubts))
    assert kept.cash == Decimal(shown["USDT"])


def test_balances_shown_as_zero_are_not_believed() -> None:
    kept = held_books()
    told = facts((), [STOP_RESTS], balances={})
    first = settle(kept, told)
    assert (first.records, first.doubts, first.is_clean) == ((), {}, False)
    partly = facts((), [STOP_RESTS], balances={"BTC": "1"})
    second = settle(kept, partly)
    third = settle(kept, replace(partly, at_ms=NOW + 60_000, doubts=second.doubts))
    assert third.records == ()
    fourth = settle(kept, replace(partly, at_ms=NOW + 300_000, doubts=third.doubts))
    assert kinds(fourth) == ["adjustment"]


def test_coins_of_ours_that_were_withdrawn_close_the_position() -> None:
    kept = held_books()
    told = facts((), orders=[CANCELLED], balances={"USDT": "900", "BTC": "0"})
    first = settle(kept, told)
    found = settle(kept, replace(told, at_ms=NOW + 300_000, doubts=first.doubts))
    assert kinds(found) == ["adjustment", "taken"]
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.closing == "operator"


@pytest.mark.parametrize("came", ["0.4", "3"])
def test_coins_that_come_where_ours_were_seen_to_be_gone_are_not_ours(came: str) -> None:
    kept = held_books()
    gone = facts((), orders=[CANCELLED], balances={"USDT": "900"})
    found = settle(kept, gone)
    for after_s in (5, 12):
        found = settle(kept, replace(gone, at_ms=NOW + 1000 * after_s, doubts=found.doubts))
        assert found.records == ()
    brought = {"USDT": Decimal(900), "BTC": Decimal(came)}
    told = replace(gone, balances=brought, at_ms=NOW + 30_000, doubts=found.doubts)
    found = settle(kept, told)
    assert kinds(found) == ["adjustment", "taken"]
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.closing, found.is_clean) == (quantity("0"), "operator", False)
    for after_s in (40, 55):
        found = settle(kept, replace(told, at_ms=NOW + 1000 * after_s, doubts=found.doubts))
    assert (kept.balance("BTC"), kept.foreign(SYMBOL)) == (Decimal(came), quantity(came))


def test_coins_that_an_open_order_locks_were_not_gone() -> None:
    kept = held_books()
    gone = facts((), [STOP_RESTS], balances={"USDT": "900"})
    first = settle(kept, gone)
    second = settle(kept, replace(gone, at_ms=NOW + 12_000, doubts=first.doubts))
    part = {"USDT": Decimal(900), "BTC": Decimal(3)}
    settle(kept, replace(gone, balances=part, at_ms=NOW + 30_000, doubts=second.doubts))
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.closing) == (quantity("1"), None)


def test_coins_that_come_back_whole_were_there_all_the_time() -> None:
    kept = held_books()
    gone = facts((), orders=[CANCELLED], balances={"USDT": "900"})
    first = settle(kept, gone)
    second = settle(kept, replace(gone, at_ms=NOW + 12_000, doubts=first.doubts))
    whole = {"USDT": Decimal(900), "BTC": Decimal(1)}
    found = settle(kept, replace(gone, balances=whole, at_ms=NOW + 30_000, doubts=second.doubts))
    assert (found.records, found.is_clean) == ((), True)


def test_the_first_fee_in_another_asset_explains_itself() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    done = report(ENTRY, OrderStatus.FILLED, "1", order_id=5)
    paid = fill(3, "1", order_id=5, fee=money("0.01", "BNB"))
    found = settle(
        kept,
        facts([paid], orders=[done], balances={"USDT": "900", "BTC": "1", "BNB": "0.99"}),
    )
    assert found.records[-1] == TransferBooked(
        "opening/BNB", TransferKind.OPENING, money("1.00", "BNB"), NOW
    )
    assert (found.is_clean, kept.balance("BNB")) == (True, Decimal("0.99"))


# Orders of ours without a position, or without a place in the books


def test_a_resting_sell_of_a_closed_position_is_cancelled() -> None:
    kept = held_books("1", EXIT)
    kept.apply(own(EXIT, Role.EXIT, fill(5, "1", "110", side=Side.SELL, order_id=3)))
    kept.apply(PositionClosed(kept.trade_of(ENTRY.position_id, "signal"), HOUR))
    found = settle(
        kept,
        facts(
            (),
            [STOP_RESTS],
            balances={"USDT": "1010", "BTC": "0"},
            orders=[report(EXIT, OrderStatus.FILLED, "1", order_id=3)],
        ),
    )
    assert found.cancel == (STOP_RESTS,)


def test_the_protection_that_waits_for_its_entry_is_left_alone() -> None:
    made = intent(roles=(Role.ENTRY, Role.STOP))
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), made)
    entry = report(made, role=Role.ENTRY, order_id=1, list_id=4)
    stop = replace(
        report(made, OrderStatus.PENDING_NEW, role=Role.STOP, order_id=2, list_id=4), quantity=None
    )
    found = settle(kept, facts((), [entry, stop], balances={"USDT": "1000"}))
    assert (found.cancel, found.is_clean) == ((), True)
    assert {order.venue_list_id for order in kept.open_orders(SYMBOL)} == {4}


BOUGHT = (fill(30, "0.5", order_id=8), fill(31, "0.5", "102", order_id=8))


def test_a_lost_database_takes_over_what_our_orders_protect_and_halts() -> None:
    kept = books()
    told = facts(
        [fill(20, "9", order_id=6), *BOUGHT], [STOP_RESTS], balances={"USDT": "500", "BTC": "1.5"}
    )
    found = settle(kept, told)
    assert kinds(found) == ["stray_order"]
    assert found.tighten is not None
    assert found.tighten[0] is TradingState.HALTED
    assert "not in the books" in found.tighten[1]
    assert found.cancel == ()
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.plan, held.entry_price) == (
        quantity("1"),
        Plan(Price(Decimal(90)), None),
        Price(Decimal(101)),
    )
    (stop,) = kept.open_orders(SYMBOL)
    assert (stop.intent.position_id, stop.venue_order_id) == (held.position_id, 2)
    assert (kept.cash, kept.foreign(SYMBOL)) == (Decimal(500), quantity("0.5"))
    assert found.is_clean
    # and the stop that fills later closes it
    sold = fill(40, "1", "90", side=Side.SELL, order_id=2)
    settle(
        kept,
        facts(
            [sold],
            orders=[report(STOP, OrderStatus.FILLED, "1", order_id=2)],
            balances={"USDT": "590", "BTC": "0.5"},
        ),
    )
    assert kept.trade_of(held.position_id, "stop").pnl == money("-11")


def test_a_pair_of_an_earlier_life_is_taken_over_whole() -> None:
    pair = intent("protection/2", (Role.STOP, Role.TARGET), "1", position_id=ENTRY.position_id)
    legs = [
        report(pair, role=Role.STOP, order_id=5, list_id=7),
        report(pair, role=Role.TARGET, order_id=6, list_id=7),
    ]
    kept = books()
    settle(kept, facts(BOUGHT, legs, balances={"USDT": "500", "BTC": "1"}))
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.plan == Plan(Price(Decimal(90)), Price(Decimal(120)))
    assert kept.legs(held.position_id) == 1


def test_an_old_backup_takes_over_a_stop_it_never_saw_placed() -> None:
    later = intent("protection/2", (Role.STOP,), "1", position_id=ENTRY.position_id, epoch=1)
    rests = report(later, order_id=22)
    kept = held_books()
    found = settle(kept, facts((), [rests], orders=[CANCELLED], balances=HELD), epoch=2)
    assert kinds(found) == ["stray_order"]
    (stop,) = kept.open_orders(SYMBOL)
    assert stop.intent.position_id == ENTRY.position_id
    assert found.tighten is not None
    assert found.tighten[0] is TradingState.HALTED


def test_an_adopted_stop_that_filled_in_part_keeps_its_fills() -> None:
    later = intent("protection/2", (Role.STOP,), "1", position_id=ENTRY.position_id)
    rests = report(later, OrderStatus.PARTIALLY_FILLED, "0.25", order_id=22)
    sold = fill(9, "0.25", "90", side=Side.SELL, order_id=22)
    kept = held_books()
    found = settle(
        kept, facts([sold], [rests], orders=[CANCELLED], balances={"USDT": "922.5", "BTC": "0.75"})
    )
    assert own(later, Role.STOP, sold) in found.records
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("0.75")


def test_sells_that_no_trade_explains_are_left_resting_and_halt() -> None:
    kept = books()
    told = facts((), [STOP_RESTS], balances={"USDT": "500", "BTC": "1"})
    found = settle(kept, told)
    assert (kinds(found), found.cancel, found.is_clean) == (["stray_order"], (), False)
    assert found.tighten is not None
    assert found.tighten[0] is TradingState.HALTED
    assert kept.position(SYMBOL) is None


def test_buys_of_an_earlier_life_are_cancelled_and_those_of_a_later_epoch_are_not() -> None:
    mine, other = report(ENTRY, order_id=5), report(intent(epoch=9), order_id=6)
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"))
    found = settle(kept, facts((), [mine, other], balances={"USDT": "1000"}), epoch=3)
    assert found.cancel == (mine,)
    assert found.tighten is not None
    assert "from epoch 9 while this is 3" in found.tighten[1]
    assert found.is_clean is False


def test_lists_show_the_state_of_their_orders_too() -> None:
    kept = held_books()
    listed = OrderListReport(
        SYMBOL,
        4,
        "x",
        Contingency.OCO,
        ListStatus.EXECUTING,
        NOW,
        (),
        (replace(STOP_RESTS, order_list_id=4),),
    )
    found = settle(kept, replace(facts((), [STOP_RESTS], balances=HELD), open_lists=(listed,)))
    assert found.is_clean
    assert kept.open_orders(SYMBOL)[0].venue_list_id == 4


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.RECOVERING])
def test_a_halted_account_is_not_asked_to_tighten(state: TradingState) -> None:
    kept = books(StateMoved(state, "boot", "start", 1))
    found = reconcile(kept, facts((), [STOP_RESTS], balances={"USDT": "5"}), 1, H1)
    assert (found.tighten is None) == (state is TradingState.HALTED)


def test_types_of_records_are_those_the_database_knows() -> None:
    kept = books()
    found = reconcile(kept, facts(BOUGHT, [STOP_RESTS], balances={"USDT": "5", "BTC": "1"}), 1, H1)
    assert {type(record) for record in found.records} >= {IntentMade, OrderMoved, PositionOpened}
    assert not any(isinstance(record, PlanChanged) for record in found.records)


def test_an_old_backup_books_the_entry_and_takes_over_the_stop_in_one_pass() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), ENTRY)
    done = report(ENTRY, OrderStatus.FILLED, "1", order_id=1)
    bought = fill(3, "1", order_id=1)
    settle(kept, facts([bought], [STOP_RESTS], orders=[done], balances=HELD))
    (stop,) = kept.open_orders(SYMBOL)
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.position_id, held.quantity) == (stop.intent.position_id, quantity("1"))


def test_trades_that_were_not_read_may_explain_a_difference() -> None:
    kept = held_books()
    told = replace(facts((), [STOP_RESTS], balances={"USDT": "1400", "BTC": "1"}), fills={})
    first = settle(kept, told)
    assert (first.records, first.doubts, first.is_clean) == ((), {}, False)
    same = settle(kept, replace(told, balances={"USDT": Decimal(900), "BTC": Decimal(1)}))
    assert same == Findings()


def test_without_balances_the_rest_is_settled_all_the_same() -> None:
    found = settle(held_books(), facts((), [STOP_RESTS]))
    assert (found.records, found.ask, found.is_clean) == ((), (), False)


def test_an_account_is_not_clean_before_every_symbol_was_read_once() -> None:
    kept = books(opening("0", "ETHUSDT", "ETH"))
    balances = {"USDT": "1000", "BTC": "3"}
    told = replace(facts(balances=balances), fills={"ETHUSDT": ()}, unread=frozenset({SYMBOL}))
    assert settle(kept, told) == Findings(is_clean=False)
    found = settle(kept, facts([fill(7, "3", order_id=70)], balances=balances))
    assert found.records == (
        TransferBooked("opening/BTCUSDT/8", TransferKind.OPENING, money("3", "BTC"), NOW),
        TransferBooked("opening/USDT", TransferKind.OPENING, money("1000"), NOW),
    )
    assert found.is_clean


def test_no_difference_counts_while_the_trades_of_any_symbol_are_unread() -> None:
    kept = books(opening("1000"), opening("0", SYMBOL, "BTC"), opening("0", "ETHUSDT", "ETH"))
    told = replace(facts(balances={"USDT": "1100"}), unread=frozenset({"ETHUSDT"}))
    found = settle(kept, told)
    assert (found.records, found.doubts, found.is_clean) == ((), {}, False)


@pytest.mark.parametrize("foreign", ["0", "5"])
def test_a_strangers_sale_after_our_first_fill_is_booked_though_the_symbol_was_never_read(
    foreign: str,
) -> None:
    bought = own(ENTRY, Role.ENTRY, fill(3, "1"))
    done = moved(ENTRY, OrderState.FILLED, "1", order_id=1)
    kept = books(opening("1000"), ENTRY, done, opened(ENTRY), bought)
    sold = fill(5, "1", "95", side=Side.SELL, order_id=70)
    past = fill(2, "4", order_id=60)
    found = settle(kept, facts([past, bought.fill, sold], balances={"USDT": "995", "BTC": foreign}))
    assert FillBooked(sold, None, None, None) in found.records
    assert not kept.has_fill(SYMBOL, past.trade_id)
    assert (kept.balance("USDT"), kept.balance("BTC")) == (Decimal(995), Decimal(foreign))
    assert (found.is_clean, found.doubts) == (True, {})
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("0" if foreign == "0" else "1")
