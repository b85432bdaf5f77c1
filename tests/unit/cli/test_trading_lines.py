"""The lines of a session: nobody has to read them."""

from __future__ import annotations

import errno
import io
import sys

import pytest
from tests.histories import executed, marked

from leeward.cli.trading import Lines
from leeward.engine.records import TradingState
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
