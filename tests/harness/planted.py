"""Mistakes that others made, planted into the order path one at a time. A campaign that does not
notice one of them says nothing with its zero."""

from __future__ import annotations

from base64 import b32encode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leeward.domain.answers import Unknown
from leeward.domain.money import Quantity, quantity_of
from leeward.engine import intents
from leeward.engine.ledger import Ledger
from leeward.engine.records import IntentMade, OrderState, Record
from leeward.engine.symbol_view import Cancel, Protect
from leeward.runtime.trading import sending
from leeward.runtime.trading.steps import Steps
from leeward.venues.venue import Venue
from tests.harness.store import Kept, MemoryStore

Plant = Callable[[pytest.MonkeyPatch], Callable[[Path], Kept] | None]


def no_fsync(_: pytest.MonkeyPatch) -> Callable[[Path], Kept]:
    """The database says committed before it is on the disk."""
    return lambda _: MemoryStore(synced=False)


def counter_ids(patch: pytest.MonkeyPatch) -> None:
    """Orders are numbered, and each process begins at one."""
    counts: Counter[int] = Counter()

    def named(_: object, epoch: int, letter: str) -> str:
        counts[epoch] += 1
        number = b32encode(counts[epoch].to_bytes(13, "big")).decode().lower()[:20]
        return f"lw-0-{letter}{number}"

    patch.setattr(intents, "_named", named)


def resend_on_timeout(patch: pytest.MonkeyPatch) -> None:
    """No answer? Then once more."""
    send = sending.send

    async def sent(venue: Venue, intent: IntentMade) -> Any:
        answer = await send(venue, intent)
        return await send(venue, intent) if isinstance(answer, Unknown) else answer

    patch.setattr(sending, "send", sent)


def no_dedupe(patch: pytest.MonkeyPatch) -> Callable[[Path], Kept]:
    """A fill is booked as often as it is told of."""
    patch.setattr(Ledger, "has_fill", lambda *_: False)
    return lambda _: MemoryStore(dedupes=False)


def stop_before_commission(patch: pytest.MonkeyPatch) -> None:
    """The stop is for what was bought, and not for what is left of it after the fee."""
    protect = Steps._protect

    async def protected(steps: Steps, step: Protect) -> None:
        held = steps.books.position(steps.symbol)
        assert held is not None
        lot = steps.books.ledger.lots[held.position_id]
        gross = quantity_of(lot.bought - lot.sold, steps.memory.rules.lot.step)
        await protect(steps, replace(step, quantity=gross))

    patch.setattr(Steps, "_protect", protected)


def cancel_is_done(patch: pytest.MonkeyPatch) -> None:
    """Whatever the exchange answers, what was to be cancelled is gone."""
    cancel = Steps._cancel

    async def cancelled(steps: Steps, step: Cancel) -> None:
        at_ms = steps.means.server_now_ms()
        members = sorted(steps._members(step))
        await cancel(steps, step)
        for name in members:
            steps.memory.settle(name)
        await steps.commit(*sending.ended(members, OrderState.CANCELED, at_ms, "cancelled"))

    patch.setattr(Steps, "_cancel", cancelled)


def absent_at_once(patch: pytest.MonkeyPatch) -> None:
    """One "no such order", and it never was."""

    async def absent(steps: Steps, client_order_id: str) -> None:
        steps.memory.settle(client_order_id)
        at_ms = steps.means.server_now_ms()
        await steps.commit(*sending.ended((client_order_id,), OrderState.VOID, at_ms, "absent"))

    patch.setattr(Steps, "_absent", absent)


def sent_before_written(patch: pytest.MonkeyPatch) -> None:
    """The order goes out first and is written down when its answer comes."""

    async def written(steps: Steps, intent: IntentMade, *also: Record) -> Any:
        answer = await sending.send(steps.means.venue, intent)
        await steps.commit(*also, intent)
        sent = sending.outcome(intent, answer, steps.means.server_now_ms())
        steps.memory.doubted.update(sent.doubted)
        await steps.commit(*sent.records, *steps._booked(sent.reports))
        return sent

    patch.setattr(Steps, "send_written", written)


def partly_protected(patch: pytest.MonkeyPatch) -> None:
    """A stop for nine tenths is a stop."""
    protect = Steps._protect

    async def protected(steps: Steps, step: Protect) -> None:
        tenths = step.quantity.value * Decimal("0.9")
        part = quantity_of(tenths, steps.memory.rules.lot.step)
        await protect(steps, replace(step, quantity=Quantity(part.value)))

    patch.setattr(Steps, "_protect", protected)


PLANTED: Mapping[str, Plant] = {
    each.__name__: each
    for each in (
        no_fsync,
        counter_ids,
        resend_on_timeout,
        no_dedupe,
        stop_before_commission,
        cancel_is_done,
        absent_at_once,
        sent_before_written,
        partly_protected,
    )
}
