"""From candles in the store to a judged model in the archive, by the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.markets import hourly_market
from typer.testing import CliRunner

from leeward.cli.main import app
from leeward.data.store import CandleStore
from leeward.inference.bundle import load_bundle
from leeward.inference.predict import Predictor
from leeward.training.baselines import lightgbm, logistic, out_of_sample, summary
from leeward.training.datasets import Dataset, make_folds
from leeward.training.trials import read_trials

pytestmark = pytest.mark.timeout(1_800)
QUICK = [
    "--preset",
    "tiny",
    "--seeds",
    "3",
    "--folds",
    "1",
    "--groups",
    "3",
    "--epochs",
    "1",
    "--json",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    CandleStore(root / "data").merge(hourly_market("BTCUSDT").rows(0, 3_200))
    return root


def run(folder: Path, *words: str) -> tuple[int, str]:
    runner = CliRunner(env={"LEEWARD_DATA__DIR": str(folder / "data")})
    result = runner.invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return getattr(result.exception, "exit_code", 99), str(result.exception)
    return result.exit_code, result.stdout


def btc_trials(folder: Path) -> int:
    return sum(trial.symbol == "BTCUSDT" for trial in read_trials(folder / "data"))


def test_a_model_is_trained_judged_archived_promoted_and_loaded(folder: Path) -> None:
    page = folder / "card.html"
    code, text = run(folder, "train", "price", "--symbol", "btcusdt", *QUICK, "--html", str(page))
    assert code == 0
    metadata = json.loads(text)
    assert metadata["status"] in {"research", "rejected"}
    assert metadata["status_cap"] != "live"
    assert btc_trials(folder) == 4  # three seeds, and the paths
    assert {gate["gate"] for gate in metadata["gates"]} == {"G0", "G1", "G2", "G3", "G4"}
    assert all(gate["pass"] for gate in metadata["gates"] if gate["name"] == "parity")
    rivals = {name.partition(".")[0] for name in metadata["baselines"]}
    assert rivals == {"last_close", "reversal", "logistic", "lightgbm", "holding", "rule"}
    assert "NO DEMONSTRATED EDGE" in page.read_text()
    assert metadata["splits"]["combinatorial"]["trainings"] == 3
    low = metadata["metrics"]["cpcv_sharpe_net"]["low"]
    (gate,) = (each for each in metadata["gates"] if each["name"] == "cpcv_sharpe_low")
    assert (gate["value"], gate["pass"]) == (low, low > 0.0)
    code, text = run(folder, "models", "promote", "btcusdt_price", "--json")
    assert code == 0
    bundle = load_bundle(folder / "data" / "models", "btcusdt_price", json.loads(text)["sha256"])
    Predictor(bundle).load()
    code, text = run(folder, "models", "promote", "btcusdt_price", "--status", "live")
    assert (code, "no demonstrated edge" in text) == (3, True)


def test_training_again_repeats_the_figures_and_counts_no_new_trial(folder: Path) -> None:
    first, again = (
        json.loads(run(folder, "train", "price", "--symbol", "BTCUSDT", *QUICK)[1])
        for _ in range(2)
    )
    assert first["metrics"] == again["metrics"]
    assert first["files"]["btcusdt_price.onnx"] == again["files"]["btcusdt_price.onnx"]
    assert btc_trials(folder) == 4  # three seeds, and the paths


def test_what_lies_there_is_left_alone_where_training_finds_the_same_again(folder: Path) -> None:
    out, words = folder / "out", ["train", "price", "--symbol", "BTCUSDT", *QUICK]
    for _ in range(2):
        assert run(folder, *words, "--out", str(out))[0] == 0
        written = {file.name: file.stat().st_mtime_ns for file in out.iterdir()}
    first, again = written, {file.name: file.stat().st_mtime_ns for file in out.iterdir()}
    assert first == again
    assert run(folder, *words, "--out", str(out), "--preset", "tiny,small")[0] == 2


def test_the_meta_target_gives_a_probability(folder: Path) -> None:
    CandleStore(folder / "data").merge(replace(hourly_market("ETHUSDT"), symbol="ETHUSDT"))
    words = ["train", "price", "--symbol", "ETHUSDT", "--target", "meta", *QUICK]
    code, text = run(folder, *words)
    if code == 1:
        pytest.skip(f"the rule holds too few of these candles: {text}")
    metadata = json.loads(text)
    assert metadata["target"] == {
        "kind": "meta", "horizon_bars": 1, "units": "probability", "clip": 5.0,
        "rule": "ema_cross",
    }  # fmt: skip
    assert metadata["calibration"]["residual_quantiles"] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["train", "prices", "--symbol", "BTCUSDT"], 2, "kind: 'prices' is unknown"),
        (["train", "price", "--symbol", "BTCUSD"], 2, "did you mean 'BTCUSDT'"),
        (["train", "price", "--symbol", "BTCUSDT", "--preset", "smal"], 2, "unknown preset"),
        (["train", "price", "--symbol", "BTCUSDT", "--seeds", "0"], 2, "seeds: 0"),
        (["train", "price", "--symbol", "BTCUSDT", "--groups", "2"], 2, "groups: 2; it must be f"),
        (["train", "price", "--symbol", "BTCUSDT", "--preset", "tiny,tiny"], 2, "each preset once"),
        (["train", "price", "--symbol", "BTCUSDT", "--ray", "127.0.0.1:9"], 2, "no cluster at"),
        (["train", "price", "--symbol", "BTCUSDT", "--end", "2021-02-01"], 1, "too little to tr"),
        (["train", "sentiment", "--symbol", "BTCUSDT"], 2, "senticrypt"),
    ],
)
def test_a_mistake_is_named(folder: Path, words: list[str], code: int, said: str) -> None:
    found, text = run(folder, *words)
    assert said in text
    assert found == code


def test_the_learners_find_an_effect_that_is_there(data: Dataset) -> None:
    chance = np.random.default_rng(1)
    table = summary(data.features)
    noise = chance.normal(size=len(data)).astype(np.float32)
    planted = replace(data, labels=(table[:, 0] * 4 + noise).astype(np.float32))
    folds = make_folds(planted, 1)
    for learner in (logistic, lightgbm):
        answers = out_of_sample(planted, folds, learner)
        right = (answers > 0) == (planted.labels[folds[0].test] > 0)
        assert right.mean() > 0.55
