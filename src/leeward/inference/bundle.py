"""A model's files, taken only where every byte is the one that was promised."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from leeward.domain.errors import BadModel, BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.indicators.features import (
    FEATURE_VERSION,
    FEATURES_PRICE,
    FEATURES_SENTIMENT,
    WINDOW,
    FeatureTable,
    FloatTable,
)
from leeward.inference.graph import Graph, Tensor, read_graph
from leeward.inference.metadata import Metadata, parse_metadata

#: No file of a bundle is larger; the golden windows unpack to a few times that at most.
MOST_BYTES: Final = 5_000_000
_MOST_UNPACKED: Final = 4 * MOST_BYTES
INPUT, OUTPUT = "features", "prediction"
SHIPPED: Final = Path(__file__).parent / "shipped"
#: Hashes of the shipped bundles' metadata, as `sha256sum` writes them.
_PINS: Final = SHIPPED / "SHA256SUMS"
_FOREIGN: Final = (
    (b"PK\x03\x04", "a Keras or ZIP file"),
    (b"\x89HDF", "an HDF5 file, as old Keras models are"),
    (b"\x80", "a pickle"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Windows and what the model answered to each of them alone when it was made."""

    raw: FloatTable
    features: FeatureTable
    outputs: FeatureTable


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A model whose files are the ones its metadata name; `sha256` is that of the metadata."""

    metadata: Metadata
    sha256: str
    onnx: bytes
    golden: Golden

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def features(self) -> int:
        return len(self.metadata.feature_names)


def model_name(symbol: str, kind: str, timeframe: Timeframe) -> str:
    """Returns the name of a model; hourly ones carry no timeframe.

    >>> model_name("BTCUSDT", "price", Timeframe.parse("1d"))
    'btcusdt_price_1d'
    """
    name = f"{symbol.lower()}_{kind}"
    return name if timeframe.name == "1h" else f"{name}_{timeframe}"


def find_bundle(
    folder: Path, symbol: str, kind: str, timeframe: Timeframe, pin: str | None = None
) -> Bundle | None:
    """Returns the active model of the folder, else the shipped one, None where neither has it.

    `pin` is the sha256 that its metadata must have; a shipped one is pinned by this program.
    Raises BadModel for files that are not what they should be.
    """
    name = model_name(symbol, kind, timeframe)
    shipped = shipped_pins().get(name)
    if pin is None and not (folder / f"{name}.json").is_file():
        if shipped is None:
            return None
        pin = shipped
    return load_bundle(SHIPPED if pin is not None and pin == shipped else folder, name, pin)


def shipped_pins() -> dict[str, str]:
    """Returns name -> sha256 of the metadata of the models that come with this program."""
    if not _PINS.is_file():
        return {}
    pairs = (line.split() for line in _PINS.read_text("utf-8").splitlines())
    return {file.removesuffix(".json"): digest for digest, file in pairs}


def load_bundle(folder: Path, name: str, pin: str | None = None) -> Bundle:
    """Returns the active model `name` of the folder.

    With a pin the metadata is the one that has this sha256, in the folder or in its archive. A
    file beside it that is not the one it names is taken from the archive. Raises BadUsage where
    there is no such model, BadModel, naming the file, where anything is not as it should be.
    """
    if name != Path(name).name or name.startswith("."):
        raise BadUsage(f"model '{name}': a name is needed, as in btcusdt_price")
    file = f"{name}.json"
    content, digest = _metadata(folder, name, pin)
    metadata = parse_metadata(content, file)
    if metadata.name != name:
        raise BadModel(f"{file}: holds the model '{metadata.name}'; nothing was loaded")
    market = (metadata.symbol, metadata.kind, Timeframe.parse(metadata.timeframe))
    if name != model_name(*market):
        raise BadModel(
            f"{file}: is a {metadata.kind} model of {metadata.symbol} {metadata.timeframe}, which "
            f"would be named {model_name(*market)}; nothing was loaded"
        )
    _check_features(metadata, file)
    kept = folder / "archive" / name / Path(metadata.version).name
    onnx, golden = (
        _sibling((folder, kept), metadata, f"{name}.{ending}") for ending in ("onnx", "golden.npz")
    )
    for start, what in _FOREIGN:
        if onnx.startswith(start):
            raise BadModel(
                f"{name}.onnx: is {what}, which can carry code; only ONNX is loaded; "
                "export it with `leeward train`"
            )
    _check_graph(metadata, read_graph(onnx, f"{name}.onnx"), f"{name}.onnx")
    return Bundle(metadata, digest, onnx, _golden(golden, metadata, f"{name}.golden.npz"))


def _metadata(folder: Path, name: str, pin: str | None) -> tuple[bytes, str]:
    """Returns the bytes of the metadata and their hash."""
    archive = sorted(folder.glob(f"archive/{name}/*/{name}.json"), reverse=True)
    seen = []
    for path in (folder / f"{name}.json", *(archive if pin is not None else ())):
        if not path.is_file():
            continue
        content = _bytes(path)
        digest = sha256(content).hexdigest()
        if pin in {None, digest}:
            return content, digest
        seen.append(f"{path} has {digest}")
    if not seen:
        raise BadUsage(
            f"{name}: no such model in {folder}; `leeward models list` shows what there is"
        )
    raise BadModel(
        f"{name}: sha256 {pin} is pinned, but {'; '.join(seen)}; nothing was loaded; "
        "promote the one you want"
    )


def _sibling(places: Iterable[Path], metadata: Metadata, file: str) -> bytes:
    expected = metadata.files.get(file)
    if expected is None:
        raise BadModel(f"{metadata.name}.json: names no file {file}; nothing was loaded")
    seen = []
    for path in (place / file for place in places):
        if path.is_file():
            content = _bytes(path)
            digest = sha256(content).hexdigest()
            if digest == expected:
                return content
            seen.append(f"{path} has {digest}")
    raise BadModel(
        f"{file}: sha256 {expected} is expected, but {'; '.join(seen) or 'there is no such file'}; "
        "nothing was loaded; install or promote the model again"
    )


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadModel(f"{path}: cannot be read: {error.strerror}; nothing was loaded") from None
    if len(content) > MOST_BYTES:
        raise BadModel(f"{path}: is larger than {MOST_BYTES:,} bytes; nothing was loaded")
    return content


def _check_features(metadata: Metadata, file: str) -> None:
    expected = FEATURES_PRICE + (FEATURES_SENTIMENT if metadata.kind == "sentiment" else ())
    if metadata.feature_version != FEATURE_VERSION:
        raise BadModel(
            f"{file}: feature version {metadata.feature_version} is refused; this program makes "
            f"version {FEATURE_VERSION}; train the model again"
        )
    if metadata.feature_names != expected or metadata.whole["features"]["window"] != WINDOW:
        raise BadModel(
            f"{file}: features {', '.join(metadata.feature_names)} over "
            f"{metadata.whole['features']['window']} candles are refused; a {metadata.kind} model "
            f"has {', '.join(expected)} over {WINDOW}"
        )


def _check_graph(metadata: Metadata, graph: Graph, file: str) -> None:
    features = len(metadata.feature_names)
    for found, name, shape in (
        (graph.input, INPUT, ("batch", WINDOW, features)),
        (graph.output, OUTPUT, ("batch", 1)),
    ):
        if found != Tensor(name, "float32", shape):
            raise BadModel(
                f"{file}: {found.name} {found.dtype} {list(found.shape)} is refused; it must be "
                f"{name} float32 {list(shape)}; nothing was loaded"
            )
    named = tuple(metadata.whole["onnx"]["ops"])
    if named != graph.ops:
        raise BadModel(
            f"{file}: holds the operators {', '.join(graph.ops)}, its metadata name "
            f"{', '.join(named)}; nothing was loaded"
        )


def _golden(content: bytes, metadata: Metadata, file: str) -> Golden:
    features = len(metadata.feature_names)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _MOST_UNPACKED:
                raise BadModel(f"{file}: unpacks to more than {_MOST_UNPACKED:,} bytes")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            raw, made, outputs = (arrays[n] for n in ("raw", "features", "outputs"))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, EOFError):
        raise BadModel(f"{file}: holds no golden windows; nothing was loaded") from None
    windows = len(outputs)
    right = (
        windows > 0
        and raw.shape == made.shape == (windows, WINDOW, features)
        and outputs.shape == (windows,)
        and (raw.dtype, made.dtype, outputs.dtype) == (np.float64, np.float32, np.float32)
        and all(np.isfinite(values).all() for values in (raw, made, outputs))
    )
    if not right:
        raise BadModel(f"{file}: its windows have other shapes or types, or are not finite")
    return Golden(raw, made, outputs)
