"""Orders from the page, whole: what is asked, what it says, and what becomes of it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import (
    ASKED_MS,
    PASSWORD,
    SCREENSHOTS,
    SIDEWAYS,
    Opened,
    Watched,
    answered,
    asked_by,
)
from tests.running import wait_for

from leeward.engine.records import TradingState

#: A strategy is checked in a process of its own before it may trade, and then tried for a minute.
CHECKED_MS = 300_000
ORDERS = {
    "halt": ("Halt …", "Halt this account?", "Halt now"),
    "flatten": ("Sell …", "Sell what is held?", "Sell now"),
    "swap": ("Change …", "Change the strategy?", "Change"),
    "resume": ("Resume …", "Resume this account?", "Resume"),
}


def ask_for_a_swap(page: Page, wanted: str) -> Locator:
    """Returns the dialog with a strategy chosen and the password given."""
    page.get_by_role("button", name="Change …").click()
    dialog = page.get_by_role("dialog", name="Change the strategy?")
    choice = dialog.get_by_label("What is to trade")
    expect(choice).to_contain_text("ema_cross", timeout=ASKED_MS)
    choice.select_option(wanted)
    dialog.get_by_label("Your password, again").fill(PASSWORD)
    return dialog


def test_a_swap_and_its_rollback_are_made_from_the_page(opened: Opened, watched: Watched) -> None:
    page = opened("/control").page
    dialog = ask_for_a_swap(page, "strategy:ema_cross")
    dialog.get_by_label("Parameters of a strategy").fill("fast=7")
    dialog.get_by_label("Sell them when the strategies change").check()
    # A minute at this speed: in it, a busy machine shows that it is under way.
    dialog.get_by_label("Candles to try it").fill("120")
    dialog.get_by_role("button", name="Change", exact=True).click()
    expect(dialog).to_contain_text("It is prepared.", timeout=CHECKED_MS)
    expect(dialog).to_contain_text("ema_cross (fast=7")
    page.screenshot(path=SCREENSHOTS / "swap-prepared.png")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(".page")).to_contain_text("A change to ema_cross is under way")
    page.screenshot(path=SCREENSHOTS / "swap-under-way.png")
    expect(page.locator(".bar")).to_contain_text("· ema_cross ·", timeout=CHECKED_MS)
    begun: Any = watched.now().session
    assert begun.started.strategy == "ema_cross"
    assert begun.started.facts["swap"]["actor"] == "dashboard:owner"
    asked = page.get_by_role("region", name="Orders of operators")
    expect(asked).to_contain_text("ema_cross (fast=7), open positions are sold, after 120 candles")
    page.screenshot(path=SCREENSHOTS / "swap-done.png", full_page=True)

    dialog = ask_for_a_swap(page, "rollback:")
    dialog.get_by_role("button", name="Change", exact=True).click()
    # At this speed it may be done before the answer is put into words.
    expect(dialog).to_contain_text(re.compile("It is prepared|Done: "), timeout=CHECKED_MS)
    expect(dialog.get_by_label("Your password, again")).to_have_value("")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(".bar")).to_contain_text("· Restless ·", timeout=CHECKED_MS)
    expect(asked).to_contain_text("back to the one before")
    back: Any = watched.now().session
    assert back.started.strategy.endswith("restless.py:Restless")
    assert back.started.facts["swap"]["before"]["strategy"] == "ema_cross"


def test_a_swap_that_cannot_be_says_so_and_changes_nothing(
    opened: Opened, watched: Watched
) -> None:
    page = opened("/control").page
    for params, words in (("fast", "is not NAME=VALUE"), ("no_such=1", "no_such")):
        dialog = ask_for_a_swap(page, "strategy:ema_cross")
        dialog.get_by_label("Parameters of a strategy").fill(params)
        dialog.get_by_role("button", name="Change", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text(words, timeout=CHECKED_MS)
        dialog.get_by_role("button", name="Cancel").click()
    page.screenshot(path=SCREENSHOTS / "swap-refused.png")
    wait_for(lambda: watched.now().facts.get("swap") is None)  # told with the next heartbeat
    session = watched.now().session
    assert session is not None
    assert session.started.strategy.endswith("restless.py:Restless")


def test_every_order_can_be_given_on_a_phone(opened: Opened, watched: Watched) -> None:
    page = opened("/control", "phone").page
    # The bar is drawn anew all the time: both are measured at one moment.
    account, halt = page.evaluate(
        "['.note', '.stop'].map((part) => {"
        " const box = document.querySelector(`.bar ${part}`).getBoundingClientRect();"
        " return {top: box.top, bottom: box.bottom}; })"
    )
    assert account["bottom"] > account["top"]
    assert halt["bottom"] > halt["top"]
    assert account["top"] >= halt["bottom"], "the button lies on the account's name"
    for order, (button, heading, confirm) in ORDERS.items():
        if order == "resume":
            expect(page.get_by_role("button", name=button)).to_be_disabled()
            watched.leeward("halt")
        dialog = asked_by(page, button, heading)
        if order == "swap":
            expect(dialog).to_contain_text("strategy ema_cross", timeout=ASKED_MS)
        page.wait_for_timeout(300)
        page.screenshot(path=SCREENSHOTS / f"dialog-{order}-phone.png")
        assert page.evaluate(SIDEWAYS) <= 0
        assert dialog.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
        for control in dialog.locator("button, input, select").all():
            control.scroll_into_view_if_needed()
            box = control.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        last = dialog.get_by_role("button", name=confirm, exact=True)
        box = last.bounding_box()
        assert box is not None
        assert box["height"] >= 36
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
    watched.leeward("resume")
    wait_for(lambda: watched.rests_at(TradingState.ACTIVE))


def test_a_slow_press_is_not_lost_where_its_button_is_drawn_anew(opened: Opened) -> None:
    page = opened("/").page
    page.get_by_role("button", name="Halt …").first.hover()
    page.evaluate("window.pressed = document.querySelector('.bar .stop')")
    page.mouse.down()
    page.wait_for_function("!window.pressed.isConnected")
    page.mouse.up()
    expect(page.get_by_role("dialog", name="Halt this account?")).to_be_visible()


def test_an_account_is_halted_with_the_keyboard_alone(opened: Opened, watched: Watched) -> None:
    page = opened("/control").page
    step_to(page, "Halt …")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Halt this account?")
    expect(dialog).to_be_visible()
    step_to(page, "reason", "name")
    page.keyboard.type("by hand")
    step_to(page, "Halt now")
    page.screenshot(path=SCREENSHOTS / "halt-by-keyboard.png")
    page.keyboard.press("Enter")
    answered(dialog, "halted.")
    step_to(page, "Close")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    wait_for(lambda: watched.rests_at(TradingState.HALTED))
    assert watched.now().reason == "by hand"
    watched.leeward("resume")
    wait_for(lambda: watched.rests_at(TradingState.ACTIVE))


def step_to(page: Page, wanted: str, what: str = "innerText") -> None:
    """Presses Tab until what is wanted has the focus."""
    for _ in range(40):
        if page.evaluate(f"document.activeElement.{what}") == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached")
