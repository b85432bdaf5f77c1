"""Every table is played by the compiled account loop and by its plain-Python twin."""

from __future__ import annotations

import pytest

from leeward.simulation.account import simulate as compiled
from tests.scenarios.table import Simulate
from tests.twin import twin_simulate


@pytest.fixture(params=[twin_simulate, compiled], ids=["twin", "compiled"])
def simulate(request: pytest.FixtureRequest) -> Simulate:
    loop: Simulate = request.param
    return loop
