"""Tiny models for tests, and copies of them with something changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from leeward.domain.timeframe import Timeframe
from leeward.runtime.predictions import ModelUse, Outlook

MODELS = Path(__file__).parent / "models"
HOUR = Timeframe.parse("1h")


def copied(folder: Path, edit: Callable[[dict[str, Any]], object] = lambda _: None) -> Path:
    """Returns the folder with copies of the models, the price model's metadata edited."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in MODELS.glob("btcusdt_*"):
        shutil.copy(file, folder)
    edit_metadata(folder, edit)
    return folder


def edit_metadata(
    folder: Path, edit: Callable[[dict[str, Any]], object], name: str = "btcusdt_price"
) -> None:
    file = folder / f"{name}.json"
    metadata = json.loads(file.read_text())
    edit(metadata)
    file.write_text(json.dumps(metadata, sort_keys=True, indent=1))


def replace_file(folder: Path, file: str, content: bytes) -> None:
    """Writes other contents, and their hash into the metadata, as who makes a bundle would."""
    (folder / file).write_bytes(content)
    facts = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    edit_metadata(folder, lambda metadata: metadata["files"].update({file: facts}))


@cache
def tiny_outlook(needs: tuple[str, ...]) -> Outlook:
    """Returns what the tiny models tell, their confidence not shrunk; there is no sentiment."""
    return Outlook(needs, "BTCUSDT", HOUR, ModelUse(MODELS, Path("no data"), shrunk=False))


def renamed(folder: Path, symbol: str, timeframe: str) -> str:
    """Copies the price model as one of another market into the folder; returns its hash."""
    name = f"{symbol.lower()}_price_{timeframe}"
    folder.mkdir(parents=True, exist_ok=True)
    for ending in ("onnx", "golden.npz", "json"):
        shutil.copy(MODELS / f"btcusdt_price.{ending}", folder / f"{name}.{ending}")

    def rename(metadata: dict[str, Any]) -> None:
        files = metadata["files"].items()
        metadata["files"] = {file.replace("btcusdt_price", name): facts for file, facts in files}
        metadata.update(model_id=name, symbol=symbol, timeframe=timeframe)

    edit_metadata(folder, rename, name)
    return sha256((folder / f"{name}.json").read_bytes()).hexdigest()
