from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are noisy, and the first example of a compiled function builds it.
settings.register_profile("leeward", deadline=None)
settings.load_profile("leeward")


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real candle files; tests that need it skip where it is missing."""
    root = Path(__file__).parents[1]
    folder = root / os.environ.get("LEEWARD_TEST_DATA", "../shared/data") / "market"
    if not folder.is_dir():
        pytest.skip(f"no real candles in {folder}; LEEWARD_TEST_DATA says where they are")
    return folder
