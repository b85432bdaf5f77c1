"""The page that steers: halt, resume, flatten and swap, and what was asked before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from leeward.dashboard.pages import parts
from leeward.dashboard.pages.frame import Seat
from leeward.dashboard.pages.parts import Column
from leeward.dashboard.pages.steering import add_order, form_of
from leeward.database import commands
from leeward.database.commands import Command
from leeward.domain.errors import BadUsage, LeewardError
from leeward.engine.records import TradingState
from leeward.report.elements import Html, element, join
from leeward.runtime.health import mapping, number
from leeward.runtime.overview import Overview
from leeward.runtime.swap_wish import wish_of

_COLUMNS: Final = (
    Column("Asked"),
    Column("Order"),
    Column("With what"),
    Column("By"),
    Column("Outcome"),
)
_POSITIONS: Final = (
    ("adopt", "Hand over: the new strategy takes them with their stops"),
    ("manage_out", "Let the old one manage them until they are closed"),
    ("close", "Sell them when the strategies change"),
)
_KEPT: Final = {
    "manage_out": "open positions stay with the old one",
    "close": "open positions are sold",
}
_BEFORE: Final = (("rollback:", "the one before: take the last change back"),)
#: Nothing is chosen beforehand: a change is never a matter of one click too many.
_CHOOSE: Final = ("", "choose …")
_SHOWN: Final = 30


async def build(seat: Seat) -> None:
    """Builds the page."""
    seat.still(parts.title("Control", "Every order is confirmed, and kept in the audit trail."))

    async def actions() -> Html:
        return draw_actions(seat.overview())

    async def asked() -> Html:
        found = await seat.feed.read(
            ("commands", _SHOWN), lambda c: commands.newest(c, seat.account, limit=_SHOWN),
            seat.account,
        )  # fmt: skip
        return parts.card("What was asked", draw_commands(found))

    await seat.live(actions)
    await seat.live(asked)
    await add_order(seat, "resume")
    await add_order(seat, "flatten", _symbols(seat.overview()))
    form = await add_order(seat, "swap", _swap_fields([_CHOOSE, *_BEFORE]))

    async def name_strategies() -> None:
        form.set_content(form_of("swap", _swap_fields([_CHOOSE, *await _wanted(seat), *_BEFORE])))

    seat.later(name_strategies)


def draw_actions(found: Overview) -> Html:
    """Returns one box an order, with what it does in a sentence."""
    halted = found.state is TradingState.HALTED
    held = len(found.positions)
    swap = mapping(found.facts.get("swap"))
    waits = _under_way(swap) if swap else None
    # Without a process an order is written down, and counts for what the next one finds.
    off = {
        "resume": found.alive and found.state is TradingState.ACTIVE,
        "flatten": found.alive and not held,
    }
    boxes = (
        ("Halt", "Open no new position. What is held keeps its stops.", "Halt …", "halt", "stop"),
        (
            "Resume",
            "Allow new positions again." if halted else "Only a halted account can be resumed.",
            "Resume …", "resume", "",
        ),
        (
            "Flatten",
            f"Sell what is held at the market: {held} open." if held else "Nothing is held now.",
            "Sell …", "flatten", "stop",
        ),
        ("Swap", "Change strategy or model at a candle close.", "Change …", "swap", ""),
    )  # fmt: skip
    cards = [
        element(
            "section", element("h2", heading), element("p", words, class_="quiet"),
            parts.button(
                label, kind=kind, data_open=name, data_key=f"open-{name}",
                disabled=off.get(name, False), title=off.get(name, False) and words,
            ),
            class_="card",
        )
        for heading, words, label, name, kind in boxes
    ]  # fmt: skip
    return element("div", waits, element("div", *cards, class_="actions"), class_="stacked")


def _under_way(swap: Mapping[str, object]) -> Html:
    left, at_ms = number(swap.get("shadow_left")), number(swap.get("at_ms"))
    state = str(swap.get("state"))
    if state == "shadowing" and left:
        state = f"it is tried without orders, {left:.0f} more candles"
    when = None if at_ms is None else join(("It takes over at ", parts.when(int(at_ms)), "."))
    told = f"A change to {swap.get('to')} is under way: {state}."
    return parts.banner("warning", told, when and element("p", when))


def draw_commands(found: Sequence[Command]) -> Html:
    """Returns the table of orders, the newest first."""
    if not found:
        return parts.empty("Nothing was asked yet.", "Orders from here, the API, chats and the "
                           "command line are listed here.")  # fmt: skip
    rows = [
        [
            parts.when(each.sent_ms, seconds=True),
            each.kind,
            _asked(each),
            each.actor,
            each.outcome or parts.badge("waits", "warning"),
        ]
        for each in found
    ]
    return parts.table(_COLUMNS, rows, label="Orders of operators")


def _asked(command: Command) -> str:
    """Returns what an order was given with, in words."""
    if command.kind == "flatten":
        return command.argument or "everything"
    if command.kind != "swap" or not command.argument:
        return command.argument or "no reason given"
    try:
        wish = wish_of(command.argument)
    except BadUsage:
        return command.argument
    params = ", ".join(f"{name}={value}" for name, value in wish.params.items())
    words = [
        "back to the one before" if wish.rollback else wish.name + f" ({params})" * bool(params)
    ]
    if wish.positions != "adopt":
        words.append(_KEPT[wish.positions])
    if wish.shadow:
        words.append(f"after {wish.shadow} candles beside the present one")
    return ", ".join(words)


def _symbols(found: Overview) -> Html:
    symbols = () if found.session is None else found.session.started.symbols
    options = [("", "Everything that is held"), *((name, name) for name in symbols)]
    return parts.field("What to sell", parts.select("symbol", options))


def _swap_fields(names: Sequence[tuple[str, str]]) -> Html:
    wanted = parts.select("wanted", names, required="required")
    choices = [
        element(
            "label",
            parts.text_input("positions", value, type="radio", checked=value == "adopt"),
            element("span", words), class_="choice",
        )
        for value, words in _POSITIONS
    ]  # fmt: skip
    return element(
        "div",
        parts.field("What is to trade", wanted),
        parts.field(
            "Parameters of a strategy, as in fast=8, slow=21",
            parts.text_input("params", maxlength="400"),
        ),
        element("fieldset", element("legend", "Open positions"), *choices),
        parts.field(
            "Candles to try it beside the present one first",
            parts.text_input("shadow", "0", type="number", min="0", max="10000"),
        ),
        class_="stacked",
    )


async def _wanted(seat: Seat) -> list[tuple[str, str]]:
    """Returns the strategies of the program and the active models."""
    names: list[tuple[str, str]] = []
    for topic, word in (("strategies", "strategy"), ("models", "model")):
        try:
            answer = await seat.dashboard.asking.ask(topic, "list", stamp=seat.feed.stamp(""))
        except LeewardError:
            continue
        listed = answer.get(topic, []) if isinstance(answer, dict) else []
        found = [str(each["name"]) for each in listed if each.get("active", True)]
        names += [(f"{word}:{name}", f"{word} {name}") for name in dict.fromkeys(found)]
    return names
