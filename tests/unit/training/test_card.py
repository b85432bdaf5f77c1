"""The model card says what the metadata says, on a terminal and as a page."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from rich.console import Console
from tests.tiny_models import MODELS

from leeward.inference.bundle import SHIPPED, shipped_pins
from leeward.report.words import percent
from leeward.training.card import banner, failed_words, gate_rows, print_card, verdict
from leeward.training.card_page import card_page


def shipped(name: str = "btcusdt_price") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SHIPPED / f"{name}.json").read_bytes())
    return found


def printed(metadata: dict[str, Any]) -> str:
    written = io.StringIO()
    print_card(metadata, Console(file=written, width=100))
    return written.getvalue()


@pytest.mark.parametrize("name", sorted(shipped_pins()))
def test_every_gate_stands_on_both_cards_in_words(name: str) -> None:
    metadata = shipped(name)
    page, text = card_page(metadata), printed(metadata)
    rows = list(gate_rows(metadata))
    assert len(rows) == len(metadata["gates"])
    assert not [row.looked_at for row in rows if "_" in row.looked_at]
    failed = sum(not gate["pass"] for gate in metadata["gates"])
    assert text.count("FAILED") == page.count(">failed<") == failed
    assert failed_words(metadata).startswith(f"{failed} of {len(rows)} gates failed: ")
    assert all(row.found in text for row in rows)


def test_what_has_to_be_said_first_stands_first_and_a_proven_model_has_nothing_to_say() -> None:
    metadata = shipped()
    assert printed(metadata).startswith("NO DEMONSTRATED EDGE: allowed up to status paper")
    page = card_page(metadata)
    assert page.index("NO DEMONSTRATED EDGE") < page.index("windows that no network")
    quarantined = {**metadata, "quarantined": True}
    assert printed(quarantined).startswith("QUARANTINED: a result too good to be true")
    assert banner({**metadata, "status_cap": "live"}) is None


def test_every_path_is_a_dot_and_a_model_without_paths_has_a_card_too() -> None:
    metadata = shipped()
    paths = metadata["splits"]["combinatorial"]["sharpe_net"]
    assert card_page(metadata).count('r="6"') == len(paths) == 5
    assert "5 from 15 trainings: Sharpe net" in printed(metadata)
    plain = copy.deepcopy(metadata)
    del plain["splits"]["combinatorial"]
    assert "Combined paths" not in card_page(plain)
    assert "15 trainings: Sharpe net" not in printed(plain)


@pytest.mark.parametrize("name", ["btcusdt_price", "btcusdt_sentiment"])
def test_a_model_that_was_never_judged_has_both_cards_and_they_say_so(name: str) -> None:
    metadata = json.loads((MODELS / f"{name}.json").read_bytes())
    assert metadata["splits"]["folds"] == []
    text, page = printed(metadata), card_page(metadata)
    assert "judged on     nothing: no part was held back" in text
    assert "nothing: no part was held back" in page
    assert "How it was tested" not in page
    assert "n/a" in page


def test_a_page_asks_nobody_for_anything() -> None:
    page = card_page(shipped("btcusdt_sentiment"))
    assert not [word for word in ("http", "src=", "url(", "<script", "@import") if word in page]


def test_what_is_not_known_is_called_unknown() -> None:
    metadata = shipped()
    metadata["gates"][0]["value"] = None
    metadata["calibration"] |= {"coverage": None, "slope": None}
    metadata["metrics"]["rank_ic"]["low"] = None
    assert next(gate_rows(metadata)).found == "unknown"
    assert "slope unknown" in printed(metadata)
    assert "n/a" in card_page(metadata)


def test_a_high_return_does_not_stand_without_the_chance_that_it_is_luck() -> None:
    metadata = shipped("btcusdt_price_1d")
    (dsr,) = (gate["value"] for gate in metadata["gates"] if gate["name"] == "dsr")
    words = verdict(metadata)
    assert f"the best of {metadata['trials']['ledger_count']} tries without skill" in words
    assert f"a probability of {percent(dsr)} (deflated Sharpe ratio" in words


def test_a_model_of_trades_is_held_against_always_naming_the_commoner_outcome() -> None:
    metadata = shipped()
    assert "commoner" not in verdict(metadata)
    metadata["target"]["kind"] = "meta"
    metadata["calibration"]["base_brier"] = 0.61 * 0.39
    assert "; always naming the commoner outcome would be right in 61.0 %." in verdict(metadata)


def test_text_from_the_metadata_is_escaped() -> None:
    metadata = {**shipped(), "model_id": "<script>alert(1)</script>"}
    assert "<script>" not in card_page(metadata)
