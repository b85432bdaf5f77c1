from __future__ import annotations

import pytest
from tests.emulated import refusal

from leeward.emulator.accepted import check_names
from leeward.emulator.catalogue import BY_METHOD, BY_ROUTE


@pytest.mark.parametrize("method", sorted(BY_METHOD))
def test_every_method_refuses_a_parameter_it_does_not_know(method: str) -> None:
    operation = BY_METHOD[method]
    code, _ = refusal(check_names, operation, ["nonsense"], "ws")
    assert code == -1104
    code, _ = refusal(check_names, operation, ["nonsense"], "rest")
    assert code == (-1101 if method in {"ping", "time"} else -1104)


def test_the_wallet_takes_anything() -> None:
    check_names(BY_ROUTE["GET /sapi/v1/asset/tradeFee"], ["nonsense"], "rest")
