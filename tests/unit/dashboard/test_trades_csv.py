"""Trades as a file for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest

from leeward.dashboard.api.accounts import csv_of
from leeward.dashboard.api.shapes import TradeBody

TRADE = TradeBody(
    position_id="BTCUSDT-1", symbol="BTCUSDT", entry_time="2024-01-01T00:00:00Z",
    exit_time="2024-01-02T00:00:00Z", quantity="1", entry_price="100", exit_price="98.5",
    fees=["-0.1 BNB"], pnl="-1.5", quote="USDT", return_fraction=-0.015, exit_reason="stop",
    tag="", unprotected_s=0.0,
)  # fmt: skip


@pytest.mark.parametrize("tag", ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_tag_is_no_formula(tag: str) -> None:
    text = csv_of([TRADE.model_copy(update={"tag": tag})], heading=True)
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["tag"] == f"'{tag}"
    assert (row["pnl"], row["exit_reason"]) == ("-1.5", "stop")


@pytest.mark.parametrize(
    ("fees", "amounts", "assets"),
    [
        (["1.99 USDT"], "1.99", "USDT"),
        (["-0.1 BNB", "0.2 USDT"], "-0.1; 0.2", "BNB; USDT"),
        ([], "", ""),
    ],
)
def test_a_fee_is_a_number_beside_what_it_was_paid_in(
    fees: list[str], amounts: str, assets: str
) -> None:
    text = csv_of([TRADE.model_copy(update={"fees": fees})], heading=True)
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["fees"], row["fees_asset"], row["pnl"]) == (amounts, assets, "-1.5")
