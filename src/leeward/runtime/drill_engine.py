"""The engine of a drill with its database, and what can be seen of both from outside."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from leeward.database import reading
from leeward.database.engine import Database, open_database
from leeward.database.errors import DatabaseDown
from leeward.domain.errors import Failed
from leeward.engine.books import books_of
from leeward.engine.records import Record, StateMoved, TradingState
from leeward.runtime import drill_strategy
from leeward.runtime.drill_stage import Engine, Exchange
from leeward.runtime.drill_truth import Truth, differences, truth_of
from leeward.runtime.settings import CHILD_COMMAND, PREFIX

_OWNER: Final = "main"
_ACCOUNT: Final = "live:emulator:main"
_QUOTE: Final = "USDT"
_COMMAND_S: Final = 30
#: More moves of the state than any rehearsal sees.
_MOVES: Final = 100_000

T = TypeVar("T")


@dataclass
class Rehearsal:
    """What happens on stage: the exchange's truth and what the engine wrote down."""

    exchange: Exchange
    engine: Engine
    url: str
    symbols: Sequence[str]
    _database: Database | None = None

    def truth(self) -> Truth:
        return truth_of(self.exchange.truth(), _OWNER)

    def records(self) -> list[Record]:
        """Returns what is written down so far, as a process loads it."""
        return self._read(lambda database: database.load(_ACCOUNT))

    def _read(self, read: Callable[[Database], list[T]]) -> list[T]:
        """Returns what the database holds; nothing before the engine has made it."""
        try:
            if self._database is None:
                self._database = open_database(self.url, create=False, examine=False)
            return read(self._database)
        except (DatabaseDown, Failed):
            return []

    def differences(self) -> list[str]:
        """Returns what truth and records disagree in at this moment. While orders are under way
        that is normal: look until they agree once."""
        records = self.records()
        if not records:
            return ["nothing is written down yet"]
        return differences(self.truth(), books_of(records, _ACCOUNT, _QUOTE), records)

    def stops(self) -> list[str]:
        """Returns the symbols with an open stop."""
        truth = self.truth()
        return [symbol for symbol in self.symbols if truth.open_stops(symbol) > 0]

    def entries(self) -> int:
        """Returns how many buys the exchange has seen."""
        return sum(order["side"] == "BUY" for order in self.truth().orders.values())

    def state(self) -> str:
        states = self._states()
        return states[-1] if states else "none"

    def boots(self) -> int:
        """Returns how many processes have begun to recover."""
        return self._states().count(TradingState.RECOVERING.value)

    def is_recovered(self) -> bool:
        return self.state() not in {"none", TradingState.RECOVERING.value}

    def _states(self) -> list[str]:
        """Returns the trading states the account was moved to, the oldest first."""
        return self._read(_states)

    def below_the_stops(self, symbol: str) -> list[str]:
        """Returns a price under every stop of a symbol, and the one after which it recovers."""
        price = self.truth().prices[symbol]
        return [f"{float(price) * share:.2f}" for share in (0.95, 0.97)]

    def command(self, name: str) -> str | None:
        """Gives an operator's command from a process of its own; returns what it was refused
        for, None where it was done."""
        done = self._run(name)
        return done.stderr.decode().strip() if done.returncode else None

    def second_instance(self) -> tuple[int, str]:
        """Returns exit code and last words of the same command, started a second time."""
        done = self._run(*self.engine.command[3:])
        said = done.stderr.decode().strip().splitlines()
        return done.returncode, said[-1] if said else ""

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - our own command
            [*self.engine.command[:3], *arguments],
            env=dict(self.engine.environment),
            cwd=self.engine.folder,
            capture_output=True,
            timeout=_COMMAND_S,
            check=False,
        )

    def close(self) -> None:
        if self._database is not None:
            self._database.close()


def _states(database: Database) -> list[str]:
    with database.reading() as connection:
        moves = reading.events(connection, _ACCOUNT, kinds=(StateMoved.__name__,), limit=_MOVES)
    return [str(each.record["state"]) for each in moves]


def rehearsal(
    exchange: Exchange, folder: Path, symbols: Sequence[str], url: str | None = None
) -> Rehearsal:
    """Returns the scene of a drill whose files lie in `folder`, the database too where `url` names
    no other; nothing is started yet."""
    url = url or f"sqlite:///{folder / 'leeward.db'}"
    command = [
        *CHILD_COMMAND,
        "live", f"{drill_strategy.__file__}:Restless",
        "--symbols", ",".join(symbols), "--timeframe", "1m",
        "--venue", "emulator", "--url", exchange.addresses.rest,
        "--i-understand-the-risks",
    ]  # fmt: skip
    return Rehearsal(exchange, Engine(command, _environment(exchange, folder, url), folder),
                     url, symbols)  # fmt: skip


def _environment(exchange: Exchange, folder: Path, url: str) -> dict[str, str]:
    """Returns the environment of the engine: ours without our own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}  # noqa: TID251 - handed on whole to a process of our own
    return kept | {
        f"{PREFIX}DATA__DIR": str(folder / "data"),
        f"{PREFIX}DATABASE__URL": url,
        f"{PREFIX}VENUE__API_KEY": exchange.addresses.api_key,
        f"{PREFIX}VENUE__API_SECRET": exchange.addresses.api_secret,
        f"{PREFIX}RISK__TREND_GATE": "off",
        # An hour of the exchange passes in minutes.
        f"{PREFIX}RISK__MAX_ORDERS_PER_HOUR": "10000",
        f"{PREFIX}TRADING__ENTRY": "ioc",
        f"{PREFIX}LIVE_CONFIRMATION": f"trade {_OWNER} on emulator",
    }
