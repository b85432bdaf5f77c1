"""Which models running sessions use, and how they fare there, by what their processes say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leeward.database import reading
from leeward.domain.errors import Failed
from leeward.runtime.clock import now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.health import mapping, number
from leeward.runtime.operating import ALIVE_S
from leeward.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class InUse:
    """One model in one account that is traded now; figures are None where they are not known."""

    name: str
    account: str
    sha256: str
    version: str
    state: str
    why: str
    psi: float | None
    coverage: float | None
    age_days: float | None
    confidence: float | None
    challenger: str | None

    @property
    def words(self) -> str:
        figures = []
        if self.psi is not None:
            figures.append(f"PSI {self.psi:.2f}")
        if self.coverage is not None:
            figures.append(f"90 % bounds held {self.coverage:.1%}")
        if self.age_days is not None:
            figures.append(f"{self.age_days:.0f} days old")
        if self.challenger is not None:
            figures.append(f"challenged by {self.challenger}")
        state = self.state if not self.why else f"{self.state}: {self.why}"
        return "; ".join([f"used by {self.account}: {state}", *figures])


def models_in_use(settings: Settings) -> list[InUse]:
    """Returns the models of the accounts whose process spoke within 30 s; none where there is no
    database, or none that can be read."""
    try:
        database = open_configured(settings, create=False, examine=False)
    except Failed:
        return []
    try:
        with database.reading() as connection:
            accounts = reading.accounts(connection)
    except Failed:
        return []
    finally:
        database.close()
    return [
        _in_use(account.account, name, mapping(signs))
        for account in accounts
        if _is_alive(account)
        for name, signs in mapping(account.facts.get("models")).items()
    ]


def _is_alive(account: reading.Account) -> bool:
    # A venue that replays has a time of its own: the age is told by the computer's.
    beaten_ms = number(account.facts.get("computer_ms"))
    alive = beaten_ms is not None and now_ms() - beaten_ms <= ALIVE_S * 1000
    return alive and account.holder is not None


def _in_use(account: str, name: str, told: Mapping[str, object]) -> InUse:
    challenger = told.get("challenger")
    return InUse(
        name,
        account,
        str(told.get("sha256", "")),
        str(told.get("version", "")),
        str(told.get("state", "")),
        str(told.get("why", "")),
        number(told.get("psi")),
        number(told.get("coverage")),
        number(told.get("age_days")),
        number(told.get("confidence")),
        None if challenger is None else str(challenger),
    )
