"""The frame of pages that stand outside the others: plain HTML that needs nobody to be known."""

from __future__ import annotations

from typing import Final

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Leeward</title>
<link rel="icon" href="/assets/favicon.svg">
<link rel="stylesheet" href="/assets/leeward.css">
<script src="/assets/theme.js"></script>
</head>
<body>
<div class="login">
<main class="card">
<div class="brand">Leeward</div>
<h1>{heading}</h1>
{content}
</main>
</div>
</body>
</html>
"""


def plain_page(title: str, heading: str, content: str) -> str:
    """Returns a whole page; everything is HTML already."""
    return _PAGE.format(title=title, heading=heading, content=content)
