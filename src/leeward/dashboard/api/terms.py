"""What routes have in common: how things are named in an address, and what comes instead of an
answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from leeward.dashboard.api.errors import ErrorBody, NotThere
from leeward.dashboard.feed import Feed
from leeward.dashboard.state import Dashboard
from leeward.database.errors import DatabaseDown
from leeward.domain.times import parse_time
from leeward.runtime.overview import Overview

#: The guard has judged the token before; this says in the OpenAPI document how it is given.
BEARER: Final = HTTPBearer(auto_error=False, description="A token of `leeward access tokens`.")

_TEXT: Final = r"^[\x20-\x7e]+$"
_LARGEST: Final = 2**62

AccountName: TypeAlias = Annotated[
    str, Path(max_length=120, examples=["paper:binance:main"], pattern=_TEXT)
]
PositionId: TypeAlias = Annotated[str, Path(max_length=120, pattern=_TEXT)]
RunId: TypeAlias = Annotated[str, Path(max_length=40, pattern=r"^bt-\d+$")]
ModelName: TypeAlias = Annotated[str, Path(max_length=80, pattern=r"^[A-Za-z0-9_]+$")]
Symbol: TypeAlias = Annotated[str | None, Query(max_length=20, pattern=r"^[A-Z0-9]+$")]
Word: TypeAlias = Annotated[str | None, Query(max_length=80, pattern=_TEXT)]
Search: TypeAlias = Annotated[
    str | None, Query(min_length=1, max_length=100, pattern=r"^[^\x00]+$")
]
Moment: TypeAlias = Annotated[
    str | None,
    Query(max_length=40, pattern=_TEXT, description="UTC, as in 2024-01-31 or 2024-01-31T08:00Z."),
]
Cursor: TypeAlias = Annotated[
    str | None, Query(max_length=20, pattern=r"^\d{1,18}$", description="`next` of the last page.")
]
PageNumber: TypeAlias = Annotated[int, Query(ge=1, le=1_000_000)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=1_000)]


def dashboard_of(connection: HTTPConnection) -> Dashboard:
    found = connection.app.state.dashboard
    assert isinstance(found, Dashboard)
    return found


#: The dashboard that the routes belong to, and its feed.
Its: TypeAlias = Annotated[Dashboard, Depends(dashboard_of)]


def no_others(request: Request) -> None:
    """Refuses a parameter that the route does not have: passed over, it would seem to be heeded."""
    known = {each.alias for each in request.scope["route"].dependant.query_params}
    for name in request.query_params:
        if name not in known:
            words = f"unknown parameter; known: {', '.join(sorted(known)) or 'none'}"
            raise RequestValidationError([{"loc": ("query", name), "msg": words}])


Responses: TypeAlias = dict[int | str, dict[str, Any]]


def may_answer(*statuses: int) -> Responses:
    """Returns the errors a route may answer, for the OpenAPI document: these, and those that every
    one may."""
    words: Mapping[int, str] = {
        400: "What was asked for does not exist or is out of bounds.",
        401: "No token, or one that is not valid.",
        403: "The token may not do that, or the request came from elsewhere.",
        404: "What the address names does not exist.",
        409: "A safety rule said no.",
        413: "The request is too large.",
        422: "The request does not fit the description.",
        429: "Too many requests.",
        503: "The database does not answer.",
    }
    return {
        status: {"model": ErrorBody, "description": words[status]}
        for status in sorted({400, 401, 403, 422, 429, 503, *statuses})
    }


def known(feed: Feed, account: str) -> Overview:
    """Returns the account's overview; raises NotThere for a name that does not exist."""
    names = feed.accounts()
    if not names and feed.problem is not None:
        raise DatabaseDown(feed.problem)
    if account not in names:
        raise NotThere("no such account")
    return feed.overview(account)


def moment(text: str | None, name: str) -> int | None:
    """Returns a time of a query in UTC ms; raises BadUsage."""
    if text is None:
        return None
    return max(-_LARGEST, min(_LARGEST, parse_time(text, name)))


def number(cursor: str | None) -> int | None:
    return None if cursor is None else int(cursor)
