"""Which version of a model is in use, on record."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from leeward.database.engine import Database
from leeward.database.tables import models
from leeward.domain.times import iso


@dataclass(frozen=True, slots=True)
class Promotion:
    """`sha256` is that of the model's metadata, `status` what it may be used for, `override` why
    its gates do not count, "" where they do."""

    name: str
    sha256: str
    status: str
    promoted_ms: int
    actor: str
    override: str

    @property
    def words(self) -> str:
        why = f", over its gates: {self.override}" if self.override else ""
        return f"promoted as {self.status} by {self.actor} at {iso(self.promoted_ms)}{why}"


def active_promotions(database: Database) -> dict[str, Promotion]:
    """Returns the promotion in force of each model: the one made last."""
    columns = (
        models.c.name,
        models.c.sha256,
        models.c.status,
        models.c.promoted_ms,
        models.c.actor,
        models.c.metrics,
    )
    query = select(*columns).where(models.c.promoted_ms.is_not(None)).order_by(models.c.promoted_ms)
    with database.reading() as connection:
        return {
            row.name: Promotion(*row[:-1], str(row.metrics.get("override", "")))
            for row in connection.execute(query)
        }
