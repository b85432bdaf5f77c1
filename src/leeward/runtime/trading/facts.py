"""What a session is asked to do, what is written down at its start, what it may lose, and what it
leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal

from leeward import __version__
from leeward.domain.errors import BadUsage, Refused, RetryLater
from leeward.domain.money import Money
from leeward.domain.rules import SymbolRules, SymbolStatus
from leeward.engine.books import Books
from leeward.engine.records import Mode
from leeward.risk.limits import RiskLimits
from leeward.simulation.setup import Setup


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says. `params` are the strategy's; `until_ms` is exchange time."""

    mode: Mode
    strategy: str
    symbols: tuple[str, ...]
    timeframe: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    until_ms: int | None = None
    candles: int | None = None
    acknowledged: bool = False
    no_alerts: bool = False

    def __post_init__(self) -> None:
        if not self.symbols:
            raise BadUsage("symbols: name one or more, as in --symbols BTCUSDT,ETHUSDT")
        twice = {name for name in self.symbols if self.symbols.count(name) > 1}
        if twice:
            raise BadUsage(f"symbols: {min(twice)} is named twice; name each symbol once")
        if self.candles is not None and self.candles < 1:
            raise BadUsage(f"--candles {self.candles} is out of bounds; give 1 or more")


def check_symbols(symbols: Sequence[str], rules: Mapping[str, SymbolRules]) -> str:
    """Returns the quote asset of all symbols; raises RetryLater for one that does not trade now:
    where the exchange is down for maintenance, none does."""
    for symbol in symbols:
        if symbol not in rules:
            raise BadUsage(f"{symbol}: the venue does not know it; see `leeward doctor`")
        if rules[symbol].status is not SymbolStatus.TRADING:
            raise RetryLater(
                f"{symbol}: {rules[symbol].status} at the venue; leave it out, or try again later"
            )
    quotes = {rules[symbol].quote for symbol in symbols}
    if len(quotes) > 1:
        raise BadUsage(
            f"symbols: quoted in {' and '.join(sorted(quotes))}; an account trades one quote"
        )
    return quotes.pop()


def check_stop_policy(limits: RiskLimits) -> None:
    """Raises Refused where positions could be open without a stop: also a strategy that has
    calculate_stop may answer NaN at any candle."""
    if not limits.require_stop:
        raise Refused(
            "live refused: risk.require_stop is off, so that a candle without a stop of the "
            "strategy's own could be bought without any; turn it on: it changes no stop that the "
            "strategy gives"
        )


def most_to_lose(equity: Money, held: Money, limits: RiskLimits) -> str:
    """Returns in words what the limits leave to lose of an account's value, `held` of which lies
    in open positions."""

    def part(fraction: float) -> str:
        amount = equity.scaled(Decimal(repr(fraction)))
        return f"{amount.amount:,.2f} {amount.currency} ({fraction:.1%})"

    has = f"Equity {equity.amount:,.2f} {equity.currency}"
    if held.amount:
        has += f", {held.amount:,.2f} of it in open positions"
    return (
        f"{has}. At most {part(limits.max_exposure_fraction)} is in the market at "
        f"once, {part(limits.max_position_fraction)} of it in one position: lost only if all of it "
        "went to nothing.\n"
        f"Stopped where its stop stands, one trade loses {part(limits.risk_per_trade_fraction)}; "
        "a market that jumps over a stop costs more.\n"
        f"No entries for the rest of a day that lost {part(limits.daily_loss_fraction)}; at "
        f"{part(limits.max_drawdown_fraction)} below the highest equity everything is sold and "
        "trading halts until you resume it."
    )


def setup_facts(setup: Setup) -> dict[str, object]:
    """Returns what decides beside the strategy, ready for JSON."""
    return {
        "engine": __version__,
        "risk": asdict(setup.limits),
        "fee": setup.fee,
        "slippage": setup.slippage,
        "instruments": {each.symbol: asdict(each) for each in setup.instruments},
        "max_candles": setup.max_candles,
        "ratchet_stop": setup.ratchet_stop,
    }


def what_is_left(books: Books, *, settled: bool) -> str:
    """Returns in words what is held at the end of a session, and what protects it."""
    said = []
    for each in books.positions():
        stop = each.plan.stop
        kept = "no stop is planned" if stop is None else f"stop {stop} rests at the venue"
        if each.closing is not None:
            kept = f"it is being closed ({each.closing})"
        elif not settled:
            kept = f"its protection is NOT confirmed ({kept.removesuffix(' rests at the venue')})"
        said.append(f"{each.quantity} {each.symbol} stays open: {kept}")
    return "; ".join(said) or "nothing is held"
