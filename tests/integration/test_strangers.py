"""Another Leeward on the account of a session, on another machine, with a database of its own."""

from __future__ import annotations

from leeward.engine.intents import client_order_id
from leeward.engine.records import DecisionKey, Mode, Role
from leeward.runtime.trading.facts import Asked
from tests.stage import FLAT, HALTED, STRATEGIES, Stage, bought, kinds, resting
from tests.walking import HOUR, Walk, walked


def test_an_order_of_another_machine_halts_a_session_at_once(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        key = DecisionKey("live:emulator:other", "BTCUSDT", 0, "entry")
        name = client_order_id(key, 7, Role.ENTRY)
        sent = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
        order = {**sent, "newClientOrderId": name}
        walk.emulator.sim("POST", "faults", effect="manual_order", order=order)
        await walk.until(lambda: walk.state is HALTED)
        await walk.until(lambda: "stray_order" in kinds(walk))
        assert resting(walk) == ["STOP_LOSS"]

    stage.play(work, FLAT, "trading.audit_s=3600")


def test_of_two_machines_that_both_buy_under_one_name_one_halts_at_the_least(
    stage: Stage,
) -> None:
    async def work(walk: Walk) -> None:
        data = {"dir": stage.folder / "elsewhere" / "data"}
        changed = {"data": stage.settings.data.model_copy(update=data)}
        elsewhere = stage.settings.model_copy(update=changed)
        asked = Asked(Mode.LIVE, f"{STRATEGIES}:Stubborn", ("BTCUSDT",), acknowledged=True)
        async with walked(walk.emulator, elsewhere, asked) as twin:
            twin.clock.told_ms = HOUR.floor(walk.clock.told_ms) + HOUR.length_ms + 90
            await walk.to(twin.clock.told_ms)
            for each in (walk, twin):
                await each.until(lambda each=each: is_done(each))  # type: ignore[misc] # of this round
            # One that finds the order of the other first takes it for its own, and sends none.
            if bought(walk) == 2:
                await walk.until(lambda: HALTED in {walk.state, twin.state})

    stage.play(work, FLAT, "trading.entry=ioc", "trading.audit_s=3600")


def is_done(walk: Walk) -> bool:
    session = walk.ready.session
    decided = session.measures.steps == 1
    return decided and session.desk.settled and not session.keeper.books.unresolved()
