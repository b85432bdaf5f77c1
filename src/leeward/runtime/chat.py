"""Answers for chats: how an account stands, and what a command would do. Words alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from filelock import FileLock

from leeward.database import reading
from leeward.database.engine import Database
from leeward.domain.errors import BadUsage
from leeward.domain.times import iso
from leeward.runtime.database import open_configured
from leeward.runtime.locks import held
from leeward.runtime.operating import order
from leeward.runtime.overview import Overview, Position, overview
from leeward.runtime.settings import Settings

#: What may be asked by whoever may ask, and what only operators may order.
ASKS: Final = ("status", "positions", "why")
ORDERS: Final = ("halt", "resume", "flatten")
HELP: Final = (
    "/status: state, equity, limits\n"
    "/positions: what is held, with its stops\n"
    "/why SYMBOL: the last decision, in words\n"
    "/halt: buy nothing more; what is held keeps its stops\n"
    "/resume: buy again after a halt\n"
    "/flatten [SYMBOL]: sell what is held, at the market"
)


def only_one(settings: Settings) -> AbstractContextManager[None]:
    """Keeps other processes from answering chats for this data directory: Telegram gives its
    messages to one. Raises Failed."""
    path = settings.data.dir.absolute().parent / "telegram.lock"
    taken = f"telegram: another process answers for {path.parent} already; end it first"
    return held(FileLock(path), lambda: taken)


@dataclass(frozen=True, slots=True)
class Chat:
    """Answers about one account, or, without a name, about the one that is traded. `tell_why`
    returns the words of the last decision of a session on a symbol."""

    settings: Settings
    account: str | None
    tell_why: Callable[[str, str], str]

    def answer(self, question: str, argument: str) -> str:
        """Returns the answer to one of ASKS. Raises LeewardError where there is none."""
        match question:
            case "status":
                return "\n\n".join(_status(each) for each in self._seen())
            case "positions":
                return "\n\n".join(_positions(each) for each in self._seen())
            case "why":
                if not argument:
                    raise BadUsage("/why: name a symbol, as in /why BTCUSDT")
                return self.tell_why(self._newest(), argument.upper())
            case _:
                return HELP

    def warning(self, kind: str, argument: str) -> tuple[str, str]:
        """Returns the account that one of ORDERS would go to, and what it would do, as a question.
        Raises BadUsage where it is not clear to which account, or of which symbol."""
        seen = self._the_one()
        match kind:
            case "halt":
                words = (
                    f"Halt {seen.account}? Nothing more is bought until /resume, also after a "
                    f"restart. {_kept(seen)}"
                )
            case "resume":
                why = f" ({seen.reason})" if seen.reason else ""
                words = (
                    f"Resume {seen.account}? It is {seen.state}{why}, and may buy again from the "
                    "next candle. After a halt by drawdown that accepts the loss: drawdown counts "
                    "from the present equity."
                )
            case _:
                words = _flattening(seen, argument.upper())
        return seen.account, words

    def act(self, kind: str, argument: str, account: str, actor: str) -> str:
        """Carries one of ORDERS out and returns what became of it. Raises Refused, BadUsage."""
        wish = argument.upper() if kind == "flatten" else ""
        answered = order(self.settings, kind, wish, account, actor)
        if answered.outcome is not None:
            return f"{account}: {answered.outcome}"
        if answered.running:
            return (
                f"{account}: {kind} was sent (command {answered.command_id}) and not carried out "
                "within 5 s; ask /status"
            )
        return (
            f"{account}: no process trades it; {kind} is written down and carried out first thing "
            "when one starts. Stops at the exchange hold meanwhile"
        )

    def _newest(self) -> str:
        """Returns the session that began last, of those accounts."""
        begun = [each.session.started for each in self._seen() if each.session is not None]
        if not begun:
            raise BadUsage("no session yet; `leeward paper` makes one")
        return max(begun, key=lambda each: each.at_ms).session_id

    def _the_one(self) -> Overview:
        seen = self._seen()
        if len(seen) != 1:
            names = ", ".join(each.account for each in seen)
            raise BadUsage(
                f"{len(seen)} accounts to choose from, {names}: start `leeward telegram` with "
                "--account"
            )
        return seen[0]

    def _seen(self) -> list[Overview]:
        """Returns the account asked for, else those that are traded, else all."""
        database = open_configured(self.settings, create=False, examine=False)
        try:
            seen = [overview(database, name) for name in self._names(database)]
        finally:
            database.close()
        if not seen:
            raise BadUsage("no account yet; `leeward paper` makes one")
        return [each for each in seen if each.alive] or seen

    def _names(self, database: Database) -> list[str]:
        if self.account is not None:
            return [self.account]
        with database.reading() as connection:
            return [each.account for each in reading.accounts(connection)]


def _status(seen: Overview) -> str:
    life = "running" if seen.alive else "NOT running"
    if seen.was_cut_off:
        life += ": killed or cut off"
    lines = [f"{seen.account}: {seen.state or 'no state yet'}, {life}"]
    lines += seen.caveats
    if seen.reason:
        lines.append(f"because: {seen.reason}")
    if seen.causes:
        lines.append(f"reducing because of: {', '.join(seen.causes)}")
    if seen.equity is not None:
        today = "" if seen.today_pnl is None else f", today {seen.today_pnl:+,.2f}"
        lines.append(f"equity {seen.equity:,.2f} {seen.quote}{today}")
    if seen.drawdown_fraction is not None:
        lines.append(f"{seen.drawdown_fraction:.1%} below its highest")
    lines += [
        f"{each.name}: {each.value:g} of {each.limit:g}" for each in seen.limits if each.value > 0
    ]
    lines.append(f"{len(seen.positions)} positions")
    if seen.last_candle_ms is not None:
        lines.append(f"last candle {iso(seen.last_candle_ms)}")
    lines += [f"{name}: {it.level}, {it.words}" for name, it in seen.health if it.level != "ok"]
    return "\n".join(lines)


def _positions(seen: Overview) -> str:
    lines = [f"{seen.account}: {len(seen.positions)} positions"]
    lines += [_position(each, seen.quote) for each in seen.positions]
    return "\n".join(lines)


def _position(held: Position, quote: str) -> str:
    parts = [f"{held.symbol} {held.quantity.normalize():f}"]
    if held.entry_price is not None:
        parts.append(f"from {_price(held.entry_price)}")
    if held.last_price is not None:
        parts.append(f"now {_price(held.last_price)}")
    if held.unrealised is not None:
        parts.append(f"{held.unrealised:+,.2f} {quote}")
    distance = held.stop_distance_fraction
    away = "" if distance is None else f" ({distance:.1%} away)"
    parts.append("NO STOP" if held.stop is None else f"stop {_price(held.stop)}{away}")
    if held.closing is not None:
        parts.append(f"closing ({held.closing})")
    return ", ".join(parts)


def _flattening(seen: Overview, symbol: str) -> str:
    held = [each for each in seen.positions if symbol in {"", each.symbol}]
    if not held:
        raise BadUsage(f"{seen.account}: nothing is held{f' of {symbol}' * bool(symbol)}")
    what = "\n".join(_position(each, seen.quote) for each in held)
    return (
        f"Sell at the market, now, on {seen.account}?\n{what}\nTrading goes on and may buy again "
        "at the next candle: /halt first if it must not."
    )


def _kept(seen: Overview) -> str:
    if not seen.positions:
        return "Nothing is held."
    names = ", ".join(each.symbol for each in seen.positions)
    return f"What is held keeps its stops: {names}."


def _price(amount: Decimal) -> str:
    return f"{amount:,.8f}".rstrip("0").rstrip(".")
