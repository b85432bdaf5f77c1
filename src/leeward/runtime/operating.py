"""What operators ask and order from another process: through the database alone."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from leeward.database import reading
from leeward.database.commands import Command
from leeward.database.engine import Database
from leeward.database.lease import lock_of
from leeward.domain.errors import BadUsage, Refused, unknown_name
from leeward.engine.books import FeesElsewhere, Held, books_of
from leeward.engine.records import Noted
from leeward.runtime.clock import monotonic_s, now_ms, sleep_s
from leeward.runtime.database import open_configured
from leeward.runtime.settings import Settings
from leeward.runtime.swap_wish import SUBJECT, Wish, is_file

_ANSWER_S: Final = 5.0
#: A strategy is loaded and checked meanwhile, in a process of its own.
_SWAP_ANSWER_S: Final = 150.0
_LOOK_S: Final = 0.1
#: A process that trades beats every two seconds.
ALIVE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account: its row, whether a process trades it now, the last session and what is held.
    `beat_s` is the age of the last heartbeat in our seconds, None where there was none; `cash` is
    in units of `quote`; `fees` are commissions in assets that are neither side of their symbols;
    `waiting` are commands that nobody has carried out yet."""

    account: reading.Account
    running: bool
    beat_s: float | None
    session: reading.Session | None
    held: tuple[Held, ...]
    cash: Decimal
    quote: str
    fees: tuple[FeesElsewhere, ...] = ()
    waiting: tuple[Command, ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether a process trades the account and has said so lately."""
        return self.running and self.beat_s is not None and self.beat_s <= ALIVE_S

    @property
    def was_cut_off(self) -> bool:
        """Whether the last session has no end and no process: it was killed, or lost its power."""
        return not self.running and self.session is not None and self.session.ended_ms is None


@dataclass(frozen=True, slots=True)
class Statuses:
    """The accounts that were asked for, and the names of those left out that nobody trades."""

    shown: tuple[AccountStatus, ...]
    others: tuple[str, ...]

    @property
    def is_alive(self) -> bool:
        """Whether there is an account, and all shown ones are traded."""
        return bool(self.shown) and all(each.is_alive for each in self.shown)


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a command; `outcome` None where no process carried it out in time, `planned`
    what a process says of one that it carries out at a later candle."""

    account: str
    command_id: int
    outcome: str | None
    running: bool
    planned: str | None = None


def statuses(settings: Settings, account: str | None = None) -> Statuses:
    """Returns the status of one account, else of those that are traded now, else of all.

    Raises BadUsage for a name that does not exist.
    """
    database = open_configured(settings, create=False, examine=False)
    try:
        with database.reading() as connection:
            known = {each.account: each for each in reading.accounts(connection)}
        if account is not None and account not in known:
            raise unknown_name("account", account, known)
        running = _running(database, list(known))
        chosen = [account] if account is not None else running or list(known)
        # Not from a copy: a health check asks often, and books are read quickly.
        shown = tuple(_status(database, known[name], running=name in running) for name in chosen)
        return Statuses(shown, tuple(n for n in known if n not in chosen and n not in running))
    finally:
        database.close()


def _status(database: Database, row: reading.Account, *, running: bool) -> AccountStatus:
    with database.reading() as connection:
        sessions = reading.sessions(connection, row.account, 1)
    quote = "" if not sessions else str(sessions[0].started.facts.get("quote", ""))
    books = books_of(database.load(row.account), row.account, quote or "USDT")
    return AccountStatus(
        row,
        running,
        _beat_s(row),
        sessions[0] if sessions else None,
        tuple(books.positions()),
        books.cash,
        books.quote,
        tuple(books.fees_elsewhere()),
        tuple(database.pending_commands(row.account)),
    )


def _beat_s(row: reading.Account) -> float | None:
    # A venue that replays has a time of its own: the age is told by the computer's.
    beaten_ms = row.facts.get("computer_ms")
    return max(0.0, (now_ms() - beaten_ms) / 1000) if isinstance(beaten_ms, int) else None


def _running(database: Database, names: Sequence[str]) -> list[str]:
    return [name for name in names if _is_running(database, name)]


def _is_running(database: Database, account: str) -> bool:
    """Returns whether a process holds the account's lease: the lock itself, not a heartbeat."""
    lock = lock_of(database, account)
    if not lock.hold():
        return True
    lock.drop()
    return False


def order(
    settings: Settings, kind: str, argument: str, account: str | None, actor: str | None = None
) -> Answered:
    """Sends a command and waits a few seconds for its outcome.

    Without `account` it goes to the one account that is traded now, or the only one there is;
    without `actor` it is the user of this process who asks.
    Raises BadUsage where that is not clear, Refused where the process refused it.
    """
    database = open_configured(settings, create=False, examine=False)
    try:
        sent = _sent(database, kind, argument, account, actor)
        return _answered(database, sent, _ANSWER_S)
    finally:
        database.close()


def swap(
    settings: Settings, wish: Wish, account: str | None = None, actor: str | None = None
) -> Answered:
    """Asks the session of an account to exchange its strategy at a candle close, and waits until it
    has loaded and checked the new one; `planned` then tells what will happen and when.

    Raises BadUsage for what does not exist, Refused where the process refused it.
    """
    wish = _looked_up(wish)
    database = open_configured(settings, create=False, examine=False)
    try:
        sent = _sent(database, "swap", wish.argument(), account, actor)
        return _answered(database, sent, _SWAP_ANSWER_S)
    finally:
        database.close()


def wish_for(
    settings: Settings,
    name: str | None,
    params: Mapping[str, object],
    positions: str,
    shadow: int,
    *,
    rollback: bool,
) -> Wish:
    """Returns what a name means, of a strategy or of a model; raises BadUsage where it is neither,
    or where the rest does not go with it."""
    from leeward.runtime.strategies import strategy_names

    if name is None or rollback or is_file(name) or name in strategy_names():
        return Wish(name, None, params, positions, shadow, rollback)
    from leeward.inference.bundle import shipped_pins

    if name not in shipped_pins() and not (settings.models_dir / f"{name}.json").is_file():
        raise unknown_name("strategy or model", name, strategy_names())
    return Wish(None, name, params, positions, shadow, rollback)


def _looked_up(wish: Wish) -> Wish:
    """Returns the wish with the whole path of a file, for the process that trades may run in
    another folder; raises BadUsage for a strategy that is not there."""
    if wish.strategy is None:
        return wish
    if is_file(wish.strategy):
        path, colon, name = wish.strategy, "", ""
        if not path.endswith(".py"):
            path, colon, name = wish.strategy.rpartition(":")
        whole = Path(path).expanduser().absolute()
        if not whole.is_file():
            raise BadUsage(f"{whole}: no such strategy file; `leeward strategies new` writes one")
        return replace(wish, strategy=f"{whole}{colon}{name}")
    from leeward.runtime.strategies import strategy_names

    if wish.strategy not in (names := strategy_names()):
        raise unknown_name("strategy", wish.strategy, names)
    return wish


@dataclass(frozen=True, slots=True)
class _Sent:
    account: str
    command_id: int
    running: bool


def _sent(
    database: Database, kind: str, argument: str, account: str | None, actor: str | None
) -> _Sent:
    name = account or _the_account(database)
    asking = actor or f"{getpass.getuser()}@{socket.gethostname()}"
    command_id = database.send_command(name, kind, argument, asking, now_ms())
    return _Sent(name, command_id, _is_running(database, name))


def _answered(database: Database, sent: _Sent, patience_s: float) -> Answered:
    """Waits for the outcome of a command, or for the note that tells when it will be carried out;
    raises Refused for one that was refused."""
    until_s = monotonic_s() + (patience_s if sent.running else 0.0)
    while True:
        found = database.command(sent.command_id)
        outcome = None if found is None else found.outcome
        planned = None if outcome is not None else _planned(database, sent)
        if outcome is not None or planned is not None or monotonic_s() >= until_s:
            break
        sleep_s(_LOOK_S)
    if outcome is not None and outcome.startswith("refused: "):
        raise Refused(f"{sent.account}: {outcome.removeprefix('refused: ')}")
    return Answered(sent.account, sent.command_id, outcome, sent.running, planned)


def _planned(database: Database, sent: _Sent) -> str | None:
    """Returns what the process that trades says of a command that it carries out later."""
    with database.reading() as connection:
        notes = reading.last_events(connection, sent.account, (Noted.__name__,))
    of_it = f"{SUBJECT}{sent.command_id}"
    words = (str(each.record["words"]) for each in notes if each.subject == of_it)
    return next((each for each in words if not each.startswith("refused: ")), None)


def _the_account(database: Database) -> str:
    with database.reading() as connection:
        names = [each.account for each in reading.accounts(connection)]
    if not names:
        raise BadUsage(
            "nothing has traded here yet; begin with play money: "
            "`leeward paper ema_cross --symbols BTCUSDT --timeframe 1h`"
        )
    chosen = _running(database, names) or names
    if len(chosen) != 1:
        raise BadUsage(
            f"--account: {len(chosen)} accounts to choose from, {', '.join(chosen)}; "
            "name one, as in --account paper:binance:main"
        )
    return chosen[0]
