"""A process that is killed in the middle of something: its lease, or its migrations."""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import event

from leeward.database.engine import connect_database, open_database
from leeward.database.lease import take_lease


def hold_lease(url: str, account: str) -> None:
    """Takes the lease, says its epoch, and waits to be killed."""
    lease = take_lease(open_database(url), account, f"victim:{os.getpid()}")
    sys.stdout.write(f"{lease.epoch}\n")
    sys.stdout.flush()
    signal.pause()


def migrate(url: str, statements: str) -> None:
    """Dies right after that many statements that change tables, or before the next commit."""
    database = connect_database(url)
    left = int(statements)

    @event.listens_for(database._engine, "after_cursor_execute")
    def count(*details: object) -> None:
        nonlocal left
        text = str(details[2]).lstrip().upper()
        left -= text.startswith(("CREATE", "INSERT", "UPDATE"))
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    database.upgrade()


if __name__ == "__main__":
    {"hold_lease": hold_lease, "migrate": migrate}[sys.argv[1]](*sys.argv[2:])
