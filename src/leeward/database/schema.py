"""Which version the tables are of, and how they become the newest.

Migrations lie in the package as Alembic revisions; each runs in a transaction of its own, on SQLite
too, so one that is killed leaves the version before it and is simply run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, func, inspect, select, table

from leeward.database.connecting import without_deadline

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from alembic.script import ScriptDirectory

#: The newest revision. A process that finds it loads no Alembic, which takes a tenth of a second.
NEWEST = "0003"
_HERE = Path(__file__).parent

#: Kept while migrating, so that two processes do not at once; any number that is ours alone.
_MIGRATING = 0x6C65657761726400


def scripts(versions: Path = _HERE / "migrations") -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(_HERE), version_locations=[str(versions)])


def newest(script: ScriptDirectory) -> str:
    head = script.get_current_head()
    assert head is not None
    return head


def version_of(connection: Connection) -> str | None:
    """Returns the revision of the tables, None where there are none of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(select(column("version_num")).select_from(table("alembic_version")))


def is_empty(connection: Connection) -> bool:
    """Returns whether the database holds no table at all: then it may be ours."""
    return not inspect(connection).get_table_names()


def judge(version: str | None) -> str | None:
    """Returns why tables of `version` cannot be used, and the way out; None where they can."""
    if version == NEWEST:
        return None
    if version is None:
        return "it holds tables of another program; give Leeward a database of its own"
    if version not in {each.revision for each in scripts().walk_revisions()}:
        return f"it was made by a newer Leeward (version {version}); use that one, or newer"
    return (
        f"its tables are of version {version}, this Leeward needs {NEWEST}; stop what is "
        "trading and run `leeward db upgrade`"
    )


def upgrade(engine: Engine, versions: Path = _HERE / "migrations") -> list[str]:
    """Brings the tables to the newest version and returns the revisions that were run."""
    script = scripts(versions)
    done: list[str] = []
    while (revision := _next_step(engine, script)) is not None:
        done.append(revision)
    return done


def _next_step(engine: Engine, script: ScriptDirectory) -> str | None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, MigrationStep

    with engine.begin() as connection:
        without_deadline(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
        waiting = list(script.iterate_revisions(newest(script), version_of(connection) or "base"))
        if not waiting:
            return None
        step = MigrationStep.upgrade_from_script(script.revision_map, waiting[-1])

        def run(revision: object, context: MigrationContext) -> list[RevisionStep]:
            del revision, context
            return [step]

        context = MigrationContext.configure(connection, opts={"fn": run})
        with Operations.context(context):
            context.run_migrations()
        return waiting[-1].revision
