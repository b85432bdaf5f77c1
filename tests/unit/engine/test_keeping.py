"""The next step for one symbol: a table of situations, and what holds in every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.money import Price, Quantity
from leeward.engine.keeping import is_protected, next_step, sellable
from leeward.engine.records import OrderState, Plan, Role
from leeward.engine.symbol_view import (
    Ask,
    Cancel,
    Close,
    FetchFills,
    Ground,
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

S, R = OrderState, Role
STEP = Decimal("0.01")
GROUND = Ground(
    lot_step=STEP,
    least=STEP,
    most_at_market=None,
    least_notional=Decimal(5),
    tick=Decimal("0.1"),
    replaces=True,
    trades=True,
    cancels=True,
)
CLOSED = replace(GROUND, trades=False, cancels=False)
PLAN = Plan(Price(Decimal(90)), None)
BOTH = Plan(Price(Decimal(90)), Price(Decimal(120)))


def qty(text: str) -> Quantity:
    return Quantity(Decimal(text))


def kept(quantity: str = "1", plan: Plan = PLAN, closing: str | None = None) -> Kept:
    return Kept(Decimal(quantity), plan, closing, Decimal(100))


def order(name: str, role: Role, state: OrderState = S.OPEN, **more: Any) -> OwnOrder:
    made = OwnOrder(name, role, state, Decimal(1))
    if role is Role.STOP:
        made = replace(made, stop_price=PLAN.stop)
    if role is Role.TARGET:
        made = replace(made, price=BOTH.target)
    return replace(made, **more)


STOP = order("s", R.STOP)
OCO = (
    order("s", R.STOP, client_list_id="l"),
    order("t", R.TARGET, client_list_id="l"),
)
LATER: dict[str, Any] = {"ask_at_s": 9.0}
RAISED = Plan(Price(Decimal(95)), None)


def view(*orders: OwnOrder, **more: Any) -> SymbolView:
    return replace(SymbolView(0.0, GROUND, orders), **more)


TABLE: list[tuple[str, SymbolView, Step]] = [
    ("nothing", view(), Settled()),
    ("an entry of unknown fate is asked for", view(order("e", R.ENTRY, S.UNKNOWN)), Ask("e")),
    ("so is one that was perhaps sent", view(order("e", R.ENTRY, S.COMMITTED)), Ask("e")),
    (
        "one that waits for an open is left to it",
        view(order("e", R.ENTRY, S.OPEN, awaited=True, **LATER)),
        Wait(9.0, "the fate of an order is open"),
    ),
    (
        "one that rests and nobody waits for is cancelled",
        view(order("e", R.ENTRY, S.OPEN, **LATER)),
        Cancel("e", None, "an entry may not rest"),
    ),
    (
        "so is a sale, however late it is",
        view(
            order("x", R.EXIT, S.OPEN, awaited=True, **LATER),
            kept=kept(closing="signal"),
            deadline_s=0.0,
        ),
        Wait(9.0, "the fate of an order is open"),
    ),
    (
        "but not again at once",
        view(order("e", R.ENTRY, S.UNKNOWN, **LATER)),
        Wait(9.0, "the fate of an order is open"),
    ),
    (
        "fills the venue has and the books miss",
        view(order("e", R.ENTRY, S.FILLED, executed=Decimal(1))),
        FetchFills("e"),
    ),
    ("naked", view(kept=kept()), Protect(PLAN.stop, None, qty("1"))),
    ("naked with a target", view(kept=kept(plan=BOTH)), Protect(PLAN.stop, BOTH.target, qty("1"))),
    ("on the lot step", view(kept=kept("0.999")), Protect(PLAN.stop, None, qty("0.99"))),
    ("protected", view(STOP, kept=kept()), Settled()),
    ("protected both ways", view(*OCO, kept=kept(plan=BOTH)), Settled()),
    ("raised", view(STOP, kept=kept(plan=RAISED)), Raise("s", RAISED.stop, qty("1"))),  # type: ignore[arg-type] # it has one
    (
        "raised with a target",
        view(*OCO, kept=kept(plan=Plan(RAISED.stop, BOTH.target))),
        Cancel("s", "l", "the protection is to change"),
    ),
    (
        "raised where the venue cannot replace",
        view(STOP, kept=kept(plan=RAISED), ground=replace(GROUND, replaces=False)),
        Cancel("s", None, "the protection is to change"),
    ),
    ("more was bought", view(STOP, kept=kept("2")), Raise("s", PLAN.stop, qty("2"))),  # type: ignore[arg-type] # it has one
    ("somebody sold ours", view(STOP, kept=kept("0.5")), Raise("s", PLAN.stop, qty("0.5"))),  # type: ignore[arg-type] # it has one
    (
        "the new stop was refused lately",
        view(STOP, kept=kept(plan=RAISED), raise_at_s=4.0),
        Wait(4.0, "the last change of the stop was refused"),
    ),
    (
        "a replacement of unknown fate",
        view(STOP, order("n", R.STOP, S.UNKNOWN, replaces="s"), kept=kept(plan=RAISED)),
        Ask("n"),
    ),
    (
        "... asked already",
        view(STOP, order("n", R.STOP, S.UNKNOWN, **LATER), kept=kept(plan=RAISED)),
        Wait(9.0, "the fate of an order is open"),
    ),
    ("a stop in doubt", view(replace(STOP, doubted=True), kept=kept()), Ask("s")),
    (
        "a stop of unknown fate, in time",
        view(order("s", R.STOP, S.UNKNOWN, **LATER), kept=kept(), deadline_s=5.0),
        Wait(5.0, "a sell is open"),
    ),
    (
        "a stop of unknown fate, overdue",
        view(order("s", R.STOP, S.UNKNOWN, **LATER), kept=kept(), now_s=6.0, deadline_s=5.0),
        Cancel("s", None, "the protection is overdue", gives_up=True),
    ),
    (
        "... and cancelled in vain",
        view(
            order("s", R.STOP, S.UNKNOWN, lost=True, **LATER),
            kept=kept(),
            now_s=6.0,
            deadline_s=5.0,
        ),
        Sell(qty("1"), "containment"),
    ),
    (
        "no stop in time",
        view(kept=kept(), now_s=5.0, deadline_s=5.0),
        Sell(qty("1"), "containment"),
    ),
    (
        "protection refused lately",
        view(kept=kept(), protect_at_s=9.0, deadline_s=5.0),
        Wait(5.0, "the last protection was refused"),
    ),
    ("the stop is crossed", view(kept=kept(), crossed="stop"), Sell(qty("1"), "stop")),
    (
        "the target is crossed",
        view(kept=kept(plan=BOTH), crossed="target"),
        Sell(qty("1"), "target"),
    ),
    (
        "halted without a stop",
        view(kept=kept(), ground=CLOSED, deadline_s=0.0),
        Wait(1.0, "the symbol does not trade"),
    ),
    ("no stop wanted", view(kept=kept(plan=Plan(None, None)), deadline_s=0.0), Settled()),
    ("dust is no position", view(kept=kept("0.04")), Close("dust")),
    ("nor is less than a lot", view(kept=kept("0.009")), Close("dust")),
    (
        "what an entry may still add to is",
        view(order("e", R.ENTRY, S.PARTIAL, awaited=True, **LATER), kept=kept("0.04")),
        Wait(9.0, "the fate of an order is open"),
    ),
    ("so is what others hold back", view(kept=kept(), most=Decimal("0.01")), Settled()),
    (
        "also after a part was sold, for the rest may come back",
        view(kept=replace(kept(), sold="stop"), most=Decimal("0.01")),
        Settled(),
    ),
    ("sold but for dust", view(kept=replace(kept("0.04"), sold="stop")), Close("stop")),
    (
        "a stop over dust",
        view(STOP, kept=kept("0.04")),
        Cancel("s", None, "nothing is left to protect"),
    ),
    ("a stop without a position", view(STOP), Cancel("s", None, "there is no position")),
    ("closing", view(STOP, kept=kept(closing="signal")), Cancel("s", None, "closing: signal")),
    (
        "closing while halted",
        view(STOP, kept=kept(closing="signal"), ground=CLOSED),
        Wait(1.0, "the symbol does not trade; the stop stays"),
    ),
    ("closing, naked", view(kept=kept(closing="signal")), Sell(qty("1"), "signal")),
    (
        "closing more than one order takes",
        view(kept=kept("3", closing="signal"), ground=replace(GROUND, most_at_market=Decimal(2))),
        Sell(qty("2"), "signal"),
    ),
    (
        "closing, the sale of unknown fate",
        view(order("x", R.EXIT, S.UNKNOWN, **LATER), kept=kept(closing="signal")),
        Wait(9.0, "the fate of an order is open"),
    ),
    (
        "... and overdue",
        view(order("x", R.EXIT, S.UNKNOWN, **LATER), kept=kept(closing="signal"), deadline_s=0.0),
        Cancel("x", None, "the protection is overdue", gives_up=True),
    ),
    (
        "closing, the sale filled and not booked",
        view(
            order("x", R.EXIT, S.FILLED, executed=Decimal(1), **LATER), kept=kept(closing="signal")
        ),
        Wait(9.0, "the fate of an order is open"),
    ),
    (
        "closing, the sale refused lately",
        view(kept=kept(closing="signal"), sell_at_s=3.0),
        Wait(3.0, "the last sale was refused"),
    ),
    (
        "closing, and what the books hold is not there now",
        view(kept=kept(closing="signal"), most=Decimal(0)),
        Settled(),
    ),
    ("closing, dust left", view(kept=kept("0.04", closing="signal")), Close("signal")),
    (
        "closing what nobody takes",
        view(kept=kept(closing="signal"), unsellable=True),
        Close("signal"),
    ),
    (
        "the account has less than the books say",
        view(kept=kept(closing="signal"), most=Decimal("0.7")),
        Sell(qty("0.7"), "signal"),
    ),
    (
        "a leg that waits for an entry that is done",
        view(order("s", R.STOP, S.PENDING, client_list_id="l"), kept=kept()),
        Ask("s"),
    ),
    (
        "a leg that waits for an open entry",
        view(
            order("e", R.ENTRY, S.UNKNOWN, client_list_id="l", **LATER),
            order("s", R.STOP, S.PENDING, client_list_id="l"),
        ),
        Wait(9.0, "the fate of an order is open"),
    ),
    ("an entry at rest", view(order("e", R.ENTRY)), Ask("e")),
    (
        "an entry still at rest",
        view(order("e", R.ENTRY, **LATER)),
        Cancel("e", None, "an entry may not rest"),
    ),
    (
        "the stop fills while its fills are asked for",
        view(order("s", R.STOP, S.PARTIAL, executed=Decimal("0.4")), kept=kept()),
        FetchFills("s"),
    ),
    (
        "the stop filled in part, booked",
        view(
            order("s", R.STOP, S.PARTIAL, executed=Decimal("0.4"), booked=Decimal("0.4")),
            kept=kept("0.6"),
        ),
        Settled(),
    ),
]


@pytest.mark.parametrize(
    ("seen", "step"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_next_step(seen: SymbolView, step: Step) -> None:
    assert next_step(seen) == step


amounts = st.integers(0, 300).map(lambda number: Decimal(number) / 100)
seconds = st.sampled_from([0.0, 1.0, 5.0, 9.0])


@st.composite
def orders_of_any_kind(draw: st.DrawFn, name: str) -> OwnOrder:
    quantity = draw(amounts)
    executed = min(quantity, draw(amounts))
    return OwnOrder(
        client_order_id=name,
        role=draw(st.sampled_from(list(Role))),
        state=draw(st.sampled_from([each for each in S if each is not S.VOID])),
        quantity=quantity,
        executed=executed,
        booked=min(executed, draw(amounts)),
        stop_price=PLAN.stop,
        price=BOTH.target,
        client_list_id=draw(st.sampled_from([None, "l"])),
        doubted=draw(st.booleans()),
        lost=draw(st.booleans()),
        awaited=draw(st.booleans()),
        ask_at_s=draw(seconds),
    )


@st.composite
def views(draw: st.DrawFn) -> SymbolView:
    count = draw(st.integers(0, 4))
    position = st.builds(
        Kept,
        amounts,
        st.sampled_from([PLAN, BOTH, RAISED, Plan(None, None)]),
        st.sampled_from([None, "signal"]),
        st.just(Decimal(100)),
    )
    return SymbolView(
        now_s=draw(seconds),
        ground=replace(GROUND, trades=draw(st.booleans()), replaces=draw(st.booleans())),
        orders=tuple(draw(orders_of_any_kind(f"o{number}")) for number in range(count)),
        kept=draw(st.none() | position),
        most=draw(st.none() | amounts),
        crossed=draw(st.sampled_from([None, "stop"])),
        deadline_s=draw(seconds),
        protect_at_s=draw(seconds),
        raise_at_s=draw(seconds),
        sell_at_s=draw(seconds),
        cancel_at_s=draw(seconds),
        unsellable=draw(st.booleans()),
    )


def may_be_sold(orders: Iterable[OwnOrder], but: str | None = None) -> Decimal:
    """Returns what these sells may still sell, of a list one leg."""
    by_list: dict[str, Decimal] = {}
    for each in orders:
        if each.sells and not each.lost and not each.state.is_final and each.client_order_id != but:
            name = each.client_list_id or each.client_order_id
            by_list[name] = max(by_list.get(name, Decimal(0)), each.remaining)
    return sum(by_list.values(), Decimal(0))


@given(views())
def test_own_sells_together_never_exceed_what_is_held(seen: SymbolView) -> None:
    step = next_step(seen)
    if isinstance(step, Protect | Sell | Raise):
        old = step.old if isinstance(step, Raise) else None
        assert seen.kept is not None
        sold = sum((each.unbooked for each in seen.orders if each.sells), Decimal(0))
        assert step.quantity.value + may_be_sold(seen.orders, old) + sold <= seen.kept.quantity
        assert step.quantity.value > 0


@given(views())
def test_a_wait_ends_in_the_future(seen: SymbolView) -> None:
    step = next_step(seen)
    if isinstance(step, Wait):
        assert seen.now_s < step.until_s < float("inf")


@given(views())
def test_it_rests_only_where_everything_held_is_protected_or_cannot_be(seen: SymbolView) -> None:
    if isinstance(next_step(seen), Settled):
        assert is_protected(seen)
        assert not any(each.unresolved or each.doubted or each.unbooked for each in seen.orders)


@given(views())
def test_what_is_naked_too_long_is_sold_unless_a_sell_is_open(seen: SymbolView) -> None:
    late = replace(seen, deadline_s=seen.now_s, sell_at_s=0.0, orders=(), ground=GROUND, most=None)
    position = late.kept
    if position is None or position.closing or position.plan.stop is None or is_protected(late):
        return
    expected = Sell(Quantity(sellable(late)), late.crossed or "containment")
    assert next_step(late) == expected


@dataclass
class Pretend:
    """A venue that does at once what it is told, and a book that takes it down."""

    held: Decimal
    plan: Plan
    closing: str | None
    orders: dict[str, OwnOrder] = field(default_factory=dict)
    closed: bool = False
    _made: int = 0

    def view(self) -> SymbolView:
        position = None if self.closed else Kept(self.held, self.plan, self.closing, Decimal(100))
        live = [each for each in self.orders.values() if not each.state.is_final or each.unbooked]
        return SymbolView(0.0, GROUND, tuple(live), position)

    def do(self, step: Step) -> None:  # noqa: C901 - one case a kind of step
        match step:
            case Ask(name):
                self._end(self.orders[name])
            case FetchFills(name):
                known = self.orders[name]
                sign = -1 if known.sells else 1
                self.held = max(Decimal(0), self.held + sign * known.unbooked)
                self.orders[name] = replace(known, booked=known.executed)
            case Protect(stop, target, quantity):
                self._rest(R.STOP, quantity, stop, None)
                if target is not None:
                    self._rest(R.TARGET, quantity, None, target)
            case Raise(old, stop, quantity):
                self._end(self.orders[old])
                self._rest(R.STOP, quantity, stop, None)
            case Cancel(name, listed, _):
                for each in list(self.orders.values()):
                    same = listed is not None and each.client_list_id == listed
                    if each.client_order_id == name or same:
                        self._end(each)
            case Sell(quantity, _):
                self.held -= quantity.value
                self.closing = self.closing or "stop"
            case Close():
                self.closed = True
            case Wait() | Settled():
                raise AssertionError("there was something to do")

    def _end(self, known: OwnOrder) -> None:
        if not known.state.is_final:
            self.orders[known.client_order_id] = replace(known, state=S.CANCELED, doubted=False)

    def _rest(
        self, role: Role, quantity: Quantity, stop: Price | None, price: Price | None
    ) -> None:
        self._made += 1
        name = f"new{self._made}"
        listed = "new-list" if self.plan.target is not None and self.plan.stop is not None else None
        listed = None if listed is None else f"{listed}{(self._made + 1) // 2}"
        self.orders[name] = OwnOrder(
            name, role, S.OPEN, quantity.value, stop_price=stop, price=price, client_list_id=listed
        )


@given(views())
def test_on_a_venue_that_obeys_it_comes_to_rest_protected_or_sold(seen: SymbolView) -> None:
    position = seen.kept or Kept(Decimal(0), PLAN, None, Decimal(100))
    world = Pretend(position.quantity, position.plan, position.closing, closed=seen.kept is None)
    world.orders = {each.client_order_id: replace(each, ask_at_s=0.0) for each in seen.orders}
    for _ in range(40):
        step = next_step(world.view())
        if isinstance(step, Settled):
            break
        world.do(step)
    else:
        raise AssertionError(f"no rest: {next_step(world.view())} in {world.view()}")
    end = world.view()
    assert is_protected(end)
    if world.closing is not None:
        assert world.closed


def test_what_the_venue_sold_already_is_not_sold_again() -> None:
    seen = view(order("s", R.STOP, S.CANCELED, executed=Decimal("0.4")), kept=kept())
    assert sellable(seen) == Decimal("0.6")
