from __future__ import annotations

import json
from pathlib import Path

import pytest

from leeward.data.generated import generate_market
from leeward.data.store import CandleStore
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso, parse_time
from tests.integration.conftest import Run

BACKTEST = ("backtest", "adaptive", "--symbols", "BTCUSDT,ETHUSDT", "--json", "out.json")


@pytest.fixture
def result(leeward: Run, stored_market: CandleStore, tmp_path: Path) -> dict[str, object]:
    del stored_market
    assert leeward(*BACKTEST).code == 0
    found: dict[str, object] = json.loads((tmp_path / "out.json").read_text())
    return found


def decided(trade: dict[str, object]) -> str:
    """Returns the candle before the one of the entry."""
    return iso(parse_time(str(trade["entry_time"]), "entry") - 3_600_000)


def test_every_trade_of_a_result_can_be_asked_why(leeward: Run, result: dict[str, object]) -> None:
    trades = result["trades"]
    assert isinstance(trades, list)
    for trade in trades[:5]:
        shown = leeward("why", trade["symbol"], decided(trade), "--backtest", "out.json", "--json")
        chain = json.loads(shown.out)
        assert (shown.code, chain["decision"]) == (0, "enter")
        assert (
            f"bought {trade['quantity']:.10g} at {trade['entry_price']:.10g}" in chain["after"][0]
        )
        assert f"({trade['exit_reason']})" in chain["after"][1]
        assert chain["quantity"] == trade["quantity"]


def test_the_chain_is_told_in_words(leeward: Run, result: dict[str, object]) -> None:
    trades = result["trades"]
    assert isinstance(trades, list)
    shown = leeward("why", trades[0]["symbol"], decided(trades[0]), "--backtest", "out.json")
    for words in ("entry condition holds", "asked", "% of equity", "buy ", "stop", "profit"):
        assert words in shown.out


def test_refusals_of_a_result_can_be_asked_why(leeward: Run, result: dict[str, object]) -> None:
    del result
    shown = leeward("why", "BTCUSDT", "2021-01-03T00:00", "--backtest", "out.json", "--json")
    chain = json.loads(shown.out)
    assert chain["data_state"] == "warming_up"
    assert chain["decision"] in {"none", "refused"}


def test_what_is_not_there_is_named_with_the_nearest(
    leeward: Run, result: dict[str, object]
) -> None:
    del result
    unknown = leeward("why", "BTCUSD", "--backtest", "out.json")
    assert (unknown.code, "did you mean 'BTCUSDT'" in unknown.err) == (2, True)
    between = leeward("why", "BTCUSDT", "2021-01-03T00:30", "--backtest", "out.json")
    assert between.code == 2
    assert "2021-01-03T00:00:00Z and 2021-01-03T01:00:00Z" in between.err
    assert leeward("why", "BTCUSDT", "--backtest", "none.json").code == 2


def test_candles_that_changed_since_are_refused(
    leeward: Run, result: dict[str, object], stored_market: CandleStore
) -> None:
    del result
    other = generate_market(["BTCUSDT"], Timeframe.parse("1h"), 1_609_459_200_000, 2_900, seed=9)
    stored_market.merge(other["BTCUSDT"])
    shown = leeward("why", "BTCUSDT", "--backtest", "out.json")
    assert shown.code == 1
    assert "the store's candles are not those of out.json" in shown.err


def test_without_a_database_there_is_no_session_to_ask(leeward: Run) -> None:
    for command in (("why", "BTCUSDT"), ("parity",)):
        shown = leeward(*command)
        assert shown.code == 1
        assert "a paper or live session makes one" in shown.err


def test_a_session_and_a_backtest_do_not_go_together(leeward: Run) -> None:
    shown = leeward("why", "BTCUSDT", "--session", "s1", "--backtest", "out.json")
    assert shown.code == 2
