"""A trained network as an ONNX graph: the same bytes for the same weights.

Our own writer, because Keras's needs a converter of 43 packages and unrolls or wraps the LSTM; see
docs/decisions/0011-training-stack.md. It walks an allow-list of layers and refuses any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from leeward.domain.errors import Failed
from leeward.indicators.features import WINDOW, FeatureTable
from leeward.training.networks import trainer_library

if TYPE_CHECKING:
    import keras

OPSET: Final = 17
IR_VERSION: Final = 8
INPUT, OUTPUT = "features", "prediction"
Floats = NDArray[np.float32]


def to_onnx(model: keras.Model) -> bytes:
    """Returns the graph of the network. Raises Failed for a layer that it does not know, or
    weights that are not finite."""
    onnx = trainer_library("onnx")
    for variable in model.variables:
        if not np.isfinite(np.asarray(variable, dtype=np.float64)).all():
            raise Failed(f"export: weights '{variable.path}' are not finite; train again")
    graph = _Graph(onnx.helper)
    channels = model.input_shape[-1]
    # ONNX has channels before steps in convolutions, steps before the batch in an LSTM.
    graph.add("Transpose", perm=[0, 2, 1])
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in _WRITERS or type(layer).__module__.split(".")[0] != "keras":
            raise Failed(f"export: layer {layer.name} is a {kind}; known: {', '.join(_WRITERS)}")
        _WRITERS[kind](graph, layer)
    graph.nodes[-1].output[0] = OUTPUT
    helper, proto = onnx.helper, onnx.TensorProto
    made = helper.make_graph(
        graph.nodes,
        "leeward",
        [helper.make_tensor_value_info(INPUT, proto.FLOAT, ["batch", WINDOW, channels])],
        [helper.make_tensor_value_info(OUTPUT, proto.FLOAT, ["batch", 1])],
        graph.weights,
    )
    opset = helper.make_opsetid("", OPSET)
    whole = helper.make_model(made, opset_imports=[opset], producer_name="leeward")
    whole.ir_version = IR_VERSION
    onnx.checker.check_model(whole, full_check=True)
    return bytes(whole.SerializeToString(deterministic=True))


def ops_of(content: bytes) -> list[str]:
    """Returns the distinct operators of a graph, by name."""
    graph = trainer_library("onnx").load_from_string(content).graph
    return sorted({node.op_type for node in graph.node})


class _Graph:
    """The nodes and weights so far; each node takes what the last one gave."""

    def __init__(self, helper: Any) -> None:
        self._helper = helper
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._last = INPUT

    def add(self, op: str, weights: Sequence[NDArray[Any]] = (), **attributes: object) -> None:
        names = [self._keep(values) for values in weights]
        made = f"v{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(op, [self._last, *names], [made], **attributes))
        self._last = made

    def add_lstm(self, weights: Sequence[Floats], units: int) -> None:
        """Adds an LSTM of which only the last hidden state, its second output, is used."""
        names = [self._keep(values) for values in weights]
        made = f"v{len(self.nodes)}"
        self.nodes.append(
            self._helper.make_node("LSTM", [self._last, *names], ["", made], hidden_size=units)
        )
        self._last = made

    def _keep(self, values: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        kind = self._helper.np_dtype_to_tensor_dtype(values.dtype)
        contents = np.ascontiguousarray(values).tobytes()
        self.weights.append(self._helper.make_tensor(name, kind, values.shape, contents, raw=True))
        return name


def _values(layer: Any) -> list[Floats]:
    return [np.asarray(values, np.float32) for values in layer.get_weights()]


def _write_input(graph: _Graph, layer: Any) -> None:
    del graph, layer


def _write_conv(graph: _Graph, layer: Any) -> None:
    if layer.padding not in ("same", "causal", "valid") or layer.strides != (1,):
        raise Failed(f"export: {layer.name}: padding {layer.padding}, strides {layer.strides}")
    kernel, bias = _values(layer)
    reach = kernel.shape[0] - 1
    before = {"same": reach // 2, "causal": reach, "valid": 0}[layer.padding]
    after = reach - before if layer.padding == "same" else 0
    graph.add("Conv", [kernel.transpose(2, 1, 0), bias], pads=[before, after])
    _activate(graph, layer)


def _write_pool(graph: _Graph, layer: Any) -> None:
    if layer.padding != "valid" or layer.strides != layer.pool_size:
        raise Failed(f"export: {layer.name}: only pools that do not overlap are known")
    graph.add("MaxPool", kernel_shape=list(layer.pool_size), strides=list(layer.strides))


def _write_lstm(graph: _Graph, layer: Any) -> None:
    plain = (
        layer.activation.__name__, layer.recurrent_activation.__name__,
        layer.return_sequences, layer.go_backwards, layer.stateful,
    )  # fmt: skip
    if plain != ("tanh", "sigmoid", False, False, False):
        raise Failed(f"export: {layer.name}: only a plain LSTM that gives its last state is known")
    inputs, recurrent, bias = _values(layer)
    graph.add("Transpose", perm=[2, 0, 1])
    # Keras has two biases in one; ONNX adds a second, which is zero here.
    biases = np.concatenate([_gates(bias), np.zeros_like(bias)])
    weights = [_gates(inputs).T, _gates(recurrent).T, biases]
    graph.add_lstm([each[np.newaxis] for each in weights], layer.units)
    graph.add("Squeeze", [np.zeros(1, np.int64)])


def _gates(values: Floats) -> Floats:
    """Returns the gates in the order of ONNX: input, output, forget, cell. Keras has i, f, c, o."""
    i, f, c, o = np.split(values, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)


def _write_dense(graph: _Graph, layer: Any) -> None:
    graph.add("Gemm", _values(layer))
    _activate(graph, layer)


def _activate(graph: _Graph, layer: Any) -> None:
    name = layer.activation.__name__
    known = {"linear": None, "relu": "Relu", "sigmoid": "Sigmoid"}
    if name not in known:
        raise Failed(f"export: {layer.name}: activation {name}; known: {', '.join(known)}")
    op = known[name]
    if op is not None:
        graph.add(op)


_WRITERS: Final = {
    "InputLayer": _write_input,
    "Conv1D": _write_conv,
    "MaxPooling1D": _write_pool,
    "LSTM": _write_lstm,
    "Dropout": _write_input,  # does nothing once trained
    "Dense": _write_dense,
}


def run_onnx(content: bytes, windows: FeatureTable, batch: int = 32) -> Floats:
    """Returns what onnxruntime answers, `batch` windows at a time, in one thread."""
    onnxruntime = trainer_library("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    parts = [
        session.run([OUTPUT], {INPUT: windows[first : first + batch]})[0][:, 0]
        for first in range(0, len(windows), batch)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
