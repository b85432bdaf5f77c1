"""Predictions of whole histories on disk, so that the next backtest need not ask the model."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from leeward.data.durable import write_all
from leeward.domain.candles import Candles
from leeward.domain.errors import CannotWrite
from leeward.indicators.features import FEATURE_VERSION
from leeward.inference.predict import Outputs

#: Files beyond these are deleted, the oldest first.
_MOST_FILES: Final = 64
#: Shorter histories are asked again; the look-ahead check has hundreds of them.
_FEWEST: Final = 4_000
_DIGEST: Final = 32


class KeptPredictions:
    """The answers of one model (by the hash of its metadata), a file for each history of candles.

    A file that cannot be read, or is not the one written, counts as none.
    """

    def __init__(self, folder: Path | None, model_sha256: str) -> None:
        self._folder, self._model = folder, model_sha256

    def read(self, candles: Candles, sentiment_sha256: str, windows: int) -> Outputs | None:
        """Returns the answers to all windows of the candles, None where they are not kept."""
        path = self._path(candles, sentiment_sha256, windows)
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, answers = content[:_DIGEST], content[_DIGEST:]
        if len(answers) != 4 * windows or sha256(answers).digest() != digest:
            return None
        return np.frombuffer(answers, "<f4").astype(np.float32)

    def write(self, candles: Candles, sentiment_sha256: str, outputs: Outputs) -> None:
        """Keeps the answers; a disk that refuses them costs time, not the backtest."""
        path = self._path(candles, sentiment_sha256, len(outputs))
        if path is None:
            return
        answers = outputs.astype("<f4").tobytes()
        with suppress(CannotWrite, OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_all({path: sha256(answers).digest() + answers})
            files = sorted(path.parent.glob("*.f4"), key=lambda each: each.stat().st_mtime_ns)
            for old in files[:-_MOST_FILES]:
                old.unlink()

    def _path(self, candles: Candles, sentiment_sha256: str, windows: int) -> Path | None:
        if self._folder is None or windows < _FEWEST:
            return None
        parts = (self._model, candles.sha256, sentiment_sha256, f"features {FEATURE_VERSION}")
        return self._folder / f"{sha256(' '.join(parts).encode()).hexdigest()[:32]}.f4"
