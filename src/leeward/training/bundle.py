"""The files of a model: graph, golden windows and metadata, and the folder they live in."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from leeward.data.durable import write_all
from leeward.data.generated import generate_candles
from leeward.domain.errors import Failed, unknown_name
from leeward.domain.timeframe import Timeframe
from leeward.indicators.features import FEATURES_SENTIMENT, WINDOW, features, raw_windows
from leeward.inference.bundle import load_bundle
from leeward.inference.predict import Predictor
from leeward.training.export import run_onnx

Metadata: TypeAlias = Mapping[str, Any]

SCHEMA_VERSION = "1.0"
#: Windows whose answers travel with the model.
GOLDEN = 64
_ARCHIVE = "archive"


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


def golden_file(onnx: bytes, kind: str) -> bytes:
    """Returns the golden windows and what the graph answers to each of them alone.

    They are cut from generated candles, so that a model carries no market data with it, and every
    model of a kind has the same.
    """
    hour = Timeframe.parse("1h")
    candles = generate_candles("GOLDEN", hour, 0, (GOLDEN + 1) * WINDOW, seed=64)
    sentiment = None
    if kind == "sentiment":
        chance = np.random.Generator(np.random.PCG64(64))
        sentiment = chance.uniform(-2.0, 2.0, (len(candles), len(FEATURES_SENTIMENT)))
    raw = raw_windows(candles, WINDOW * np.arange(1, GOLDEN + 1), sentiment)
    made, sigma = features(raw)
    stream = io.BytesIO()
    np.savez_compressed(
        stream, raw=raw, features=made, sigma=sigma, outputs=run_onnx(onnx, made, batch=1)
    )
    return stream.getvalue()


def make_bundle(described: Metadata, onnx: bytes, golden: bytes, created_at: str) -> Bundle:
    """Returns the bundle: hashes, version and time are added to what is described."""
    name = described["model_id"]
    siblings = {f"{name}.onnx": onnx, f"{name}.golden.npz": golden}
    stamp = "".join(c for c in created_at if c.isalnum())
    facts = {
        **described,
        "schema_version": SCHEMA_VERSION,
        "created_at": created_at,
        "files": {
            file: {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
            for file, content in siblings.items()
        },
    }
    # Of all facts, not of the graph: one network, judged twice within a second, is two versions.
    metadata = {**facts, "version": f"{stamp}-{sha256(_written(facts)).hexdigest()[:8]}"}
    return Bundle(metadata, {**siblings, f"{name}.json": _written(metadata)})


def _written(metadata: Metadata) -> bytes:
    text = json.dumps(metadata, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


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
    write_siblings(folder, bundle)
    write_metadata(folder, bundle)


def write_siblings(folder: Path, bundle: Bundle) -> None:
    """Writes what the metadata name: whoever reads the metadata before still finds theirs in the
    archive."""
    *siblings, _ = bundle.files
    write_all({folder / file: bundle.files[file] for file in siblings})


def write_metadata(folder: Path, bundle: Bundle) -> None:
    *_, metadata = bundle.files
    write_all({folder / metadata: bundle.files[metadata]})


def write_flat_if_new(folder: Path, bundle: Bundle) -> bool:
    """Makes the bundle the active one and returns True; False, and nothing written, where the one
    that lies there differs by when and how fast it was made alone."""
    file = folder / f"{bundle.name}.json"
    if file.is_file():
        lying = read_bundle(folder, bundle.name)
        if _lasting(lying.metadata) == _lasting(bundle.metadata):
            return False
    write_flat(folder, bundle)
    return True


def _lasting(metadata: Metadata) -> dict[str, Any]:
    """Returns what training the same again repeats, as JSON holds it."""
    facts: dict[str, Any] = json.loads(json.dumps(metadata))
    for name in ("created_at", "version"):
        facts.pop(name)
    for name in ("duration_s", "seconds_per_seed", "git_commit"):
        facts["training"].pop(name)
    return facts


def archived(folder: Path, name: str) -> list[str]:
    """Returns the archived versions of a model, oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"{_ARCHIVE}/{name}/*/{name}.json"))


def names_in(folder: Path) -> list[str]:
    """Returns the models that have an active or an archived version in the folder."""
    active = {path.stem for path in folder.glob("*_*.json")}
    return sorted(active | {path.parent.name for path in folder.glob(f"{_ARCHIVE}/*/*")})


def read_bundle(folder: Path, name: str, version: str | None = None) -> Bundle:
    """Returns an archived version, or without `version` the active one of the folder.

    Every byte was verified as live trading would. Raises BadUsage for what does not exist, BadModel
    for what is not as it should be.
    """
    if version is not None and version not in archived(folder, name):
        raise unknown_name(f"version of {name}", version, archived(folder, name))
    place = folder if version is None else folder / _ARCHIVE / name / version
    loaded = load_bundle(place, name)
    Predictor(loaded).load()
    text = (place / f"{name}.json").read_bytes()
    metadata: Metadata = json.loads(text)
    kept = folder / _ARCHIVE / name / loaded.metadata.version
    files = {
        sibling: _hashed((place / sibling, kept / sibling), facts["sha256"])
        for sibling, facts in metadata["files"].items()
    }
    return Bundle(metadata, {**files, f"{name}.json": text})


def with_sha256(folder: Path, name: str, digest: str) -> Bundle:
    """Returns the archived bundle whose metadata have that hash, else the one that lies in the
    folder; raises Failed where neither has it, BadModel where it is not as it should be."""
    for version in (*reversed(archived(folder, name)), None):
        place = folder if version is None else folder / _ARCHIVE / name / version
        file = place / f"{name}.json"
        if file.is_file() and sha256(file.read_bytes()).hexdigest() == digest:
            return read_bundle(folder, name, version)
    raise Failed(f"{name}: no version in {folder} has the hash {digest[:12]}; train it again")


def _hashed(places: Sequence[Path], expected: str) -> bytes:
    for path in places:
        if path.is_file():
            content = path.read_bytes()
            if sha256(content).hexdigest() == expected:
                return content
    raise Failed(f"{places[0]}: has changed or is missing; sha256 {expected} is expected")
