"""From a decision to buy to the intent that is written down: price cap, orders, reservation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from leeward.domain.money import Price, notional, quantity_of, quantize_price
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.domain.rules import SymbolRules
from leeward.engine.intents import client_order_id, intent_id, list_id
from leeward.engine.records import DecisionKey, IntentMade, Plan, PlannedOrder, Purpose, Role
from leeward.runtime.trading.views import Choice


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose decisions these are. `strategy` is what `load_strategy` takes, `strategy_version` the
    hash of its source."""

    account: str
    session_id: str
    strategy: str
    strategy_version: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Entering:
    """How entries are ordered: `entry` as in the settings; `fee` and `max_slippage` are fractions
    of price."""

    entry: Literal["auto", "ioc", "list"]
    max_slippage: Decimal
    fee: Decimal


def entry_intent(
    who: Identity, choice: Choice, rules: SymbolRules, how: Entering, at_ms: int
) -> IntentMade:
    """Returns the intent of an entry, at most `max_slippage` above the close.

    Alone it is an IOC limit order; with a stop, where the symbol allows it, a FOK order whose fill
    places the protection, so that there is no moment without a stop.
    """
    assert choice.candle is not None, "entries are decided on a candle"
    assert choice.quantity is not None, "entries have a size"
    key = DecisionKey(who.account, choice.symbol, choice.candle.open_time_ms, "entry")
    cap = _decimal(choice.candle.close) * (1 + how.max_slippage)
    price = _on_tick(cap, rules, "down")
    quantity = quantity_of(choice.quantity, rules.lot.step)
    plan = Plan(
        None if choice.stop is None else stop_price(choice.stop, rules),
        None if choice.target is None else _on_tick(_decimal(choice.target), rules, "nearest"),
    )
    listed = plan.stop is not None and _takes_lists(rules, how)
    buy = PlannedOrder(
        client_order_id(key, who.epoch, Role.ENTRY),
        Role.ENTRY,
        Side.BUY,
        OrderType.LIMIT,
        quantity,
        price=price,
        time_in_force=TimeInForce.FOK if listed else TimeInForce.IOC,
    )
    return IntentMade(
        intent_id=intent_id(key),
        key=key,
        session_id=who.session_id,
        epoch=who.epoch,
        purpose=Purpose.ENTRY,
        position_id=intent_id(key),
        strategy=who.strategy,
        strategy_version=who.strategy_version,
        orders=(buy, *_pending(key, who.epoch, plan)) if listed else (buy,),
        reserved=notional(price, quantity, rules.quote).scaled(1 + how.fee),
        made_ms=at_ms,
        client_list_id=list_id(key, who.epoch) if listed else None,
        plan=plan,
        tag=choice.entry_tag,
    )


def stop_price(stop: float, rules: SymbolRules) -> Price:
    """Returns a stop of the decision core, which lies on the tick but for float dust."""
    return _on_tick(_decimal(stop), rules, "nearest")


def _takes_lists(rules: SymbolRules, how: Entering) -> bool:
    return how.entry == "list" or (how.entry == "auto" and rules.features.opo)


def _pending(key: DecisionKey, epoch: int, plan: Plan) -> tuple[PlannedOrder, ...]:
    """Returns the protection that the fill places; the fill sets its quantity."""
    stop = PlannedOrder(
        client_order_id(key, epoch, Role.STOP),
        Role.STOP,
        Side.SELL,
        OrderType.STOP_LOSS,
        None,
        stop_price=plan.stop,
    )
    if plan.target is None:
        return (stop,)
    target = PlannedOrder(
        client_order_id(key, epoch, Role.TARGET),
        Role.TARGET,
        Side.SELL,
        OrderType.LIMIT_MAKER,
        None,
        price=plan.target,
    )
    return target, stop


def _on_tick(price: Decimal, rules: SymbolRules, toward: Literal["down", "nearest"]) -> Price:
    return quantize_price(price, rules.price.step, toward) if rules.price.step else Price(price)


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def cut_to(choice: Choice, intent: IntentMade, rules: SymbolRules, most: Decimal) -> Choice | None:
    """Returns the choice with at most `most` base units; None where they are worth less than the
    symbol's minimum."""
    price = intent.orders[0].price
    assert price is not None, "entries have a price cap"
    least = Decimal(0) if rules.notional is None else rules.notional.least
    quantity = quantity_of(max(Decimal(0), most), rules.lot.step)
    if quantity.is_zero or quantity.value * price.value < least:
        return None
    return replace(choice, quantity=float(quantity.value))
