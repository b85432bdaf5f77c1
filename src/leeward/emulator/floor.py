"""The trading floor: the state of one session, and how it speaks.

Everything that changes goes through here into the log and the outbox. A call or a tick is one
burst: its events share one time, and each account touched gets one balance event at the end.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from typing import Final

from leeward import __version__
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage
from leeward.emulator.accounts import Account
from leeward.emulator.chance import client_id, stream
from leeward.emulator.eventlog import EventLog
from leeward.emulator.market import Market
from leeward.emulator.options import Options
from leeward.emulator.orders import Fill, Order, OrderList, PreventedMatch
from leeward.emulator.path import FIRST_TICK_MS
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.reports import execution, list_status
from leeward.emulator.requests import Emitted
from leeward.emulator.symbols import SymbolRules
from leeward.emulator.units import UNIT, units

#: Events of one moment: timers first, then the market.
TIMER: Final = 0
MARKET: Final = 1


class Floor:
    """Markets, accounts, orders, time, log and outbox of one session. `house` is what the made-up
    market gained of each asset, `fees` what accounts paid; `entering` are lists whose pending legs
    are due; `exchange_filters` bind every account, by filter type and (for MAX_ASSET) asset;
    `delistings` are announced, by symbol in ms."""

    def __init__(
        self,
        rules: Sequence[SymbolRules],
        candles: Mapping[str, Candles],
        seed: int,
        start_ms: int,
        options: Options,
    ) -> None:
        _check(rules, candles, options)
        self.options = options
        self.seed = seed
        self.time_us = start_ms * 1000
        self.ids = stream(seed, "ids")
        self.markets = {
            rule.symbol: Market(rule, candles[rule.symbol], seed, start_ms, options)
            for rule in rules
        }
        self.accounts: dict[str, Account] = {}
        self.lists: dict[int, OrderList] = {}
        self.house: dict[str, int] = {}
        self.fees: dict[str, int] = {}
        self.exchange_filters: dict[tuple[str, str], Json] = {}
        self.delistings: dict[str, int] = {}
        self.entering: list[OrderList] = []
        self.outbox: list[Emitted] = []
        self.emitted = 0
        self.execution_id = 0
        self.sequence = 0
        self.prevented_id = 0
        self.touched: dict[str, dict[str, None]] = {}
        self.queue: list[tuple[int, int, int, str]] = []
        self.queued = 0
        hashes = {rule.symbol: candles[rule.symbol].sha256 for rule in rules}
        header = {"version": __version__, "seed": seed, "start": start_ms, "candles": hashes}
        self.log = EventLog(
            f"H|{json.dumps(header, sort_keys=True)}|{options!r}", options.log_lines
        )
        for market in self.markets.values():
            self.schedule_market(market)

    @property
    def now_ms(self) -> int:
        return self.time_us // 1000

    def schedule(self, time_us: int, order: int, name: str) -> None:
        """Queues a timer or a market's next event."""
        self.queued += 1
        heapq.heappush(self.queue, (time_us, order, self.queued, name))

    def schedule_market(self, market: Market) -> None:
        due = market.next_us()
        if due is not None:
            self.schedule(due, MARKET, market.rules.symbol)

    def market(self, symbol: str) -> Market:
        """Returns a symbol's market; refuses (-1121) an unknown one."""
        found = self.markets.get(symbol)
        if found is None:
            raise Rejection(-1121, "Invalid symbol.")
        return found

    def account(self, name: str) -> Account:
        """Returns an account; refuses (-2015) an unknown one."""
        found = self.accounts.get(name)
        if found is None:
            raise Rejection(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return found

    def asset_limits(self) -> list[Json]:
        """Returns the MAX_ASSET filters."""
        return [entry for (_, asset), entry in self.exchange_filters.items() if asset]

    def account_filters(self) -> list[Json]:
        """Returns the filters of what an account may have open on the whole exchange."""
        return [dict(entry) for (_, asset), entry in self.exchange_filters.items() if not asset]

    def new_client_id(self) -> str:
        return client_id(self.ids)

    def next_execution(self) -> int:
        self.execution_id += 1
        return self.execution_id

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def emit_market(self, stream_name: str, payload: object) -> None:
        """Sends a message of a market stream; not part of the log, for nobody may be watching."""
        self.emitted += 1
        self.outbox.append(Emitted(self.emitted, self.time_us, ("market", stream_name), payload))

    def emit_user(self, account: str, payload: Json) -> None:
        """Sends a user event and logs it."""
        self.log.write(f"U|{account}|{json.dumps(payload, separators=(',', ':'))}")
        self.emitted += 1
        self.outbox.append(Emitted(self.emitted, self.time_us, ("user", account), payload))

    def report(
        self,
        order: Order,
        kind: str,
        *,
        fill: Fill | None = None,
        names: tuple[str, str] | None = None,
        prevented: PreventedMatch | None = None,
        reject: str = "NONE",
    ) -> int:
        """Sends an executionReport and returns its execution id; the account's balances follow at
        the end of the burst."""
        now = self.now_ms
        order.updated_ms = now
        number = self.next_execution()
        self.emit_user(
            order.account,
            execution(
                order, kind, now, number, fill=fill, names=names, prevented=prevented,
                reject=reject,
            ),
        )  # fmt: skip
        if reject == "NONE":
            self.touch(order.account, order.symbol)
        return number

    def report_list(self, found: OrderList, kind: str) -> None:
        """Sends a listStatus of type `kind`."""
        self.emit_user(found.account, list_status(found, kind, self.now_ms))

    def touch(self, account: str, symbol: str) -> None:
        """Notes that an account's balances in a symbol's assets, and BNB, are to be sent."""
        rules = self.markets[symbol].rules
        assets = self.touched.setdefault(account, {})
        assets |= dict.fromkeys((rules.base, "BNB", rules.quote))

    def end_burst(self) -> None:
        """Sends the balances of every account touched since the last burst."""
        if not self.touched:
            return
        now = self.now_ms
        for name, assets in self.touched.items():
            account = self.accounts[name]
            account.updated_ms = now
            self.emit_user(
                name,
                {
                    "e": "outboundAccountPosition",
                    "E": now,
                    "u": now,
                    "B": account.positions(list(assets)),
                },
            )
        self.touched.clear()

    def bnb_price(self, quote: str) -> int:
        """Returns what one BNB costs in a quote asset, in units; 0 where nobody knows."""
        if quote == "BNB":
            return UNIT
        market = self.markets.get(f"BNB{quote}")
        if market is not None:
            return market.last_price
        known = self.options.bnb_prices.get(quote)
        return 0 if known is None else units(known, "bnb_prices")


def _check(rules: Sequence[SymbolRules], candles: Mapping[str, Candles], options: Options) -> None:
    if options.ticks_per_bar < 4:
        raise BadUsage(f"ticks_per_bar: {options.ticks_per_bar} is below 4; a bar has four corners")
    first, last = options.close_delay_ms
    if not 0 <= first <= last < FIRST_TICK_MS:
        raise BadUsage(
            f"close_delay_ms: {first} to {last} must lie in 0 to {FIRST_TICK_MS - 1}, before the "
            "next bar's first trade"
        )
    for rule in rules:
        if rule.symbol not in candles or not len(candles[rule.symbol]):
            raise BadUsage(
                f"{rule.symbol}: no candles to replay; give some or leave the symbol out"
            )
