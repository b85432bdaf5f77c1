"""The REST API and its socket, under /api/v1."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import FileResponse, Response

from leeward.dashboard.api import accounts, actions, stream
from leeward.dashboard.api.errors import NotThere, answer_errors
from leeward.dashboard.api.shapes import MeBody
from leeward.dashboard.api.terms import BEARER, Its, RunId, may_answer, no_others
from leeward.dashboard.state import Dashboard, user_of

_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def describe(app: FastAPI, dashboard: Dashboard) -> None:
    """Adds every route of the API to the application."""
    app.state.dashboard = dashboard
    answer_errors(app, dashboard.log)
    api = APIRouter(prefix="/api/v1", dependencies=[Depends(BEARER), Depends(no_others)])
    api.add_api_route("/me", _me, responses=may_answer(), tags=["accounts"])
    for router in (accounts.router, actions.steering, actions.backtesting, actions.questions):
        api.include_router(router)
    app.include_router(api)
    app.include_router(stream.router, prefix="/api/v1")
    app.add_api_route("/reports/{run_id}", _report, include_in_schema=False)
    app.add_api_route("/api/{rest:path}", _nothing, methods=_ALL, include_in_schema=False)


async def _me(request: Request) -> MeBody:
    """Who asks, and what they may do."""
    principal = user_of(request)
    return MeBody(name=principal.name, role=principal.role.value)


async def _report(its: Its, run_id: RunId) -> Response:
    return FileResponse(its.backtests.report(run_id), media_type="text/html")


async def _nothing(rest: str) -> Response:
    del rest
    raise NotThere("there is nothing at this address; see /api/v1/openapi.json")
