"""The graph that is written is the network that was trained, byte for byte the same each time."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from leeward.domain.errors import BadUsage, Failed
from leeward.inference.graph import read_graph
from leeward.training.export import run_onnx, to_onnx
from leeward.training.networks import build, load_keras, preset_named, trainer_library

pytestmark = pytest.mark.timeout(1_800)


@pytest.mark.parametrize(("preset", "channels"), [("tiny", 13), ("small", 5), ("spec", 5)])
def test_the_graph_answers_as_keras_does_alone_and_in_batches(preset: str, channels: int) -> None:
    target = "return" if channels == 5 else "meta"
    model = build(preset_named(preset), channels, target, seed=3)
    content = to_onnx(model)
    windows = np.random.default_rng(1).normal(size=(1_024, 120, channels)).astype(np.float32)
    keras = np.asarray(model(windows, training=False))[:, 0]
    together = run_onnx(content, windows)
    assert np.abs(keras - together).max() <= 1e-6
    np.testing.assert_array_equal(run_onnx(content, windows[:40], batch=1), together[:40])
    assert to_onnx(model) == content
    assert read_graph(content, "a.onnx").input.shape == ("batch", 120, channels)
    assert preset != "small" or len(content) <= 150_000


def test_the_same_weights_give_the_same_bytes_whatever_the_layers_are_called() -> None:
    hashes = {
        sha256(to_onnx(build(preset_named("tiny"), 5, "return", seed=1))).hexdigest()
        for _ in range(2)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("padding", ["same", "causal", "valid"])
def test_every_padding_is_written_as_keras_means_it(padding: str) -> None:
    keras = load_keras()
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((120, 5)),
            layers.Conv1D(4, 4, padding=padding, activation="relu"),
            layers.LSTM(3),
            layers.Dense(1),
        ]
    )
    windows = np.random.default_rng(1).normal(size=(32, 120, 5)).astype(np.float32)
    keras_says = np.asarray(model(windows, training=False))[:, 0]
    assert np.abs(keras_says - run_onnx(to_onnx(model), windows)).max() <= 1e-6


def test_a_layer_outside_the_list_is_refused_by_name() -> None:
    keras = load_keras()
    model = keras.Sequential([keras.layers.Input((120, 5)), keras.layers.GRU(3)])
    with pytest.raises(Failed, match="is a GRU; known: "):
        to_onnx(model)


def test_an_unusual_lstm_is_refused() -> None:
    keras = load_keras()
    layers = keras.layers
    model = keras.Sequential([layers.Input((120, 5)), layers.LSTM(3, activation="relu")])
    with pytest.raises(Failed, match="only a plain LSTM"):
        to_onnx(model)


def test_weights_that_are_no_numbers_are_not_written() -> None:
    model = build(preset_named("tiny"), 5, "return", seed=1)
    weights = model.get_weights()
    weights[0][0, 0, 0] = np.nan
    model.set_weights(weights)
    with pytest.raises(Failed, match="are not finite"):
        to_onnx(model)


def test_a_missing_library_names_the_extra() -> None:
    with pytest.raises(BadUsage, match=r"pip install 'leeward\[train\]'"):
        trainer_library("no_such_library")
