"""What is told of what a session writes down."""

from __future__ import annotations

from tests.histories import ACCOUNT, life_of_an_account

from leeward.engine.records import PositionClosed, Trade
from leeward.runtime.settings import Settings
from leeward.runtime.trading.start import Watcher
from leeward.runtime.trading.watching import Watch


def test_every_sale_is_told_a_stop_out_as_well() -> None:
    told: list[Trade] = []
    watch = Watch(Settings(), ACCOUNT, Watcher(lambda _: None, lambda _: None, told.append))
    batches = life_of_an_account()
    for batch in batches:
        watch._hear(batch, None)
    watch._look_at_heard()
    watch.close()
    closed = [each.trade for b in batches for each in b if isinstance(each, PositionClosed)]
    assert told == closed
    assert [each.exit_reason for each in told] == ["stop", "stop"]
