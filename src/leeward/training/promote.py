"""Which version of a model is used: promotion and rollback, recorded in the database."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Insert, delete, insert, select, update

from leeward.database.engine import Database
from leeward.database.tables import models
from leeward.domain.errors import BadUsage, Refused, unknown_name
from leeward.inference.bundle import SHIPPED, shipped_pins
from leeward.inference.metadata import STATUSES
from leeward.training.bundle import (
    Bundle,
    archive,
    read_bundle,
    with_sha256,
    write_metadata,
    write_siblings,
)


class Promoted(NamedTuple):
    """A promotion on record: `sha256` is that of the metadata, `previous` the one before it."""

    name: str
    sha256: str
    status: str
    previous: str | None
    promoted_ms: int
    actor: str


def active(database: Database, name: str) -> Promoted | None:
    """Returns the promotion in force: the one promoted last."""
    columns = [models.c[field] for field in Promoted._fields]
    query = (
        select(*columns)
        .where(models.c.name == name, models.c.promoted_ms.is_not(None))
        .order_by(models.c.promoted_ms.desc())
        .limit(1)
    )
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Promoted(*row)


class Asked(NamedTuple):
    """What a promotion is to be: the status it may be used with, by whom, why against a gate."""

    status: str
    actor: str
    at_ms: int
    override: str = ""


def promote(folder: Path, database: Database, bundle: Bundle, asked: Asked) -> Promoted:
    """Makes the bundle the active one, on record and in the folder.

    Archived, verified, its files put in place inside the transaction of the record; the metadata
    come after it. The record decides, for it pins the metadata: a kill before it leaves the old
    one active, a kill after it the new one, which is then taken from the archive. Raises Refused
    where the gates do not allow that status and no reason overrides them, BadModel where it does
    not verify.
    """
    check_allowed(bundle, asked)
    archive(folder, bundle)
    read_bundle(folder, bundle.name, bundle.version)
    before = active(database, bundle.name)
    # Where nothing was promoted yet the shipped one, if there is one, was in use.
    previous = shipped_pins().get(bundle.name) if before is None else before.sha256
    if previous == bundle.sha256:
        previous = None if before is None else before.previous
    at_ms = asked.at_ms if before is None else max(asked.at_ms, before.promoted_ms + 1)
    made = Promoted(bundle.name, bundle.sha256, asked.status, previous, at_ms, asked.actor)
    this = (models.c.name == made.name, models.c.sha256 == made.sha256)
    with database.writing() as connection:
        connection.execute(delete(models).where(*this))
        connection.execute(_inserted(made, bundle, asked.override))
        write_siblings(folder, bundle)
    write_metadata(folder, bundle)
    return made


def _inserted(made: Promoted, bundle: Bundle, override: str = "") -> Insert:
    facts = {
        "version": bundle.version,
        "override": override,
        "metrics": bundle.metadata["metrics"],
    }
    return insert(models).values(**made._asdict(), metrics=facts)


def check_allowed(bundle: Bundle, asked: Asked) -> None:
    """Raises Refused where a status is above what the gates allow, unless a reason is given."""
    if asked.status not in STATUSES:
        raise unknown_name("status", asked.status, STATUSES)
    cap = str(bundle.metadata["status_cap"])
    above = STATUSES.index(asked.status) > STATUSES.index(cap)
    if bundle.metadata["quarantined"]:
        raise Refused(
            f"{bundle.name} {bundle.version}: quarantined: a leak tripwire fired; no override "
            f"lifts that; see `leeward models show {bundle.name} --version {bundle.version}`"
        )
    if above and not asked.override:
        failed = [gate["name"] for gate in bundle.metadata["gates"] if not gate["pass"]]
        raise Refused(
            f"{bundle.name} {bundle.version}: status {asked.status} refused: no demonstrated edge: "
            f"{len(failed)} gates failed ({', '.join(failed[:6])}), which allow {cap} at most; "
            f"promote it as {cap}, or give --override with the reason, which is recorded"
        )


def rollback(folder: Path, database: Database, name: str, at_ms: int) -> Promoted:
    """Makes the version before the active one active again, the shipped one before the first;
    returns its record.

    Raises BadUsage where there is none, Failed where its files are gone.
    """
    now = active(database, name)
    if now is None or now.previous is None:
        raise BadUsage(f"{name}: no version was promoted before the active one; nothing changed")
    is_shipped = now.previous == shipped_pins().get(name)
    bundle = read_bundle(SHIPPED, name) if is_shipped else with_sha256(folder, name, now.previous)
    this = (models.c.name == name, models.c.sha256 == now.previous)
    at_ms = max(at_ms, now.promoted_ms + 1)
    with database.writing() as connection:
        if not connection.execute(update(models).where(*this).values(promoted_ms=at_ms)).rowcount:
            status = str(bundle.metadata["status"])
            made = Promoted(name, now.previous, status, None, at_ms, "shipped")
            connection.execute(_inserted(made, bundle))
        write_siblings(folder, bundle)
    write_metadata(folder, bundle)
    back = active(database, name)
    assert back is not None
    return back
