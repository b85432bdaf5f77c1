"""`leeward status`, `halt`, `resume` and `flatten`: from any process, through the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from leeward.cli.trading import Changes, Config, plain

if TYPE_CHECKING:
    from leeward.database.commands import Command
    from leeward.engine.books import FeesElsewhere
    from leeward.engine.records import SessionStarted
    from leeward.runtime.operating import AccountStatus

Account: TypeAlias = Annotated[
    str | None,
    typer.Option(help="As in paper:binance:main; else the only one, or the one running."),
]
Reason: TypeAlias = Annotated[str, typer.Option(help="Kept in the audit trail.")]


def status(
    account: Account = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    set_: Changes = None,
    config: Config = None,
) -> None:
    """Show state, positions, protection and session of the account that is traded, else of all.

    Ends with 0 where every account shown is traded by a process that beat within 30 s, with 1
    where one is not: a health check needs no more.
    """
    from leeward.runtime.operating import statuses
    from leeward.runtime.settings import load_settings

    found = statuses(load_settings(config, set_ or []), account)
    if as_json:
        typer.echo(json.dumps([_as_object(each) for each in found.shown], indent=2))
    elif not found.shown:
        typer.echo("no account yet; `leeward paper` makes one")
    else:
        for each in found.shown:
            typer.echo("\n".join(_as_text(each)))
        if found.others:
            typer.echo(f"not traded now: {', '.join(found.others)}; --account shows one")
    if not found.is_alive:
        raise typer.Exit(1)


def halt(reason: Reason = "", account: Account = None, set_: Changes = None,
         config: Config = None) -> None:  # fmt: skip
    """Stop opening positions; what is held keeps its stops. Only `leeward resume` ends it."""
    _order("halt", reason, account, set_, config)


def resume(reason: Reason = "", account: Account = None, set_: Changes = None,
           config: Config = None) -> None:  # fmt: skip
    """Let a halted account open positions again. After a halt by drawdown it counts anew."""
    _order("resume", reason, account, set_, config)


def flatten(
    symbol: Annotated[str, typer.Argument(help="As in BTCUSDT; else everything.")] = "",
    account: Account = None,
    set_: Changes = None,
    config: Config = None,
) -> None:
    """Sell what is held, of one symbol or all, at the market. Trading goes on: see `halt`."""
    _order("flatten", symbol.upper(), account, set_, config)


def _order(
    kind: str, argument: str, account: str | None, changes: list[str] | None, config: Path | None
) -> None:
    from leeward.runtime.operating import order
    from leeward.runtime.settings import load_settings

    answer = order(load_settings(config, changes or []), kind, argument, account)
    if answer.outcome is not None:
        typer.echo(f"{answer.account}: {answer.outcome}")
        return
    if answer.running:
        typer.echo(
            f"leeward: {answer.account}: {kind} was sent (command {answer.command_id}) and not "
            "carried out within 5 s; see `leeward status`",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(
        f"{answer.account}: no process trades it; {kind} is written down (command "
        f"{answer.command_id}) and is carried out first thing when one starts. Stops at the "
        "exchange hold meanwhile"
    )


def _as_object(status: AccountStatus) -> dict[str, object]:
    from leeward.domain.times import iso
    from leeward.runtime.health import model_caveats

    row, session = status.account, status.session
    return {
        "account": row.account,
        "running": status.running,
        "state": None if row.state is None else row.state.state.value,
        "reason": None if row.state is None else row.state.reason,
        "since": None if row.state is None else iso(row.state.at_ms),
        "heartbeat": None if row.heartbeat_ms is None else iso(row.heartbeat_ms),
        "holder": row.holder,
        "beat_s": None if status.beat_s is None else round(status.beat_s, 1),
        "killed": status.was_cut_off,
        "cash": f"{plain(status.cash)} {status.quote}",
        "fees_elsewhere": [_as_fee(each, status.quote) for each in status.fees],
        "positions": [
            {
                "symbol": each.symbol,
                "quantity": str(each.quantity),
                "entry_price": None if each.entry_price is None else str(each.entry_price),
                "stop": None if each.plan.stop is None else str(each.plan.stop),
                "target": None if each.plan.target is None else str(each.plan.target),
                "closing": each.closing,
                "opened": iso(each.opened_ms),
            }
            for each in status.held
        ],
        "waiting": [_as_waiting(each) for each in status.waiting],
        "session": None
        if session is None
        else {
            "id": session.started.session_id,
            "strategy": session.started.strategy,
            "symbols": list(session.started.symbols),
            "timeframe": session.started.timeframe,
            "started": iso(session.started.at_ms),
            "ended": None if session.ended_ms is None else iso(session.ended_ms),
            "end_reason": session.end_reason,
            "swap": session.started.facts.get("swap"),
            "caveats": list(model_caveats(session.started.facts)),
        },
        "facts": {**row.facts, **_amounts(row.facts)},
    }


def _as_fee(fee: FeesElsewhere, quote: str) -> dict[str, str]:
    return {
        "asset": fee.asset,
        "paid": plain(fee.paid),
        "not_valued": plain(fee.unvalued),
        "value": f"{plain(fee.value)} {quote}",
    }


def _as_waiting(command: Command) -> dict[str, object]:
    return {"command": command.command_id, "kind": command.kind, "actor": command.actor}


def _as_text(status: AccountStatus) -> list[str]:
    from leeward.domain.times import iso
    from leeward.runtime.health import model_caveats

    row, session = status.account, status.session
    state = "no state yet" if row.state is None else f"{row.state.state} ({row.state.reason})"
    lines = [f"{row.account}: {state}, {_life(status)}"]
    if session is not None:
        begun = session.started
        ended = "" if session.ended_ms is None else f", ended {iso(session.ended_ms)}"
        lines.append(
            f"  {begun.strategy} on {', '.join(begun.symbols)} {begun.timeframe} since "
            f"{iso(begun.at_ms)}{ended}"
        )
        lines += _swap_lines(status, begun)
        lines += [f"  {each}" for each in model_caveats(begun.facts)]
    equity = _amounts(row.facts).get("equity")
    worth = "" if equity is None else f", equity {Decimal(equity):,.2f}"
    lines.append(f"  cash {status.cash:,.2f} {status.quote}{worth}")
    for fee in status.fees:
        left = f"; {plain(fee.unvalued)} {fee.asset} not valued" if fee.unvalued else ""
        worth = f"{fee.value:,.2f} {status.quote}"
        lines.append(f"  fees of {plain(fee.paid)} {fee.asset} count as {worth}{left}")
    causes = row.facts.get("causes")
    if status.running and causes:
        lines.append(f"  reducing because of: {causes}")
    for each in status.held:
        stop = "no stop" if each.plan.stop is None else f"stop {each.plan.stop}"
        closing = "" if each.closing is None else f", closing ({each.closing})"
        lines.append(f"  {each.symbol} {each.quantity} from {each.entry_price}, {stop}{closing}")
    if not status.held:
        lines.append("  nothing is held")
    lines += _waiting_lines(status)
    return lines


def _waiting_lines(status: AccountStatus) -> list[str]:
    return [
        f"  {each.kind} waits, asked for by {each.actor} (command {each.command_id})"
        for each in status.waiting
        if not (status.running and each.kind == "swap")  # told above, with when it is due
    ]


def _swap_lines(status: AccountStatus, begun: SessionStarted) -> list[str]:
    """Returns how the strategy came about where it was swapped in, and what is to replace it."""
    from leeward.domain.times import iso
    from leeward.runtime.trading.lineage import managers, swap_facts, titled

    swap, coming = swap_facts(begun), status.account.facts.get("swap")
    lines = []
    before, at_ms = swap.get("before"), swap.get("at_ms")
    if isinstance(before, Mapping) and isinstance(at_ms, int):
        lines.append(
            f"  swapped in {iso(at_ms)} by {swap.get('actor')} for "
            f"{titled(str(before['strategy']), before.get('params'))}; `leeward swap --rollback` "
            "takes it back"
        )
    for facts, positions in managers(swap):
        held = [each.symbol for each in status.held if each.position_id in positions]
        if held:
            lines.append(f"  {facts['strategy']} manages {', '.join(held)} until closed")
    if status.running and isinstance(coming, Mapping):
        left, when = coming.get("shadow_left"), coming.get("at_ms")
        due = f" at {iso(when)}" if isinstance(when, int) else ""
        tried = f", tried on {left} more candles first" if left else ""
        lines.append(f"  swap to {coming.get('to')}: {coming.get('state')}{due}{tried}")
    return lines


def _life(status: AccountStatus) -> str:
    beat = "" if status.beat_s is None else f"last beat {status.beat_s:.0f} s ago"
    if status.running:
        return "running" if status.is_alive else f"running, {beat or 'no beat yet'}"
    if status.was_cut_off:
        return f"not running, {beat or 'no beat ever'}: killed or cut off"
    return "not running"


def _amounts(facts: Mapping[str, object]) -> dict[str, str]:
    """Returns the amounts among the facts of a heartbeat, without trailing zeros."""
    given = {name: facts.get(name) for name in ("equity", "cash")}
    return {name: plain(Decimal(it)) for name, it in given.items() if isinstance(it, str)}
