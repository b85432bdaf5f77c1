"""The page where a person comes in: plain HTML without a script."""

from __future__ import annotations

import html
import secrets
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from leeward.dashboard.guard import COOKIE, DEVICE_COOKIE, House
from leeward.dashboard.plain import plain_page
from leeward.dashboard.state import Dashboard
from leeward.dashboard.visitors import Principal
from leeward.domain.errors import Refused

_FORM_COOKIE: Final = "leeward_login"
_FORM_S: Final = 900
#: Browsers keep a cookie no longer.
_DEVICE_S: Final = 400 * 86_400

_FORM: Final = """{problem}
<form method="post" action="/login">
<input type="hidden" name="form" value="{form}">
<input type="text" name="username" value="owner" autocomplete="username" hidden>
<label class="field"><span>Password</span>
<input name="password" type="password" autocomplete="current-password"
 required autofocus maxlength="256"></label>
<button class="button main" type="submit">Log in</button>
</form>
<p class="hint">Forgotten? <code>leeward access password</code> sets a new one.</p>"""


def _page(form: str, problem: str) -> str:
    told = f'<p class="problem" role="alert">{html.escape(problem)}</p>' if problem else ""
    return plain_page("Log in", "Log in", _FORM.format(problem=told, form=form))


def login_routes(dashboard: Dashboard, house: House) -> list[Route]:
    """Returns the routes of logging in and out."""

    def page(problem: str = "", status: int = 200) -> Response:
        form = secrets.token_urlsafe(16)
        answer = HTMLResponse(_page(form, problem), status)
        remember(answer, _FORM_COOKIE, form, _FORM_S)
        return answer

    def remember(answer: Response, name: str, value: str = "", seconds: int = 0) -> None:
        answer.set_cookie(
            house.cookie(name), value, seconds,
            httponly=True, samesite="strict", secure=house.secure,
        )  # fmt: skip

    async def show(request: Request) -> Response:
        del request
        return page()

    async def come_in(request: Request) -> Response:
        fields = await _fields(request)
        if not _same(fields.get("form", ""), request.cookies.get(house.cookie(_FORM_COOKIE), "")):
            return page("The form was too old; try again.", 403)
        address, known = request.scope["leeward.address"], request.scope["leeward.device"]
        try:
            await dashboard.check_password(fields.get("password", ""), address, known)
        except Refused as refused:
            waits = "try again in" in str(refused)
            return page(f"{str(refused).capitalize()}.", 429 if waits else 401)
        dashboard.log.event("logged_in", address=address)
        answer = RedirectResponse("/", 303)
        remember(answer, COOKIE, dashboard.sessions.begin(), int(dashboard.sessions.seconds))
        remember(answer, DEVICE_COOKIE, dashboard.access.new_device(), _DEVICE_S)
        remember(answer, _FORM_COOKIE)
        return answer

    async def leave(request: Request) -> Response:
        principal = request.scope["leeward.principal"]
        assert isinstance(principal, Principal)
        fields = await _fields(request)
        if not _same(fields.get("csrf", ""), principal.csrf):
            return page("The form was too old; try again.", 403)
        dashboard.sessions.end(request.cookies.get(house.cookie(COOKIE), ""))
        answer = RedirectResponse("/login", 303)
        remember(answer, COOKIE)
        return answer

    return [
        Route("/login", show, methods=["GET"]),
        Route("/login", come_in, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


async def _fields(request: Request) -> dict[str, str]:
    """Returns the fields of a form; nothing where the body is none, or never ended."""
    try:
        text = (await request.body()).decode("ascii")
        return {name: values[0] for name, values in parse_qs(text, max_num_fields=8).items()}
    except (ValueError, ClientDisconnect):
        return {}


def _same(given: str, known: str) -> bool:
    return bool(known) and secrets.compare_digest(given.encode(), known.encode())
