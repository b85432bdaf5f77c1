from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from leeward.database.engine import Database, open_database
from tests.databases import PostgresServer, name_in, running_postgres

# Machines are noisy, and the first example of a compiled function builds it.
settings.register_profile("leeward", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("leeward")

# Tests kill processes, never the machine: waiting for the disk shows nothing and takes long.
MEMORY = Path("/dev/shm")  # noqa: S108 - every test has a folder of its own in it
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real candle files; tests that need it skip where it is missing."""
    root = Path(__file__).parents[1]
    folder = root / os.environ.get("LEEWARD_TEST_DATA", "../shared/data") / "market"
    if not folder.is_dir():
        pytest.skip(f"no real candles in {folder}; LEEWARD_TEST_DATA says where they are")
    return folder


@pytest.fixture(scope="session")
def binance_samples(market_data: Path) -> Path:
    """The folder of recorded and documented messages of the exchange."""
    folder = market_data.parent / "binance_samples"
    if not folder.is_dir():
        pytest.skip(f"no recorded messages in {folder}; LEEWARD_TEST_DATA says where they are")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mortal_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of its own for tests that kill it, and start it again."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to copy: making the tables anew costs more than most tests."""
    file = tmp_path_factory.mktemp("tables") / "leeward.db"
    open_database(f"sqlite:///{file}").close()
    return file


@pytest.fixture(scope="session")
def postgres_with_tables(postgres: PostgresServer) -> str:
    """The name of a PostgreSQL database to copy."""
    url = postgres.new_database()
    open_database(url).close()
    return name_in(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, once of each kind: empty, but where the test asks
    for `database`, too."""
    has_tables = "database" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "leeward.db"
        if has_tables:
            shutil.copy(request.getfixturevalue("sqlite_with_tables"), file)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    like = request.getfixturevalue("postgres_with_tables") if has_tables else "template1"
    url = server.new_database(like)
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database with its tables, once of each kind."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)
