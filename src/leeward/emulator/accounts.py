"""Balances of an account and what is locked of them. Amounts are units."""

from __future__ import annotations

from decimal import Decimal

from leeward.emulator.options import FeeRates
from leeward.emulator.orders import NO_GROUP, Fill, Order, Prevented
from leeward.emulator.rejections import INSUFFICIENT, Json, refused
from leeward.emulator.units import text


class Balance:
    __slots__ = ("free", "locked")

    def __init__(self, free: int = 0) -> None:
        self.free = free
        self.locked = 0


class Account:
    """One account's balances, commission rates, orders and trades. `orders` and `trades` are by
    symbol, oldest first; `open` and `by_client` find orders by (symbol, client id). Accounts of
    one `trade_group` do not trade with each other, as one account does not with itself."""

    def __init__(self, name: str, uid: int, fees: FeeRates) -> None:
        self.name = name
        self.uid = uid
        self.fees = fees
        self.can_trade = True
        self.trade_group = NO_GROUP
        self.updated_ms = 0
        self.balances: dict[str, Balance] = {}
        self.external: dict[str, int] = {}
        self.deposited: dict[str, int] = {}
        self.orders: dict[str, list[Order]] = {}
        self.trades: dict[str, list[Fill]] = {}
        self.prevented: dict[str, list[Prevented]] = {}
        self.open: dict[tuple[str, str], Order] = {}
        self.by_client: dict[tuple[str, str], Order] = {}

    def balance(self, asset: str) -> Balance:
        """Returns the balance of an asset, an empty one where there was none."""
        found = self.balances.get(asset)
        if found is None:
            found = self.balances[asset] = Balance()
        return found

    def lock(self, asset: str, amount: int) -> None:
        """Moves free funds into the lock; refuses more than is free."""
        balance = self.balance(asset)
        if amount > balance.free:
            raise refused(INSUFFICIENT)
        balance.free -= amount
        balance.locked += amount

    def unlock(self, asset: str, amount: int) -> None:
        balance = self.balance(asset)
        balance.locked -= amount
        balance.free += amount

    def deposit(self, asset: str, amount: int) -> None:
        """Adds to the free balance, or takes away; refuses to take more than is free."""
        balance = self.balance(asset)
        if balance.free + amount < 0:
            raise refused(INSUFFICIENT)
        balance.free += amount
        self.deposited[asset] = self.deposited.get(asset, 0) + amount

    def positions(self, assets: list[str]) -> list[Json]:
        """Returns the balances of some assets as outboundAccountPosition shows them."""
        rows: list[Json] = []
        for asset in assets:
            held = self.balance(asset)
            rows.append({"a": asset, "f": text(held.free), "l": text(held.locked)})
        return rows


def rate_text(rate: Decimal) -> str:
    """Returns a commission rate with eight decimals."""
    return f"{rate:.8f}"


def commission_rates(account: Account) -> dict[str, Json]:
    """Returns the three kinds of rates, each with maker, taker, buyer and seller."""
    fees = account.fees
    zero = rate_text(fees.maker * 0)
    return {
        "standard": {
            "maker": rate_text(fees.maker),
            "taker": rate_text(fees.taker),
            "buyer": rate_text(fees.buyer),
            "seller": rate_text(fees.seller),
        },
        "special": {
            "maker": rate_text(fees.special_maker),
            "taker": rate_text(fees.special_taker),
            "buyer": zero,
            "seller": zero,
        },
        "tax": {
            "maker": rate_text(fees.tax_maker),
            "taker": rate_text(fees.tax_taker),
            "buyer": zero,
            "seller": zero,
        },
    }


def discount(account: Account) -> Json:
    """Returns the discount for paying commissions in BNB."""
    return {
        "enabledForAccount": account.fees.pay_in_bnb,
        "enabledForSymbol": True,
        "discountAsset": "BNB",
        "discount": rate_text(account.fees.discount),
    }
