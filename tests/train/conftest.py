"""What needs the training stack: `make test-train`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.markets import hourly_market

from leeward.domain.candles import Candles
from leeward.training.datasets import Dataset, build_dataset

#: Keras 3.15 copies arrays as NumPy 2.4 will no longer allow; LightGBM and arch are no better.
_FOREIGN = "ignore:.*:DeprecationWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(_FOREIGN))


@pytest.fixture(scope="session")
def candles() -> Candles:
    """Generated hours, enough to train a tiny network on."""
    return hourly_market("BTCUSDT").rows(0, 2_600)


@pytest.fixture(scope="session")
def data(candles: Candles) -> Dataset:
    return build_dataset(candles)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where finished networks are kept."""
    return tmp_path / "training"
