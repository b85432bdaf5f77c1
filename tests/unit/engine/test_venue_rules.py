"""What the exchange would refuse is refused before it is written down."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.trading import rules_for
from tests.unit.engine.test_gate import books_with, door, entry

from leeward.domain.money import Money, Price
from leeward.domain.orders import OrderType
from leeward.domain.rules import NotionalRule, OrderCaps, PriceBand, SymbolRules
from leeward.engine.gate import admit
from leeward.engine.records import IntentMade, Plan, TransferBooked, TransferKind
from leeward.engine.venue_rules import objection

RULES = rules_for("AUSDT")
LAST = Decimal(100)
#: As BTCUSDT's of 2026-09-25.
BAND = PriceBand(Decimal("0.5"), Decimal("1.2"), Decimal("0.8"), Decimal(2))
BANDED = replace(RULES, price_band=BAND)


def planned(quantity: str, cap: str, stop: str | None, target: str | None) -> IntentMade:
    made = entry("AUSDT", Decimal(quantity), Decimal(cap), stop=stop)
    plan = Plan(
        None if stop is None else Price(Decimal(stop)),
        None if target is None else Price(Decimal(target)),
    )
    return replace(made, plan=plan)


SOUND = planned("5", "100.5", "90", "120")


@pytest.mark.parametrize(
    ("intent", "rules", "reason"),
    [
        (SOUND, BANDED, None),
        (planned("5", "120", "90", "200"), BANDED, None),
        (planned("5", "120.01", "90", None), BANDED, "price_band"),
        (planned("5", "49.99", "40", None), BANDED, "price_band"),
        (planned("5", "100.5", "90", "200.01"), BANDED, "target_price"),
        (planned("5", "100.5", "60", None), BANDED, None),
        (planned("5.000001", "100.5", "90", None), RULES, "lot_size"),
        (planned("0.04", "100.5", "90", None), RULES, "below_minimum"),
        (planned("0.052", "100.5", "90", None), RULES, "below_minimum"),
        (planned("0.056", "100.5", "90", None), RULES, None),
        (planned("5", "100.505", "90", None), RULES, "price_grid"),
        (planned("5", "100.5", "90.001", None), RULES, "stop_price"),
        (planned("5", "100.5", "90", "120.001"), RULES, "target_price"),
        (planned("5", "100.5", None, None), RULES, None),
        (
            SOUND,
            replace(RULES, order_types=RULES.order_types - {OrderType.STOP_LOSS}),
            "no_stop_orders",
        ),
        (SOUND, replace(RULES, features=replace(RULES.features, oco=False)), "no_order_lists"),
        (
            SOUND,
            replace(
                RULES,
                notional=NotionalRule(
                    Decimal(5), Decimal(500), least_for_market=True, most_for_market=False
                ),
            ),
            "above_max_notional",
        ),
        (SOUND, replace(RULES, caps=OrderCaps(orders=2)), "max_open_orders"),
        (SOUND, replace(RULES, caps=OrderCaps(orders=3, stops=1, lists=1)), None),
        (SOUND, replace(RULES, caps=OrderCaps(stops=0)), "max_open_orders"),
        (SOUND, replace(RULES, caps=OrderCaps(lists=0)), "max_open_orders"),
        (SOUND, replace(RULES, most_position=Decimal(5)), None),
        (SOUND, replace(RULES, most_position=Decimal("4.99")), "max_position_of_exchange"),
    ],
)
def test_what_the_exchange_would_refuse_has_a_reason(
    intent: IntentMade, rules: SymbolRules, reason: str | None
) -> None:
    assert objection(books_with(), intent, rules, LAST) == reason


def test_coins_of_other_hands_count_in_what_the_exchange_lets_an_account_hold() -> None:
    books = books_with()
    coins = Money(Decimal(3), "A")
    books.apply(TransferBooked("deposit/1", TransferKind.DEPOSIT, coins, 1))
    rules = replace(RULES, most_position=Decimal("7.99"))
    assert objection(books, SOUND, rules, LAST) == "max_position_of_exchange"


def test_the_gate_asks_for_it() -> None:
    seen = replace(door(), rules={"AUSDT": BANDED})
    assert admit(books_with(), SOUND, seen) is None
    high = planned("5", "100.5", "90", "201")
    assert admit(books_with(), high, seen) == "target_price"
