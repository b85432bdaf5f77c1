"""Records as JSON and back, exactly: for the emergency journal and the audit chain.

What a field holds follows from its type, so a record of another version is refused by name rather
than misread. Decimals are strings; mappings keep what JSON itself can say.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Union, cast, get_args, get_origin, get_type_hints

from leeward.domain.errors import Failed
from leeward.engine import records
from leeward.engine.records import Record

_KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(records.Record)}
_PLAIN = (str, int, bool, float)


def record_json(record: Record) -> dict[str, object]:
    """Returns a record as JSON values, its type's name under "record".

    >>> record_json(records.SessionEnded("a1", "until", 5))
    {'record': 'SessionEnded', 'session_id': 'a1', 'reason': 'until', 'at_ms': 5}
    """
    return {"record": type(record).__name__, **cast("dict[str, object]", _written(record))}


def record_of(written: Mapping[str, object]) -> Record:
    """Returns the record that `record_json` wrote; raises Failed for anything else."""
    kind = _KINDS.get(str(written.get("record")))
    if kind is None:
        raise Failed(
            f"record {written.get('record')!r} is not known; it was written by another version "
            f"of Leeward. Known: {', '.join(sorted(_KINDS))}"
        )
    rest = {name: value for name, value in written.items() if name != "record"}
    return cast("Record", _dataclass(kind)(rest))


def _written(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _written(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple | list):
        return [_written(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _written(each) for name, each in value.items()}
    return str(value) if isinstance(value, StrEnum) else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


@cache
def _dataclass(kind: type) -> Callable[[object], object]:
    hints = get_type_hints(kind)
    readers = {name: _reader(hints[name]) for name in _names(kind)}

    def read(value: object) -> object:
        if not isinstance(value, Mapping) or value.keys() != readers.keys():
            found = ", ".join(map(str, value)) if isinstance(value, Mapping) else repr(value)
            raise Failed(
                f"{kind.__name__}: written with [{found}], has [{', '.join(readers)}]; it was "
                "written by another version of Leeward, read it with that one"
            )
        try:
            return kind(**{name: readers[name](each) for name, each in value.items()})
        except (TypeError, ValueError, InvalidOperation) as error:
            raise Failed(f"{kind.__name__} {value!r} cannot be read: {error}") from error

    return read


def _reader(hint: object) -> Callable[[object], object]:
    """Returns what turns a JSON value into the type `hint`."""
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint)
    if hint is Decimal:
        return _decimal
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if isinstance(hint, type) and hint in _PLAIN:
        return _plain(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _optional(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is Mapping:
        return _mapping
    raise TypeError(f"records hold no {hint}; teach the codec to read it")


def _decimal(value: object) -> Decimal:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not an exact decimal")
    return Decimal(value)


def _plain(kind: type) -> Callable[[object], object]:
    def read(value: object) -> object:
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)  # other writers of JSON may drop the ".0"
        if type(value) is not kind:
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value

    return read


def _optional(arguments: tuple[object, ...]) -> Callable[[object], object]:
    (kind,) = (each for each in arguments if each is not type(None))
    inner = _reader(kind)
    return lambda value: None if value is None else inner(value)


def _tuple(arguments: tuple[object, ...]) -> Callable[[object], object]:
    if arguments[-1] is Ellipsis:
        each = _reader(arguments[0])
        return lambda values: tuple(each(value) for value in _listed(values))
    inner = [_reader(argument) for argument in arguments]
    return lambda values: tuple(
        read(value) for read, value in zip(inner, _listed(values), strict=True)
    )


def _listed(values: object) -> list[object]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return values


def _mapping(value: object) -> dict[object, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    return dict(value)
