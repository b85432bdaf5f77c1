"""The real database under the campaign: SQLite, opened anew by each process."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import event

from leeward.database.engine import Database, open_database
from leeward.database.errors import DatabaseDown
from leeward.database.lease import Lease, take_lease
from leeward.engine.records import Record
from tests.harness.trader import ACCOUNT

#: From here on SQLite waits for the disk at each commit.
_FULL = 2


class DatabaseStore:
    """A SQLite file. What a loss of power takes follows from how its connections are set: nothing
    where each commit waits for the disk, else everything since the file was opened.

    `synchronous` overrides the setting of the product, to show that it counts.
    """

    def __init__(self, folder: Path, synchronous: str | None = None) -> None:
        self.down = False
        self._file = folder / "leeward.db"
        self._image = folder / "image.db"
        self._synchronous = synchronous
        self._lease: Lease | None = None
        self._database = self._open()

    def _open(self) -> Database:
        database = open_database(f"sqlite:///{self._file}", examine=False)
        if self._synchronous is not None:
            pragma = f"PRAGMA synchronous = {self._synchronous}"
            database._engine.dispose()
            event.listen(database._engine, "connect", lambda raw, _: raw.execute(pragma))
        return database

    def take_epoch(self) -> int:
        if self.down:
            raise DatabaseDown("the database does not answer")
        if self._lease is not None:
            self._lease._lock.drop()  # it died with its process
            self._database.close()
            self._database = self._open()
        with self._database.reading() as connection:
            self._synced = connection.exec_driver_sql("PRAGMA synchronous").scalar_one() >= _FULL
        shutil.copyfile(self._file, self._image)
        self._lease = take_lease(self._database, ACCOUNT, "campaign")
        return self._lease.epoch

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        if self.down:
            raise DatabaseDown("the database does not answer")
        self._database.record(account, epoch, records)

    def load(self, account: str) -> list[Record]:
        if self.down:
            raise DatabaseDown("the database does not answer")
        return self._database.load(account)

    def history(self, account: str) -> list[Record]:
        return self._database.history(account)

    def lose_power(self) -> None:
        self._database.close()
        if not self._synced:
            shutil.copyfile(self._image, self._file)
