"""The address that Prometheus asks."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest

from leeward.domain.errors import Failed
from leeward.monitoring.metrics import Metrics, serve


def served(metrics: Metrics) -> tuple[int, Callable[[], None]]:
    """Returns the port where they are told, and what ends it; another process may be quicker to
    take a port that was free."""
    for _ in range(50):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with suppress(Failed):
            return port, serve(metrics, port)
    raise AssertionError("no port is free")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:9464", 200),
        ("[::1]:9464", 200),
        ("evil.example", 403),
        ("evil.example:9464", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_a_page_of_another_site_reads_nothing_under_a_name_bent_to_this_machine(
    host: str, status: int
) -> None:
    metrics = Metrics()
    metrics.set("equity_quote", 12345.0)
    port, end = served(metrics)
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"host": host}, timeout=60)
    finally:
        end()
    assert (answer.status_code, "12345" in answer.text) == (status, status == 200)
