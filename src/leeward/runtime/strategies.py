"""Finds a strategy class by built-in name, installed entry point or file, and hashes its source."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from leeward import strategies
from leeward.domain.errors import BadUsage, Failed, LeewardError, unknown_name
from leeward.strategies.base import Parameter, Strategy
from leeward.strategies.evaluate import strategy_need
from leeward.strategies.informative import frame_columns

_GROUP = "leeward.strategies"
_REQUIRED = (
    "calculate_indicators",
    "check_entry_conditions",
    "check_exit_conditions",
    "calculate_position_size",
)


def load_strategy(target: str) -> type[Strategy]:
    """Returns the class that `target` names.

    `target` is a built-in name, the name of an installed entry point in the group
    `leeward.strategies`, or `path/to/file.py:Class`, without the class where the file holds one
    strategy. A file is read anew each time and stands alone: it may import what is installed, not
    its neighbours. Raises BadUsage for what does not exist, Failed for what cannot be used.
    """
    path, _, name = (target, "", "") if target.endswith(".py") else target.rpartition(":")
    if path.endswith(".py"):
        return _from_file(Path(path).expanduser().absolute(), name)
    found = _built_in(target) or _installed(target)
    if found is None:
        raise unknown_name("strategy", target, strategy_names())
    return found


def strategy_names() -> list[str]:
    """Returns the names of the built-in strategies, then those of the installed ones."""
    from importlib.metadata import entry_points

    built_in = [name for name in _module_names() if _built_in(name)]
    return built_in + sorted(entry_points(group=_GROUP).names)


@dataclass(frozen=True, slots=True)
class Description:
    """What `leeward strategies list` tells of a strategy; counts are candles of its timeframe."""

    name: str
    summary: str
    timeframe: str
    warm_up: int
    history: int
    anchor: str | None
    informative: tuple[tuple[str, str], ...]
    parameters: Mapping[str, Parameter]


def describe(name: str) -> Description:
    """Returns the description of a built-in or installed strategy with its default parameters."""
    strategy = load_strategy(name)()
    need = strategy_need(strategy, frame_columns(strategy))
    return Description(
        name=name,
        summary=(inspect.getdoc(type(strategy)) or "").partition("\n")[0],
        timeframe=strategy.timeframe,
        warm_up=need.warm_up,
        history=need.history,
        anchor=strategy.anchor,
        informative=strategy.informative,
        parameters=strategy.parameters,
    )


def source_sha256(strategy: type[Strategy]) -> str:
    """Returns the hash of the strategy's source, for the identity of its results.

    It covers the content of the file of the class and of those it inherits from, whatever their
    paths; of a class that has no file, as in a notebook, its compiled methods and attributes.
    """
    digest = sha256()
    for cls in strategy.__mro__[: strategy.__mro__.index(Strategy)]:
        digest.update(cls.__qualname__.encode())
        digest.update(sha256(_source(cls)).digest())
    return digest.hexdigest()


def _source(cls: type) -> bytes:
    path = getattr(sys.modules.get(cls.__module__), "__file__", None) or ""
    methods = [value for value in vars(cls).values() if inspect.isfunction(value)]
    # Executed text, as in a notebook, carries the name of a module it is no part of.
    if all(method.__code__.co_filename == path for method in methods) and Path(path).is_file():
        return Path(path).read_bytes()
    plain = {n: v for n, v in vars(cls).items() if n[:2] != "__" and not inspect.isfunction(v)}
    codes = [_instructions(method.__code__) for method in methods]
    return repr(sorted(plain.items())).encode() + b"".join(codes)


def _instructions(code: CodeType) -> bytes:
    constants = [
        _instructions(value) if isinstance(value, CodeType) else repr(value).encode()
        for value in code.co_consts
    ]
    return b"\0".join([code.co_code, repr(code.co_names).encode(), *constants])


def _module_names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(strategies.__path__)]


def _built_in(name: str) -> type[Strategy] | None:
    """Returns the one strategy in the module `leeward.strategies.NAME`."""
    if name not in _module_names():
        return None
    classes = _strategies_of(importlib.import_module(f"{strategies.__name__}.{name}"))
    return next(iter(classes.values()), None)


def _installed(name: str) -> type[Strategy] | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=_GROUP, name=name):
        try:
            found = entry.load()
        except (Exception, SystemExit) as error:
            raise Failed(
                f"installed strategy '{name}' ({entry.value}): raised "
                f"{type(error).__name__}: {error}"
            ) from error
        return _complete(found, entry.value)
    return None


def _from_file(path: Path, name: str) -> type[Strategy]:
    module = _execute(path)
    classes = _strategies_of(module)
    if name:
        found = getattr(module, name, None)
        if found is None:
            raise BadUsage(f"{path}: {unknown_name('class', name, classes)}")
        return _complete(found, f"{path}:{name}")
    if len(classes) != 1:
        names = ", ".join(classes)
        raise BadUsage(
            f"{path}: holds {len(classes)} strategies, {names}; say which: {path}:{min(classes)}"
            if classes
            else f"{path}: holds no strategy; write one as `class Mine(Strategy):`"
        )
    (only,) = classes.values()
    return _complete(only, str(path))


def _strategies_of(module: ModuleType) -> dict[str, type[Strategy]]:
    """Returns the strategies written in the module, without those it imports."""
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, Strategy)
        and value is not Strategy
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }


def _complete(found: object, where: str) -> type[Strategy]:
    """Returns the class; raises Failed when it is no strategy or lacks a method."""
    if not inspect.isclass(found) or not issubclass(found, Strategy):
        raise Failed(f"{where} is not a Strategy; write it as `class Mine(Strategy):`")
    lacking = [n for n in _REQUIRED if getattr(found, n) is getattr(Strategy, n)]
    if lacking:
        raise Failed(f"{where}: {found.__name__} lacks {_and(lacking)}; a strategy needs all four")
    return found


def _and(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


class _AlwaysFresh(SourceFileLoader):
    """Compiles the file as it is now; leaves no bytecode beside a user's file."""

    def get_code(self, fullname: str) -> CodeType:
        del fullname
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _execute(path: Path) -> ModuleType:
    """Returns the file as a module; raises BadUsage or Failed naming file, line and reason."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadUsage(
            f"{path}: no such strategy file; `leeward strategies new` writes one"
        ) from None
    except OSError as error:
        raise Failed(f"{path}: cannot be read: {error.strerror}") from None
    # Classes find their module, and with it their source, by this name.
    name = f"{path.stem}_{sha256(content).hexdigest()[:16]}"
    spec = spec_from_file_location(name, path, loader=_AlwaysFresh(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _broken(path, error) from error
    return module


def _broken(path: Path, error: BaseException) -> Failed:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return Failed(f"{path}:{error.lineno}: not valid Python: {error.msg}")
    lines = [
        at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == str(path)
    ]
    where = f"{path}:{lines[-1]}" if lines else str(path)
    if isinstance(error, LeewardError):
        return Failed(f"{where}: {error}")
    return Failed(f"{where}: raised {type(error).__name__}: {error}")
