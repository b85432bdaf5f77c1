"""When a start goes on with what was swapped in, and with which source."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from leeward.engine.records import Mode, SessionStarted
from leeward.runtime.trading.chosen import choose
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.lineage import asked_facts, found_again, goes_on, strategy_facts
from leeward.runtime.trading.resuming import origin_of

STUBBORN = Path(__file__).parents[3] / "stubborn.py"
ASKED = Asked(Mode.PAPER, "ema_cross", ("BTCUSDT",), "1h", {"fast": 5, "stop_atr": 1.5})


def session(**facts: object) -> SessionStarted:
    """Returns a session of another strategy as a database gives it back."""
    read = json.loads(json.dumps(facts))
    return SessionStarted(
        "s.1", "a", Mode.PAPER, "binance", "adaptive", "1", "1h", ("BTCUSDT",), read, 1, 0
    )


def test_the_command_line_of_before_the_swap_goes_on_with_what_was_swapped_in() -> None:
    last = session(swap={"asked": asked_facts(ASKED)}, params={"band": 0.7})
    assert goes_on(last, ASKED)
    origin = origin_of(last, ASKED, Path("/nowhere"))
    assert (origin.chosen.name, origin.chosen.params["band"]) == ("adaptive", 0.7)
    assert "not with ema_cross (fast=5, stop_atr=1.5) of the command line" in origin.words


MODELS = {"models": {"BTCUSDT": {"price": {"name": "price_1h", "sha256": "a" * 64}}}}
OTHER = {"strategy": "adaptive", "params": {}}


def test_what_was_rolled_back_to_the_command_line_takes_its_models_as_any_start_does() -> None:
    chosen = choose(ASKED.strategy, ASKED.params)
    swap = {"asked": asked_facts(ASKED), "before": OTHER, "managed": []}
    last = replace(
        session(swap=swap, params=dict(chosen.params), **MODELS), strategy=ASKED.strategy
    )
    origin = origin_of(last, ASKED, Path("/nowhere"))
    assert (origin.chosen.name, origin.chosen.params) == (chosen.name, chosen.params)
    assert (origin.pins, origin.words) == ({}, "")
    assert origin.swap == swap  # who manages positions of before goes on


@pytest.mark.parametrize("fast", [5, 6])
def test_a_model_or_parameters_that_were_swapped_in_stay(fast: int) -> None:
    """The strategy before was the same one: what was exchanged is its model, or its parameters."""
    chosen = choose(ASKED.strategy, {**ASKED.params, "fast": fast})
    before = {"strategy": chosen.name, "params": dict(chosen.params)}
    last = session(
        swap={"asked": asked_facts(ASKED), "before": before}, params=dict(chosen.params), **MODELS
    )
    origin = origin_of(replace(last, strategy=chosen.name), ASKED, Path("/nowhere"))
    assert origin.pins == {"price_1h": "a" * 64}
    assert "goes on with" in origin.words


def test_any_other_command_line_starts_anew() -> None:
    last = session(swap={"asked": asked_facts(ASKED)})
    for other in (
        replace(ASKED, strategy="enhanced"),
        replace(ASKED, params={"fast": 6, "stop_atr": 1.5}),
        replace(ASKED, symbols=("ETHUSDT",)),
        replace(ASKED, timeframe="4h"),
    ):
        assert not goes_on(last, other)
    assert not goes_on(session(), ASKED)
    assert not goes_on(None, ASKED)
    assert origin_of(session(), ASKED, Path("/nowhere")).chosen.name == "ema_cross"


def test_a_strategy_is_found_again_in_the_source_that_its_session_kept(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(STUBBORN.read_text())
    name = f"{file}:Stubborn"
    chosen = choose(name, {})
    kept = chosen.keep_source(tmp_path / "s1")
    assert kept == "s1/strategy.py:Stubborn"
    facts = strategy_facts(replace(session(source=kept), strategy=name))
    file.write_text(STUBBORN.read_text().replace("150", "10"))
    assert choose(name, {}).version != chosen.version
    again = found_again(facts, tmp_path)
    assert (again.name, again.version) == (name, chosen.version)
    file.unlink()
    assert found_again(facts, tmp_path).version == chosen.version


def test_an_installed_strategy_keeps_no_source(tmp_path: Path) -> None:
    assert choose("ema_cross", {}).keep_source(tmp_path) is None
