"""What the API says of decisions and of parity, beside what the command line says of the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from leeward.dashboard.access import Role, access_of
from leeward.runtime.clock import now_ms
from tests.dashboards import PASSWORD, settings_in
from tests.integration.conftest import Run
from tests.running import ACCOUNT, RESTLESS, TRADES, lines_until, started
from tests.served import generated, served


@contextmanager
def client_of(folder: Path) -> Iterator[httpx.Client]:
    """Yields a viewer of a running dashboard, at the routes of the account."""
    access = access_of(settings_in(folder))
    access.set_password(PASSWORD)
    token = access.add_token("viewer", Role.VIEWER, now_ms())
    with started(folder, "dashboard", "--port", "0", "--log", "dashboard.jsonl") as process:
        address = lines_until(process, "dashboard: ")[-1].split()[1]
        with httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1/accounts/{ACCOUNT}/",
            headers={"authorization": f"Bearer {token}"},
            timeout=120,
        ) as client:
            yield client


def got(client: httpx.Client, route: str, **query: str) -> Any:
    answer = client.get(route, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_api_tells_of_a_session_what_the_command_line_tells(
    leeward: Run, tmp_path: Path
) -> None:
    with served(generated(), mode="accelerated", speed=120) as market:
        code, _, err = leeward(
            "paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--candles", "16",
            "--no-dashboard", "--log", "log.jsonl",
        )  # fmt: skip
    assert code == 0, err
    with client_of(tmp_path) as client:
        trades = got(client, "trades")["items"]
        assert trades
        entered = got(client, "executions", decision="enter")["items"][-1]
        symbol, at = entered["symbol"], entered["time"]
        why = got(client, "why", symbol=symbol, time=at)
        assert why == json.loads(leeward("why", symbol, at, "--json").out)
        assert why["decision"] == "enter"
        assert {each["record"] for each in why["story"]} >= {"IntentMade", "FillBooked"}
        assert got(client, "why") == json.loads(leeward("why", "BTCUSDT", "--json").out)
        parity = got(client, "parity")
        assert parity == json.loads(leeward("parity", "--json").out)
        assert parity["decisions"]["compared"] == 32
        assert parity["clean"] is True
        assert client.get("why", params={"session": "nothing"}).status_code == 404
        assert client.get("parity", params={"session": "nothing"}).status_code == 404
        told = client.get("why", params={"symbol": symbol, "time": "2020-01-01T00:00:00Z"})
        assert told.status_code == 400
        assert told.json()["error"]["message"]
