"""What a refusal of the venue asks for, and what has to be found out after it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from leeward.domain.answers import Found, Reaction, Refused
from leeward.domain.orders import Balance, Side
from leeward.engine.records import Severity
from leeward.runtime.trading.means import Means
from leeward.runtime.trading.memory import Memory, Shortage

_FILTER_OF_WORTH = ("Filter failure: NOTIONAL", "Filter failure: MIN_NOTIONAL")
#: Refusals of key, signature or account: nothing helps but an operator.
_LOCKED_S = 30.0
#: For how long at the least a shortage is believed. Coins that somebody else locked are in every
#: balance, and each try for them costs a gap without a stop.
_SHORT_S = 60.0
#: What the exchange refuses for want of coins, and shows none of for so long, is gone.
_GONE_S = 10.0
#: So often a symbol that does not trade is looked at while something there has no stop.
_NAKED_S = 3.0


@dataclass
class Setbacks:
    """The refusals of one symbol."""

    means: Means
    symbol: str
    memory: Memory

    async def follow(self, refused: Refused, what: str) -> None:
        words = f"{self.symbol}: the {what} was refused: {refused.code} {refused.text}"
        match refused.reaction:
            case Reaction.PRICE_MOVED:
                await self._find_crossed()
            case Reaction.FUNDS:
                self.means.note(self.symbol, "short_of_funds", words, Severity.WARNING)
                await self._find_shortage()
            case Reaction.SYMBOL_CLOSED:
                self.closed()
            case Reaction.WAIT | Reaction.RESYNC:
                pass
            case Reaction.STOP:
                self.means.note(self.symbol, "locked", words, Severity.CRITICAL)
                for pause in (self.memory.protect, self.memory.selling, self.memory.raising):
                    pause.at_s = max(pause.at_s, self.means.now_s + _LOCKED_S)
            case _:
                self.means.note(self.symbol, "refused", words, Severity.CRITICAL)
                if what == "sale" and refused.text.startswith(_FILTER_OF_WORTH):
                    self.memory.unsellable = True
                self.memory.rules_doubted = True

    async def _find_crossed(self) -> None:
        """Learns which of the two prices the market is beyond; a stop is never waited with."""
        held = self.means.books.position(self.symbol)
        if held is None:
            return
        now_ms = self.means.server_now_ms()
        open_ = self.memory.opens.get(self.means.timeframe.floor(now_ms))
        gap = open_ is not None and held.plan.stop is not None and open_ <= held.plan.stop.value
        self.memory.crossed = "stop_gap" if gap else "stop"
        target = held.plan.target
        if target is not None:
            answer = await self.means.asked(self.means.venue.last_price(self.symbol))
            if isinstance(answer, Found) and answer.value >= target:
                self.memory.crossed = "target"

    async def _find_shortage(self) -> None:
        """Learns how much there is to sell. One look never says "nothing": that is for the audit,
        which looks twice. What an order of ours may lock is not missing: that order is asked for.
        """
        for name in sorted(self.memory.lost):
            self.memory.lost.discard(name)
            self.memory.doubt(name)
        self.means.audit()
        books = self.means.books
        held, live = books.position(self.symbol), books.live_orders(self.symbol)
        if held is None or any(each.planned.side is Side.SELL for each in live):
            return
        answer = await self.means.asked(self.means.venue.balances())
        if not isinstance(answer, Found):
            return
        base = self.memory.rules.base
        free = next((each.free.amount for each in answer.value if each.asset == base), None)
        if answer.value and not any(each.asset == base and _total(each) for each in answer.value):
            self._find_nothing()
            return
        self.memory.nothing_since_s = None
        wanted = held.quantity.value
        if held.closing is not None:
            wanted += books.dust(self.symbol).value  # it is sold along
        if free is None or free >= wanted:
            return
        if self.memory.takes(free, held.entry_price):
            until_s = self.means.now_s + _SHORT_S
            self.memory.shortage = Shortage(free, self.means.server_now_ms(), until_s)

    def _find_nothing(self) -> None:
        """Sells nothing more where all is gone for good, until the audit has written that down:
        coins that come now are not ours."""
        memory, now_s = self.memory, self.means.now_s
        if memory.nothing_since_s is None or now_s - memory.nothing_since_s > _SHORT_S:
            memory.nothing_since_s = now_s  # what was seen long ago was over meanwhile
        elif now_s - memory.nothing_since_s >= _GONE_S:
            memory.shortage = Shortage(Decimal(0), self.means.server_now_ms(), now_s)

    def closed(self) -> None:
        self.memory.closed = True
        self.memory.rules_pause.put_off(self.means.now_s)

    async def refresh_rules(self) -> None:
        """Asks for the symbol's rules anew; a symbol that trades again is tried again."""
        answer = await self.means.asked(self.means.venue.rules((self.symbol,)))
        if isinstance(answer, Found) and self.symbol in answer.value:
            self.memory.learn_rules(answer.value[self.symbol])
        if self.memory.trades and not self.memory.rules_doubted:
            self.memory.rules_pause.clear()
        else:
            self.memory.rules_pause.put_off(self.means.now_s)
            if self.memory.unprotected_since_s is not None:
                soon_s = self.means.now_s + _NAKED_S
                self.memory.rules_pause.at_s = min(self.memory.rules_pause.at_s, soon_s)


def _total(balance: Balance) -> Decimal:
    return balance.free.amount + balance.locked.amount
