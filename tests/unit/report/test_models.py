"""What results say of the models behind them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from rich.console import Console
from tests.tiny_models import HOUR, MODELS

from leeward.data.generated import generate_candles
from leeward.report.html import page
from leeward.report.models import model_banners, model_words
from leeward.report.result import BacktestResult
from leeward.report.terminal import print_comparison, print_summary
from leeward.report.words import earned_words, percent
from leeward.runtime.api import backtest
from leeward.runtime.settings import load_settings

# The tiny models say that they were trained up to 2020-03-01.
CANDLES = generate_candles("BTCUSDT", HOUR, 1_577_836_800_000, 2_880, seed=6)


@cache
def result(strategy: str, sizing: str = "confidence") -> BacktestResult:
    changes = [f"ml.dir={MODELS}", f"ml.sizing={sizing}", f"data.dir={Path(__file__).parent}/none"]
    return backtest(strategy, CANDLES, settings=load_settings(None, changes))


def titles(strategy: str, sizing: str = "confidence") -> list[str]:
    return [banner.title for banner in model_banners(result(strategy, sizing))]


def test_a_model_without_an_edge_is_named_before_anything_it_earned() -> None:
    found = result("ml_basic")
    written = io.StringIO()
    print_summary(found, Console(file=written, width=400))

    assert written.getvalue().startswith("NO DEMONSTRATED EDGE  btcusdt_price (paper at most)")
    assert list(json.loads(found.to_json()))[:2] == ["schema", "banners"]
    html = page([found])
    assert 0 < html.index("NO DEMONSTRATED EDGE") < html.index("After costs the account")


def test_what_it_earned_stands_beside_holding_and_the_rule() -> None:
    found, rule = result("ml_basic"), result("ema_cross")
    beside = found.comparison["rule"]
    for name in ("return_fraction", "final_equity", "sharpe", "trades"):
        assert beside[name] == rule.metrics[name]
    words = earned_words(found)
    assert words is not None
    assert f"the rule ema_cross {percent(beside['return_fraction'], sign=True)} with" in words
    assert f"holding {percent(found.metrics['buy_and_hold_fraction'], sign=True)}" in words
    written = io.StringIO()
    print_summary(found, Console(file=written, width=400))
    assert f"earned       {words}" in written.getvalue()
    assert "The rule ema_cross" in page([found])
    assert json.loads(found.to_json())["comparison"]["rule"]["trades"] == beside["trades"]


def test_no_better_is_said_of_equals() -> None:
    found = result("ml_basic")
    equal = replace(found, beside={"rule": {**found.comparison["rule"], **found.metrics}})
    words = earned_words(equal)
    assert words is not None
    assert words.endswith("no better than the rule")


def test_raw_sizes_and_candles_of_the_training_have_banners() -> None:
    assert titles("ml_basic") == ["NO DEMONSTRATED EDGE", "IN SAMPLE"]
    assert titles("ml_basic", "raw") == ["NO DEMONSTRATED EDGE", "RAW SIZING", "IN SAMPLE"]
    in_sample = model_banners(result("ml_basic"))[-1].text
    assert in_sample.startswith("50 % of the candles")


def test_a_comparison_says_whose_banner_it_is() -> None:
    written = io.StringIO()
    print_comparison([result("ema_cross"), result("ml_basic")], Console(file=written, width=400))

    assert "NO DEMONSTRATED EDGE  ml_basic: btcusdt_price" in written.getvalue()


def test_a_result_without_models_says_nothing_of_them() -> None:
    plain = result("ema_cross")

    assert model_banners(plain) == []
    assert model_words(plain) is None
    assert earned_words(plain) is None
    assert "rule" not in plain.comparison
    assert "models" not in plain.inputs
    assert "banners" not in json.loads(plain.to_json())


def test_an_unproven_model_buys_nothing_where_it_is_in_charge() -> None:
    found = result("ml_basic")
    tags = {row["name"] for row in found.breakdowns["entry_tag"]}

    assert tags <= {"rule"}


def test_the_words_say_which_model_was_asked_and_who_decided() -> None:
    words = model_words(result("ml_with_sentiment"))

    assert words is not None
    assert "BTCUSDT sentiment model btcusdt_sentiment" in words
    assert "BTCUSDT no senticrypt sentiment stored" in words
    assert "decided by price model" in words
    assert "sentiment model 0 %" not in words


def test_inputs_name_the_model_by_its_hash_and_another_model_is_another_result() -> None:
    models = result("ml_basic").inputs["models"]

    assert isinstance(models, dict)
    assert len(models["BTCUSDT"]["prediction"]["sha256"]) == 64
    assert models["BTCUSDT"]["prediction"]["status"] == "research"
    assert result("ml_basic").result_id != result("ml_basic", "raw").result_id
