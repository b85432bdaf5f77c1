"""The API does what its OpenAPI document says, whatever it is asked, and whoever asks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.dashboards import ORIGIN, Scene, scene

pytestmark = pytest.mark.timeout(600)

#: Questions to each operation, by each kind of visitor, well-formed and not.
EXAMPLES = int(10 * float(os.environ.get("LEEWARD_CAMPAIGN", "1")))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: They start processes; that these answer is tested with the commands they run.
SLOW = ("/why", "/parity", "/audit", "/models", "/models/{name}")


class Here:
    """A scene on a loop of its own, for tests that do not wait."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._made = scene(folder)
        self.scene: Scene = self._loop.run_until_complete(self._made.__aenter__())

    def call(self, case: Case[Any], headers: dict[str, str]) -> httpx.Response:
        """Returns what a generated question is answered."""
        wire = requests.Request(**case.as_transport_kwargs(base_url=ORIGIN)).prepare()
        body = wire.body.encode() if isinstance(wire.body, str) else wire.body
        assert body is None or isinstance(body, bytes)
        given = {str(n): _text(v) for n, v in wire.headers.items() if n.lower() != "host"}
        asked = self.scene.caller.ask(
            str(wire.method), str(wire.path_url), {**given, **headers}, body or b""
        )
        found = self._loop.run_until_complete(asked)
        sent = httpx.Request(str(wire.method), str(wire.url))
        answer = httpx.Response(
            found.status, headers=dict(found.headers), content=found.body, request=sent
        )
        answer.elapsed = timedelta(0)
        return answer

    def document(self) -> dict[str, Any]:
        asked = self.scene.caller.ask(
            "GET", "/api/v1/openapi.json", self.scene.bearer(self.scene.viewer)
        )
        found: dict[str, Any] = self._loop.run_until_complete(asked).json()
        return found

    def close(self) -> None:
        self._loop.run_until_complete(self._made.__aexit__(None, None, None))
        self._loop.close()


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    made = Here(tmp_path_factory.mktemp("dashboard"))
    yield made
    made.close()


def operations(here: Here) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for found in schemathesis.openapi.from_dict(here.document()).get_all_operations():
        operation = found.ok()  # type: ignore[union-attr] # a broken document fails here
        if not operation.path.removeprefix("/api/v1").endswith(SLOW):
            yield operation


def put(
    here: Here, operation: APIOperation[Any, Any, Any, Any], headers: dict[str, str]
) -> list[int]:
    """Returns how an operation answered questions of all kinds; fails where its document is
    broken."""
    statuses: list[int] = []
    cases = [
        operation.as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if mode is GenerationMode.POSITIVE or operation.path_parameters or operation.body
    ]

    @settings(
        max_examples=EXAMPLES, database=None, derandomize=True, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=st.one_of(cases))
    def ask(case: Case[Any]) -> None:
        answer = here.call(case, headers)
        case.validate_response(answer, checks=CHECKS)
        statuses.append(answer.status_code)

    ask()
    return statuses


def test_nobody_gets_an_answer_from_any_operation(here: Here) -> None:
    before = here.scene.state()
    for operation in operations(here):
        assert set(put(here, operation, {})) <= {401, 413}, operation.label
    assert here.scene.state() == before


def test_a_viewer_reads_as_described_and_changes_nothing(here: Here) -> None:
    before = here.scene.state()
    for operation in operations(here):
        statuses = put(here, operation, here.scene.bearer(here.scene.viewer))
        if operation.method.upper() != "GET":
            assert set(statuses) <= {401, 403, 413}, operation.label
    assert here.scene.state() == before


def test_an_operators_questions_are_answered_as_described(here: Here) -> None:
    for operation in operations(here):
        if operation.label != "POST /api/v1/backtests":  # each would be a process
            put(here, operation, here.scene.bearer(here.scene.operator))
