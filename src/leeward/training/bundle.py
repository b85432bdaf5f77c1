"""The files of a model: graph, golden windows and metadata, and the folder they live in."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from leeward.data.durable import write_all
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage, Failed, unknown_name
from leeward.domain.timeframe import Timeframe
from leeward.indicators.features import FeatureTable, FloatTable
from leeward.training.export import Floats, run_onnx

Metadata: TypeAlias = Mapping[str, Any]

SCHEMA_VERSION = "1.0"
STATUSES = ("rejected", "research", "shadow", "paper", "live")
#: Windows whose answers travel with the model.
GOLDEN = 64
_ARCHIVE = "archive"
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A model as files: `files` maps names to contents, the metadata's own file last."""

    metadata: Metadata
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return str(self.metadata["model_id"])

    @property
    def version(self) -> str:
        return str(self.metadata["version"])

    @property
    def sha256(self) -> str:
        """The hash of the metadata, which holds those of all other files."""
        return sha256(self.files[f"{self.name}.json"]).hexdigest()


def model_name(symbol: str, kind: str, timeframe: Timeframe) -> str:
    """Returns the name of a model; hourly ones carry no timeframe.

    >>> model_name("BTCUSDT", "price", Timeframe.parse("1d"))
    'btcusdt_price_1d'
    """
    name = f"{symbol.lower()}_{kind}"
    return name if timeframe.name == "1h" else f"{name}_{timeframe}"


def golden_file(raw: FloatTable, features: FeatureTable, sigma: FloatColumn, onnx: bytes) -> bytes:
    """Returns the golden windows and what the graph answers to each of them alone."""
    stream = io.BytesIO()
    outputs = run_onnx(onnx, features, batch=1)
    np.savez(stream, raw=raw, features=features, sigma=sigma, outputs=outputs)
    return stream.getvalue()


def make_bundle(described: Metadata, onnx: bytes, golden: bytes, created_at: str) -> Bundle:
    """Returns the bundle: hashes, version and time are added to what is described."""
    name = described["model_id"]
    siblings = {f"{name}.onnx": onnx, f"{name}.golden.npz": golden}
    stamp = "".join(c for c in created_at if c.isalnum())
    metadata = {
        **described,
        "schema_version": SCHEMA_VERSION,
        "created_at": created_at,
        "version": f"{stamp}-{sha256(onnx).hexdigest()[:8]}",
        "files": {
            file: {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
            for file, content in siblings.items()
        },
    }
    text = json.dumps(metadata, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return Bundle(metadata, {**siblings, f"{name}.json": f"{text}\n".encode()})


def archive(folder: Path, bundle: Bundle) -> Path:
    """Writes the bundle into the archive, read-only, and returns its folder.

    The same bundle may be written again; raises Failed where that version holds other bytes.
    """
    place = folder / _ARCHIVE / bundle.name / bundle.version
    for file, content in bundle.files.items():
        path = place / file
        if path.is_file() and path.read_bytes() != content:
            raise Failed(f"{path}: this version is archived with other contents; nothing changed")
    fresh = {place / f: c for f, c in bundle.files.items() if not (place / f).is_file()}
    write_all(fresh)
    for path in fresh:
        path.chmod(0o444)
    return place


def write_flat(folder: Path, bundle: Bundle) -> None:
    """Makes the bundle the active one of the folder: its metadata, which decides, comes last."""
    *siblings, metadata = bundle.files
    write_all({folder / file: bundle.files[file] for file in siblings})
    write_all({folder / metadata: bundle.files[metadata]})


def archived(folder: Path, name: str) -> list[str]:
    """Returns the archived versions of a model, oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"{_ARCHIVE}/{name}/*/{name}.json"))


def names_in(folder: Path) -> list[str]:
    """Returns the models that have an active or an archived version in the folder."""
    active = {path.stem for path in folder.glob("*_*.json")}
    return sorted(active | {path.parent.name for path in folder.glob(f"{_ARCHIVE}/*/*")})


def read_bundle(folder: Path, name: str, version: str | None = None) -> Bundle:
    """Returns an archived version, or without `version` the active one of the folder.

    A sibling that is not of the active metadata (a promotion was killed half-way) is taken from
    the archive. Raises BadUsage for what does not exist, Failed where bytes are not the hashed
    ones.
    """
    if version is not None and version not in archived(folder, name):
        raise unknown_name(f"version of {name}", version, archived(folder, name))
    place = folder if version is None else folder / _ARCHIVE / name / version
    file = place / f"{name}.json"
    if not file.is_file():
        raise BadUsage(f"{name}: no active model in {folder}; `leeward models list` shows all")
    text = file.read_bytes()
    metadata = _parsed(text, file)
    kept = folder / _ARCHIVE / name / str(metadata["version"])
    files = {
        sibling: _hashed([place / sibling, kept / sibling], facts["sha256"])
        for sibling, facts in metadata["files"].items()
    }
    return Bundle(metadata, {**files, file.name: text})


def _parsed(text: bytes, file: Path) -> Metadata:
    try:
        metadata: Metadata = json.loads(text)
        major = str(metadata["schema_version"]).split(".")[0]
        _ = metadata["version"], metadata["model_id"], metadata["files"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failed(f"{file}: is not the metadata of a model; train or promote again") from None
    if major != SCHEMA_VERSION.split(".", maxsplit=1)[0]:
        raise Failed(f"{file}: schema version {metadata['schema_version']}; known is 1")
    return metadata


def _hashed(places: list[Path], expected: str) -> bytes:
    found = []
    for path in places:
        if path.is_file():
            content = path.read_bytes()
            digest = sha256(content).hexdigest()
            if digest == expected:
                return content
            found.append(f"{path} has {digest[:12]}")
    seen = "; ".join(found) or f"{places[0]} is missing"
    raise Failed(f"{places[0].name}: sha256 {expected[:12]} is expected, but {seen}")


def faults(bundle: Bundle) -> list[str]:
    """Returns what is wrong with a bundle whose hashes are right: its golden answers."""
    content = bundle.files[f"{bundle.name}.onnx"]
    with np.load(
        io.BytesIO(bundle.files[f"{bundle.name}.golden.npz"]), allow_pickle=False
    ) as golden:
        features, outputs = golden["features"], golden["outputs"]
    answers: Floats = run_onnx(content, features)
    worst = float(np.abs(answers - outputs).max()) if len(outputs) else np.nan
    if not worst <= _TOLERANCE:
        return [f"golden windows: answers differ by {worst:.2g}, at most {_TOLERANCE:g} may be"]
    return []
