"""What an account may ask about its own orders, trades and balances."""

from __future__ import annotations

from leeward.emulator.floor import Floor
from leeward.emulator.rejections import Json
from leeward.emulator.requests import EVERYTHING, Page


class AccountData:
    """Answers about one account. Unknown symbols are refused with -1121."""

    _floor: Floor

    def order(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Json:
        """Returns one order; refuses with -2013, or -2039 where the two ids do not match."""
        raise NotImplementedError

    def open_orders(self, account: str, symbol: str | None = None) -> list[Json]:
        """Returns open orders, oldest first."""
        raise NotImplementedError

    def all_orders(
        self,
        account: str,
        symbol: str,
        page: Page = EVERYTHING,
    ) -> list[Json]:
        """Returns orders in any state, oldest first; `page.from_id` is an order id."""
        raise NotImplementedError

    def my_trades(
        self,
        account: str,
        symbol: str,
        page: Page = EVERYTHING,
        *,
        order_id: int | None = None,
    ) -> list[Json]:
        """Returns the account's trades, oldest first; `page.from_id` is a trade id."""
        raise NotImplementedError

    def account_info(self, account: str, *, omit_zero: bool = False) -> Json:
        """Returns balances, rates and permissions."""
        raise NotImplementedError

    def commission(self, account: str, symbol: str) -> Json:
        """Returns the commission rates of a symbol."""
        raise NotImplementedError

    def order_list(
        self,
        account: str,
        *,
        list_id: int | None = None,
        list_client_order_id: str | None = None,
    ) -> Json:
        """Returns one order list; refuses with -2018 where there is none."""
        raise NotImplementedError

    def all_order_lists(
        self,
        account: str,
        page: Page = EVERYTHING,
    ) -> list[Json]:
        """Returns order lists, oldest first."""
        raise NotImplementedError

    def open_order_lists(self, account: str) -> list[Json]:
        """Returns the order lists that are executing."""
        raise NotImplementedError

    def amendments(
        self,
        account: str,
        symbol: str,
        order_id: int,
        page: Page = EVERYTHING,
    ) -> list[Json]:
        """Returns the amendments of one order."""
        raise NotImplementedError

    def prevented_matches(
        self,
        account: str,
        symbol: str,
        page: Page = EVERYTHING,
        *,
        order_id: int | None = None,
        prevented_match_id: int | None = None,
    ) -> list[Json]:
        """Returns matches that self-trade prevention stopped."""
        raise NotImplementedError

    def my_filters(self, account: str, symbol: str) -> Json:
        """Returns the filters that bind the account on a symbol."""
        raise NotImplementedError
