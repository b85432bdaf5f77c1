"""What only the owner of the emulator may see and do: truth, accounts, market events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from decimal import Decimal

from leeward.domain.errors import BadUsage, unknown_name
from leeward.emulator import contingency
from leeward.emulator.accounts import Account
from leeward.emulator.audit import audit
from leeward.emulator.filters import exchange_filter, is_of_exchange
from leeward.emulator.floor import Floor
from leeward.emulator.frames import Wire
from leeward.emulator.options import FeeRates
from leeward.emulator.order_lists import enter_pending
from leeward.emulator.passage import tick_now
from leeward.emulator.path import Tick
from leeward.emulator.rejections import INSUFFICIENT, Json, refused, unknown_order
from leeward.emulator.reports import my_trade, order_list, queried
from leeward.emulator.sweep import passive_fill
from leeward.emulator.symbols import STATUSES
from leeward.emulator.units import decimal, text, units

_ONE = Decimal(1)


class Snapshot:
    """A frozen copy of a session; opaque, restored as often as wanted."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor


class Truth:
    """Administration. Nothing here is part of the exchange's protocol. Users by hand go through
    the ordinary calls of `Exchange` with their account."""

    _floor: Floor
    _wire: Wire

    def add_account(
        self,
        account: str,
        balances: Mapping[str, Decimal],
        fees: FeeRates | None = None,
    ) -> None:
        """Opens an account with free balances."""
        floor = self._floor
        if account in floor.accounts:
            raise BadUsage(f"account '{account}' exists already; change its balances instead")
        holder = Account(account, 1000 + len(floor.accounts), fees or FeeRates())
        for asset, amount in balances.items():
            holder.deposit(asset, units(amount, asset))
        floor.accounts[account] = holder
        floor.log.write(f"A|{account}|{dict(balances)}|{holder.fees}")

    def accounts(self) -> list[str]:
        """Returns the account ids in the order they were opened."""
        return list(self._floor.accounts)

    def set_fees(self, account: str, fees: FeeRates) -> None:
        """Changes the commission rates from now on."""
        self._floor.account(account).fees = fees
        self._floor.log.write(f"F|{account}|{fees}")

    def set_can_trade(self, account: str, *, allowed: bool) -> None:
        """Allows or forbids new orders of an account."""
        self._floor.account(account).can_trade = allowed
        self._floor.log.write(f"P|{account}|{allowed}")

    def set_trade_group(self, account: str, group: int) -> None:
        """Puts an account into a trade group for the orders it places from now on."""
        self._floor.account(account).trade_group = group
        self._floor.log.write(f"G|{account}|{group}")

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Adds to the free balance, or takes away (a withdrawal) where negative; sends
        balanceUpdate and outboundAccountPosition. Refuses (-2010) more than is free."""
        floor = self._floor
        holder, now = floor.account(account), floor.now_ms
        change = units(amount, "amount")
        holder.deposit(asset, change)
        floor.emit_user(
            account, {"e": "balanceUpdate", "E": now, "a": asset, "d": text(change), "T": now}
        )
        floor.touched.setdefault(account, {})[asset] = None
        floor.end_burst()

    def set_balance(self, account: str, asset: str, free: Decimal) -> None:
        """Deposits or withdraws so that the free balance becomes `free`."""
        held = self._floor.account(account).balance(asset).free
        change = free - decimal(held)
        if change:
            self.deposit(account, asset, change)

    def external_lock(self, account: str, asset: str, amount: Decimal) -> None:
        """Locks free funds from outside (unlocks where negative); sends externalLockUpdate."""
        floor = self._floor
        holder, now = floor.account(account), floor.now_ms
        change = units(amount, "amount")
        if change < -holder.external.get(asset, 0):
            raise refused(INSUFFICIENT)
        holder.lock(asset, change)
        holder.external[asset] = holder.external.get(asset, 0) + change
        floor.emit_user(
            account,
            {"e": "externalLockUpdate", "E": now, "a": asset, "d": text(change), "T": now},
        )
        floor.touched.setdefault(account, {})[asset] = None
        floor.end_burst()

    def set_symbol_status(self, symbol: str, status: str, *, delist: bool = False) -> None:
        """Changes a symbol's status; `delist` also expires its open orders."""
        if status not in STATUSES:
            raise unknown_name("status", status, STATUSES)
        market = self._floor.market(symbol)
        market.rules = market.rules.with_status(status)
        self._floor.log.write(f"S|{symbol}|{status}|{delist}")
        if delist:
            self.exchange_cancel(symbol=symbol)

    def announce_delisting(self, symbol: str, at_ms: int) -> None:
        """Tells in the delisting schedule that the symbol ends at `at_ms`."""
        self._floor.market(symbol)
        self._floor.delistings[symbol] = at_ms
        self._floor.log.write(f"S|{symbol}|delisting|{at_ms}")

    def delistings(self) -> list[Json]:
        """Returns the schedule as the exchange shows it: each time with its symbols."""
        at_ms: dict[int, list[str]] = {}
        for symbol, time_ms in sorted(self._floor.delistings.items()):
            at_ms.setdefault(time_ms, []).append(symbol)
        return [{"delistTime": each, "symbols": at_ms[each]} for each in sorted(at_ms)]

    def set_filter(self, symbol: str, entry: Json) -> None:
        """Replaces or adds one filter, given in the exchange's form; refuses a malformed one."""
        market = self._floor.market(symbol)
        name = str(entry.get("filterType"))
        if is_of_exchange(name):
            raise BadUsage(f"{symbol}: {name} is a filter of the exchange; change it there")
        known = market.rules.filter(name)
        if known is not None and known.keys() != entry.keys():
            raise BadUsage(f"{symbol}: filter {name} needs exactly the fields {list(known)}")
        market.rules = market.rules.with_filter(entry)
        market.book.tick_size, market.book.step = market.steps
        self._floor.log.write(f"S|{symbol}|{entry}")

    def set_exchange_filter(self, entry: Json) -> None:
        """Replaces or adds one EXCHANGE_... filter or (by asset) MAX_ASSET, given in the
        exchange's form; refuses a malformed one."""
        self._floor.exchange_filters[exchange_filter(entry)] = entry
        self._floor.log.write(f"S|exchange|{entry}")

    def script_prices(self, symbol: str, prices: Sequence[Decimal]) -> None:
        """Trades at each price now, as jumps: stops in between trigger at the price jumped to."""
        for price in prices:
            self.print_trade(symbol, price, _ONE)

    def print_trade(
        self, symbol: str, price: Decimal, qty: Decimal, *, buyer_maker: bool = False
    ) -> None:
        """Trades `qty` at `price` now."""
        floor, market = self._floor, self._floor.market(symbol)
        tick = Tick(floor.time_us, units(price, "price"), units(qty, "qty"), buyer_maker, jump=True)
        if tick.price <= 0 or tick.qty <= 0:
            raise BadUsage(f"{symbol}: a trade needs a price and a quantity above zero")
        tick_now(floor, self._wire, market, tick)

    def withdraw_liquidity(self, symbol: str, *, empty: bool = True) -> None:
        """Empties the made-up book (or brings it back): only accounts' orders remain in it."""
        book = self._floor.market(symbol).book
        book.empty = empty
        book.changed()
        self._floor.log.write(f"L|{symbol}|{empty}")

    def fill_order(self, symbol: str, order_id: int, qty: Decimal) -> None:
        """Fills `qty` of a working limit order at its own price."""
        floor, market = self._floor, self._floor.market(symbol)
        order = market.resting.get(order_id)
        if order is None:
            raise unknown_order()
        passive_fill(floor, market, order, min(units(qty, "qty"), order.remaining))
        enter_pending(floor)
        floor.end_burst()

    def expire_order(self, symbol: str, order_id: int) -> None:
        """Expires one open order (EXCHANGE_CANCELED), and what hangs on it."""
        floor = self._floor
        order = floor.market(symbol).orders.get(order_id)
        if order is None or not order.is_open:
            raise unknown_order()
        contingency.expire(floor, order, "EXCHANGE_CANCELED")
        floor.end_burst()

    def set_spread(self, symbol: str, bps: Decimal) -> None:
        """Changes how far the best bid and ask stand apart from the next tick on."""
        self._floor.market(symbol).book.spread_ppm = int(bps * 100)
        self._floor.log.write(f"L|{symbol}|{bps}")

    def exchange_cancel(self, account: str | None = None, symbol: str | None = None) -> int:
        """Expires open orders (EXCHANGE_CANCELED), of one account or symbol where given; returns
        how many."""
        floor = self._floor
        orders = [
            order
            for market in floor.markets.values()
            for order in market.orders.values()
            if order.is_open and account in {None, order.account} and symbol in {None, order.symbol}
        ]
        floor.log.write(f"E|{account}|{symbol}|{len(orders)}")
        for order in orders:
            if order.is_open:
                found = contingency.list_of(floor, order)
                if found is not None:
                    contingency.release(floor, found)
                contingency.expire(floor, order, "EXCHANGE_CANCELED")
        floor.end_burst()
        return len(orders)

    def snapshot(self) -> Snapshot:
        """Returns a copy of everything, random streams included."""
        return Snapshot(deepcopy(self._floor))

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot; the watched streams stay."""
        self._floor = deepcopy(snapshot.floor)
        watched, self._wire = list(self._wire.streams), Wire()
        for name in watched:
            self._wire.watch(self._floor, name)

    def invariants(self) -> list[str]:
        """Returns what is wrong with the books, one sentence each; empty when all holds."""
        return audit(self._floor)

    def truth(self) -> Json:
        """Returns every account, order, order list and trade, and the state of the symbols."""
        floor = self._floor
        return {
            "time_us": floor.time_us,
            "log_hash": floor.log.sha256,
            "accounts": {name: self._account_truth(name) for name in floor.accounts},
            "symbols": {
                name: {
                    "status": market.rules.status,
                    "price": text(market.last_price),
                    "last_trade_id": market.next_trade_id - 1,
                    "update_id": market.book.update_id,
                }
                for name, market in floor.markets.items()
            },
            "house": {asset: text(amount) for asset, amount in floor.house.items()},
            "fees": {asset: text(amount) for asset, amount in floor.fees.items()},
        }

    def _account_truth(self, name: str) -> Json:
        floor = self._floor
        holder = floor.accounts[name]
        return {
            "balances": {
                asset: {"free": text(held.free), "locked": text(held.locked)}
                for asset, held in holder.balances.items()
            },
            "orders": [
                queried(order, single=True) for orders in holder.orders.values() for order in orders
            ],
            "order_lists": [
                order_list(found, found.created_ms)
                for found in floor.lists.values()
                if found.account == name
            ],
            "trades": [
                my_trade(trade, symbol)
                for symbol, trades in holder.trades.items()
                for trade in trades
            ],
        }

    def event_log(self, from_seq: int = 1) -> list[str]:
        """Returns the kept log lines from `from_seq` on."""
        return self._floor.log.lines(from_seq)

    @property
    def log_hash(self) -> str:
        """The sha256 over all log lines so far."""
        return self._floor.log.sha256

    def note(self, words: str) -> None:
        """Writes a line of the server (a fault, a request) into the log, and so into its hash."""
        self._floor.log.write(f"N|{words}")
