"""Routes that show an account."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from leeward.dashboard.api import bodies
from leeward.dashboard.api.errors import NotThere
from leeward.dashboard.api.shapes import (
    AccountBody,
    CommandBody,
    EquityBody,
    EventBody,
    ExecutionBody,
    OverviewBody,
    Page,
    PerformanceBody,
    PositionBody,
    RiskBody,
    SessionBody,
    StoryBody,
    StoryLine,
    TradeBody,
)
from leeward.dashboard.api.terms import (
    AccountName,
    Cursor,
    Its,
    Limit,
    Moment,
    PageNumber,
    PositionId,
    Search,
    Symbol,
    Word,
    known,
    may_answer,
    moment,
    number,
)
from leeward.dashboard.figures import performance
from leeward.dashboard.stories import story_of
from leeward.database import browsing, commands, reading
from leeward.database.browsing import EventQuery, ExecutionQuery, TradeQuery
from leeward.report.why import story as tell

_CSV_ROWS = 100_000
#: Rows of a file that are read at once: while it reads, a session cannot commit on SQLite.
CSV_SLICE = 500


router = APIRouter(prefix="/accounts", tags=["accounts"])
_ERRORS = may_answer(404)


@router.get("", responses=may_answer())
async def accounts(its: Its) -> list[AccountBody]:
    """Every account of the database, those that are traded now first."""
    found = [its.feed.overview(name) for name in its.feed.accounts()]
    return [bodies.account_body(each) for each in found]


@router.get("/{account}/overview", responses=_ERRORS)
async def overview(its: Its, account: AccountName) -> OverviewBody:
    """State, worth, limits, positions, health and the last alerts."""
    return bodies.overview_body(known(its.feed, account), its.feed.version, its.feed.problem)


@router.get("/{account}/positions", responses=_ERRORS)
async def positions(its: Its, account: AccountName) -> list[PositionBody]:
    """What is held now."""
    return [bodies.position_body(each) for each in known(its.feed, account).positions]


@router.get("/{account}/sessions", responses=_ERRORS)
async def sessions(its: Its, account: AccountName, limit: Limit = 50) -> list[SessionBody]:
    """The last sessions, the newest first."""
    known(its.feed, account)
    found = await its.feed.read(
        ("sessions", limit), lambda c: reading.sessions(c, account, limit), account
    )
    return [bodies.session_body(each) for each in found]


@router.get("/{account}/equity", responses=_ERRORS)
async def equity(
    its: Its,
    account: AccountName,
    start: Moment = None,
    end: Moment = None,
    points: Annotated[int, Query(ge=2, le=5_000)] = 1_000,
) -> list[EquityBody]:
    """Marks of the account, evenly thinned to about so many points."""
    known(its.feed, account)
    span = moment(start, "start"), moment(end, "end")
    found = await its.feed.read(
        ("equity", span, points),
        lambda c: browsing.equity_points(c, account, *span, points),
        account,
    )
    return [bodies.equity_body(each) for each in found]


@router.get("/{account}/performance", responses=_ERRORS)
async def figures(its: Its, account: AccountName) -> PerformanceBody:
    """Return, drawdown, Sharpe ratio, win rate and costs since the first candle."""
    known(its.feed, account)
    found = await its.feed.read("performance", lambda c: performance(c, account), account)
    return bodies.performance_body(found)


@router.get("/{account}/risk", responses=_ERRORS)
async def risk(its: Its, account: AccountName) -> RiskBody:
    """Each limit with its present value, the ladder, and why entries were refused."""
    found = known(its.feed, account)
    refused = await its.feed.read("refusals", lambda c: browsing.refusals(c, account), account)
    return bodies.risk_body(found, refused)


@router.get("/{account}/executions", responses=_ERRORS)
async def executions(  # noqa: PLR0913 - one argument a parameter of the query
    its: Its,
    account: AccountName,
    symbol: Symbol = None,
    decision: Word = None,
    session: Word = None,
    start: Moment = None,
    before: Cursor = None,
    limit: Limit = 100,
) -> Page[ExecutionBody]:
    """What was decided on each candle, the newest first."""
    known(its.feed, account)
    query = ExecutionQuery(symbol, decision, session, moment(start, "start"), number(before), limit)
    found = await its.feed.read(
        query, lambda c: browsing.executions_page(c, account, query), account
    )
    more = str(found[-1].open_time_ms) if len(found) >= limit else None
    return Page(items=[bodies.execution_body(each) for each in found], next=more)


@router.get("/{account}/events", responses=_ERRORS)
async def events(  # noqa: PLR0913 - one argument a parameter of the query
    its: Its,
    account: AccountName,
    kind: Word = None,
    severity: Literal["info", "warning", "critical"] | None = None,
    search: Search = None,
    before: Cursor = None,
    limit: Limit = 100,
) -> Page[EventBody]:
    """The audit trail, the newest first."""
    known(its.feed, account)
    query = EventQuery(
        () if kind is None else (kind,),
        () if severity is None else (severity,),
        search,
        number(before),
        limit,
    )
    found, floor = await its.feed.read(
        query,
        lambda c: (
            browsing.events_page(c, account, query),
            browsing.events_floor(c, account, query),
        ),
        account,
    )
    last = found[-1].seq if len(found) == limit else floor
    more = None if last is None else str(last)
    return Page(items=[bodies.event_body(each) for each in found], next=more)


@router.get("/{account}/commands", responses=_ERRORS)
async def asked(
    its: Its, account: AccountName, before: Cursor = None, limit: Limit = 50
) -> Page[CommandBody]:
    """What operators asked for, the newest first."""
    known(its.feed, account)
    found = await its.feed.read(
        ("commands", before, limit),
        lambda c: commands.newest(c, account, number(before), limit),
        account,
    )
    more = str(found[-1].command_id) if len(found) == limit else None
    return Page(items=[bodies.command_body(each) for each in found], next=more)


@router.get("/{account}/trades", responses=_ERRORS)
async def trades(  # noqa: PLR0913 - one argument a parameter of the query
    its: Its,
    account: AccountName,
    symbol: Symbol = None,
    reason: Word = None,
    tag: Word = None,
    outcome: Literal["win", "loss"] | None = None,
    start: Moment = None,
    end: Moment = None,
    sort: Literal[
        "exit_time", "entry_time", "symbol", "pnl", "quantity", "exit_reason"
    ] = "exit_time",
    order: Literal["asc", "desc"] = "desc",
    page: PageNumber = 1,
    limit: Limit = 100,
) -> Page[TradeBody]:
    """Closed positions; `start` and `end` are of the exit."""
    known(its.feed, account)
    query = TradeQuery(
        symbol, reason, tag, outcome, moment(start, "start"), moment(end, "end"),
        sort, order == "desc", (page - 1) * limit, limit,
    )  # fmt: skip
    found, total = await its.feed.read(
        query, lambda c: browsing.trades_page(c, account, query), account
    )
    more = str(page + 1) if page * limit < total else None
    return Page(items=[bodies.trade_body(each) for each in found], next=more, total=total)


@router.get(
    "/{account}/trades.csv",
    responses={**_ERRORS, 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def as_csv(its: Its, account: AccountName) -> Response:
    """All closed positions, the oldest first."""
    known(its.feed, account)
    text = csv_of([], heading=True)
    for offset in range(0, _CSV_ROWS, CSV_SLICE):
        read = _csv_slice(account, offset)
        part = await its.feed.read(("csv", offset, CSV_SLICE), read, account)
        if not part:
            break
        text += part
    named = {"content-disposition": 'attachment; filename="trades.csv"'}
    return Response(text, media_type="text/csv", headers=named)


def _csv_slice(account: str, offset: int) -> Callable[[Connection], str]:
    query = TradeQuery(descending=False, offset=offset, limit=CSV_SLICE)

    def read(connection: Connection) -> str:
        found, _ = browsing.trades_page(connection, account, query)
        return csv_of([bodies.trade_body(each) for each in found])

    return read


@router.get("/{account}/trades/{position_id}", responses=_ERRORS)
async def trade(its: Its, account: AccountName, position_id: PositionId) -> StoryBody:
    """One trade, and what led to it in words."""
    known(its.feed, account)

    def query(connection: Connection) -> StoryBody | None:
        closed = browsing.trade_of(connection, account, position_id)
        if closed is None:
            return None
        records = story_of(connection, account, position_id)
        lines = [StoryLine(about=about, text=text) for about, text in tell(records)]
        return StoryBody(trade=bodies.trade_body(closed), story=lines)

    found = await its.feed.read(("trade", position_id), query, account)
    if found is None:
        raise NotThere("no such trade")
    return found


def csv_of(rows: list[TradeBody], *, heading: bool = False) -> str:
    """Returns the rows; what a strategy said in them is no formula to a spreadsheet, and a fee is a
    number, with what it was paid in at the end of the row."""
    text = io.StringIO()
    writer = csv.writer(text)
    if heading:
        writer.writerow([*TradeBody.model_fields, "fees_asset"])
    for row in rows:
        told = {name: _no_formula(getattr(row, name)) for name in ("exit_reason", "tag")}
        fees = [each.partition(" ") for each in row.fees]
        told |= {"fees": "; ".join(amount for amount, _, _ in fees)}
        values = {**row.model_dump(), **told, "fees_asset": "; ".join(a for _, _, a in fees)}
        writer.writerow(values.values())
    return text.getvalue()


def _no_formula(words: str) -> str:
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words
