"""What stands at an address that is none: a word, and the way back."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from leeward.dashboard.api.errors import answer

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found · Leeward</title>
<link rel="icon" href="/assets/favicon.svg">
<link rel="stylesheet" href="/assets/leeward.css">
<script src="/assets/theme.js"></script>
</head>
<body>
<div class="login">
<main class="card">
<div class="brand">Leeward</div>
<h1>There is no such page</h1>
<p>Nothing is wrong with your account.</p>
<p><a class="button main" href="/">Back to the overview</a></p>
</main>
</div>
</body>
</html>
"""


async def lost(request: Request, error: Exception) -> Response:
    """Returns the page for a person; to what a page loads by itself, no page."""
    del error
    if request.url.path.startswith("/_nicegui/"):
        return answer(404, "not_found", "there is nothing at this address")
    return HTMLResponse(_PAGE, 404)
