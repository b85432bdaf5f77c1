"""Every operation by its REST route and by its WebSocket method."""

from __future__ import annotations

from leeward.emulator.account_operations import account_operations
from leeward.emulator.list_operations import list_operations
from leeward.emulator.market_operations import market_operations
from leeward.emulator.operations import Operation
from leeward.emulator.order_operations import order_operations

_ALL = (*market_operations(), *order_operations(), *list_operations(), *account_operations())

BY_ROUTE: dict[str, Operation] = {each.route: each for each in _ALL if each.route is not None}
BY_METHOD: dict[str, Operation] = {each.method: each for each in _ALL if each.method is not None}
