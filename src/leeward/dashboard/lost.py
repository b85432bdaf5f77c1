"""What stands at an address that is none: a word, and the way back."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from leeward.dashboard.api.errors import answer
from leeward.dashboard.plain import plain_page

_PAGE: Final = plain_page(
    "Not found",
    "There is no such page",
    "<p>Nothing is wrong with your account.</p>\n"
    '<p><a class="button main" href="/">Back to the overview</a></p>',
)


async def lost(request: Request, error: Exception) -> Response:
    """Returns the page for a person; to what a page loads by itself, no page."""
    del error
    if request.url.path.startswith("/_nicegui/"):
        return answer(404, "not_found", "there is nothing at this address")
    return HTMLResponse(_PAGE, 404)
