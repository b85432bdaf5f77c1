"""The REST API and its socket, under /api/v1."""

from __future__ import annotations

from fastapi import FastAPI

from leeward.dashboard.api.errors import answer_errors
from leeward.dashboard.state import Dashboard


def describe(app: FastAPI, dashboard: Dashboard) -> None:
    """Adds every route of the API to the application."""
    answer_errors(app, dashboard.log)
