"""Logs are JSON lines, and no secret is in them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from leeward.engine.records import Noted, Severity
from leeward.monitoring.logs import Log, open_log

CANARY = "canary-0f93b2a7"
START = 1_704_067_200_000


def written(fields: Mapping[str, object], level: str = "info") -> str:
    stream = io.StringIO()
    Log(stream, lambda: START, [CANARY]).event("tested", level, **fields)
    return stream.getvalue()


@pytest.mark.parametrize(
    "fields",
    [
        {"api_secret": "whatever"},
        {"apiKey": "whatever"},
        {"nested": {"deep": [{"password": "whatever"}]}},
        {"words": f"it said {CANARY} and more"},
        {"error": RuntimeError(f"bad: {CANARY}")},
        {"listed": [f"x{CANARY}x"], CANARY: 1},
        {"url": "postgresql://leeward:whatever@host/db"},
        {"query": "POST /api/v3/order?symbol=BTCUSDT&signature=whatever"},
        {"headers": "{'X-MBX-APIKEY': 'whatever'}"},
        {"pem": "-----BEGIN PRIVATE KEY-----\nwhatever\n-----END PRIVATE KEY-----"},
    ],
    ids=str,
)
def test_no_canary_leaves_the_log(fields: dict[str, object]) -> None:
    line = written(fields)
    assert "(hidden)" in line
    assert CANARY not in line
    assert "whatever" not in line


def test_a_line_is_one_json_object_with_time_level_and_event_first() -> None:
    line = written({"symbol": "BTCUSDT", "quantity": 0.5, "words": "two\nlines"}, "warning")
    assert line.count("\n") == 1
    fields = json.loads(line)
    assert list(fields)[:3] == ["time", "level", "event"]
    assert fields["time"] == "2024-01-01T00:00:00Z"
    assert (fields["level"], fields["event"]) == ("warning", "tested")
    assert (fields["symbol"], fields["quantity"]) == ("BTCUSDT", 0.5)


def test_what_is_noted_carries_its_severity_and_subject() -> None:
    stream = io.StringIO()
    noted = Noted("unprotected", "no stop", Severity.CRITICAL, START, "BTCUSDT")
    Log(stream, lambda: START).noted(noted)
    fields = json.loads(stream.getvalue())
    assert (fields["level"], fields["event"]) == ("critical", "unprotected")
    assert (fields["subject"], fields["words"]) == ("BTCUSDT", "no stop")


def test_a_file_is_appended_to_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "leeward.log"
    for _ in range(2):
        log = open_log(file, lambda: START)
        log.event("started")
        log.close()
    assert len(file.read_text().splitlines()) == 2
    assert file.stat().st_mode & 0o077 == 0  # its owner's alone


def test_a_stream_that_is_gone_loses_the_line_and_nothing_else() -> None:
    stream = io.StringIO()
    log = Log(stream, lambda: START)
    stream.close()
    log.event("tested")
