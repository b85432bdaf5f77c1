"""The lines of a session: nobody has to read them."""

from __future__ import annotations

import errno
import io
import sys
from dataclasses import replace

import pytest
from tests.histories import executed, life_of_an_account, marked

from leeward.cli.demo import FewLines
from leeward.cli.trading import Lines
from leeward.engine.records import PositionClosed, TradingState
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


def test_a_demo_shows_each_sale_once_whatever_it_was_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sold = [r for batch in life_of_an_account() for r in batch if isinstance(r, PositionClosed)]
    lines = FewLines((), Log(io.StringIO(), lambda: 0))
    lines.show(
        replace(
            STEP, decision=StepDecision((marked(0), replace(executed(0), decision="exit")), (), ())
        )
    )
    lines.closed(sold[0].trade)
    lines.close()
    (line,) = capsys.readouterr().out.splitlines()
    assert "BTCUSDT SELL (stop): " in line
    assert line.endswith(" USDT after fees")
    assert line[19:22] == "Z  ", "in whole seconds"
