from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from leeward.database.engine import Database, open_database
from tests.databases import PostgresServer, running_postgres

# Machines are noisy, and the first example of a compiled function builds it.
settings.register_profile("leeward", deadline=None)
settings.load_profile("leeward")


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real candle files; tests that need it skip where it is missing."""
    root = Path(__file__).parents[1]
    folder = root / os.environ.get("LEEWARD_TEST_DATA", "../shared/data") / "market"
    if not folder.is_dir():
        pytest.skip(f"no real candles in {folder}; LEEWARD_TEST_DATA says where they are")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of the test's own, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'leeward.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database()
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
