"""What an outcome says of each order of an intent: definite, or to be asked for, never guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from leeward.domain.answers import (
    Acked,
    NotAttempted,
    NotSent,
    Reaction,
    Refused,
    Replacement,
    Unknown,
)
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import OrderReport, OrderStatus, OrderType, Side, TimeInForce
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    OrderState,
    PlannedOrder,
    Purpose,
    Role,
)
from leeward.runtime.trading.sending import Answer, Sent, outcome

ONE = Quantity(Decimal(1))
PRICE = Price(Decimal(90))


def planned(name: str, role: Role = Role.STOP) -> PlannedOrder:
    return PlannedOrder(name, role, Side.SELL, OrderType.STOP_LOSS, ONE, stop_price=PRICE)


def intent(*orders: PlannedOrder, replaces: str | None = None) -> IntentMade:
    key = DecisionKey("a", "TSTUSDT", 0, "protection/1")
    return IntentMade(
        "i", key, "s", 1, Purpose.PROTECTION, "p", "x", "1", orders, Money(Decimal(0), "USDT"), 1,
        replaces=replaces,
    )  # fmt: skip


def report(name: str, status: OrderStatus = OrderStatus.NEW) -> OrderReport:
    zero = Quantity(Decimal(0))
    return OrderReport(
        "TSTUSDT", 5, name, None, Side.SELL, OrderType.STOP_LOSS, TimeInForce.GTC, status, ONE,
        zero, Decimal(0), None, PRICE, 2,
    )  # fmt: skip


def states(sent: Sent) -> dict[str, OrderState]:
    return {each.client_order_id: each.state for each in sent.records}


NO = Refused(-2010, "Order would trigger immediately.", Reaction.PRICE_MOVED)
TWICE = Refused(-2010, "Duplicate order sent.", Reaction.DUPLICATE)
GONE = Refused(-2011, "Unknown order sent.", Reaction.ASK)
S = OrderState


@pytest.mark.parametrize(
    ("answer", "state", "doubted"),
    [
        (Acked(report("n")), S.OPEN, ()),
        (Acked(report("n", OrderStatus.UNKNOWN)), S.UNKNOWN, ()),
        (Acked(report("another")), S.UNKNOWN, ("n",)),
        (NO, S.REFUSED, ()),
        (TWICE, S.UNKNOWN, ("n",)),
        (Unknown("lost"), S.UNKNOWN, ("n",)),
        (NotSent("no line"), S.VOID, ()),
    ],
)
def test_one_order(answer: Answer, state: OrderState, doubted: tuple[str, ...]) -> None:
    sent = outcome(intent(planned("n")), answer, 3)
    assert states(sent) == {"n": state}
    assert sent.doubted == doubted


@pytest.mark.parametrize(
    ("answer", "expected", "doubted"),
    [
        (
            Acked(Replacement(Acked(report("o", OrderStatus.CANCELED)), Acked(report("n")))),
            {"o": S.CANCELED, "n": S.OPEN},
            (),
        ),
        (
            Acked(Replacement(Acked(report("o", OrderStatus.CANCELED)), NO)),
            {"o": S.CANCELED, "n": S.REFUSED},
            (),
        ),
        (Acked(Replacement(GONE, NotAttempted())), {"n": S.REFUSED}, ("o",)),
        (Acked(Replacement(GONE, Acked(report("n")))), {"n": S.OPEN}, ("o",)),
        (Acked(Replacement(GONE, NO)), {"n": S.REFUSED}, ("o",)),
        (Unknown("lost"), {"n": S.UNKNOWN}, ("n", "o")),
        (NotSent("no line"), {"n": S.VOID}, ()),
        (NO, {"n": S.REFUSED}, ()),
    ],
)
def test_each_pair_of_legs_of_a_replacement(
    answer: Answer, expected: dict[str, OrderState], doubted: tuple[str, ...]
) -> None:
    sent = outcome(intent(planned("n"), replaces="o"), answer, 3)
    assert states(sent) == expected
    assert sent.doubted == doubted


def test_a_refused_list_is_refused_in_every_leg() -> None:
    both = intent(planned("s"), planned("t", Role.TARGET))
    assert states(outcome(both, NO, 3)) == {"s": S.REFUSED, "t": S.REFUSED}
