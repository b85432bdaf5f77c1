"""Orders of an operator: each a dialog that says what will happen before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nicegui import ui

from leeward.dashboard.pages import consequences, parts
from leeward.dashboard.pages.frame import Heard, Said, Seat
from leeward.domain.errors import BadUsage, LeewardError, Refused
from leeward.report.elements import Html, element
from leeward.runtime.operating import Answered
from leeward.runtime.overview import Overview
from leeward.runtime.swap_wish import Wish, is_file

_LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Order:
    """A kind of order; one that `loosens` asks for the password again."""

    kind: str
    heading: str
    confirm: str
    told: Callable[[Overview], Html]
    loosens: bool = False
    stops: bool = False


ORDERS: Final = {
    order.kind: order
    for order in (
        Order("halt", "Halt this account?", "Halt now", consequences.halting, stops=True),
        Order("resume", "Resume this account?", "Resume", consequences.resuming, loosens=True),
        Order("flatten", "Sell what is held?", "Sell now", consequences.flattening, stops=True),
        Order("swap", "Change the strategy?", "Change", consequences.swapping, loosens=True),
    )
}


async def add_order(seat: Seat, kind: str, fields: Html | None = None) -> ui.html:
    """Adds the dialog of one kind of order to the page and returns its form; `fields` are asked for
    beside its own."""
    order = ORDERS[kind]
    # Both in one statement would be harder to read than one inside the other.
    with ui.element("dialog").props(f"id={kind} aria-labelledby={kind}-title"):  # noqa: SIM117
        with ui.element("div").classes("dialog"):
            heading = element("h2", order.heading, id=f"{kind}-title")
            seat.still(heading)
            seat.still(element("p", "Account ", element("b", seat.account), class_="note"))
            await seat.live(lambda: _consequence(seat, order))
            answer = seat.still(Html("")).props("data-answer")
            return seat.still(form_of(kind, fields), _sending(seat, order, answer))


async def _consequence(seat: Seat, order: Order) -> Html:
    return order.told(seat.overview())


def form_of(kind: str, fields: Html | None) -> Html:
    """Returns the form of an order."""
    order = ORDERS[kind]
    look = f"button main{' stop' * order.stops}"
    return element(
        "form",
        fields,
        _reason() if order.kind in {"halt", "resume"} else None,
        _password() if order.loosens else None,
        element(
            "div",
            element("button", "Cancel", type="button", class_="button", data_close=True),
            element("button", order.confirm, type="submit", class_=look),
            class_="dialog-end",
        ),
        class_="dialog-form",
    )


def _reason() -> Html:
    control = parts.text_input(
        "reason", maxlength=str(_LONGEST_REASON), placeholder="kept in the audit trail"
    )
    return parts.field("Reason, if you like", control)


def _password() -> Html:
    control = parts.text_input(
        "password", type="password", autocomplete="current-password", required=True,
        maxlength="256",
    )  # fmt: skip
    return parts.field("Your password, again", control)


def _sending(seat: Seat, order: Order, answer: ui.html) -> Heard:
    async def send(said: Said) -> None:
        answer.set_content(parts.waiting("Sent; waiting for the answer …"))
        try:
            done = await _sent(seat, order, said)
        except LeewardError as error:
            answer.set_content(parts.banner("bad", "Not done.", element("span", str(error))))
            return
        answer.set_content(_outcome(order, done))
        # The form is hidden now; the password shall not stay in it.
        ui.run_javascript(f"document.querySelector('#{order.kind} form').reset()")

    return send


async def _sent(seat: Seat, order: Order, said: Said) -> Answered:
    if not (seat.user.holds() and seat.user.is_operator):
        raise Refused("your session has ended; sign in again")
    if order.loosens:
        await seat.dashboard.confirm(said.get("password", ""), seat.user)
    argument = argument_of(order.kind, said)
    seat.dashboard.log.event("asked", kind=order.kind, account=seat.account, actor=seat.user.actor)
    return await seat.feed.act(order.kind, argument, seat.account, seat.user.actor)


def argument_of(kind: str, said: Said) -> str:
    """Returns the argument of the command that a form asks for; raises BadUsage for a bad one."""
    match kind:
        case "halt" | "resume":
            return said.get("reason", "").strip()[:_LONGEST_REASON]
        case "flatten":
            return said.get("symbol", "").upper()
        case "swap":
            return _wish(said).argument()
        case _:
            raise BadUsage(f"{kind} is no order")


def _wish(said: Said) -> Wish:
    positions, shadow = said.get("positions", "adopt"), said.get("shadow", "0") or "0"
    if not shadow.isascii() or not shadow.isdigit():
        raise BadUsage(f"shadow '{shadow}' is no number of candles")
    chosen, _, name = said.get("wanted", "").partition(":")
    params = params_of(said.get("params", ""))
    match chosen:
        case "strategy" if is_file(name):
            raise BadUsage(f"strategy '{name[:40]}' is a file; pages swap strategies by name alone")
        case "strategy":
            return Wish(name, None, params, positions, int(shadow))
        case "model":
            return Wish(None, name, params, positions, int(shadow))
        case "rollback":
            return Wish(None, None, params, positions, int(shadow), rollback=True)
        case _:
            raise BadUsage("choose what is to trade")


def params_of(text: str) -> dict[str, object]:
    """Returns NAME=VALUE pairs, one a line or parted by commas.

    >>> params_of("fast=8, slow=21")
    {'fast': '8', 'slow': '21'}
    """
    params: dict[str, object] = {}
    for pair in text.replace(",", "\n").splitlines():
        name, sign, value = pair.partition("=")
        if not pair.strip():
            continue
        if not sign or not name.strip() or not value.strip():
            raise BadUsage(f"parameter '{pair.strip()}' is not NAME=VALUE")
        params[name.strip()] = value.strip()
    return params


def _outcome(order: Order, done: Answered) -> Html:
    close = element("button", "Close", type="button", class_="button small", data_close=True)
    if done.outcome is not None:
        return parts.banner("ok", f"Done: {done.outcome}.", element("span", close))
    if done.planned is not None:
        return parts.banner(
            "ok", "It is prepared.", element("p", done.planned), element("span", close)
        )
    if done.running:
        words = (
            f"The {order.kind} was sent (command {done.command_id}) and is not carried out yet; "
            "the state on top shows when it is."
        )
        return parts.banner("warning", "Sent.", element("p", words), element("span", close))
    words = (
        f"No process trades the account. The {order.kind} is written down (command "
        f"{done.command_id}) and is carried out first thing when one starts."
    )
    return parts.banner("warning", "Written down.", element("p", words), element("span", close))
