"""The hot copy: one memory-mapped NumPy file a series, for loading without any parsing.

`SYMBOL/TIMEFRAME.npy` holds one row of 8-byte values a column, open_time (int64, bit for bit)
first. `TIMEFRAME.manifest` beside it, JSON under a line with its hash, says which Parquet files it
was made from. It is trusted as long as those files and the copy itself have the size and change
time written down there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from leeward.data.columns import candles_of, known_columns
from leeward.data.durable import UNFINISHED, discard, replacing
from leeward.domain.candles import Candles, month_hashes
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import CannotWrite
from leeward.domain.timeframe import Timeframe

_FORMAT = 2
_MANIFEST = ".manifest"


class Stamp(NamedTuple):
    """What the file system says about a file; it changes whenever the file does."""

    name: str
    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, file: BufferedReader | BufferedWriter) -> Stamp:
        return _stamp(Path(file.name).name, os.fstat(file.fileno()))


def stamps_in(folder: Path, names: re.Pattern[str]) -> list[Stamp]:
    """Returns the stamps of the files in `folder` whose names match, by name; none without it."""
    try:
        with os.scandir(folder) as entries:
            return sorted(_stamp(e.name, e.stat()) for e in entries if names.fullmatch(e.name))
    except FileNotFoundError:
        return []


def _stamp(name: str, status: os.stat_result) -> Stamp:
    return Stamp(name, status.st_size, status.st_mtime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class Source:
    """A Parquet file and the sha256 of its bytes."""

    stamp: Stamp
    sha256: str


@dataclass(frozen=True, slots=True)
class _Manifest:
    copy: Stamp
    columns: list[str]
    sources: list[Source]
    months: dict[str, str]


def read_hot(
    folder: Path, symbol: str, timeframe: Timeframe, parquet: Path, stamps: Sequence[Stamp]
) -> Candles | None:
    """Returns the candles of the hot copy, or None where there is none to be trusted.

    Columns are ordinary writable arrays over private (copy-on-write) pages of the file. `stamps`
    are of the series' Parquet files, in the folder `parquet`; when they differ but the files'
    bytes do not, the copy is still good and the new stamps are noted.
    """
    path = folder / f"{timeframe}.npy"
    manifest = _read_manifest(path)
    if manifest is None:
        return None
    if list(stamps) != [source.stamp for source in manifest.sources]:
        if not _same_bytes(manifest.sources, stamps, parquet):
            return None
        known = zip(stamps, manifest.sources, strict=True)
        manifest = replace(manifest, sources=[Source(stamp, old.sha256) for stamp, old in known])
        with suppress(CannotWrite):  # a store may be read-only
            _write_manifest(path, manifest)
    columns = _map(path, manifest)
    if columns is None:
        return None
    open_time = columns.pop("open_time").view(np.int64)
    return candles_of(symbol, timeframe, open_time, columns, manifest.months)


def write_hot(folder: Path, candles: Candles, sources: list[Source]) -> None:
    """Writes the hot copy of candles that were read from `sources`.

    Where the disk refuses, nothing is written: the candles in memory are right either way, and the
    next load only takes longer.
    """
    path = folder / f"{candles.timeframe}.npy"
    columns = {"open_time": candles.open_time, **known_columns(candles)}
    with suppress(OSError, CannotWrite):
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f".{candles.timeframe}.*{UNFINISHED}"):
            discard(leftover)
        with replacing(path) as unfinished, unfinished.open("wb") as file:
            shape = {"descr": "<f8", "fortran_order": False, "shape": (len(columns), len(candles))}
            np.lib.format.write_array_header_1_0(file, shape)
            for column in columns.values():
                file.write(np.ascontiguousarray(column).data)
            file.flush()
            # Stamped before the rename: afterwards another process may have put its own there.
            copy = Stamp.of(file)._replace(name=path.name)
        manifest = _Manifest(copy, list(columns), sources, month_hashes(candles))
        _write_manifest(path, manifest)


def _map(path: Path, manifest: _Manifest) -> dict[str, FloatColumn] | None:
    try:
        with path.open("rb") as file:
            if Stamp.of(file) != manifest.copy:
                return None
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            # "c": private pages; numba compiles for ordinary writable arrays.
            table = np.memmap(file, dtype, mode="c", offset=file.tell(), shape=shape)
        return dict(zip(manifest.columns, np.asarray(table), strict=True))
    except (OSError, ValueError):
        return None


def _read_manifest(path: Path) -> _Manifest | None:
    try:
        digest, text = path.with_suffix(_MANIFEST).read_bytes().split(b"\n")
        if digest.decode() != sha256_of(text):
            return None
        raw = json.loads(text)
        if raw["format"] != _FORMAT:
            return None
        sources = [Source(Stamp(*old["stamp"]), old["sha256"]) for old in raw["sources"]]
        return _Manifest(Stamp(*raw["copy"]), raw["columns"], sources, raw["months"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_manifest(path: Path, manifest: _Manifest) -> None:
    text = json.dumps({"format": _FORMAT, **asdict(manifest)}).encode()
    with replacing(path.with_suffix(_MANIFEST)) as unfinished:
        unfinished.write_bytes(sha256_of(text).encode() + b"\n" + text)


def _same_bytes(sources: list[Source], stamps: Sequence[Stamp], parquet: Path) -> bool:
    if [source.stamp.name for source in sources] != [stamp.name for stamp in stamps]:
        return False
    return all(
        stamp == source.stamp or sha256_of((parquet / stamp.name).read_bytes()) == source.sha256
        for source, stamp in zip(sources, stamps, strict=True)
    )


def sha256_of(content: bytes) -> str:
    """Returns the sha256 of `content` as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()
