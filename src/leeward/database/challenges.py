"""Models that predict beside the ones in use: which they are, and how both fared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, delete, func, insert, select

from leeward.database.engine import Database
from leeward.database.model_tables import challengers, shadow_forecasts


@dataclass(frozen=True, slots=True)
class Challenge:
    """`sha256` is that of the challenger's metadata; `since_ms` is when it was named."""

    name: str
    sha256: str
    since_ms: int
    actor: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Who was compared, in which account; both by the sha256 of their metadata."""

    account: str
    name: str
    champion: str
    challenger: str


@dataclass(frozen=True, slots=True)
class ShadowForecast:
    """What both expected at the close of a candle, and the log return of the next one.

    `volatility` is that of the window before, one standard deviation of a candle's log return.
    """

    open_time_ms: int
    champion_return: float
    challenger_return: float
    champion_p_up: float
    challenger_p_up: float
    volatility: float
    came: float


_FIELDS = tuple(shadow_forecasts.c[name] for name in ShadowForecast.__dataclass_fields__)


def challenges(database: Database) -> dict[str, Challenge]:
    """Returns the challenger of each model that has one."""
    query = select(*(challengers.c[name] for name in Challenge.__dataclass_fields__))
    with database.reading() as connection:
        return {row.name: Challenge(*row) for row in connection.execute(query)}


def set_challenge(database: Database, name: str, made: Challenge | None) -> None:
    """Names the challenger of a model, in place of the one before; None ends the challenge."""
    with database.writing() as connection:
        connection.execute(delete(challengers).where(challengers.c.name == name))
        if made is not None:
            connection.execute(insert(challengers).values(**asdict(made)))


def keep_forecasts(
    database: Database, pair: Pair, made: Sequence[ShadowForecast], at_ms: int
) -> None:
    """Writes down forecasts that are later than every one written of this pair; the others are
    left out."""
    newest = select(func.max(shadow_forecasts.c.open_time_ms)).where(*_of(pair))
    with database.writing() as connection:
        last_ms = connection.execute(newest).scalar_one()
        rows = [
            {**asdict(pair), **asdict(each), "at_ms": at_ms}
            for each in made
            if last_ms is None or each.open_time_ms > last_ms
        ]
        if rows:
            connection.execute(insert(shadow_forecasts), rows)


def last_forecast_ms(database: Database, pair: Pair) -> int | None:
    """Returns the open time of the last candle that is written down of a pair."""
    query = select(func.max(shadow_forecasts.c.open_time_ms)).where(*_of(pair))
    with database.reading() as connection:
        found: int | None = connection.execute(query).scalar_one()
    return found


def pairs(database: Database, name: str) -> list[Pair]:
    """Returns who was ever compared under a model's name, the latest comparison first."""
    keys = [shadow_forecasts.c[field] for field in Pair.__dataclass_fields__]
    newest = func.max(shadow_forecasts.c.open_time_ms)
    query = select(*keys).where(shadow_forecasts.c.name == name).group_by(*keys)
    with database.reading() as connection:
        return [Pair(*row) for row in connection.execute(query.order_by(newest.desc(), *keys))]


def forecasts(database: Database, pair: Pair) -> list[ShadowForecast]:
    """Returns what is written down of a pair, by candle."""
    query = select(*_FIELDS).where(*_of(pair)).order_by(shadow_forecasts.c.open_time_ms)
    with database.reading() as connection:
        return [ShadowForecast(*row) for row in connection.execute(query)]


def _of(pair: Pair) -> list[ColumnElement[bool]]:
    return [shadow_forecasts.c[field] == value for field, value in asdict(pair).items()]
