"""What a result means, in words, for the terminal and the page alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from leeward.domain.candles import Gap
from leeward.domain.timeframe import DAY_MS
from leeward.domain.times import iso

if TYPE_CHECKING:
    # The dashboard formats by these words, and compiles nothing.
    from leeward.report.figures import Figures
    from leeward.report.result import BacktestResult

#: Below this many trades an average says little.
FEW_TRADES = 30
#: From this probability on, luck alone is an unlikely explanation.
SURE = 0.95
#: So many symbols with only a part of the range are named in one line.
_NAMED_PARTS = 3
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")

REFUSAL_WORDS: Final = {
    "not_ready": "indicators not known yet",
    "halted": "trading was halted by the drawdown limit",
    "daily_loss": "the day's loss limit was reached",
    "cooldown": "too soon after a stop in the same symbol",
    "max_open_positions": "enough positions open already",
    "against_trend": "the trend gate saw no rising market",
    "no_stop": "the stop was not below the close",
    "max_exposure": "the account was invested up to its limit",
    "correlated": "too much already in symbols that move alike",
    "below_minimum": "the order was smaller than the exchange accepts",
    "no_candle": "no candle followed to fill in",
    "stop_crossed": "the next open was at or below the stop",
    "target_crossed": "the next open was at or above the target",
    "insufficient_cash": "too little cash for the smallest order",
}


class GapSummary(NamedTuple):
    """Gaps inside the run's range: how many, how many candles, and the longest one's symbol."""

    gaps: int
    missing: int
    symbol: str
    longest: Gap | None


def percent(fraction: float | None, digits: int = 1, sign: bool = False) -> str:
    """Returns a fraction as text in per cent, "n/a" for None.

    >>> percent(0.1234), percent(-0.5, sign=True), percent(24.21, sign=True)
    ('12.3 %', '-50.0 %', '+2,421.0 %')
    """
    if fraction is None:
        return "n/a"
    return f"{fraction * 100:{'+' if sign else ''},.{digits}f} %"


def probability(chance: float | None) -> str:
    """Returns a probability in per cent that never claims to be certain.

    >>> probability(0.98765), probability(0.99999), probability(0.0001)
    ('98.8 %', '> 99.9 %', '< 0.1 %')
    """
    if chance is None or 0.001 <= chance <= 0.999:
        return percent(chance)
    return "> 99.9 %" if chance > 0.5 else "< 0.1 %"


def amount(value: float | None, sign: bool = False) -> str:
    """Returns a quote amount with two decimals, or four figures where it is smaller than one.

    >>> amount(10234.125), amount(-0.01234), amount(None)
    ('10,234.12', '-0.01234', 'n/a')
    """
    if value is None:
        return "n/a"
    plus = "+" if sign else ""
    return f"{value:{plus},.2f}" if abs(value) >= 1 or value == 0 else f"{value:{plus}.4g}"


def ratio(value: float | None) -> str:
    """Returns a ratio with two decimals, "n/a" for None."""
    return "n/a" if value is None else f"{value:,.2f}"


def minute(time_ms: int) -> str:
    """Returns a UTC time to the minute, as people read it.

    >>> minute(1_609_459_200_000)
    '2021-01-01 00:00'
    """
    return iso(time_ms)[:16].replace("T", " ")


def span_words(duration_ms: int) -> str:
    """Returns a duration in the unit that suits it.

    >>> span_words(33 * 3_600_000), span_words(90_000), span_words(100 * 86_400_000)
    ('33 h', '1.5 min', '100 days')
    """
    for unit_ms, unit, least in ((DAY_MS, "days", 3), (3_600_000, "h", 2), (60_000, "min", 1)):
        if duration_ms >= least * unit_ms:
            return f"{duration_ms / unit_ms:,.4g} {unit}"
    return f"{duration_ms / 1000:g} s"


def quote_of(result: BacktestResult) -> str:
    """Returns the currency that the symbols are quoted in, "" where the names do not tell."""
    quotes = {next((q for q in _QUOTES if s.endswith(q)), "") for s in result.simulation.symbols}
    return quotes.pop() if len(quotes) == 1 else ""


def duration_ms(result: BacktestResult) -> int:
    """Returns the time from the first step's open to the last one's close, 0 without steps."""
    time = result.simulation.open_time
    if not len(time):
        return 0
    return int(time[-1] - time[0]) + result.candles[0].timeframe.length_ms


def halted_words(result: BacktestResult) -> str | None:
    """Returns the sentence that comes before everything else when the drawdown limit struck."""
    halted = result.simulation.halted_ms
    if halted is None:
        return None
    limit = result.setup.limits.max_drawdown_fraction
    return (
        f"trading halted at the close of the {minute(halted)} candle: drawdown {limit * 100:g} %; "
        "only an operator resumes; nothing was traded after"
    )


def skill_words(result: BacktestResult) -> str:
    """Returns what the probabilistic Sharpe ratio says about luck."""
    psr = result.metrics["psr"]
    if psr is None:
        return "PSR undefined: too few days or no change of equity, so nothing can be said of luck"
    chance = f"PSR {probability(psr)}"
    if psr >= SURE:
        held, own = result.comparison["buy_and_hold"]["sharpe"], result.metrics["sharpe"]
        beaten = held is not None and own is not None and held > own
        return f"{chance}: unlikely to be luck alone, if this was the only variant tried" + (
            "; but holding had the higher Sharpe ratio" if beaten else ""
        )
    if psr >= 0.5:
        return f"{chance}: not distinguishable from luck (95 % would be)"
    return f"{chance}: no sign of an edge; the average day lost or stood still"


def cost_words(result: BacktestResult) -> str:
    """Returns what the same entries would have made at no costs and at twice the costs."""
    if not len(result.simulation.trades):
        return "nothing was traded, so nothing was paid"
    free, double = (result.comparison[name]["return_fraction"] for name in ("costs_0x", "costs_2x"))
    made = percent(result.metrics["return_fraction"], sign=True)
    return (
        f"the same entries return {percent(free, sign=True)} at no costs, {made} as simulated, "
        f"{percent(double, sign=True)} at twice the costs"
    )


def lookahead_words(result: BacktestResult) -> str:
    """Returns what the look-ahead check found."""
    check = result.checks.get("lookahead")
    if not isinstance(check, dict) or not check.get("sampled"):
        return "not checked"
    sampled, wrong = check["sampled"], check.get("mismatches", 0)
    verdict = "none differed" if wrong == 0 else f"{wrong} DIFFERED: the strategy reads the future"
    return f"{sampled} truncated re-runs of the signals, {verdict}"


def gap_summary(result: BacktestResult) -> GapSummary:
    """Returns the gaps in the range of the run, over all symbols."""
    gaps = [(gap, c.symbol) for c in result.candles for gap in run_gaps(result, c.symbol)]
    if not gaps:
        return GapSummary(0, 0, "", None)
    longest, symbol = max(gaps, key=lambda found: found[0].missing)
    return GapSummary(len(gaps), sum(gap.missing for gap, _ in gaps), symbol, longest)


def run_gaps(result: BacktestResult, symbol: str) -> tuple[Gap, ...]:
    """Returns the gaps of one symbol in the range of the run.

    A gap that begins before the range counts from the first candle that opens in it.
    """
    candles = next(c for c in result.candles if c.symbol == symbol)
    start, step = _run_edges(result)[0], candles.timeframe.length_ms
    return tuple(
        Gap(first := max(gap.first, start), gap.last, (gap.last - first) // step + 1)
        for gap in candles.gaps
        if gap.last >= start
    )


def _run_edges(result: BacktestResult) -> tuple[int, int]:
    """Returns the first open time on the candle grid in the range, and the last of any symbol."""
    last = max(int(c.open_time[-1]) for c in result.candles)
    start, timeframe = result.setup.start_ms, result.candles[0].timeframe
    if start is None:
        return min(int(c.open_time[0]) for c in result.candles), last
    return start + (timeframe.offset_ms - start) % timeframe.length_ms, last


def part_words(result: BacktestResult) -> list[str]:
    """Returns, for each symbol that has candles in only a part of the range, which part.

    Days where they tell it from the range, else minutes; the times are the candles' opens.
    """
    start, end = _run_edges(result)
    found = []
    for candles in result.candles:
        first, last = max(start, int(candles.open_time[0])), int(candles.open_time[-1])
        if (first, last) == (start, end):
            continue
        letters = 16 if 0 < first - start < DAY_MS or 0 < end - last < DAY_MS else 10
        span = " to ".join(minute(time)[:letters] for time in (first, last))
        found.append(f"{candles.symbol} only {span}")
    return found


def gap_words(result: BacktestResult) -> str:
    """Returns the gaps, and the symbols that have only a part of the range, in one line."""
    parts = part_words(result)
    hidden = len(parts) - _NAMED_PARTS
    named = parts[:_NAMED_PARTS] + ([f"{hidden} more only in part"] if hidden > 0 else [])
    found = gap_summary(result)
    if found.longest is None:
        return "; ".join(["no gap between candles" if parts else "no candle is missing", *named])
    length = result.candles[0].timeframe.length_ms
    where = f" of {found.symbol}" if len(result.candles) > 1 else ""
    gaps = (
        f"{found.gaps} gap{'s' * (found.gaps > 1)}, {found.missing:,} candle"
        f"{'s' * (found.missing > 1)} missing; "
        f"largest {span_words(found.longest.missing * length)}{where} from "
        f"{minute(found.longest.first)}"
    )
    return "; ".join([gaps, *named])


def detail_words(result: BacktestResult) -> str | None:
    """Returns which finer candles told what came first inside a candle, None without any."""
    detail = result.inputs.get("detail")
    if not isinstance(detail, dict) or not detail:
        return None
    first, *others = detail
    rows = sum(content["rows"] for content in detail.values())
    empty = [name.split()[0] for name, content in detail.items() if not content["rows"]]
    more = f" and {len(others)} more symbol{'s' * (len(others) > 1)}" if others else ""
    none = f" (none of {', '.join(empty)})" if empty and others else ""
    return (
        f"{first}{more}: {rows:,} finer candles{none} tell what came first where they cover a "
        "candle; elsewhere the stop comes first"
    )


def caveats(result: BacktestResult) -> list[str]:
    """Returns what a careful reader has to keep in mind, the gravest first."""
    found = []
    if result.synthetic:
        found.append("The candles are generated. They say nothing about any real market.")
    count = len(result.simulation.trades)
    if 0 < count < FEW_TRADES:
        found.append(f"Only {count} trades: averages over so few say little.")
    days = duration_ms(result) / DAY_MS
    if days < 365:
        found.append(f"Yearly figures are stretched from {math.floor(days)} days.")
    found.append(
        "In-sample: no part of the data was held back, and rules or parameters may have been "
        "chosen because they suit this very past."
    )
    found.append(
        "How many variants were tried before this one is not recorded yet, so PSR takes it for the "
        "first, and no deflated Sharpe ratio is given."
    )
    if (result.metrics["buy_and_hold_fraction"] or 0.0) > 0:
        found.append(
            "The market itself rose. PSR compares with zero, not with holding, so part of what it "
            "credits to the rules may be the market's."
        )
    markets = "one market" if len(result.candles) == 1 else "symbols chosen with hindsight"
    found.append(f"One exchange, {markets}; coins that failed and vanished are not in it.")
    return found


def earned_words(result: BacktestResult) -> str | None:
    """Returns what it earned against holding and the rule; None where no rule stands beside it."""
    rule = result.comparison.get("rule")
    if rule is None:
        return None
    own, held = result.metrics, result.comparison["buy_and_hold"]
    gained = own["return_fraction"]
    than = [
        f"{_against(gained, other['return_fraction'])} {name}"
        for name, other in (("holding", held), ("the rule", rule))
    ]
    holding = percent(held["return_fraction"], sign=True)
    return (
        f"{_gain(own)} after costs; holding {holding}, the rule ema_cross {_gain(rule)}: "
        f"{', '.join(than)}"
    )


def _gain(figures: Figures) -> str:
    trades = figures["trades"]
    count = f"with {trades:,} trades" if trades else "without a trade"
    return f"{percent(figures['return_fraction'], sign=True)} {count}"


def _against(own: float | None, other: float | None) -> str:
    if own is None or other is None or own == other:
        return "no better than"
    return "more than" if own > other else "less than"
