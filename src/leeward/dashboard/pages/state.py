"""What stands on top of every page: what the account may do and why, and what it is worth."""

from __future__ import annotations

from typing import Final, NamedTuple

from leeward.dashboard.pages import parts
from leeward.engine.records import TradingState
from leeward.report.elements import Html, element, join
from leeward.report.reasons import STATE_WORDS
from leeward.runtime.overview import Overview

_LEVELS: Final = {
    TradingState.ACTIVE: "ok",
    TradingState.REDUCING: "warning",
    TradingState.RECOVERING: "warning",
    TradingState.HALTED: "bad",
}


class Told(NamedTuple):
    """A word for the state, how grave it is, and what it means."""

    word: str
    level: str
    meaning: str


def state_bar(found: Overview | None, problem: str | None) -> Html:
    """Returns the bar; `problem` is why the database cannot be read."""
    if found is None:
        return element("div", element("div", _words(nothing(problem)), class_="bar-state"),
                       class_="bar")  # fmt: skip
    halted = found.state is TradingState.HALTED
    steer = (
        element("a", "Resume …", href="/control", class_="button")
        if halted
        else parts.button("Halt …", kind="stop", data_open="halt", data_key="halt")
    )
    running = None if found.alive else _words(running_state(found))
    return element(
        "div",
        element(
            "div", running, _words(account_state(found)), _who(found), _caveats(found),
            class_="bar-state",
        ),
        element("dl", *_figures(found), class_="bar-figures"),
        steer,
        None if problem is None else parts.banner(
            "bad", "The database cannot be read; what is shown is as it was.", problem
        ),
        class_="bar",
    )  # fmt: skip


def account_state(found: Overview) -> Told:
    """Returns what the account may do, and why."""
    if found.state is None:
        return Told("NEW", "unknown", "It has not traded yet.")
    why = found.reason if not found.causes else ", ".join(found.causes)
    meaning = STATE_WORDS[found.state]
    if found.state is TradingState.ACTIVE and _lost_enough(found):
        return Told(
            "ACTIVE",
            "warning",
            "The day's loss limit is reached: no new position before 00:00 UTC. What is held goes "
            "on.",
        )
    told = why and (why != "recovered" or found.state is not TradingState.ACTIVE)
    reason = f" Reason: {why.replace('_', ' ')}." if told else ""
    sentence = f"{meaning[0].upper()}{meaning[1:]}.{reason}"
    return Told(found.state.value, _LEVELS[found.state], sentence)


def _lost_enough(found: Overview) -> bool:
    return any(each.name == "daily_loss_fraction" and each.fraction >= 1 for each in found.limits)


def running_state(found: Overview) -> Told:
    """Returns whether a process trades the account."""
    if found.alive:
        return Told("RUNNING", "ok", "A process trades it.")
    if found.was_cut_off:
        return Told(
            "CUT OFF", "bad",
            "Its process ended without a word, or hangs, or the database does not take what it "
            "writes. Stops at the exchange hold; start it again to go on.",
        )  # fmt: skip
    return Told("NOT RUNNING", "unknown", "No process trades it now.")


def nothing(problem: str | None) -> Told:
    if problem is not None:
        return Told("NO DATA", "warning", f"{problem[:1].upper()}{problem[1:]}")
    return Told("NOTHING YET", "unknown", "No account has traded here.")


def _words(told: Told) -> Html:
    return element(
        "div",
        parts.badge(told.word, told.level, big=True),
        element("span", told.meaning, class_="why"),
        class_="state-line", role="status",
    )  # fmt: skip


def _who(found: Overview) -> Html:
    words = [found.account]
    if found.session is not None:
        started = found.session.started
        name = started.strategy.rpartition(":")[2]
        words += [name, f"{', '.join(started.symbols[:4])}{' …' * (len(started.symbols) > 4)}"]
        words.append(started.timeframe)
    heard = join((" · last heard ", parts.age(found.beat_s), " ago"))
    return element(
        "p", " · ".join(words), heard if found.beat_s is not None else None, class_="note"
    )


def _caveats(found: Overview) -> Html:
    """Returns what is said of the models, a line each."""
    told = (each.partition(": ") for each in found.caveats)
    return join(
        element("p", parts.badge(word, "warning"), f" {words}", class_="note")
        for word, _, words in told
    )


def _figures(found: Overview) -> list[Html]:
    quote = found.quote
    drawdown = found.drawdown_fraction
    rows = (
        ("Equity", parts.money(found.equity, quote), "equity"),
        ("Today", parts.money(found.today_pnl, sign=True), "today"),
        ("Drawdown", parts.share(drawdown), "drawdown"),
    )
    return [
        element("div", element("dt", name), element("dd", value, data_figure=key))
        for name, value, key in rows
    ]
