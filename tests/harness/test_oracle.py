"""The judge of campaigns and drills: each kind of difference is seen, and agreement is silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from leeward.domain.money import Quantity
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    OrderMoved,
    PositionClosed,
    Purpose,
    Record,
    TransferBooked,
)
from tests.harness import campaign
from tests.harness.campaign import Plan, Verdict, run
from tests.harness.oracle import differences
from tests.harness.store import MemoryStore
from tests.harness.trader import ACCOUNT, Trader

Records = Sequence[Record]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> campaign._Run:
    """A calm run without a crash, as it was at its end."""
    kept: list[campaign._Run] = []
    with pytest.MonkeyPatch.context() as patch:
        judging = campaign._Run._judged

        def keep(of: campaign._Run, trader: Trader) -> Verdict:
            kept.append(of)
            return judging(of, trader)

        patch.setattr(campaign._Run, "_judged", keep)
        plan = Plan(4, 12)
        assert run(plan, tmp_path_factory.mktemp("run")).wrong == []
    return kept[0]


def judged(lived: campaign._Run, records: Records) -> str:
    return " | ".join(differences(lived.outside.exchange, records, ACCOUNT))


def without(records: Records, kind: type[Record]) -> Records:
    """Returns the records without the last one of a kind."""
    last = max(at for at, each in enumerate(records) if isinstance(each, kind))
    return [*records[:last], *records[last + 1 :]]


def _grown(record: Record) -> Record:
    if isinstance(record, FillBooked):
        more = Quantity(record.fill.quantity.value + Decimal("0.0001"))
        return replace(record, fill=replace(record.fill, quantity=more))
    return record


def _without_an_entry(records: Records) -> Records:
    gone = next(
        each for each in records if isinstance(each, IntentMade) and each.purpose is Purpose.ENTRY
    )
    names = {order.client_order_id for order in gone.orders}
    return [
        each
        for each in records
        if each is not gone
        and not (isinstance(each, OrderMoved | FillBooked) and each.client_order_id in names)
    ]


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("is lost", lambda records: without(records, FillBooked)),
        ("is booked 2 times", lambda records: [*records, without_order(records)]),
        ("is booked as", lambda records: [_grown(each) for each in records]),
        ("the books say", lambda records: without(records, TransferBooked)),
        ("is in no book", _without_an_entry),
        ("closed 2 times", lambda records: [*records, closing(records)]),
        ("decided twice", lambda records: [*records, entry(records)]),
    ],
)
def test_each_kind_of_difference_is_seen(
    lived: campaign._Run, words: str, change: Callable[[Records], Records]
) -> None:
    assert isinstance(lived.kept, MemoryStore)
    assert words in judged(lived, change(lived.kept.kept))


def without_order(records: Records) -> Record:
    return next(each for each in records if isinstance(each, FillBooked))


def closing(records: Records) -> Record:
    return next(each for each in records if isinstance(each, PositionClosed))


def entry(records: Records) -> Record:
    return next(
        each for each in records if isinstance(each, IntentMade) and each.purpose is Purpose.ENTRY
    )


def test_agreement_is_silence(lived: campaign._Run) -> None:
    assert isinstance(lived.kept, MemoryStore)
    assert judged(lived, lived.kept.kept) == ""
