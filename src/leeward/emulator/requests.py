"""What a client asks of the exchange, parsed: orders, order lists, cancels, amendments."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, NamedTuple, TypeAlias

RespType: TypeAlias = Literal["ACK", "RESULT", "FULL"]
ListKind: TypeAlias = Literal["OCO", "OTO", "OTOCO", "OPO", "OPOCO"]
#: ("user", account id) or ("market", stream name such as "btcusdt@trade").
Channel: TypeAlias = tuple[str, str]


class Emitted(NamedTuple):
    """One message to subscribers: `seq` counts from 1, `payload` is the bare event (the server
    wraps it), `channel` says who may see it."""

    seq: int
    time_us: int
    channel: Channel
    payload: object


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order, or one leg of an order list, as sent. Absent parameters are None.

    `prefix` is the leg's parameter prefix ("above", "working", "pendingBelow"; empty for a plain
    order) and only shapes the names in refusals.
    """

    symbol: str
    side: str
    type: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: str | None = None
    quote_order_qty: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_qty: Decimal | None = None
    client_order_id: str | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    resp_type: RespType | None = None
    stp_mode: str | None = None
    peg_price_type: str | None = None
    peg_offset_type: str | None = None
    peg_offset_value: int | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """An order list. `legs` are OCO: above, below; OTO, OPO: working, pending; OTOCO, OPOCO:
    working, pending above and (where sent) pending below. Pending legs of OPO and OPOCO have no
    quantity. `resp_type` and `stp_mode` of the legs are ignored; those of the list count."""

    kind: ListKind
    symbol: str
    legs: tuple[OrderRequest, ...]
    list_client_order_id: str | None = None
    resp_type: RespType | None = None
    stp_mode: str | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The order to cancel, by one id or both; `new_client_order_id` names the cancel itself."""

    symbol: str
    order_id: int | None = None
    client_order_id: str | None = None
    new_client_order_id: str | None = None
    restrictions: str | None = None  # ONLY_NEW or ONLY_PARTIALLY_FILLED


@dataclass(frozen=True, slots=True)
class ReplaceRequest:
    """A cancel and the order that takes its place. `limit_exceeded` is the text of the -1015
    refusal where the account is over its unfilled order count, else None; `exceeded_mode` then
    says what still happens."""

    cancel: CancelRequest
    order: OrderRequest
    mode: str  # STOP_ON_FAILURE or ALLOW_FAILURE
    exceeded_mode: str = "DO_NOTHING"  # or CANCEL_ONLY
    limit_exceeded: str | None = None


@dataclass(frozen=True, slots=True)
class AmendRequest:
    """A smaller quantity for an open order that keeps its place in the queue."""

    symbol: str
    new_qty: Decimal
    order_id: int | None = None
    client_order_id: str | None = None
    new_client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a history is asked for. Nothing given: the newest; `start_ms` or `from_id`:
    the oldest from there; `end_ms`: up to there, included."""

    start_ms: int | None = None
    end_ms: int | None = None
    from_id: int | None = None
    limit: int = 500


EVERYTHING: Final = Page()
