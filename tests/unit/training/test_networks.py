"""The sizes of networks by their names."""

from __future__ import annotations

import pytest

from leeward.domain.errors import BadUsage
from leeward.training.networks import preset_named


@pytest.mark.parametrize("name", ["smal", "tinny", "large"])
def test_an_unknown_preset_names_those_that_are_worth_training(name: str) -> None:
    with pytest.raises(BadUsage, match="unknown preset") as refused:
        preset_named(name)
    assert "small" in str(refused.value)
    assert "tiny" not in str(refused.value)
