"""The chain of one decision in plain words: pure text from data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal

from leeward.domain.money import Money
from leeward.domain.orders import Side
from leeward.domain.times import iso
from leeward.engine.record_codec import record_json
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    OrderMoved,
    Plan,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    TradingState,
)
from leeward.report.reasons import (
    BOUND_WORDS,
    DATA_WORDS,
    EXIT_WORDS,
    GATE_WORDS,
    LADDER_WORDS,
    ORDER_WORDS,
    PURPOSE_WORDS,
    STATE_WORDS,
    TREND_WORDS,
)
from leeward.report.words import REFUSAL_WORDS, amount, minute, percent


@dataclass(frozen=True, slots=True)
class Bound:
    """The size, in quote units, that one limit allows; `fraction` is of equity, None where the
    limit depends on more."""

    limit: str
    size: float
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Sizing:
    """How the size came about: the smallest of `bounds`, times `ladder`, in whole lots."""

    bounds: tuple[Bound, ...]
    ladder: float
    drawdown_fraction: float
    quantity: float
    close: float
    lot_step: float


@dataclass(frozen=True, slots=True)
class Trend:
    """The trend gate's verdict and what it looked at; `before` is the average some rows ago."""

    verdict: str
    rule: str
    average: float | None = None
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The account at the close, in quote units; the day's base is what the daily loss counts
    from."""

    equity: float
    cash: float
    peak: float
    day_base: float
    daily_loss: bool
    halted: bool
    state: TradingState | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """What was held at the close, before the decision."""

    quantity: float
    entry_price: float
    entered_ms: int
    stop: float | None
    target: float | None


@dataclass(frozen=True, slots=True)
class Chain:
    """One decision, from the candle to the money. `entry` and `exit` say whether the strategy's
    condition held; `story` is what became of the position, as records."""

    source: str
    symbol: str
    timeframe: str
    open_time_ms: int
    data_state: str
    candle: tuple[float, float, float, float, float] | None
    columns: Mapping[str, float | None]
    entry: bool
    exit: bool
    entry_tag: str
    exit_tag: str
    confidence: float | None
    trend: Trend
    account: Standing
    held: Position | None
    decision: str
    reason: str
    quantity: float | None
    stop: float | None
    target: float | None
    raised_to: float | None = None
    sizing: Sizing | None = None
    story: tuple[Record, ...] = ()
    after: tuple[str, ...] = ()


def tell(chain: Chain) -> list[tuple[str, str]]:
    """Returns the chain as (label, text), in the order in which one thing led to the next."""
    return [
        ("candle", _candle_words(chain)),
        ("data", DATA_WORDS.get(chain.data_state, chain.data_state)),
        ("strategy", _strategy_words(chain)),
        ("trend gate", _trend_words(chain)),
        ("account", _account_words(chain.account)),
        ("held", _held_words(chain.held)),
        ("decision", _decision_words(chain)),
        *((("size", _sizing_words(chain.sizing)),) if chain.sizing is not None else ()),
        *_cut_words(chain),
        *_after(chain),
    ]


def as_json_object(chain: Chain) -> dict[str, object]:
    """Returns the chain as JSON-ready values; records as they are kept in the database."""
    values = {field.name: getattr(chain, field.name) for field in fields(chain)}
    return {
        **{name: _plain(value) for name, value in values.items() if name != "story"},
        "candle_opens": iso(chain.open_time_ms),
        "story": [record_json(record) for record in chain.story],
        "words": [{"about": label, "text": text} for label, text in tell(chain)],
    }


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _candle_words(chain: Chain) -> str:
    opened = f"{minute(chain.open_time_ms)} {chain.symbol} {chain.timeframe}"
    if chain.candle is None:
        return f"{opened}, not known at the decision"
    open_, high, low, close, volume = (_number(value) for value in chain.candle)
    return f"{opened}: open {open_}, high {high}, low {low}, close {close}, volume {volume}"


def _strategy_words(chain: Chain) -> str:
    columns = ", ".join(
        f"{name} {'unknown' if value is None else _number(value)}{_who(chain, name, value)}"
        for name, value in chain.columns.items()
    )
    conditions = [
        f"{name} condition {'holds' if holds else 'does not hold'}" + (f" ({tag})" if tag else "")
        for name, holds, tag in (
            ("entry", chain.entry, chain.entry_tag),
            ("exit", chain.exit, chain.exit_tag),
        )
    ]
    confidence = [] if chain.confidence is None else [f"confidence {chain.confidence:.4g}"]
    return "; ".join([*([columns] if columns else []), *conditions, *confidence])


def _who(chain: Chain, name: str, value: float | None) -> str:
    """Returns who decided, of the column that says it."""
    is_said = name == "ladder" and value in LADDER_WORDS and "prediction" in chain.columns
    return f" ({LADDER_WORDS[int(value or 0)]})" if is_said else ""


def _trend_words(chain: Chain) -> str:
    trend = chain.trend
    words = TREND_WORDS[trend.verdict]
    if trend.average is None or trend.before is None or chain.candle is None:
        return words
    return (
        f"{words}: {trend.rule}, close {_number(chain.candle[3])}, average "
        f"{_number(trend.average)}, before {_number(trend.before)}"
    )


def _account_words(account: Standing) -> str:
    words = [
        f"equity {amount(account.equity)}, cash {amount(account.cash)}",
        f"drawdown {percent(1 - account.equity / account.peak)} from {amount(account.peak)}",
        f"day began with {amount(account.day_base)}",
    ]
    if account.daily_loss:
        words.append(REFUSAL_WORDS["daily_loss"])
    if account.halted:
        words.append(REFUSAL_WORDS["halted"])
    if account.state is not None:
        words.append(f"state {account.state.value}: {STATE_WORDS[account.state]}")
    return "; ".join(words)


def _held_words(held: Position | None) -> str:
    if held is None:
        return "nothing"
    return (
        f"{_number(held.quantity)} since {minute(held.entered_ms)} at "
        f"{_number(held.entry_price)}{_plan_words(held.stop, held.target)}"
    )


def _plan_words(stop: float | None, target: float | None) -> str:
    named = (("stop", stop), ("target", target))
    return "".join(f", {name} {_number(value)}" for name, value in named if value is not None)


def _decision_words(chain: Chain) -> str:
    match chain.decision:
        case "enter":
            assert chain.quantity is not None
            return f"buy {_number(chain.quantity)}{_plan_words(chain.stop, chain.target)}"
        case "exit":
            return f"sell: {EXIT_WORDS[chain.reason]} ({chain.reason})"
        case "refused":
            return f"entry refused: {GATE_WORDS.get(chain.reason, chain.reason)} ({chain.reason})"
        case "hold":
            raised = (
                f"; the stop rises to {_number(chain.raised_to)}"
                if chain.raised_to is not None
                else ""
            )
            why = f": {EXIT_WORDS[chain.reason]}" if chain.reason in EXIT_WORDS else ""
            return f"hold{why}{raised}"
        case "skipped":
            return f"no decision: {DATA_WORDS.get(chain.reason, chain.reason)}"
        case _:
            return "nothing to do"


def _sizing_words(sizing: Sizing) -> str:
    least = min(sizing.bounds, key=lambda bound: bound.size)
    asked = sizing.bounds[0]
    words = [f"asked {_share(asked)}"]
    if least is not asked:
        words.append(f"cut to {_share(least)} by {BOUND_WORDS[least.limit]}")
    if sizing.ladder != 1.0:
        words.append(
            f"times {sizing.ladder:g} by the drawdown ladder "
            f"({percent(sizing.drawdown_fraction)} below the peak)"
        )
    lots = f"{_number(sizing.quantity)} at {_number(sizing.close)}"
    words.append(f"in whole lots of {_number(sizing.lot_step)}: {lots} = "
                 f"{amount(sizing.quantity * sizing.close)}")  # fmt: skip
    return "; ".join(words)


def _cut_words(chain: Chain) -> Iterator[tuple[str, str]]:
    """Yields how much less was ordered than decided: the risk gate looks once more, at orders that
    may still fill and at the cash there is."""
    decided = chain.quantity if chain.decision == "enter" else None
    for record in chain.story:
        if not (isinstance(record, IntentMade) and record.purpose is Purpose.ENTRY):
            continue
        ordered = record.orders[0].quantity
        is_its_own = record.key.open_time_ms == chain.open_time_ms
        if decided is None or ordered is None or not is_its_own:
            continue
        if ordered.value < Decimal(repr(decided)):
            left = "what limits and cash left for the order, what may still fill counted in full"
            yield "cut", f"to {_number(float(ordered.value))}: {left}"


def _share(bound: Bound) -> str:
    if bound.fraction is None:
        return amount(bound.size)
    return f"{bound.fraction * 100:g} % of equity: {amount(bound.size)}"


def _after(chain: Chain) -> Iterator[tuple[str, str]]:
    for text in chain.after:
        yield "then", text
    yield from story(chain.story)


def story(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """Yields (label, text) for each record of a position that tells something."""
    for record in records:
        match record:
            case IntentMade():
                yield "intent", _intent_words(record)
            case OrderMoved():
                why = f": {record.why}" if record.why else ""
                yield (
                    "order",
                    (
                        f"{_clock(record.at_ms)} {record.client_order_id} "
                        f"{ORDER_WORDS[record.state]}{why}"
                    ),
                )
            case FillBooked():
                yield "fill", _fill_words(record)
            case PositionOpened():
                yield "position", f"{_clock(record.at_ms)} opened{_planned(record.plan)}"
            case PlanChanged(closing=None):
                why = f" ({record.why})" if record.why else ""
                yield "stop", f"{_clock(record.at_ms)} moved{why}{_planned(record.plan)}"
            case PlanChanged():
                reason = record.closing or ""
                words = EXIT_WORDS.get(reason, reason)
                yield "exit", f"{_clock(record.at_ms)} to be closed: {words} ({reason})"
            case PositionClosed():
                yield "closed", _closed_words(record)
            case _:
                pass


def _intent_words(intent: IntentMade) -> str:
    orders = ", ".join(
        f"{order.side.value.lower()} {order.type.value}"
        + ("" if order.quantity is None else f" {_exact(order.quantity.value)}")
        + ("" if order.price is None else f" at {_exact(order.price.value)}")
        + ("" if order.stop_price is None else f" trigger {_exact(order.stop_price.value)}")
        + f" as {order.client_order_id}"
        for order in intent.orders
    )
    return f"{_clock(intent.made_ms)} {PURPOSE_WORDS[intent.purpose]}: {orders}"


def _fill_words(booked: FillBooked) -> str:
    fill = booked.fill
    verb = "bought" if fill.side is Side.BUY else "sold"
    fee = "" if fill.commission is None else f", fee {_money(fill.commission)}"
    quantity, price = _exact(fill.quantity.value), _exact(fill.price.value)
    return f"{_clock(fill.time_ms)} {verb} {quantity} at {price}{fee}"


def _closed_words(closed: PositionClosed) -> str:
    trade = closed.trade
    fees = " and ".join(_money(fee) for fee in trade.fees) or "none"
    prices = f"{_exact(trade.entry_price.value)} to {_exact(trade.exit_price.value)}"
    words = (
        f"{_clock(trade.exit_time_ms)} {EXIT_WORDS.get(trade.exit_reason, trade.exit_reason)} "
        f"({trade.exit_reason}); {prices}, fees {fees}, profit {_money(trade.pnl, sign='+')}"
    )
    unprotected = closed.unprotected_ms
    if unprotected:
        words += f"; without a stop at the venue for {unprotected / 1000:g} s"
    return words


def _money(money: Money, sign: str = "") -> str:
    return f"{_exact(money.amount, sign)} {money.currency}"


def _exact(value: Decimal, sign: str = "") -> str:
    """Returns all digits but zeros at the end.

    >>> _exact(Decimal("0.35400")), _exact(Decimal("1200")), _exact(Decimal("2.0"), "+")
    ('0.354', '1200', '+2')
    """
    text = f"{value:{sign}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _planned(plan: Plan) -> str:
    stop, target = (None if p is None else float(p.value) for p in (plan.stop, plan.target))
    return _plan_words(stop, target)


def _clock(time_ms: int) -> str:
    return iso(time_ms)[:19].replace("T", " ")


def _number(value: float | Decimal) -> str:
    """Returns a price or quantity to ten figures, without an exponent.

    >>> _number(64250.1234), _number(0.00001)
    ('64250.1234', '0.00001')
    """
    return f"{Decimal(f'{value:.10g}'):f}"
