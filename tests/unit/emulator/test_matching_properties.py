"""The matching engine against a plain reference book, step by step.

`LEEWARD_CAMPAIGN=150` makes it a million steps.
"""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.emulated import ME, SYMBOL, balance, exchange_of
from tests.reference_book import Plain, ReferenceBook

from leeward.emulator.options import FeeRates
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.requests import AmendRequest, CancelRequest, OrderRequest
from leeward.emulator.symbols import symbol_rules

RULES = symbol_rules(SYMBOL, 100.0)
STEPS = 50
CAMPAIGN = int(os.environ.get("LEEWARD_CAMPAIGN", "1"))
OTHER = "other"
OWNERS = (ME, OTHER)
MONEY, GOODS = "1000", "10"

prices = st.integers(97, 103).map(Decimal)
sizes = st.integers(1, 30).map(lambda n: Decimal(n) / 10)
kinds = st.sampled_from(
    ["LIMIT", "LIMIT", "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "TAKE_PROFIT",
     "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]
)  # fmt: skip


def attempt(work: Any, *given: object) -> Json | int:
    """Returns the answer of a call, or the code it is refused with."""
    try:
        answer: Json = work(*given)
    except Rejection as refused:
        return refused.code
    return answer


class Matching(RuleBasedStateMachine):
    """Two accounts trade on both exchanges; after every step all orders and balances agree."""

    def __init__(self) -> None:
        super().__init__()
        bare = replace(RULES, filters=RULES.filters[:2])
        held = {"USDT": MONEY, "TST": GOODS}
        self.exchange = exchange_of(rules=bare, balances=held)
        free = FeeRates(maker=Decimal(0), taker=Decimal(0))
        self.exchange.add_account(OTHER, {"USDT": Decimal(MONEY), "TST": Decimal(GOODS)}, free)
        self.exchange.withdraw_liquidity(SYMBOL)
        self.book = ReferenceBook(
            Decimal(100),
            dict.fromkeys(OWNERS, Decimal(MONEY)),
            dict.fromkeys(OWNERS, Decimal(GOODS)),
        )
        self.by_number: dict[int, Plain] = {}

    @rule(
        owner=st.sampled_from(OWNERS), side=st.sampled_from(["BUY", "SELL"]), kind=kinds,
        tif=st.sampled_from(["GTC", "GTC", "IOC", "FOK"]), size=sizes, price=prices, stop=prices,
    )  # fmt: skip
    def place(
        self, owner: str, side: str, kind: str, tif: str, size: Decimal, price: Decimal,
        stop: Decimal,
    ) -> None:  # fmt: skip
        limited = kind not in {"MARKET", "STOP_LOSS", "TAKE_PROFIT"}
        stopped = kind.startswith(("STOP", "TAKE"))
        timed = kind in {"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"}
        request = OrderRequest(
            SYMBOL, side, kind, size,
            price=price if limited else None,
            stop_price=stop if stopped else None,
            time_in_force=tif if timed else None,
        )  # fmt: skip
        plain = Plain(
            0, owner, side, kind, tif if timed else "GTC", size,
            price if limited else Decimal(0), stop if stopped else Decimal(0),
        )  # fmt: skip
        plain.number = len(self.book.orders) + 1
        refused = self.book.place(plain)
        answer = attempt(self.exchange.place, owner, request)
        assert (refused is None) == isinstance(answer, dict), (refused, answer)
        if not isinstance(answer, dict):
            return
        assert answer["orderId"] == plain.number
        self.by_number[plain.number] = plain

    @rule(owner=st.sampled_from(OWNERS), size=sizes, price=prices)
    def offer(self, owner: str, size: Decimal, price: Decimal) -> None:
        """Rests on the side of the market where it does."""
        side = "BUY" if price < self.book.last else "SELL"
        self.place(owner, side, "LIMIT", "GTC", size, price, price)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.by_number:
            return
        number = data.draw(st.sampled_from(sorted(self.by_number)))
        plain = self.by_number[number]
        live = plain.waiting or plain.resting
        answer = attempt(self.exchange.cancel, plain.owner, CancelRequest(SYMBOL, number))
        if live:
            assert isinstance(answer, dict)
            self.book.cancel(plain)
        else:
            assert answer == -2011

    @rule(data=st.data(), size=sizes)
    def amend(self, data: st.DataObject, size: Decimal) -> None:
        if not self.by_number:
            return
        number = data.draw(st.sampled_from(sorted(self.by_number)))
        plain = self.by_number[number]
        allowed = (plain.waiting or plain.resting) and plain.done < size < plain.quantity
        answer = attempt(self.exchange.amend, plain.owner, AmendRequest(SYMBOL, size, number))
        assert isinstance(answer, dict) == allowed
        if allowed:
            plain.quantity = size

    @rule(price=prices, size=sizes, seller_took=st.booleans())
    def trade(self, price: Decimal, size: Decimal, *, seller_took: bool) -> None:
        self.exchange.print_trade(SYMBOL, price, size, buyer_maker=seller_took)
        self.book.trade(price, size, seller_took=seller_took)

    @invariant()
    def orders_agree(self) -> None:
        for plain in self.book.orders:
            order = self.exchange.order(plain.owner, SYMBOL, order_id=plain.number)
            assert (order["status"], Decimal(str(order["executedQty"]))) == (
                plain.status,
                plain.done,
            )

    @invariant()
    def balances_agree(self) -> None:
        for owner in OWNERS:
            for asset, money, totals in (
                ("USDT", True, self.book.money), ("TST", False, self.book.goods),
            ):  # fmt: skip
                free = self.book.free(owner, money=money)
                assert balance(self.exchange, asset, owner) == (free, totals[owner] - free)

    @invariant()
    def books_balance(self) -> None:
        assert self.exchange.invariants() == []


Matching.TestCase.settings = settings(
    max_examples=150 * CAMPAIGN,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestMatching = pytest.mark.timeout(300 * CAMPAIGN)(Matching.TestCase)
