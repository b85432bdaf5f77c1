from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def binance_samples() -> Path:
    """The folder of recorded and documented messages; tests that need it skip without it."""
    root = Path(__file__).parents[3]
    folder = root / os.environ.get("LEEWARD_TEST_DATA", "../shared/data") / "binance_samples"
    if not folder.is_dir():
        pytest.skip(f"no recorded messages in {folder}; LEEWARD_TEST_DATA says where they are")
    return folder
