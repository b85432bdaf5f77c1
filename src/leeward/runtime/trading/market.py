"""The venue that a session trades on, once it was reached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, TypeVar

from leeward.domain.answers import Asked, Found, Unavailable
from leeward.domain.errors import BadUsage, RetryLater
from leeward.domain.money import Money
from leeward.domain.rules import SymbolRules
from leeward.engine.books import Held
from leeward.engine.records import Noted, Severity
from leeward.runtime.settings import Settings
from leeward.runtime.trading.facts import check_symbols
from leeward.runtime.venue import open_venue
from leeward.venues.binance_errors import NO_SYMBOL
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.governor import Lane
from leeward.venues.paper import PaperVenue
from leeward.venues.venue import Venue

#: The exchange's words for a symbol that it does not have, and for one with a stroke or a space.
_NOT_THERE: Final = frozenset({NO_SYMBOL, -1100})

Answer = TypeVar("Answer")


@dataclass
class Market:
    """The venue as it is, and whose orders are placed where: on paper, beside it.
    `any_ip_allowed` waives that a live key is bound to an address; `uid` is the exchange's number
    of the account that a live key trades, once it was told."""

    rest: BinanceRest
    rules: dict[str, SymbolRules]
    quote: str
    any_ip_allowed: bool = False
    uid: int | None = None
    paper: PaperVenue | None = None

    @property
    def venue(self) -> Venue:
        return self.rest if self.paper is None else self.paper

    def server_now_ms(self) -> int:
        return self.rest.http.server_clock.now_ms()


def without_key(settings: Settings) -> Settings:
    """Returns the settings as paper trading uses them: no key is read, none can be sent."""
    venue = settings.venue.model_copy(
        update={"api_key": None, "api_secret": None, "key_file": None}
    )
    return settings.model_copy(update={"venue": venue})


@asynccontextmanager
async def reached(
    settings: Settings, symbols: tuple[str, ...], alarm: Callable[[Noted], None]
) -> AsyncIterator[Market]:
    """Yields the venue once its time and the symbols' rules are known. Raises RetryLater."""
    rest = open_venue(settings)
    try:
        await _synced(rest.http, alarm)
        if rest.http.addresses.replayed:
            await rest.http.sync()  # its speed is told by two samples that lie apart
        found = await rest.rules(symbols)
        if isinstance(found, Unavailable) and found.code in _NOT_THERE:
            raise await _unknown(rest, symbols)
        rules = _found(found, f"rules of {', '.join(symbols)}")
        quote = check_symbols(symbols, rules)
        yield Market(rest, dict(rules), quote, settings.venue.allow_any_ip)
    finally:
        await rest.aclose()


async def _synced(http: BinanceHttp, alarm: Callable[[Noted], None]) -> None:
    """Asks for the exchange's time. A ban is waited out here: each start that came back to ask
    would prolong it."""
    where, clock = http.addresses.rest, http.clock
    while not await http.sync():
        held_s = http.blocked_s(Lane.EXIT)
        if not held_s:
            raise RetryLater(f"{where} does not answer; see `leeward doctor`, then try again")
        words = f"{where}: this address is banned for {held_s:.0f} s more; the start waits"
        alarm(Noted("exchange_ban", words, Severity.WARNING, clock.now_ms()))
        await clock.sleep(held_s)


async def _unknown(rest: BinanceRest, symbols: tuple[str, ...]) -> BadUsage:
    """Returns the error for the first symbol that the venue does not have, with the nearest."""
    found = await rest.rules()
    known = found.value if isinstance(found, Found) else {}
    name = next((each for each in symbols if each not in known), symbols[0])
    near = get_close_matches("".join(filter(str.isalnum, name)), known, n=1, cutoff=0.8)
    hint = f"did you mean {near[0]}?" if near else "write it as the exchange does, as in BTCUSDT"
    return BadUsage(f"{name}: the venue does not know it; {hint}")


async def equity_of(market: Market, held: Iterable[Held]) -> tuple[Money, Money]:
    """Returns what the account is worth in quote units, and how much of it lies in the positions
    held, as far as their coins are there, at their last prices; at what was paid where the exchange
    has the symbol no more. Raises RetryLater."""
    balances = _found(await market.venue.balances(), "balances")
    there = {each.asset: each.free.amount + each.locked.amount for each in balances}
    cash = there.get(market.quote, Decimal(0))
    worth = Decimal(0)
    for each in held:
        answer, paid = await market.rest.last_price(each.symbol), each.entry_price
        if isinstance(answer, Unavailable) and answer.code in _NOT_THERE and paid is not None:
            answer = Found(paid)
        left = there.get(each.symbol.removesuffix(market.quote), Decimal(0))
        worth += min(each.quantity.value, left) * _found(answer, f"price of {each.symbol}").value
    return Money(cash + worth, market.quote), Money(worth, market.quote)


def _found(answer: Asked[Answer], name: str) -> Answer:
    if not isinstance(answer, Found):
        raise RetryLater(f"no {name} from the venue: {answer.why}; try again later")
    return answer.value
