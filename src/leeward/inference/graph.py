"""What an ONNX file holds, read without running it and without the onnx package.

A walk over the wire format of Protocol Buffers. What it does not know by number it refuses where
that could carry code, files or further graphs, and skips where it is a name or a comment. Field
numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Final, TypeAlias

import numpy as np

from leeward.domain.errors import BadModel

#: Every operator that our own exporter writes.
OPS: Final = frozenset({
    "Transpose", "Pad", "Conv", "Relu", "MaxPool", "LSTM", "Squeeze", "Gemm", "Sigmoid", "Identity",
})  # fmt: skip
OPSET: Final = 17
IR_VERSION: Final = 8

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_FLOAT, _INT64 = 1, 7
#: Element type -> its name and the NumPy type of its raw bytes.
_ELEMENTS: Final = {_FLOAT: ("float32", "<f4"), _INT64: ("int64", "<i8")}
_EXTERNAL = 1
#: Fields of weights: shape, element type, name, bytes, and where these lie (13, 14).
_DIMS, _KIND, _NAME, _RAW = 1, 2, 8, 9
_OF_WEIGHTS: Final = {_DIMS, _KIND, _NAME, _RAW, 12, 14}  # 12 is a comment
Shape: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output: its name, element type and shape, a name where a size is not fixed."""

    name: str
    dtype: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Graph:
    """What a checked file says of itself; `ops` are its operators, distinct and sorted."""

    ops: tuple[str, ...]
    input: Tensor
    output: Tensor


def read_graph(content: bytes, name: str) -> Graph:
    """Returns what the file holds; raises BadModel, naming the file, for anything a model of ours
    never has: other versions or operators, data outside the file, graphs inside operators,
    weights that are not finite."""
    try:
        return _model(memoryview(content))
    except _Fault as fault:
        raise BadModel(f"{name}: {fault}; nothing was loaded") from None
    except (ValueError, IndexError):
        raise BadModel(f"{name}: is not an ONNX model; nothing was loaded") from None


class _Fault(Exception):
    pass


_Value: TypeAlias = "int | memoryview"


def _fields(data: memoryview) -> Iterator[tuple[int, _Value]]:
    """Yields the number and value of every field of a message; raises ValueError or IndexError
    for what is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif not size:
            raise ValueError
        if number == 0 or at + size > len(data):
            raise ValueError
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError


def _message(value: _Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError
    return value


def _text(value: _Value) -> str:
    return bytes(_message(value)).decode()


def _model(data: memoryview) -> Graph:
    graphs, opsets, version = [], [], 0
    for number, value in _fields(data):
        match number:
            case 1:
                version = int(value) if isinstance(value, int) else 0
            case 7:
                graphs.append(_message(value))
            case 8:
                opsets.append(_opset(_message(value)))
            case 20:
                raise _Fault("carries training steps")
            case 25:
                raise _Fault("carries functions of its own")
    if len(graphs) != 1:
        raise ValueError
    if version != IR_VERSION:
        raise _Fault(f"IR version {version} is refused; it must be {IR_VERSION}")
    if opsets != [("", OPSET)]:
        named = ", ".join(f"{domain or 'ai.onnx'} {number}" for domain, number in opsets)
        raise _Fault(f"opset {named or 'missing'} is refused; it must be ai.onnx {OPSET} alone")
    return _graph(graphs[0])


def _opset(data: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, value in _fields(data):
        if number == 1:
            domain = _text(value)
        elif number == 2 and isinstance(value, int):
            version = value
    return domain, version


def _graph(data: memoryview) -> Graph:
    ops: set[str] = set()
    inputs, outputs = [], []
    for number, value in _fields(data):
        match number:
            case 1:
                ops.add(_op(_message(value)))
            case 5:
                _check_weights(_message(value))
            case 11:
                inputs.append(_tensor(_message(value)))
            case 12:
                outputs.append(_tensor(_message(value)))
            case 14 | 15:
                raise _Fault("carries sparse or quantised weights")
    if len(inputs) != 1 or len(outputs) != 1:
        raise _Fault(f"{len(inputs)} inputs and {len(outputs)} outputs; it must be one of each")
    return Graph(tuple(sorted(ops)), inputs[0], outputs[0])


def _op(data: memoryview) -> str:
    op, domain = "", ""
    for number, value in _fields(data):
        match number:
            case 4:
                op = _text(value)
            case 5:
                _check_attribute(_message(value))
            case 7:
                domain = _text(value)
    if domain not in {"", "ai.onnx"} or op not in OPS:
        named = f"{domain}.{op}" if domain else op
        raise _Fault(f"operator {named} is refused; known are {', '.join(sorted(OPS))}")
    return op


def _check_attribute(data: memoryview) -> None:
    for number, value in _fields(data):
        if number in {6, 11}:
            raise _Fault("carries a graph inside an operator")
        if number in {22, 23}:
            raise _Fault("carries sparse weights")
        if number in {5, 10}:
            _check_weights(_message(value))


def _check_weights(data: memoryview) -> None:
    """Raises for weights that lie elsewhere, are of another type or size, or are not finite."""
    found: dict[int, _Value] = {}
    sizes: list[int] = []
    for number, value in _fields(data):
        found[number] = value
        if number == _DIMS:
            sizes += _sizes(value)
    name = _text(found.get(_NAME, memoryview(b"")))
    if 13 in found or found.get(14) == _EXTERNAL:
        raise _Fault(f"weights '{name}' lie in another file")
    kind = found.get(_KIND)
    if not isinstance(kind, int) or kind not in _ELEMENTS:
        raise _Fault(f"weights '{name}' have element type {kind}; known are float32 and int64")
    if not found.keys() <= _OF_WEIGHTS:
        raise _Fault(f"weights '{name}' are not stored as raw bytes")
    dtype = np.dtype(_ELEMENTS[kind][1])
    raw = bytes(_message(found.get(_RAW, memoryview(b""))))
    if len(raw) != prod(sizes) * dtype.itemsize:
        raise _Fault(f"weights '{name}' have {len(raw)} bytes for the shape {sizes}")
    if kind == _FLOAT and not np.isfinite(np.frombuffer(raw, dtype)).all():
        raise _Fault(f"weights '{name}' are not finite")


def _sizes(value: _Value) -> list[int]:
    if isinstance(value, int):
        return [value]
    sizes, at = [], 0
    while at < len(value):  # packed
        size, at = _varint(value, at)
        sizes.append(size)
    return sizes


def _tensor(data: memoryview) -> Tensor:
    name, kind = "", 0
    shape: Shape = ()
    for number, value in _fields(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            kind, shape = _type(_message(value))
    if kind not in _ELEMENTS:
        raise _Fault(f"'{name}' has element type {kind}; known is float32")
    return Tensor(name, _ELEMENTS[kind][0], shape)


def _type(data: memoryview) -> tuple[int, Shape]:
    kind = 0
    shape: list[str | int] = []
    for number, value in _fields(data):
        if number != 1:
            raise _Fault("an input or output is no tensor")
        for inner, part in _fields(_message(value)):
            if inner == 1 and isinstance(part, int):
                kind = part
            elif inner == 2:
                shape = [_size(_message(d)) for n, d in _fields(_message(part)) if n == 1]
    return kind, tuple(shape)


def _size(data: memoryview) -> str | int:
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            return value
        if number == 2:
            return _text(value)
    return ""
