"""The admin port: truth, clock, faults, accounts and markets. Never on the exchange's port."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leeward.domain.errors import BadUsage, LeewardError, unknown_name
from leeward.emulator.actions import by_hand, exact, hit_sockets, prices
from leeward.emulator.admin_clock import ClockDesk
from leeward.emulator.options import FeeRates
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.signatures import Key, generated_key

if TYPE_CHECKING:
    from leeward.emulator.server import Emulator

_Desk: TypeAlias = Callable[[Request, Json], object]
_SOCKET_EFFECTS = {
    "cut": "ws_cut",
    "close": "ws_close",
    "24h": "ws_24h",
    "half_open": "ws_half_open",
    "no_pong": "ws_no_pong",
    "slow": "ws_slow",
    "terminate": "uds_terminated",
}
_MOST_ROWS = 10_000


def admin_app(emulator: Emulator) -> Starlette:
    """Returns the application of the admin port."""
    desk = AdminDesk(emulator)
    clock = ClockDesk(emulator)
    table: list[tuple[str, str, _Desk]] = [
        ("GET", "health", desk.health),
        ("GET", "state", desk.state),
        ("GET", "trace", desk.trace),
        ("GET", "invariants", desk.invariants),
        ("GET", "requests", desk.requests),
        ("GET", "faults", desk.list_faults),
        ("POST", "faults", desk.add_fault),
        ("DELETE", "faults/{id}", desk.remove_fault),
        ("GET", "connections", desk.connections),
        ("POST", "connections/cut", desk.cut),
        ("POST", "accounts", desk.add_account),
        ("POST", "accounts/{id}/balance", desk.set_balance),
        ("POST", "accounts/{id}/keys", desk.add_key),
        ("POST", "orders", desk.place),
        ("DELETE", "orders", desk.cancel),
        ("POST", "price", desk.price),
        ("POST", "trade", desk.trade),
        ("POST", "symbols/{symbol}", desk.change_symbol),
        ("POST", "filters", desk.change_filters),
        ("POST", "snapshot", desk.snapshot),
        ("POST", "restore", desk.restore),
        ("POST", "reset", clock.reset),
        ("GET", "clock", clock.show),
        ("POST", "clock", clock.change),
        ("POST", "ack", clock.acknowledge),
    ]
    routes = [_route(emulator, method, path, call) for method, path, call in table]
    routes.append(Route("/sim/step", _answering(emulator, clock.step), methods=["POST"]))
    return Starlette(routes=routes)


class AdminDesk:
    """Truth and intervention. Every change is visible in the log, and so in its hash."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.snapshots: dict[str, object] = {}

    def health(self, _: Request, __: Json) -> Json:
        session = self.emulator.session
        return {
            "emulator": True,
            "time": session.now_ms,
            "clock": session.clock.mode,
            "seed": session.setup.seed,
            "hash": session.exchange.log_hash,
            "requests": session.requests_seen,
            "connections": len(session.delivery.connections),
            "pushed": session.delivery.sent,
            "candles_used_up": session.used_up,
            "failures": session.failures,
        }

    def state(self, _: Request, __: Json) -> Json:
        session = self.emulator.session
        keys = [
            {
                "api_key": key.api_key,
                "account": key.account,
                "kind": key.kind,
                "revoked": key.revoked,
                "rights": key.rights,
            }
            for key in session.keys.values()
        ]
        return {"time": session.now_ms, **session.exchange.truth(), "keys": keys}

    def trace(self, request: Request, _: Json) -> Json:
        exchange = self.emulator.session.exchange
        return {"hash": exchange.log_hash, "lines": exchange.event_log(_from(request))}

    def invariants(self, _: Request, __: Json) -> Json:
        broken = self.emulator.session.exchange.invariants()
        return {"ok": not broken, "broken": broken}

    def requests(self, request: Request, _: Json) -> Json:
        session = self.emulator.session
        first = _from(request)
        rows = [row for row in session.requests if int(str(row["seq"])) >= first]
        return {"seen": session.requests_seen, "requests": rows[:_MOST_ROWS]}

    def list_faults(self, _: Request, __: Json) -> list[Json]:
        return [fault.json() for fault in self.emulator.session.board.faults.values()]

    def add_fault(self, _: Request, body: Json) -> Json:
        session = self.emulator.session
        fault = session.board.add(body, session.now_ms)
        session.advance(session.exchange.time_us)
        if fault.error is not None:
            session.board.remove(fault.id)
            raise BadUsage(fault.error)
        return fault.json()

    def remove_fault(self, request: Request, _: Json) -> Json:
        self.emulator.session.board.remove(request.path_params["id"])
        return {}

    def connections(self, _: Request, __: Json) -> list[Json]:
        return [each.json() for each in self.emulator.session.delivery.matching()]

    def cut(self, _: Request, body: Json) -> Json:
        session = self.emulator.session
        how = str(body.get("how", "cut"))
        if how not in _SOCKET_EFFECTS:
            raise unknown_name("way to end a connection", how, _SOCKET_EFFECTS)
        chosen = session.delivery.matching(_text(body, "kind"), _text(body, "account"))
        if (wanted := body.get("id")) is not None:
            chosen = [each for each in chosen if each.id == wanted]
        hit_sockets(session, _SOCKET_EFFECTS[how], chosen)
        return {"connections": [each.id for each in chosen]}

    def add_account(self, _: Request, body: Json) -> Json:
        session = self.emulator.session
        account = _needed(body, "id")
        if account in session.exchange.accounts():
            raise BadUsage(f"account {account} exists already; choose another id")
        balances = {k: exact(v, k) for k, v in _mapping(body, "balances").items()}
        group = _group(body["trade_group"]) if "trade_group" in body else None
        session.add_account(account, balances, _fees(_mapping(body, "fees")))
        if group is not None:
            session.exchange.set_trade_group(account, group)
        key = session.add_key(generated_key(session.setup.seed, account))
        return {"id": account, "api_key": key.api_key, "api_secret": key.secret}

    def set_balance(self, request: Request, body: Json) -> Json:
        exchange = self.emulator.session.exchange
        account = self._account(request)
        asset = _needed(body, "asset")
        if "change" in body:
            exchange.deposit(account, asset, exact(body["change"], "change"))
        else:
            exchange.set_balance(account, asset, exact(body.get("free"), "free"))
        return exchange.account_info(account)

    def add_key(self, request: Request, body: Json) -> Json:
        """Adds a key, or changes the rights of one that is there."""
        session = self.emulator.session
        account = self._account(request)
        rights = {name: bool(value) for name, value in _mapping(body, "rights").items()}
        api_key = _text(body, "api_key") or f"{account}-key-{len(session.keys) + 1}"
        known = session.keys.get(api_key)
        secret = _text(body, "public_key") or _text(body, "secret")
        if secret is None:
            secret = generated_key(session.setup.seed, api_key).secret if known is None \
                else known.secret  # fmt: skip
        old = {} if known is None else known.rights
        made = Key(api_key, account, secret, {**old, **rights}, bool(body.get("revoked", False)))
        session.add_key(made)
        answer: Json = {"api_key": api_key, "kind": made.kind, "rights": made.rights}
        return answer if made.kind != "HMAC" else {**answer, "api_secret": secret}

    def place(self, _: Request, body: Json) -> object:
        """Places an order, or a list where `list` names its kind, by an account's own hand."""
        kind = _text(body, "list")
        if kind is not None and kind.upper() not in {"OCO", "OTO", "OTOCO", "OPO", "OPOCO"}:
            raise unknown_name("order list", kind, ("oco", "oto", "otoco", "opo", "opoco"))
        route = "order" if kind is None else f"orderList/{kind.lower()}"
        return by_hand(self.emulator.session, f"POST /api/v3/{route}", *_by(body))

    def cancel(self, _: Request, body: Json) -> object:
        """Cancels one order, or all of the symbol where no id is given."""
        one = "orderId" in body or "origClientOrderId" in body
        route = "DELETE /api/v3/order" if one else "DELETE /api/v3/openOrders"
        return by_hand(self.emulator.session, route, *_by(body))

    def price(self, _: Request, body: Json) -> Json:
        exchange = self.emulator.session.exchange
        path = body.get("path", body.get("price"))
        exchange.script_prices(_needed(body, "symbol"), prices(path))
        return exchange.ticker_price([_needed(body, "symbol")])[0]

    def trade(self, _: Request, body: Json) -> Json:
        exchange = self.emulator.session.exchange
        symbol = _needed(body, "symbol")
        exchange.print_trade(
            symbol,
            exact(body.get("price"), "price"),
            exact(body.get("qty"), "qty"),
            buyer_maker=bool(body.get("buyer_maker", False)),
        )
        return exchange.ticker_price([symbol])[0]

    def change_symbol(self, request: Request, body: Json) -> Json:
        exchange = self.emulator.session.exchange
        symbol = request.path_params["symbol"]
        for entry in _filters(body):
            exchange.set_filter(symbol, entry)
        if (status := _text(body, "status")) is not None:
            exchange.set_symbol_status(symbol, status, delist=bool(body.get("delist", False)))
        return exchange.exchange_info([symbol])

    def change_filters(self, _: Request, body: Json) -> Json:
        """Changes filters of the whole exchange and shows those that exchangeInfo shows."""
        exchange = self.emulator.session.exchange
        for entry in _filters(body):
            exchange.set_exchange_filter(entry)
        return {"exchangeFilters": exchange.exchange_info([])["exchangeFilters"]}

    def snapshot(self, _: Request, body: Json) -> Json:
        exchange = self.emulator.session.exchange
        name = _text(body, "id") or f"snapshot-{len(self.snapshots) + 1}"
        self.snapshots[name] = exchange.snapshot()
        return {"id": name, "hash": exchange.log_hash}

    def restore(self, _: Request, body: Json) -> Json:
        """Goes back to a snapshot of the exchange; sockets, keys, limits and faults stay."""
        from leeward.emulator.truth import Snapshot

        session = self.emulator.session
        name = _needed(body, "id")
        found = self.snapshots.get(name)
        if not isinstance(found, Snapshot):
            raise unknown_name("snapshot", name, self.snapshots)
        session.exchange.restore(found)
        session.clock.hold(session.exchange.time_us)
        return {"id": name, "time": session.now_ms, "hash": session.exchange.log_hash}

    def _account(self, request: Request) -> str:
        account: str = request.path_params["id"]
        known = self.emulator.session.exchange.accounts()
        if account not in known:
            raise unknown_name("account", account, known)
        return account


def _route(emulator: Emulator, method: str, path: str, call: _Desk) -> Route:
    async def answer(request: Request, body: Json) -> object:
        return call(request, body)

    return Route(f"/sim/{path}", _answering(emulator, answer), methods=[method])


def _answering(
    emulator: Emulator, call: Callable[[Request, Json], Awaitable[object]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        emulator.session.pump()
        try:
            answer = await call(request, await _body(request))
        except (LeewardError, Rejection) as error:
            code = {"code": error.code} if isinstance(error, Rejection) else {}
            return JSONResponse({"error": str(error), **code}, 400)
        emulator.session.deliver()
        return JSONResponse(answer)

    return endpoint


async def _body(request: Request) -> Json:
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = json.loads(raw, parse_float=str)
    except ValueError as error:
        raise BadUsage(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadUsage("the body must be a JSON object")
    return body


def _by(body: Json) -> tuple[str, Json]:
    """Returns whose hand it is, and the parameters of the exchange."""
    account = _text(body, "account") or "main"
    return account, {k: v for k, v in body.items() if k not in {"account", "list"}}


def _from(request: Request) -> int:
    text = request.query_params.get("from", "1")
    if not text.isdigit():
        raise BadUsage(f"from is '{text}'; give a number")
    return int(text)


def _text(body: Json, name: str) -> str | None:
    value = body.get(name)
    return None if value is None else str(value)


def _needed(body: Json, name: str) -> str:
    value = _text(body, name)
    if value is None:
        raise BadUsage(f"'{name}' is missing")
    return value


def _mapping(body: Json, name: str) -> Json:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise BadUsage(f"{name} is {value!r}; give names with values")
    return value


def _group(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadUsage(f"trade_group is {value!r}; give a whole number from 0")
    return value


def _filters(body: Json) -> list[Json]:
    found = body.get("filters", [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise BadUsage(f"filters is {found!r}; give a list of filters in the exchange's form")
    return found


def _fees(body: Json) -> FeeRates | None:
    if not body:
        return None
    known = FeeRates.__dataclass_fields__
    for name in body:
        if name not in known:
            raise unknown_name("fee", name, known)
    flag = bool(body.get("pay_in_bnb", False))
    rates = {name: exact(value, name) for name, value in body.items() if name != "pay_in_bnb"}
    return FeeRates(**rates, pay_in_bnb=flag)
