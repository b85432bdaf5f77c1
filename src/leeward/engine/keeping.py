"""The next step to keep one symbol as it is wanted: a table of questions over what is known.

Level-triggered: the step follows from the present alone, never from how it came about. Boot, a
lost answer, a fill while nobody looked, a raised stop and an exit are the same loop: ask for the
next step, do it, write down what came of it, ask again until `Settled`.

What it keeps to, whatever the view: own sells never exceed what is held; what is held has a stop,
or the step leads to one, or sells it; an order whose fate is open is asked for, never repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from leeward.domain.money import Quantity, quantity_of
from leeward.engine.records import OrderState, Plan, Role
from leeward.engine.symbol_view import (
    Ask,
    Cancel,
    Close,
    FetchFills,
    Kept,
    OwnOrder,
    Protect,
    Raise,
    Sell,
    Settled,
    Step,
    SymbolView,
    Wait,
)

_ZERO = Decimal(0)


def next_step(view: SymbolView) -> Step:
    """Returns the one step to take now; `Wait` never ends in the past."""
    return _missing_fills(view) or _questions(view) or _buys(view) or _sells(view)


def is_protected(view: SymbolView) -> bool:
    """Returns whether nothing is held that needs a stop, or a stop rests for all of it."""
    kept = view.kept
    if kept is None or kept.plan.stop is None or _is_dust(view, sellable(view)):
        return True
    stops = [each for each in _resting(view) if each.role is Role.STOP and not each.doubted]
    return sum((each.remaining for each in stops), _ZERO) >= sellable(view)


def sellable(view: SymbolView) -> Decimal:
    """Returns what of the position can be sold, on the lot step: what the books hold less what the
    venue says is sold already, and no more than the account has."""
    if view.kept is None:
        return _ZERO
    sold = sum((each.unbooked for each in view.orders if each.sells), _ZERO)
    left = max(_ZERO, view.kept.quantity - sold)
    if view.most is not None:
        left = min(left, max(_ZERO, view.most))
    return quantity_of(left, view.ground.lot_step).value


def _missing_fills(view: SymbolView) -> Step | None:
    for each in view.orders:
        if each.unbooked and each.ask_at_s <= view.now_s:
            return FetchFills(each.client_order_id)
    return None


def _questions(view: SymbolView) -> Step | None:
    """Returns the first order to ask for: sells first, for they decide what is protected."""
    for each in sorted(view.orders, key=lambda order: not order.sells):
        if _in_question(view, each) and each.ask_at_s <= view.now_s:
            return Ask(each.client_order_id)
    return None


def _in_question(view: SymbolView, order: OwnOrder) -> bool:
    if order.doubted or order.unresolved:
        return True
    if order.state is OrderState.PENDING:  # it waits for an entry: for one that is still open?
        waits_for = (each for each in view.orders if _is_open_entry(each, order.client_list_id))
        return not order.sells or not any(waits_for)
    # Neither an entry (IOC, FOK) nor a sale at the market rests: there is news of it.
    return order.rests and order.role in {Role.ENTRY, Role.EXIT}


def _is_open_entry(order: OwnOrder, client_list_id: str | None) -> bool:
    return order.role is Role.ENTRY and order.client_list_id == client_list_id


def _buys(view: SymbolView) -> Step | None:
    """Returns the cancel of a buy that is not to rest."""
    for each in view.orders:
        if _is_on_its_way(each):
            continue
        if each.role is Role.ENTRY and each.rests and view.cancel_at_s <= view.now_s:
            return Cancel(each.client_order_id, each.client_list_id, "an entry may not rest")
    return None


def _sells(view: SymbolView) -> Step:
    kept = view.kept
    if kept is None:
        return _without_position(view)
    if kept.closing is not None:
        return _leave(view, kept, kept.closing)
    if _is_dust(view, sellable(view)):
        return _leave_dust(view, kept)
    if kept.plan == Plan(None, None):
        return _withdraw(view, "nothing is to be protected") or _settled(view)
    return _keep(view, kept)


def _leave_dust(view: SymbolView, kept: Kept) -> Step:
    """Ends a position of which no more can be sold, and that no open order adds to. A shortage of
    coins, which may pass, ends none, not even one of which a part was sold: what comes back of the
    rest would have no stop."""
    withdrawn = _withdraw(view, "nothing is left to protect")
    if withdrawn is not None:
        return withdrawn
    is_known = kept.sold is not None or kept.price > 0
    if not view.orders and is_known and not _is_short(view, kept):
        return Close(kept.sold or "dust")
    return _settled(view)


def _is_short(view: SymbolView, kept: Kept) -> bool:
    """Returns whether the books hold enough to be sold, be it there or not."""
    return not _is_dust(view, quantity_of(kept.quantity, view.ground.lot_step).value)


def _without_position(view: SymbolView) -> Step:
    """A sell without a position would sell coins that are not ours."""
    waits_for_entry = any(each.role is Role.ENTRY and each.unresolved for each in view.orders)
    if waits_for_entry:
        return _settled(view)
    return _withdraw(view, "there is no position") or _settled(view)


def _keep(view: SymbolView, kept: Kept) -> Step:
    resting = _resting(view)
    in_doubt = _open_sells(view)
    if not resting:
        return _protect(view, kept, in_doubt)
    if in_doubt:
        return _settled(view)
    if _covers(view, resting, kept.plan):
        return _settled(view)
    too_much = _total(resting) > sellable(view)
    if not view.ground.trades and not (too_much and view.ground.cancels):
        return _wait(view, view.raise_at_s, "the symbol does not trade")
    if view.raise_at_s > view.now_s and not too_much:
        return _wait(view, view.raise_at_s, "the last change of the stop was refused")
    stop = kept.plan.stop
    may_raise = view.ground.trades and view.ground.replaces and view.raise_at_s <= view.now_s
    if may_raise and stop is not None and _is_lone_stop(resting, kept.plan):
        return Raise(resting[0].client_order_id, stop, Quantity(sellable(view)))
    return _withdraw(view, "the protection is to change") or _settled(view)


def _protect(view: SymbolView, kept: Kept, in_doubt: tuple[OwnOrder, ...]) -> Step:
    late = view.deadline_s <= view.now_s
    if in_doubt and any(map(_is_on_its_way, in_doubt)):
        return _settled(view)
    if in_doubt:
        return _give_up(view, in_doubt) if late else _wait(view, view.deadline_s, "a sell is open")
    if not view.ground.trades:
        return _wait(view, view.protect_at_s, "the symbol does not trade")
    reason = view.crossed or ("containment" if late and kept.plan.stop is not None else None)
    if reason is not None:
        return _sell(view, reason)
    if view.protect_at_s > view.now_s:
        until_s = min(view.protect_at_s, view.deadline_s)
        return _wait(view, until_s, "the last protection was refused")
    return Protect(kept.plan.stop, kept.plan.target, Quantity(sellable(view)))


def _leave(view: SymbolView, kept: Kept, reason: str) -> Step:
    resting = _resting(view)
    in_doubt = _open_sells(view)
    if in_doubt:
        on_its_way = any(map(_is_on_its_way, in_doubt))
        overdue = not resting and not on_its_way and view.deadline_s <= view.now_s
        return _give_up(view, in_doubt) if overdue else _settled(view)
    if resting:
        if not view.ground.trades:
            return _wait(view, view.sell_at_s, "the symbol does not trade; the stop stays")
        if view.sell_at_s > view.now_s:
            return _wait(view, view.sell_at_s, "the last sale was refused; the stop stays")
        return _withdraw(view, f"closing: {reason}") or _settled(view)
    if any(each.unbooked for each in view.orders):
        return _settled(view)
    if _is_dust(view, sellable(view)) or view.unsellable:
        stays = _awaits_buys(view) or (_is_short(view, kept) and not view.unsellable)
        return _settled(view) if stays else Close(reason)
    return _sell(view, reason)


def _sell(view: SymbolView, reason: str) -> Step:
    if not view.ground.trades:
        return _wait(view, view.sell_at_s, "the symbol does not trade")
    if view.sell_at_s > view.now_s:
        return _wait(view, view.sell_at_s, "the last sale was refused")
    amount = sellable(view)
    if view.ground.most_at_market is not None:
        amount = min(amount, view.ground.most_at_market)
    return Sell(quantity_of(amount, view.ground.lot_step), reason)


def _withdraw(view: SymbolView, why: str) -> Step | None:
    """Returns the cancel of the first sell that rests, None where none does."""
    for each in _resting(view):
        if not view.ground.cancels:
            return _wait(view, view.cancel_at_s, "the symbol takes no cancels")
        if view.cancel_at_s > view.now_s:
            return _wait(view, view.cancel_at_s, "the last cancel came to nothing")
        return Cancel(each.client_order_id, each.client_list_id, why)
    return None


def _give_up(view: SymbolView, in_doubt: tuple[OwnOrder, ...]) -> Step:
    if view.cancel_at_s > view.now_s:
        return _wait(view, view.cancel_at_s, "the last cancel came to nothing")
    first = in_doubt[0]
    # By its own id: of a list that never arrived the venue knows no list either.
    return Cancel(first.client_order_id, None, "the protection is overdue", gives_up=True)


def _settled(view: SymbolView) -> Step:
    """Returns Settled, or the wait for the next question where one is open."""
    due = [each.ask_at_s for each in view.orders if _in_question(view, each) or each.unbooked]
    if not due:
        return Settled()
    return _wait(view, min(due), "the fate of an order is open")


def _wait(view: SymbolView, until_s: float, why: str) -> Wait:
    """Returns a wait that ends at the next question at the latest, and never in the past."""
    due = [each.ask_at_s for each in view.orders if _in_question(view, each) or each.unbooked]
    ahead = [at_s for at_s in (until_s, *due) if view.now_s < at_s < float("inf")]
    return Wait(min(ahead, default=view.now_s + 1.0), why)


def _resting(view: SymbolView) -> tuple[OwnOrder, ...]:
    return tuple(each for each in view.orders if each.sells and each.rests)


def _open_sells(view: SymbolView) -> tuple[OwnOrder, ...]:
    """Returns the sells that may or may not be on the venue, or be filled by now."""
    return tuple(each for each in view.orders if each.sells and not each.lost and _is_open(each))


def _is_open(order: OwnOrder) -> bool:
    if order.unresolved or order.doubted or order.state is OrderState.PENDING:
        return True
    return order.rests and order.role is Role.EXIT


def _is_on_its_way(order: OwnOrder) -> bool:
    """Returns whether the venue has taken an order that fills or ends by itself, and says so with
    its answer: nothing is gained by a cancel."""
    at_once = order.role in {Role.ENTRY, Role.EXIT}
    return at_once and order.awaited and order.rests and not order.doubted


def _covers(view: SymbolView, resting: tuple[OwnOrder, ...], plan: Plan) -> bool:
    """Returns whether what rests is the plan, for all that can be sold."""
    by_role = {each.role: each for each in resting}
    wanted = {Role.STOP: plan.stop, Role.TARGET: plan.target}
    if len(by_role) != len(resting) or len({each.client_list_id for each in resting}) > 1:
        return False
    for role, price in wanted.items():
        order = by_role.get(role)
        if (order is None) != (price is None):
            return False
        if order is None or price is None:
            continue
        placed = order.stop_price if role is Role.STOP else order.price
        if placed is None or abs(placed.value - price.value) >= view.ground.tick:
            return False
        if order.remaining != sellable(view):
            return False
    return True


def _is_lone_stop(resting: tuple[OwnOrder, ...], plan: Plan) -> bool:
    """Returns whether one replacement makes what rests what it is to be. A leg that is left of a
    list is no order the venue replaces alone."""
    if len(resting) != 1 or plan.target is not None:
        return False
    return resting[0].role is Role.STOP and resting[0].client_list_id is None


def _total(resting: Iterable[OwnOrder]) -> Decimal:
    """Returns what may be sold by resting orders: of a list one leg only."""
    by_list: dict[str, Decimal] = {}
    for each in resting:
        name = each.client_list_id or each.client_order_id
        by_list[name] = max(by_list.get(name, _ZERO), each.remaining)
    return sum(by_list.values(), _ZERO)


def _awaits_buys(view: SymbolView) -> bool:
    return any(each.role is Role.ENTRY and not each.state.is_final for each in view.orders)


def _is_dust(view: SymbolView, amount: Decimal) -> bool:
    ground = view.ground
    if amount <= 0 or amount < ground.least:
        return True
    return view.kept is not None and amount * view.kept.price < ground.least_notional
