"""Bundles that are whole, and every way in which one may be broken."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_models import HOUR, MODELS, copied, edit_metadata, replace_file

from leeward.domain.errors import BadModel, BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.inference import bundle as bundles
from leeward.inference.bundle import find_bundle, load_bundle
from leeward.inference.predict import Predictor

NAME = "btcusdt_price"


def test_a_whole_bundle_is_loaded_with_its_hash() -> None:
    bundle = load_bundle(MODELS, NAME)

    assert bundle.sha256 == sha256((MODELS / f"{NAME}.json").read_bytes()).hexdigest()
    assert bundle.onnx == (MODELS / f"{NAME}.onnx").read_bytes()
    assert (bundle.features, bundle.metadata.status_cap) == (5, "paper")
    assert not bundle.metadata.is_proven


@pytest.mark.parametrize("file", [f"{NAME}.onnx", f"{NAME}.golden.npz"])
def test_one_changed_byte_is_refused_with_both_hashes(tmp_path: Path, file: str) -> None:
    folder = copied(tmp_path)
    content = bytearray((folder / file).read_bytes())
    content[100] ^= 1
    (folder / file).write_bytes(content)

    with pytest.raises(BadModel, match=f"{file}: sha256 .* is expected, but .*nothing was loaded"):
        load_bundle(folder, NAME)


def test_metadata_that_are_not_the_pinned_ones_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, lambda metadata: metadata.update(status="live"))

    with pytest.raises(BadModel, match="is pinned, but"):
        load_bundle(folder, NAME, pin=load_bundle(MODELS, NAME).sha256)


def test_a_promotion_that_was_killed_half_way_leaves_the_old_model_active(tmp_path: Path) -> None:
    old = copied(tmp_path / "models")
    pin = load_bundle(old, NAME).sha256
    version = load_bundle(old, NAME).metadata.version
    copied(old / "archive" / NAME / version)
    (old / f"{NAME}.onnx").write_bytes(b"the next one")
    assert load_bundle(old, NAME, pin).sha256 == pin
    edit_metadata(old, lambda metadata: metadata.update(version="20990101T000000Z-12345678"))

    bundle = load_bundle(old, NAME, pin)

    assert bundle.metadata.version == version
    assert bundle.onnx == (MODELS / f"{NAME}.onnx").read_bytes()


def put(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def edit(metadata: dict[str, Any]) -> None:
        *parents, last = path
        for name in parents:
            metadata = metadata[name]
        metadata[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (put("schema_version", value="2.0"), "schema version '2.0' is refused"),
        (put("schema_version", value=1), "schema version 1 is refused"),
        (lambda metadata: metadata.pop("gates"), "'gates' is missing"),
        (lambda metadata: metadata["calibration"].pop("slope"), "'calibration.slope' is missing"),
        (put("status", value="best"), "status is 'best', not one of rejected, research"),
        (put("quarantined", value=0), "'quarantined' is not true or false"),
        (put("arch", "params", value=True), "'arch.params' is not a whole number"),
        (put("trials", value=[]), "trials is not an object"),
        (put("metrics", value=[]), "metrics is not an object"),
        (put("gates", value={}), "gates is not a list"),
        (put("gates", value=[{}]), "'gates[0].gate' is missing"),
        (put("onnx", "input", "shape", value=[1.5]), "not a whole number or a text"),
        (put("data", "last", value="yesterday"), "data.last: 'yesterday' is not a date"),
        (put("model_id", value="ethusdt_price"), "holds the model 'ethusdt_price'"),
        (put("features", "version", value=2), "feature version 2 is refused"),
        (put("features", "names", value=["close"]), "features close over 120"),
        (put("features", "window", value=30), "over 30 candles are refused"),
        (put("calibration", "residual_quantiles", value=[0.0]), "must be 1001 numbers"),
        (put("calibration", "residual_quantiles", value=[1.0] + [0.0] * 1000), "not decrease"),
        (put("calibration", "shrink", value=1.5), "shrink must be from 0 to 1"),
        (put("calibration", "alpha", value=0), "alpha must be between"),
        (put("limits", "max_age_days", value=0), "max_age_days must be above 0"),
        (put("limits", "min_confidence", value=2), "min_confidence must be"),
        (put("limits", "max_position", value=0), "max_position must be"),
        (put("drift_reference", "open", value=[1.0]), "drift_reference.open must be 9 deciles"),
        (put("kind", value="sentiment"), "features.sentiment must be given"),
        (put("onnx", "ops", value=["Conv"]), "its metadata name Conv"),
        (lambda metadata: metadata["files"].pop(f"{NAME}.onnx"), "names no file"),
    ],
)
def test_metadata_that_break_the_schema_are_refused_by_key(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], why: str
) -> None:
    folder = copied(tmp_path, edit)

    with pytest.raises(BadModel) as caught:
        load_bundle(folder, NAME)

    assert why in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_metadata_that_are_no_object_are_refused(tmp_path: Path, content: bytes) -> None:
    (copied(tmp_path) / f"{NAME}.json").write_bytes(content)

    with pytest.raises(BadModel, match=f"{NAME}.json: "):
        load_bundle(tmp_path, NAME)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (pickle.dumps({"weights": [1.0]}), "a pickle"),
        (b"PK\x03\x04 config.json", "a Keras or ZIP file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    ],
)
def test_files_that_can_carry_code_are_refused_by_their_kind(
    tmp_path: Path, content: bytes, what: str
) -> None:
    folder = copied(tmp_path)
    replace_file(folder, f"{NAME}.onnx", content)

    with pytest.raises(BadModel, match=f"{NAME}.onnx: is {what}"):
        load_bundle(folder, NAME)


def test_a_graph_of_another_shape_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    replace_file(folder, f"{NAME}.onnx", (MODELS / "btcusdt_sentiment.onnx").read_bytes())

    with pytest.raises(BadModel, match=r"float32 \['batch', 120, 13\] is refused"):
        load_bundle(folder, NAME)


def test_a_file_above_the_size_cap_is_not_read(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    replace_file(folder, f"{NAME}.onnx", bytes(bundles.MOST_BYTES + 1))

    with pytest.raises(BadModel, match="larger than 5,000,000 bytes"):
        load_bundle(folder, NAME)


def packed(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def test_golden_windows_that_unpack_to_too_much_are_not_unpacked(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    replace_file(folder, f"{NAME}.golden.npz", packed(raw=np.zeros(3_000_000)))

    with pytest.raises(BadModel, match="unpacks to more than"):
        load_bundle(folder, NAME)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no archive", "holds no golden windows"),
        (packed(raw=np.zeros(1)), "holds no golden windows"),
        (packed(raw=np.array([{}]), features=np.zeros(1), outputs=np.zeros(1)), "holds no golden"),
        (packed(raw=np.zeros(1), features=np.zeros(1), outputs=np.zeros(1)), "other shapes"),
        (packed(raw=np.zeros(0), features=np.zeros(0), outputs=np.zeros(0)), "other shapes"),
    ],
)
def test_golden_windows_that_are_none_are_refused(tmp_path: Path, content: bytes, why: str) -> None:
    folder = copied(tmp_path)
    replace_file(folder, f"{NAME}.golden.npz", content)

    with pytest.raises(BadModel, match=why):
        load_bundle(folder, NAME)


def golden(**changes: float) -> bytes:
    with np.load(MODELS / f"{NAME}.golden.npz") as arrays:
        return packed(**{name: arrays[name] + np.float32(changes.get(name, 0)) for name in arrays})


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"outputs": 2e-5}, "answers to the golden windows differ"), ({"features": 2e-5}, "features")],
)
def test_a_model_that_answers_otherwise_than_when_it_was_made_is_not_used(
    tmp_path: Path, changed: dict[str, float], why: str
) -> None:
    folder = copied(tmp_path)
    replace_file(folder, f"{NAME}.golden.npz", golden(**changed))
    predictor = Predictor(load_bundle(folder, NAME))

    with pytest.raises(BadModel, match=why):
        predictor.load()
    with pytest.raises(BadModel, match=why):
        predictor.predict(np.zeros((1, 120, 5), np.float32))


def test_a_graph_that_onnxruntime_refuses_is_told_in_one_line(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    content = (folder / f"{NAME}.onnx").read_bytes()
    broken = content.replace(b"hidden_size", b"hidden_sizf")
    replace_file(folder, f"{NAME}.onnx", broken)

    with pytest.raises(BadModel, match="is refused by onnxruntime") as caught:
        Predictor(load_bundle(folder, NAME)).load()

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../btcusdt_price", ".hidden", "a/b"])
def test_a_model_is_named_and_no_path(name: str) -> None:
    with pytest.raises(BadUsage, match="a name is needed"):
        load_bundle(MODELS, name)


def test_a_model_that_is_not_there_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="leeward models list"):
        load_bundle(tmp_path, NAME)
    assert find_bundle(tmp_path, "NOSUCHUSDT", "price", HOUR) is None


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("symbol", "ETHUSDT", "is a price model of ETHUSDT 1h"),
        ("timeframe", "4h", "is a price model of BTCUSDT 4h"),
        ("timeframe", "5x", "unknown timeframe '5x'"),
    ],
)
def test_a_model_of_another_market_is_refused(
    tmp_path: Path, key: str, value: str, why: str
) -> None:
    folder = copied(tmp_path, put(key, value=value))

    with pytest.raises(BadModel, match=f"{why}.*nothing was loaded"):
        load_bundle(folder, NAME)


def test_models_are_found_by_symbol_kind_and_timeframe() -> None:
    bundle = find_bundle(MODELS, "BTCUSDT", "price", HOUR)

    assert bundle is not None
    assert bundle.name == NAME
    assert find_bundle(MODELS, "BTCUSDT", "price", Timeframe.parse("4h")) is None


def test_shipped_models_are_pinned_and_answer_as_they_did_when_they_were_made() -> None:
    shipped = {file.stem for file in bundles.SHIPPED.glob("*.json")}
    assert shipped == bundles.shipped_pins().keys()
    for name, pin in bundles.shipped_pins().items():
        bundle = load_bundle(bundles.SHIPPED, name, pin)
        Predictor(bundle).load()
        assert json.loads((bundles.SHIPPED / f"{name}.json").read_bytes())["model_id"] == name


def test_a_zip_that_is_no_archive_of_arrays_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("raw", b"text")
    replace_file(folder, f"{NAME}.golden.npz", stream.getvalue())

    with pytest.raises(BadModel, match="holds no golden windows"):
        load_bundle(folder, NAME)
