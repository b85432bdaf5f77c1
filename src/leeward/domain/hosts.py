"""Which hosts are this machine itself."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

#: As they are written in addresses of the web, without brackets.
LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(address: str) -> bool:
    """Returns whether an IP address is one that this machine alone reaches; False for a name.

    >>> is_loopback("127.8.0.1"), is_loopback("::1"), is_loopback("localhost")
    (True, True, False)
    """
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
