"""What the pages say, without a browser."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.histories import session_started

from leeward.dashboard.pages import consequences, parts
from leeward.dashboard.pages.backtests import wish_of as backtest_of
from leeward.dashboard.pages.control import draw_actions, draw_commands
from leeward.dashboard.pages.frame import Part
from leeward.dashboard.pages.log import asked, draw_events, event_words
from leeward.dashboard.pages.overview import draw_figures, draw_limits, draw_positions
from leeward.dashboard.pages.performance import draw_months, draw_parity
from leeward.dashboard.pages.risk import draw_ladder, draw_refusals
from leeward.dashboard.pages.state import account_state, running_state, state_bar
from leeward.dashboard.pages.steering import ORDERS, argument_of
from leeward.dashboard.pages.steering import _outcome as outcome_of
from leeward.dashboard.pages.trades import draw_trades, filtered, sorted_by
from leeward.database.browsing import EventQuery, TradeQuery
from leeward.database.commands import Command
from leeward.database.reading import Event, Session
from leeward.domain.errors import BadUsage
from leeward.engine.record_codec import record_json
from leeward.engine.records import Noted, Severity, TradingState
from leeward.report.elements import Html
from leeward.runtime.health import Health
from leeward.runtime.operating import Answered
from leeward.runtime.overview import Overview, Position
from leeward.runtime.swap_wish import Wish
from leeward.runtime.trading.limits_in_use import LimitUse

WELL = Health("ok", "well")
HELD = Position(
    position_id="p1", symbol="BTCUSDT", quantity=Decimal("0.0120"), entry_price=Decimal(29_000),
    last_price=Decimal(29_500), last_price_ms=0, stop=Decimal(28_000), target=None,
    stop_distance_fraction=0.05, unrealised=Decimal(6), unprotected_s=0.0, strategy="ema_cross",
    tag="", entry_time_ms=1_700_000_000_000, closing=None,
)  # fmt: skip
RESTING = Overview(
    account="paper:binance:main", made_ms=0, state=TradingState.ACTIVE, reason="recovered",
    actor="boot", since_ms=0, until_ms=None, causes=(), alive=True, was_cut_off=False, beat_s=1.0,
    session=None, quote="USDT", equity=Decimal(10_000), cash=Decimal(9_646), exposure=Decimal(354),
    peak=Decimal(10_500), drawdown_fraction=0.0476, today_pnl=Decimal("-12.5"), limits=(),
    positions=(HELD,), last_candle_ms=0, last_candle_age_s=3.0, feed=WELL, exchange=WELL,
    database=WELL, model=WELL, alerts=(), facts={},
)  # fmt: skip


def words(html: str) -> str:
    """Returns what a reader sees."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\xa0", " ")


def test_a_halt_says_what_becomes_of_what_is_held() -> None:
    told = words(consequences.halting(RESTING))
    assert "No new position is opened from now on" in told
    assert "BTCUSDT 0.012 (stop 28,000.00)" in told


def test_flatten_names_what_is_sold_and_for_how_much() -> None:
    told = words(consequences.flattening(RESTING))
    assert "BTCUSDT 0.012 (about 354.00 USDT)" in told
    assert "Together about 354.00 USDT" in told
    assert "Nothing is held" in words(consequences.flattening(replace(RESTING, positions=())))


def test_resume_says_that_a_loss_is_accepted() -> None:
    told = words(consequences.resuming(replace(RESTING, state=TradingState.HALTED)))
    assert "drawdown counts anew from the present equity 10,000.00 USDT" in told
    assert "4.76 %" in told
    assert "not halted" in words(consequences.resuming(RESTING))


def test_an_order_without_a_process_says_that_it_waits() -> None:
    told = words(consequences.halting(replace(RESTING, alive=False)))
    assert "carried out first thing when one starts" in told


@pytest.mark.parametrize(
    ("state", "causes", "word", "level", "part"),
    [
        (TradingState.ACTIVE, (), "ACTIVE", "ok", "Entries are allowed."),
        (TradingState.REDUCING, ("stale_candles",), "REDUCING", "warning", "stale candles"),
        (TradingState.HALTED, (), "HALTED", "bad", "until an operator resumes"),
        (None, (), "NEW", "unknown", "not traded yet"),
    ],
)
def test_the_state_comes_with_its_reason(
    state: TradingState | None, causes: tuple[str, ...], word: str, level: str, part: str
) -> None:
    told = account_state(replace(RESTING, state=state, causes=causes))
    assert (told.word, told.level) == (word, level)
    assert part in told.meaning


def test_that_an_account_recovered_is_no_reason_to_tell_while_it_may_trade() -> None:
    assert "Reason" not in account_state(RESTING).meaning
    assert (
        "Reason: recovered." in account_state(replace(RESTING, state=TradingState.HALTED)).meaning
    )
    assert "Reason: asked." in account_state(replace(RESTING, reason="asked")).meaning


def test_a_reached_loss_limit_is_said_though_the_account_is_active() -> None:
    spent = replace(RESTING, limits=(LimitUse("daily_loss_fraction", 0.031, 0.03),))
    assert account_state(spent).level == "warning"
    assert "loss limit" in account_state(spent).meaning


def test_a_killed_process_is_told_from_one_that_ended() -> None:
    cut_off = replace(RESTING, alive=False, was_cut_off=True)
    assert running_state(cut_off).word == "CUT OFF"
    shown = words(state_bar(cut_off, None))
    assert shown.index("CUT OFF") < shown.index("ACTIVE")  # what matters most comes first
    assert running_state(replace(RESTING, alive=False)).word == "NOT RUNNING"


def test_every_page_says_that_a_model_has_no_demonstrated_edge() -> None:
    models = {"BTCUSDT": {"sizing": "raw", "prediction": {"name": "a_price", "proven": False}}}
    began = session_started()
    begun = replace(began, facts={**began.facts, "models": models})
    shown = words(state_bar(replace(RESTING, session=Session(begun, None, None)), None))
    assert "no demonstrated edge a_price" in shown
    assert "raw sizing sizes leave out" in shown
    assert "edge" not in words(
        state_bar(replace(RESTING, session=Session(began, None, None)), None)
    )


def test_a_database_that_is_down_is_said_on_top_of_what_was_known() -> None:
    shown = words(state_bar(RESTING, "it cannot be reached"))
    assert "cannot be read" in shown
    assert "10,000.00" in shown
    assert "no database" in words(state_bar(None, "no database")).lower()


def test_figures_carry_signs_besides_colours() -> None:
    shown = draw_figures(RESTING)
    assert "−12.50" in words(shown)
    assert 'class="loss"' in shown


def test_a_position_without_a_stop_stands_out() -> None:
    naked = replace(HELD, stop=None, unprotected_s=4.2)
    assert "■ 4.2 s" in words(draw_positions((naked,), "USDT"))
    assert "■" not in words(draw_positions((HELD,), "USDT"))


def test_limits_show_value_limit_and_bar() -> None:
    shown = draw_limits((LimitUse("daily_loss_fraction", 0.027, 0.03),))
    assert "Lost today 2.70 % of 3 %" in words(shown)
    assert 'aria-valuenow="90"' in shown
    assert "meter warning" in shown


def test_the_rung_of_the_ladder_that_applies_is_marked() -> None:
    risk = {"drawdown_ladder": [[0.05, 0.75], [0.10, 0.5]], "max_drawdown_fraction": 0.2}
    shown = words(draw_ladder(risk, 0.07))
    assert re.search(r"from 5 % 75 % ▲ here now", shown)
    assert "from 20 % halt" in shown


def test_refusals_are_told_in_words_with_their_share() -> None:
    shown = words(draw_refusals({"against_trend": 3, "cooldown": 1}))
    assert "the trend gate saw no rising market 3 (75 %)" in shown


def test_text_from_outside_is_never_markup() -> None:
    nasty = "<img src=x onerror=alert(1)>"
    event = Event(1, 0, "Noted", "", "warning", record_json(Noted("x", nasty, Severity.WARNING, 0)))
    assert "<img" not in parts.pairs([("note", event_words(event))])
    assert "<img" not in draw_positions((replace(HELD, symbol=nasty),), "USDT")
    assert "<img" not in state_bar(replace(RESTING, reason=nasty), nasty)


def test_nothing_yet_is_said_in_words() -> None:
    assert "No trades yet." in words(draw_trades([], 0, TradeQuery()))
    assert "Take a filter away" in words(draw_trades([], 0, TradeQuery(symbol="BTCUSDT")))
    assert "Too short yet." in words(draw_months({}))
    assert "Nothing is held." in words(draw_positions((), "USDT"))


def test_months_are_summed_up_by_year() -> None:
    shown = words(draw_months({"2024-01": 0.10, "2024-03": -0.10}))
    assert "2024 +10.0 % −10.0 % −1.0 %" in shown


def test_parity_says_whether_everything_is_explained() -> None:
    found = {
        "clean": True, "notes": ["One note."], "decisions": {"compared": 9, "alike": 9},
        "pnl": {"currency": "USDT", "session": "5", "backtest": "4", "gap": "1",
                "parts": {"fee": "1"}},
    }  # fmt: skip
    shown = words(draw_parity(found))
    assert "are explained" in shown
    assert "of it: Other fees +1.00" in shown
    assert "One note." in shown


def test_the_same_heading_turns_the_order_round() -> None:
    query = sorted_by(TradeQuery(), "pnl")
    assert (query.order_by, query.descending) == ("pnl", True)
    assert sorted_by(query, "pnl").descending is False
    assert sorted_by(query, "secret; drop table") is query
    assert filtered(replace(query, offset=50), "symbol", "BTCUSDT").offset == 0


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ({"wanted": "strategy:ema_cross", "params": "fast=8"},
         Wish(strategy="ema_cross", params={"fast": "8"})),
        ({"wanted": "model:btcusdt_price", "positions": "close", "shadow": "12"},
         Wish(model="btcusdt_price", positions="close", shadow=12)),
        ({"wanted": "rollback:"}, Wish(rollback=True)),
    ],
)  # fmt: skip
def test_a_form_becomes_the_command_it_asks_for(said: dict[str, str], wish: Wish) -> None:
    assert argument_of("swap", said) == wish.argument()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"wanted": "strategy:x", "shadow": "-1"},
        {"wanted": "strategy:x", "params": "a"},
        {"wanted": "strategy:/tmp/evil.py:Evil"},
    ],
)
def test_a_form_that_cannot_be_read_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(BadUsage):
        argument_of("swap", said)


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (Answered("a", 7, "halted", running=True), "Done: halted."),
        (Answered("a", 7, None, running=True, planned="at 12:00"), "It is prepared. at 12:00"),
        (Answered("a", 7, None, running=True), "(command 7) and is not carried out yet"),
        (Answered("a", 7, None, running=False), "No process trades the account."),
    ],
)
def test_what_became_of_an_order_is_said(done: Answered, told: str) -> None:
    assert told in words(outcome_of(ORDERS["halt"], done))


def test_a_backtest_is_asked_for_with_names_and_amounts_only() -> None:
    wish = backtest_of({"strategy": "ema_cross", "symbols": "btcusdt, ethusdt", "balance": "500"})
    assert (wish.symbols, wish.balance) == (("BTCUSDT", "ETHUSDT"), 500.0)
    with pytest.raises(BadUsage, match="no amount"):
        backtest_of({"strategy": "ema_cross", "symbols": "BTCUSDT", "balance": "nan"})


@pytest.mark.parametrize(
    ("found", "off"),
    [
        (RESTING, {"resume": "Only a halted account can be resumed."}),
        (replace(RESTING, state=TradingState.HALTED), {}),
        (replace(RESTING, state=TradingState.RECOVERING, positions=()),
         {"flatten": "Nothing is held now."}),
        # What is written down is carried out by the next process, on what it finds then.
        (replace(RESTING, positions=(), alive=False), {}),
    ],
)  # fmt: skip
def test_an_order_that_can_have_no_effect_cannot_be_asked_for_and_says_why(
    found: Overview, off: dict[str, str]
) -> None:
    drawn = re.findall(r"<button([^>]*) data-open=\"(\w+)\"([^>]*)>", draw_actions(found))
    assert [name for _, name, _ in drawn] == ["halt", "resume", "flatten", "swap"]
    given = {name: before + after for before, name, after in drawn}
    assert {name for name, each in given.items() if "disabled" in each} == off.keys()
    assert all(f'title="{why}"' in given[name] for name, why in off.items())


def test_a_change_that_is_under_way_is_said() -> None:
    shown = words(draw_actions(replace(RESTING, facts={"swap": {"to": "x", "state": "shadowing"}})))
    assert "A change to x is under way: shadowing." in shown


def test_a_search_says_how_far_it_looked_and_goes_further_back() -> None:
    query = EventQuery(search="fill", limit=60)
    told = draw_events([], query, 45_001)
    assert "Searched were the newest 20,000 lines, down to line 45,001" in words(told)
    assert 'data-by="45001"' in told
    query = asked(query, {"act": "back", "by": "45001"})
    assert query.before == 45_001
    told = draw_events([], query, 25_001)
    assert "the 20,000 lines before line 45,001, down to line 25,001" in words(told)
    assert "Back to the newest" in words(told)
    assert "all that is written down before line 25,001" in words(
        draw_events([], replace(query, before=25_001), None)
    )
    assert asked(query, {"act": "newest"}).before is None
    assert asked(query, {"act": "kinds", "value": "notes"}).before is None
    assert "Searched" not in words(draw_events([], EventQuery(), None))


def test_a_bound_of_entries_that_is_reached_is_no_alarm() -> None:
    grown = LimitUse("max_position_fraction", 0.1005, 0.10)
    lost = LimitUse("daily_loss_fraction", 0.03, 0.03)
    assert "meter bad" not in draw_limits((grown,))
    assert "grown since its entry" in words(draw_limits((grown,)))
    assert "meter bad" in draw_limits((lost,))


def test_what_was_asked_is_told_in_words() -> None:
    def told(kind: str, argument: str) -> str:
        return words(draw_commands([Command(7, "a", kind, argument, "owner", 0, None, None)]))

    swap = Wish("ema_cross", params={"fast": "7"}, positions="close", shadow=40)
    assert (
        "ema_cross (fast=7), open positions are sold, after 40 candles beside the present one"
    ) in told("swap", swap.argument())
    assert "back to the one before" in told("swap", Wish(rollback=True).argument())
    assert "{broken" in told("swap", "{broken")
    assert "everything" in told("flatten", "")
    assert "no reason given" in told("halt", "")
    assert "lunch" in told("halt", "lunch")


def test_a_change_that_is_under_way_is_told() -> None:
    swap = {"to": "adaptive", "state": "shadowing", "shadow_left": 12, "at_ms": 60_000}
    told = words(draw_actions(replace(RESTING, facts={"swap": swap})))
    assert "A change to adaptive is under way: it is tried without orders, 12 more candles." in told
    assert "It takes over at 1970-01-01 00:01" in told


def test_a_part_that_cannot_be_drawn_says_so_and_is_drawn_again() -> None:
    """Whatever it is: a page that stopped following would stand there and look well."""

    class Shown:
        is_deleted, content = False, "ACTIVE"

        def set_content(self, content: str) -> None:
            self.content = content

    shown, drawn = Shown(), iter((ValueError("odd"), Html("as it is now")))

    async def draw() -> Html:
        found = next(drawn)
        if isinstance(found, Exception):
            raise found
        return found

    part = Part(shown, draw)  # type: ignore[arg-type] # as much of it as is used
    asyncio.run(part.refresh())
    assert "This cannot be shown now. ValueError(" in words(shown.content)
    asyncio.run(part.refresh())
    assert shown.content == "as it is now"
