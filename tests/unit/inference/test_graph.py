"""What an ONNX file may hold, tried on a real one, changed byte by byte, and on built ones."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_models import MODELS

from leeward.domain.errors import BadModel
from leeward.inference.graph import OPS, Tensor, read_graph

REAL = (MODELS / "btcusdt_price.onnx").read_bytes()


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor_info(name: str, kind: int, sizes: Iterable[int | str]) -> bytes:
    dims = b"".join(
        field(1, field(1, size) if isinstance(size, int) else field(2, size)) for size in sizes
    )
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def weights(values: Iterable[float] = (1.0,), **fields: bytes | int) -> bytes:
    raw = b"".join(struct.pack("<f", value) for value in values)
    more = b"".join(field(int(number[1:]), value) for number, value in fields.items())
    return field(1, len(raw) // 4) + field(2, 1) + field(8, "w") + field(9, raw) + more


def node(op: str = "Relu", attributes: bytes = b"", domain: str = "") -> bytes:
    return field(4, op) + attributes + (field(7, domain) if domain else b"")


INPUT = field(11, tensor_info("features", 1, ["batch", 120, 5]))
OUTPUT = field(12, tensor_info("prediction", 1, ["batch", 1]))


def model(graph: bytes = b"", ir: int = 8, opset: bytes | None = None, more: bytes = b"") -> bytes:
    whole = graph + INPUT + OUTPUT
    return field(1, ir) + field(7, whole) + field(8, opset or field(2, 17)) + more


def test_our_own_export_is_read() -> None:
    graph = read_graph(REAL, "model.onnx")

    assert graph.input == Tensor("features", "float32", ("batch", 120, 5))
    assert graph.output == Tensor("prediction", "float32", ("batch", 1))
    assert graph.ops == ("Conv", "Gemm", "LSTM", "MaxPool", "Relu", "Squeeze", "Transpose")


def test_a_graph_built_by_hand_is_read() -> None:
    graph = read_graph(model(field(1, node()) + field(5, weights())), "model.onnx")

    assert graph.ops == ("Relu",)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (model(ir=9), "IR version 9 is refused"),
        (model(opset=field(2, 18)), "opset ai.onnx 18 is refused"),
        (model(more=field(8, field(1, "com.microsoft") + field(2, 1))), "com.microsoft 1"),
        (model(more=field(20, b"")), "training steps"),
        (model(more=field(25, b"")), "functions of its own"),
        (model(field(1, node("Loop"))), "operator Loop is refused"),
        (model(field(1, node("Relu", domain="com.microsoft"))), "com.microsoft.Relu is refused"),
        (model(field(1, node("If", field(5, field(6, b""))))), "a graph inside an operator"),
        (model(field(1, node("Relu", field(5, field(22, b""))))), "sparse weights"),
        (model(field(1, node("Relu", field(5, field(5, weights(f14=1)))))), "in another file"),
        (model(field(15, b"")), "sparse or quantised"),
        (model(field(5, weights(f14=1))), "weights 'w' lie in another file"),
        (model(field(5, weights(f13=field(1, "location")))), "weights 'w' lie in another file"),
        (model(field(5, weights([1.0, float("nan")]))), "weights 'w' are not finite"),
        (model(field(5, weights([float("inf")]))), "weights 'w' are not finite"),
        (model(field(5, weights(f2=11))), "element type 11"),
        (model(field(5, weights(f4=b"\0\0\0\0"))), "not stored as raw bytes"),
        (model(field(5, weights(f1=7))), "have 4 bytes for the shape [1, 7]"),
        (model(INPUT), "2 inputs and 1 outputs"),
        (b"", "is not an ONNX model"),
        (b"\x80\x04\x95", "is not an ONNX model"),
        (REAL[:500], "is not an ONNX model"),
        (REAL + field(7, b""), "is not an ONNX model"),
    ],
)
def test_what_no_model_of_ours_has_is_refused_by_name(content: bytes, why: str) -> None:
    with pytest.raises(BadModel, match=r"model\.onnx: ") as caught:
        read_graph(content, "model.onnx")

    assert why in str(caught.value)


def test_packed_sizes_are_read() -> None:
    packed = field(1, varint(1) + varint(1)) + field(2, 1) + field(9, struct.pack("<f", 1.0))

    assert read_graph(model(field(5, packed)), "model.onnx").ops == ()


@given(st.integers(0, len(REAL) - 1), st.integers(1, 255))
def test_any_changed_byte_is_read_or_refused_and_nothing_else(at: int, flip: int) -> None:
    changed = bytearray(REAL)
    changed[at] ^= flip
    with suppress(BadModel):  # any other error fails the test
        assert set(read_graph(bytes(changed), "model.onnx").ops) <= OPS


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    with pytest.raises(BadModel, match="nothing was loaded"):
        read_graph(content, "model.onnx")
