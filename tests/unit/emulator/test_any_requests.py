"""Whatever is asked, in whatever order: money is conserved and nothing crashes."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.emulated import ME, SYMBOL, exchange_of

from leeward.emulator.exchange import Exchange
from leeward.emulator.options import FeeRates
from leeward.emulator.rejections import Rejection
from leeward.emulator.requests import (
    AmendRequest,
    CancelRequest,
    ListRequest,
    OrderRequest,
    ReplaceRequest,
)

CAMPAIGN = int(os.environ.get("LEEWARD_CAMPAIGN", "1"))
ROWS = [
    (100.0, 104.0, 97.0, 103.0, 40.0), (103.0, 103.5, 94.0, 96.0, 80.0),
    (92.0, 99.0, 91.0, 98.0, 60.0), (98.0, 108.0, 98.0, 107.5, 20.0),
    (108.0, 108.0, 99.0, 100.0, 90.0),
]  # fmt: skip

sides = st.sampled_from(["BUY", "SELL"])
prices = st.integers(180, 220).map(lambda n: Decimal(n) / 2)
sizes = st.integers(1, 400).map(lambda n: Decimal(n) / 20)
modes = st.sampled_from([
    None, "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "EXPIRE_MAKER", "TRANSFER", "TRANSFER",
])  # fmt: skip
pegs = st.fixed_dictionaries({
    "peg_price_type": st.sampled_from(["PRIMARY_PEG", "MARKET_PEG"]),
    "peg_offset_type": st.just("PRICE_LEVEL"),
    "peg_offset_value": st.integers(0, 3),
}, optional={"price": st.none()})  # fmt: skip


@st.composite
def orders(draw: st.DrawFn, kinds: tuple[str, ...] = (), side: str | None = None) -> OrderRequest:
    kind = draw(
        st.sampled_from(
            kinds
            or ("LIMIT", "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT",
                "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
        )
    )  # fmt: skip
    fields: dict[str, Any] = {"stp_mode": draw(modes)}
    timed = kind == "LIMIT" or kind.endswith("_LIMIT")
    if timed:
        fields["time_in_force"] = draw(st.sampled_from(["GTC", "GTC", "IOC", "FOK"]))
    if timed or kind == "LIMIT_MAKER":
        fields["price"] = draw(prices)
        fields |= draw(pegs) if draw(st.booleans()) else {}
    if kind.startswith(("STOP", "TAKE")):
        if draw(st.booleans()):
            fields["trailing_delta"] = draw(st.integers(10, 500))
        if "trailing_delta" not in fields or draw(st.booleans()):
            fields["stop_price"] = draw(prices)
    quantity: Decimal | None = draw(sizes)
    if kind == "MARKET" and draw(st.booleans()):
        fields["quote_order_qty"], quantity = draw(sizes) * 50, None
    if fields.get("time_in_force") == "GTC" and quantity and draw(st.booleans()):
        fields["iceberg_qty"] = quantity / 4
    return OrderRequest(SYMBOL, side or draw(sides), kind, quantity, **fields)


LIMIT_SIDE, STOP_SIDE = ("LIMIT_MAKER", "TAKE_PROFIT_LIMIT"), ("STOP_LOSS", "STOP_LOSS_LIMIT")


@st.composite
def lists(draw: st.DrawFn) -> ListRequest:
    kind = draw(st.sampled_from(["OCO", "OTO", "OTOCO", "OPO", "OPOCO"]))
    opo = kind.startswith("OPO")
    exit_side = "SELL" if opo else draw(sides)
    size = draw(sizes)
    legs = []
    if kind != "OCO":
        legs.append(draw(orders(("LIMIT", "LIMIT_MAKER"), "BUY" if opo else None)))
    if kind.endswith("OCO"):
        above, below = (LIMIT_SIDE, STOP_SIDE) if exit_side == "SELL" else (STOP_SIDE, LIMIT_SIDE)
        legs += [draw(orders(above, exit_side)), draw(orders(below, exit_side))]
    else:
        legs.append(draw(orders((), exit_side)))
    first = 0 if kind == "OCO" else 1
    same = None if opo else size
    fixed = [leg if k < first else _sized(leg, same) for k, leg in enumerate(legs)]
    return ListRequest(kind, SYMBOL, tuple(fixed))  # type: ignore[arg-type] # one of the kinds


def _sized(leg: OrderRequest, size: Decimal | None) -> OrderRequest:
    return replace(leg, quantity=size, quote_order_qty=None, iceberg_qty=None)


ids = st.integers(1, 8)
steps = st.one_of(
    orders(),
    lists(),
    st.builds(CancelRequest, st.just(SYMBOL), ids),
    st.builds(AmendRequest, st.just(SYMBOL), sizes, ids),
    st.builds(
        ReplaceRequest,
        st.builds(CancelRequest, st.just(SYMBOL), ids),
        orders(),
        st.sampled_from(["STOP_ON_FAILURE", "ALLOW_FAILURE"]),
    ),
    st.integers(1, 90).map(lambda seconds: seconds * 1_000_000),
    st.just("cancel all"),
    st.just("exchange cancels"),
)


def ask_for(exchange: Exchange, account: str, step: object) -> None:
    if isinstance(step, OrderRequest):
        exchange.place(account, step)
    elif isinstance(step, ListRequest):
        exchange.place_list(account, step)
    elif isinstance(step, CancelRequest):
        exchange.cancel(account, step)
    elif isinstance(step, AmendRequest):
        exchange.amend(account, step)
    elif isinstance(step, ReplaceRequest):
        exchange.cancel_replace(account, step)
    elif isinstance(step, int):
        exchange.advance(exchange.time_us + step)
    elif step == "cancel all":
        exchange.cancel_open_orders(account, SYMBOL)
    else:
        exchange.exchange_cancel(account)


@pytest.mark.timeout(300 * CAMPAIGN)
@settings(max_examples=60 * CAMPAIGN, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from([ME, "other"]), steps), min_size=10, max_size=40),
    st.booleans(),
    st.integers(0, 5),
)
def test_every_sequence_of_requests_keeps_the_books_balanced(
    asked: list[tuple[str, object]],
    in_bnb: bool,
    seed: int,
) -> None:
    fees = FeeRates(maker=Decimal("0.00075"), pay_in_bnb=in_bnb)
    held = {"USDT": "5000", "TST": "50", "BNB": "0.01"}
    exchange = exchange_of(
        *ROWS, balances=held, fees=fees, seed=seed, path="seeded", spread_bps=Decimal(30),
        ticks_per_bar=8, participation=Decimal("0.3"),
    )  # fmt: skip
    exchange.add_account("other", {"USDT": Decimal(5000), "TST": Decimal(50)}, fees)
    for account in (ME, "other"):
        exchange.set_trade_group(account, -1 if in_bnb else 1)
    for account, step in asked:
        with suppress(Rejection):
            ask_for(exchange, account, step)
        assert exchange.invariants() == []
    for account in (ME, "other"):
        exchange.exchange_cancel(account)
        rows: Any = exchange.account_info(account)["balances"]
        assert {row["locked"] for row in rows} == {"0.00000000"}
        assert exchange.open_orders(account) == exchange.open_order_lists(account) == []
    for message in exchange.drain():
        if message.channel[0] == "user":
            assert isinstance(message.payload, dict)
            assert message.payload["E"] == message.time_us // 1000
