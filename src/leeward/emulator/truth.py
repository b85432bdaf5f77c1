"""What only the owner of the emulator may see and do: truth, accounts, market events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from leeward.emulator.floor import Floor
from leeward.emulator.options import FeeRates
from leeward.emulator.rejections import Json


class Snapshot:
    """A frozen copy of a session; opaque, restored as often as wanted."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor


class Truth:
    """Administration. Nothing here is part of the exchange's protocol. Users by hand go through
    the ordinary calls of `Exchange` with their account."""

    _floor: Floor

    def add_account(
        self,
        account: str,
        balances: Mapping[str, Decimal],
        fees: FeeRates | None = None,
    ) -> None:
        """Opens an account with free balances."""
        raise NotImplementedError

    def accounts(self) -> list[str]:
        """Returns the account ids in the order they were opened."""
        raise NotImplementedError

    def set_fees(self, account: str, fees: FeeRates) -> None:
        """Changes the commission rates from now on."""
        raise NotImplementedError

    def set_can_trade(self, account: str, *, allowed: bool) -> None:
        """Allows or forbids new orders of an account."""
        raise NotImplementedError

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Adds to the free balance, or takes away (a withdrawal) where negative; sends
        balanceUpdate and outboundAccountPosition. Refuses (-2010) more than is free."""
        raise NotImplementedError

    def set_balance(self, account: str, asset: str, free: Decimal) -> None:
        """Deposits or withdraws so that the free balance becomes `free`."""
        raise NotImplementedError

    def external_lock(self, account: str, asset: str, amount: Decimal) -> None:
        """Locks free funds from outside (unlocks where negative); sends externalLockUpdate."""
        raise NotImplementedError

    def set_symbol_status(self, symbol: str, status: str, *, delist: bool = False) -> None:
        """Changes a symbol's status; `delist` also expires its open orders."""
        raise NotImplementedError

    def set_filter(self, symbol: str, entry: Json) -> None:
        """Replaces or adds one filter, given in the exchange's form; refuses a malformed one."""
        raise NotImplementedError

    def script_prices(self, symbol: str, prices: Sequence[Decimal]) -> None:
        """Trades at each price now, as jumps: stops in between trigger at the price jumped to."""
        raise NotImplementedError

    def print_trade(
        self, symbol: str, price: Decimal, qty: Decimal, *, buyer_maker: bool = False
    ) -> None:
        """Trades `qty` at `price` now."""
        raise NotImplementedError

    def fill_order(self, symbol: str, order_id: int, qty: Decimal) -> None:
        """Fills `qty` of a working limit order at its own price."""
        raise NotImplementedError

    def exchange_cancel(self, account: str | None = None, symbol: str | None = None) -> int:
        """Expires open orders (EXCHANGE_CANCELED), of one account or symbol where given; returns
        how many."""
        raise NotImplementedError

    def snapshot(self) -> Snapshot:
        """Returns a copy of everything, random streams included."""
        raise NotImplementedError

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot; the watched streams stay."""
        raise NotImplementedError

    def invariants(self) -> list[str]:
        """Returns what is wrong with the books, one sentence each; empty when all holds."""
        raise NotImplementedError

    def truth(self) -> Json:
        """Returns every account, order, order list and trade, and the state of the symbols."""
        raise NotImplementedError

    def event_log(self, from_seq: int = 1) -> list[str]:
        """Returns the kept log lines from `from_seq` on."""
        raise NotImplementedError

    @property
    def log_hash(self) -> str:
        """The sha256 over all log lines so far."""
        raise NotImplementedError

    def note(self, text: str) -> None:
        """Writes a line of the server (a fault, a request) into the log, and so into its hash."""
        raise NotImplementedError
