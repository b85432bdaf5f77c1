"""Routes that change something, and those that ask for a replay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from leeward.dashboard.api import bodies
from leeward.dashboard.api.errors import NotThere
from leeward.dashboard.api.shapes import RunBody
from leeward.dashboard.api.terms import (
    AccountName,
    Its,
    ModelName,
    Moment,
    RunId,
    Symbol,
    Word,
    known,
    may_answer,
)
from leeward.dashboard.backtests import Run, Wish
from leeward.dashboard.state import Dashboard, user_of
from leeward.database import reading
from leeward.domain.errors import BadUsage
from leeward.domain.times import iso, parse_time
from leeward.runtime import swap_wish

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
_SYMBOL = r"^[A-Z0-9]{2,20}$"
_VALUE = r"^[A-Za-z0-9_.,:+-]{1,64}$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"

Name = Annotated[str, Field(pattern=_NAME)]
Value = Annotated[str, Field(pattern=_VALUE)]


class HaltWish(BaseModel):
    """Why: kept in the audit trail."""

    model_config = _STRICT

    reason: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f]*$")


class FlattenWish(BaseModel):
    """Which symbol to sell; everything where it is left empty."""

    model_config = _STRICT

    symbol: str = Field("", pattern=r"^([A-Z0-9]{2,20})?$")


class SwapWish(BaseModel):
    """One of a strategy, a model, and a roll-back; strategies by name, never by file."""

    model_config = _STRICT

    strategy: Name | None = None
    model: Name | None = None
    params: dict[Name, float | bool | Value] = Field(default_factory=dict, max_length=40)
    positions: Literal["adopt", "manage_out", "close"] = "adopt"
    shadow: int = Field(0, ge=0, le=10_000)
    rollback: bool = False


class BacktestWish(BaseModel):
    """What to run; what is left out has the configured value. `risk` holds limits by name."""

    model_config = _STRICT

    strategy: Name
    symbols: list[Annotated[str, Field(pattern=_SYMBOL)]] = Field(min_length=1, max_length=50)
    timeframe: Annotated[str, Field(pattern=r"^\d{1,3}[mhdwM]$")] | None = None
    start: Annotated[str, Field(pattern=_DATE)] | None = None
    end: Annotated[str, Field(pattern=_DATE)] | None = None
    balance: float | None = Field(None, gt=0, le=1e12)
    fee: float | None = Field(None, ge=0, lt=1)
    slippage: float | None = Field(None, ge=0, lt=1)
    params: dict[Name, Value] = Field(default_factory=dict, max_length=40)
    risk: dict[Name, Value] = Field(default_factory=dict, max_length=40)


class AnswerBody(BaseModel):
    """`outcome` is None where no process carried it out yet: then it waits in the database;
    `planned` says what will happen and when, of a swap."""

    command_id: int
    account: str
    outcome: str | None
    planned: str | None
    running: bool


steering = APIRouter(prefix="/accounts/{account}/commands", tags=["steering"])
backtesting = APIRouter(prefix="/backtests", tags=["backtests"])
questions = APIRouter(tags=["questions"])
_CHANGES = may_answer(404, 409, 413)
_ASKED = may_answer(404, 409)
_LOOSEN = frozenset({"resume", "swap"})


async def _act(
    its: Dashboard, request: Request, account: str, kind: str, argument: str
) -> AnswerBody:
    known(its.feed, account)
    user = user_of(request)
    if user.is_person and kind in _LOOSEN:
        raise HTTPException(403, f"{kind}: the page asks for the password again; or use a token")
    actor = user.actor
    its.log.event("asked", kind=kind, account=account, actor=actor)
    done = await its.feed.act(kind, argument, account, actor)
    return AnswerBody(
        command_id=done.command_id,
        account=done.account,
        outcome=done.outcome,
        planned=done.planned,
        running=done.running,
    )


@steering.post("/halt", responses=_CHANGES)
async def halt(its: Its, request: Request, account: AccountName, wish: HaltWish) -> AnswerBody:
    """Stop opening positions; what is held keeps its stops."""
    return await _act(its, request, account, "halt", wish.reason)


@steering.post("/resume", responses=_CHANGES)
async def resume(its: Its, request: Request, account: AccountName, wish: HaltWish) -> AnswerBody:
    """Let a halted account open positions again."""
    return await _act(its, request, account, "resume", wish.reason)


@steering.post("/flatten", responses=_CHANGES)
async def flatten(
    its: Its, request: Request, account: AccountName, wish: FlattenWish
) -> AnswerBody:
    """Sell what is held, of one symbol or all, at the market."""
    return await _act(its, request, account, "flatten", wish.symbol)


@steering.post("/swap", responses=_CHANGES)
async def swap(its: Its, request: Request, account: AccountName, wish: SwapWish) -> AnswerBody:
    """Exchange the strategy or the model at a candle close, or take the last one back."""
    wanted = swap_wish.Wish(**wish.model_dump())
    return await _act(its, request, account, "swap", wanted.argument())


@backtesting.get("", responses=may_answer())
async def backtests(its: Its) -> list[RunBody]:
    """The last runs, the newest first."""
    return [bodies.run_body(each) for each in its.backtests.all()]


@backtesting.post("", status_code=202, responses=may_answer(409, 413))
async def start(its: Its, request: Request, wish: BacktestWish) -> RunBody:
    """Start a backtest, or let it wait for the one before."""
    wanted = Wish(**{**wish.model_dump(), "symbols": tuple(wish.symbols)})
    return bodies.run_body(its.backtests.start(wanted, user_of(request).actor))


@backtesting.get("/{run_id}", responses=may_answer(404))
async def backtest(its: Its, run_id: RunId) -> RunBody:
    """How a run goes, or what it found."""
    return bodies.run_body(_found(its, run_id))


@backtesting.get(
    "/{run_id}/result",
    responses={**may_answer(404), 200: {"content": {"application/json": {}}}},
    response_class=FileResponse,
)
async def result(its: Its, run_id: RunId) -> Response:
    """The whole result of a run, as `leeward backtest --json` writes it."""
    _found(its, run_id)
    return FileResponse(its.backtests.result(run_id), media_type="application/json")


@backtesting.delete("/{run_id}", status_code=204, responses=may_answer(404))
async def stop(its: Its, run_id: RunId) -> Response:
    """End a run that waits or runs."""
    _found(its, run_id)
    its.backtests.stop(run_id)
    return Response(status_code=204)


def _found(its: Dashboard, run_id: str) -> Run:
    try:
        return its.backtests.find(run_id)
    except BadUsage:
        raise NotThere("no such backtest") from None


async def _session_of(its: Dashboard, account: str, session: str | None) -> str:
    """Returns the session that is asked about, the newest where none is named."""
    known(its.feed, account)
    found = await its.feed.read("sessions", lambda c: reading.sessions(c, account, 10_000), account)
    names = [each.started.session_id for each in found]
    if not names or (session is not None and session not in names):
        raise NotThere("no such session")
    return names[0] if session is None else session


def _asker(request: Request) -> str:
    user = user_of(request)
    return "" if user.is_person else user.actor


Asker = Annotated[str, Depends(_asker)]


@questions.get("/accounts/{account}/why", responses=_ASKED)
async def why(
    its: Its,
    asker: Asker,
    account: AccountName,
    symbol: Symbol = None,
    time: Moment = None,
    session: Word = None,
) -> dict[str, Any]:
    """The chain of one decision, the last of a symbol by default: data, strategy, gate, size,
    orders, fills, profit."""
    chosen = await _session_of(its, account, session)
    overview = known(its.feed, account)
    symbols = () if overview.session is None else overview.session.started.symbols
    name = symbol or next(iter(symbols), "")
    arguments = ["why", f"--session={chosen}", "--", name]
    if time is not None:
        arguments.append(iso(parse_time(time, "time")))
    answer = await its.asking.ask(*arguments, stamp=its.feed.stamp(account), asker=asker)
    return _object(answer)


@questions.get("/accounts/{account}/parity", responses=_ASKED)
async def parity(
    its: Its, asker: Asker, account: AccountName, session: Word = None
) -> dict[str, Any]:
    """A session beside a backtest of the candles it saw, and what explains the difference."""
    chosen = await _session_of(its, account, session)
    stamp = its.feed.stamp(account)
    answer = await its.asking.ask("parity", "--", chosen, stamp=stamp, asker=asker)
    return _object(answer)


@questions.get("/audit", responses=may_answer(409))
async def audit(its: Its, asker: Asker) -> dict[str, Any]:
    """Whether the database is whole, unchanged by other hands, and agrees with itself."""
    return _object(await its.asking.audit(asker))


@questions.get("/models", responses=may_answer(409))
async def models(its: Its, asker: Asker) -> dict[str, Any]:
    """The models there are: active, archived, or shipped."""
    return _object(await its.asking.ask("models", "list", stamp=its.feed.stamp(""), asker=asker))


@questions.get("/models/{name}", responses=_ASKED)
async def model(its: Its, asker: Asker, name: ModelName) -> dict[str, Any]:
    """The card of a model: how it fared, beside what, and which gates it failed."""
    stamp = its.feed.stamp("")
    try:
        return _object(await its.asking.ask("models", "show", "--", name, stamp=stamp, asker=asker))
    except BadUsage:
        raise NotThere("no such model") from None


def _object(answer: object) -> dict[str, Any]:
    return dict(answer) if isinstance(answer, dict) else {"answer": answer}
