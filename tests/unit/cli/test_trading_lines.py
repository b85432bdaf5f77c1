"""The lines of a session: nobody has to read them."""

from __future__ import annotations

import errno
import io
import json
import sys
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.histories import executed, life_of_an_account, marked

from leeward.cli.demo import FewLines
from leeward.cli.trading import Lines, plain
from leeward.domain.money import Money, Quantity
from leeward.domain.times import iso
from leeward.engine.ledger import average
from leeward.engine.records import PositionClosed, Trade, TradingState
from leeward.monitoring.logs import Log
from leeward.runtime.trading.session import Shown
from leeward.runtime.trading.step_records import StepDecision

STEP = Shown(StepDecision((marked(0), executed(0)), (), ()), TradingState.ACTIVE, 0.1, 0.1)


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, _: str, /) -> int:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_step_is_printed_as_one_line(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Log(io.StringIO(), lambda: 0), as_json=as_json)
    lines.show(STEP)
    lines.close()
    assert capsys.readouterr().out.count("\n") == 1


def test_an_output_that_was_closed_does_not_reach_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Gone())
    lines = Lines(Log(io.StringIO(), lambda: 0), as_json=False)
    lines.show(STEP)
    lines.end("over")
    lines.close()


def test_a_demo_shows_trades_and_again_and_again_where_it_can_be_watched(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = [
        "The password of the dashboard, shown this once: correct-horse",
        "dashboard: http://127.0.0.1:4711",
    ]
    bought = replace(executed(0), decision="enter", reason="signal", quantity=0.5)
    lines = FewLines(told, Log(io.StringIO(), lambda: 0))
    lines.show(replace(STEP, decision=StepDecision((marked(0), bought), (), ())))
    for _ in range(179):
        lines.show(STEP)
    lines.close()
    out = capsys.readouterr().out.splitlines()
    assert "BTCUSDT BUY 0.5" in out[0]
    assert len(out) == 1 + 3 * 3, "it stays on a screen of 24 rows for more than a minute"
    assert out[-3:] == [
        out[-3],
        "  The password of the dashboard: correct-horse",
        "  dashboard: http://127.0.0.1:4711",
    ]
    assert "equity" in out[-3]


def sold() -> Trade:
    closed = [r for batch in life_of_an_account() for r in batch if isinstance(r, PositionClosed)]
    return closed[0].trade


@pytest.mark.parametrize("few", [False, True])
def test_what_a_stop_has_sold_is_told_with_price_and_profit(
    few: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(io.StringIO(), lambda: 0)
    lines = FewLines((), log) if few else Lines(log, as_json=False)
    lines.closed(sold())
    lines.close()
    (line,) = capsys.readouterr().out.splitlines()
    assert " BTCUSDT SOLD 0.4995 at 90 (stop): " in line
    assert line.endswith("-5.09 USDT after fees")
    assert line[19:22] == "Z  ", "in whole seconds"


def test_what_a_commission_in_the_coin_took_was_not_sold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bought = replace(
        sold(),
        quantity=Quantity(Decimal("0.00801")),
        exit_price=average(Decimal("719.28"), Decimal("0.008")),
        proceeds=Money(Decimal("719.28"), "USDT"),
        dust=Quantity(Decimal("0.00000199")),
    )
    for as_json in (False, True):
        lines = Lines(Log(io.StringIO(), lambda: 0), as_json=as_json)
        lines.closed(bought)
        lines.close()
    words, row = capsys.readouterr().out.splitlines()
    assert " BTCUSDT SOLD 0.008 at 89,910 (stop): " in words
    assert json.loads(row)["closed"]["quantity"] == "0.008"


def test_a_closed_position_is_a_line_of_json_among_those_of_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trade = sold()
    lines = Lines(Log(io.StringIO(), lambda: 0), as_json=True)
    lines.closed(trade)
    lines.close()
    assert json.loads(capsys.readouterr().out) == {
        "closed": {
            "symbol": "BTCUSDT",
            "time": iso(trade.exit_time_ms),
            "reason": "stop",
            "quantity": "0.4995",
            "price": "90",
            "pnl": plain(trade.pnl.amount),
            "currency": "USDT",
        }
    }


def test_a_demo_does_not_tell_a_sale_at_its_decision_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sale = replace(executed(0), decision="exit")
    lines = FewLines((), Log(io.StringIO(), lambda: 0))
    lines.show(replace(STEP, decision=StepDecision((marked(0), sale), (), ())))
    lines.close()
    assert capsys.readouterr().out == ""
