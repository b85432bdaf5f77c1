"""Which hosts are this machine itself."""

from __future__ import annotations

import pytest

from leeward.domain.hosts import is_loopback


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"])
def test_an_address_that_this_machine_alone_reaches_is_loopback(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "10.0.0.1", "::", "128.0.0.1", "localhost", "[::1]", "127.1", ""]
)
def test_what_others_reach_and_what_is_no_address_is_not(address: str) -> None:
    assert not is_loopback(address)
