"""Runs a model: the same bits for a window alone and for a window among others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from leeward.domain.errors import BadModel
from leeward.indicators.features import FeatureTable, features
from leeward.inference.bundle import INPUT, OUTPUT, Bundle

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Outputs = NDArray[np.float32]
#: Windows that stay in the cache of one core together.
_BATCH: Final = 16
#: How far an answer may be from the one given where the model was made.
_TOLERANCE: Final = 1e-5
_FATAL: Final = 4


class Predictor:
    """A model that is loaded with its first question, in one session and one thread."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._run: Callable[[FeatureTable], Outputs] | None = None
        self._batch = _BATCH

    @property
    def is_loaded(self) -> bool:
        return self._run is not None

    def load(self) -> None:
        """Loads the model from its checked bytes; raises BadModel where it does not answer to the
        golden windows as it did when it was made."""
        if self._run is not None:
            return
        name, golden = self.bundle.name, self.bundle.golden
        made, _ = features(golden.raw)
        if not _is_near(made, golden.features):
            raise BadModel(
                f"{name}: its golden windows give other features here than where it was made; "
                "train it again"
            )
        session = _session(self.bundle)
        run = _runner(session)
        alone = _in_parts(run, golden.features, 1)
        if not _is_near(alone, golden.outputs):
            worst = float(np.abs(alone - golden.outputs).max())
            raise BadModel(
                f"{name}: its answers to the golden windows differ by {worst:.2g} from those given "
                f"where it was made, at most {_TOLERANCE:g} may be; nothing was loaded"
            )
        # Kernels are chosen by machine and batch size. Where that shows in the last bit, windows
        # are asked one by one, so that a backtest sees what live trading will see.
        together = _in_parts(run, golden.features, _BATCH)
        self._batch = _BATCH if np.array_equal(alone, together) else 1
        self._run = run

    def predict(self, windows: FeatureTable) -> Outputs:
        """Returns what the model answers to each window [n, 120, F], [n]; NaN where the answer is
        not finite. Raises BadModel where it cannot be loaded."""
        self.load()
        assert self._run is not None
        outputs = _in_parts(self._run, windows, self._batch)
        outputs[~np.isfinite(outputs)] = np.nan
        return outputs


def _session(bundle: Bundle) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _FATAL  # what is wrong is raised, and told once
    try:
        return onnxruntime.InferenceSession(
            bundle.onnx, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001 - its errors share no narrower class
        first = str(error).strip().partition("\n")[0]
        raise BadModel(f"{bundle.name}.onnx: is refused by onnxruntime: {first}") from None


def _runner(session: InferenceSession) -> Callable[[FeatureTable], Outputs]:
    def run(windows: FeatureTable) -> Outputs:
        answer: Outputs = session.run([OUTPUT], {INPUT: windows})[0][:, 0]
        return answer

    return run


def _in_parts(run: Callable[[FeatureTable], Outputs], windows: FeatureTable, batch: int) -> Outputs:
    if len(windows) == 1:
        return run(windows)
    outputs = np.empty(len(windows), np.float32)
    for first in range(0, len(windows), batch):
        outputs[first : first + batch] = run(windows[first : first + batch])
    return outputs


def _is_near(found: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    return bool((np.abs(found - expected) <= _TOLERANCE).all())  # also False for NaN
