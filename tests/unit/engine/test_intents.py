from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.accounts import SYMBOL, intent, quantity

from leeward.domain.errors import BadUsage
from leeward.domain.money import Price
from leeward.domain.order_requests import Leg, OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.engine.intents import (
    client_order_id,
    epoch_of,
    intent_id,
    is_ours,
    list_id,
    names_order,
    request_of,
    role_of,
)
from leeward.engine.records import DecisionKey, Role

KEYS = st.builds(
    DecisionKey,
    account=st.text(min_size=1, max_size=40),
    symbol=st.text(min_size=1, max_size=12),
    open_time_ms=st.integers(0, 2**45),
    leg=st.sampled_from(["entry", "exit/1", "exit/11", "protection/1"]),
)
EPOCHS = st.integers(0, 36**6 - 1)


@given(KEYS, EPOCHS, st.sampled_from(Role))
def test_order_ids_fit_the_venue_and_tell_epoch_and_role(
    key: DecisionKey, epoch: int, role: Role
) -> None:
    name = client_order_id(key, epoch, role)
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", name)
    assert is_ours(name)
    assert (epoch_of(name), role_of(name)) == (epoch, role)
    assert client_order_id(key, epoch, role) == name


def test_no_two_decisions_epochs_or_roles_share_an_id() -> None:
    keys = [
        DecisionKey(account, symbol, open_time_ms, leg)
        for account in ("paper:binance:main", "live:binance:main")
        for symbol in ("BTCUSDT", "ETHUSDT", "1BTCUSDT")
        for open_time_ms in range(400)
        for leg in ("entry", "exit/1", "protection/1", "protection/11")
    ]
    assert len({intent_id(key) for key in keys}) == len(keys)
    names = {
        name
        for key in keys
        for epoch in (1, 36)
        for name in (
            list_id(key, epoch),
            *(client_order_id(key, epoch, role) for role in Role),
        )
    }
    assert len(names) == len(keys) * 2 * 5


@given(KEYS, KEYS)
def test_different_keys_have_different_ids(one: DecisionKey, other: DecisionKey) -> None:
    assert (intent_id(one) == intent_id(other)) == (one == other)


def test_the_fields_of_a_key_do_not_run_into_each_other() -> None:
    assert intent_id(DecisionKey("a", "b1", 1, "entry")) != intent_id(
        DecisionKey("a", "b", 11, "entry")
    )


@pytest.mark.parametrize("name", ["", "x-1", "lw-", "lw-1", "lw-1-ehuman", "web_lw-1-e"])
def test_ids_of_other_hands_are_not_ours(name: str) -> None:
    assert not is_ours(name)
    with pytest.raises(BadUsage, match="not one of ours"):
        epoch_of(name)


def test_a_lists_id_is_ours_but_has_no_role() -> None:
    name = list_id(DecisionKey("a", SYMBOL, 0, "entry"), 7)
    assert is_ours(name)
    assert not names_order(name)
    assert epoch_of(name) == 7
    with pytest.raises(BadUsage, match="names a list"):
        role_of(name)


@pytest.mark.parametrize("epoch", [-1, 36**6])
def test_an_epoch_that_does_not_fit_is_refused(epoch: int) -> None:
    with pytest.raises(BadUsage, match=str(epoch)):
        client_order_id(DecisionKey("a", SYMBOL, 0, "entry"), epoch, Role.ENTRY)


def test_an_entry_alone_is_one_order() -> None:
    made = intent()
    assert request_of(made) == OrderRequest(
        SYMBOL,
        Side.BUY,
        OrderType.LIMIT,
        made.orders[0].client_order_id,
        quantity("1"),
        price=Price(Decimal(100)),
        time_in_force=TimeInForce.IOC,
    )


def test_target_and_stop_are_a_pair_around_the_market() -> None:
    made = intent("protection/1", (Role.STOP, Role.TARGET), "2")
    stop, target = made.orders
    assert request_of(made) == OcoRequest(
        SYMBOL,
        Side.SELL,
        quantity("2"),
        made.client_list_id or "",
        above=Leg(OrderType.LIMIT_MAKER, target.client_order_id, Price(Decimal(120))),
        below=Leg(OrderType.STOP_LOSS, stop.client_order_id, stop_price=Price(Decimal(90))),
    )


def test_an_entry_with_stop_sells_what_it_bought() -> None:
    made = intent(roles=(Role.ENTRY, Role.STOP))
    request = request_of(made)
    assert isinstance(request, TriggerRequest)
    assert request.working.client_order_id == made.orders[0].client_order_id
    assert request.pending == Leg(
        OrderType.STOP_LOSS, made.orders[1].client_order_id, stop_price=Price(Decimal(90))
    )
    assert (request.pending_below, request.pending_quantity) == (None, None)
    assert request.pending_side is Side.SELL


def test_an_entry_with_stop_and_target_has_the_target_above() -> None:
    made = intent(roles=(Role.ENTRY, Role.STOP, Role.TARGET))
    request = request_of(made)
    assert isinstance(request, TriggerRequest)
    assert request.pending_below is not None
    assert request.pending.client_order_id == made.orders[2].client_order_id
    assert request.pending_below.client_order_id == made.orders[1].client_order_id


@pytest.mark.parametrize("roles", [(Role.EXIT, Role.STOP), (Role.ENTRY, Role.TARGET), ()])
def test_orders_that_make_no_request_are_refused(roles: tuple[Role, ...]) -> None:
    made = intent(roles=roles or (Role.EXIT,))
    if not roles:
        made = replace(made, orders=())
    with pytest.raises(BadUsage, match="no request has the orders"):
        request_of(made)


def test_legs_of_one_list_need_one_quantity() -> None:
    made = intent("protection/1", (Role.STOP, Role.TARGET), "2")
    stop, target = made.orders
    uneven = replace(made, orders=(stop, replace(target, quantity=quantity("1"))))
    with pytest.raises(BadUsage, match="one side and quantity"):
        request_of(uneven)
