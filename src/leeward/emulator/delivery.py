"""Carries what the exchange emits to the sockets that listen, with the faults of pushing."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from leeward.emulator.connections import Connection, SocketLink
from leeward.emulator.exchange import Exchange
from leeward.emulator.faults import (
    MARKET_FAULTS,
    PUSH_FAULTS,
    SUBSCRIPTION_FAULTS,
    Fault,
    FaultBoard,
)
from leeward.emulator.market_faults import changed_message
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.requests import Channel, Emitted
from leeward.emulator.time_unit import event_in_microseconds

_MOST_IDS = 65_535
DAY_US = 86_400_000_000


class Delivery:
    """The open sockets and what each listens to."""

    def __init__(self, exchange: Exchange, board: FaultBoard) -> None:
        self.exchange = exchange
        self.board = board
        self.connections: dict[int, Connection] = {}
        self.sent = 0
        self.last_seq = 0
        self._ids = itertools.count(1)
        self._by_stream: dict[str, dict[int, Connection]] = defaultdict(dict)
        self._by_account: dict[str, dict[tuple[int, int], Connection]] = defaultdict(dict)
        self._behind: dict[Channel, list[Emitted]] = {}
        self._delayed: list[tuple[int, Emitted]] = []

    def open(self, kind: str, link: SocketLink, address: str) -> Connection:
        """Returns the new connection of a socket."""
        made = Connection(
            next(self._ids),
            "stream" if kind == "stream" else "ws_api",
            link,
            address,
            self.exchange.time_us,
        )
        self.connections[made.id] = made
        return made

    def forget(self, connection: Connection) -> None:
        """Drops a connection that is gone, with all it listened to."""
        self.connections.pop(connection.id, None)
        for stream in list(connection.streams):
            self.unsubscribe_stream(connection, stream)
        for subscription in list(connection.subscriptions):
            self.end_user_stream(connection, subscription)

    def subscribe_streams(self, connection: Connection, names: Sequence[str]) -> None:
        """Adds market streams; an unknown name is kept and never sends. Raises Rejection where a
        fault refuses them."""
        lost = bool(names) and self._loses_subscription(stream=",".join(names))
        for name in names:
            connection.streams[name] = None
            if lost:
                continue
            if not self._by_stream[name]:
                self.exchange.watch(name)
            self._by_stream[name][connection.id] = connection

    def unsubscribe_stream(self, connection: Connection, stream: str) -> None:
        connection.streams.pop(stream, None)
        listening = self._by_stream.get(stream, {})
        listening.pop(connection.id, None)
        if not listening and self._by_stream.pop(stream, None) is not None:
            self.exchange.unwatch(stream)

    def start_user_stream(self, connection: Connection, account: str) -> int:
        """Returns the id of a new subscription; one account can have one on a connection."""
        if account in connection.subscriptions.values():
            raise Rejection(-2035, "User Data Stream subscription already active.")
        if connection.subscribed >= _MOST_IDS:
            raise Rejection(-2042, "User Data Stream subscription ids are used up.")
        lost = self._loses_subscription(account=account)
        subscription = connection.subscribed
        connection.subscribed += 1
        connection.subscriptions[subscription] = account
        if not lost:
            self._by_account[account][connection.id, subscription] = connection
        return subscription

    def end_user_stream(self, connection: Connection, subscription: int) -> None:
        account = connection.subscriptions.pop(subscription)
        self._by_account[account].pop((connection.id, subscription), None)
        if connection.from_logon == subscription:
            connection.from_logon = None

    def terminate_user_stream(self, connection: Connection, subscription: int) -> None:
        """Ends a subscription and says so."""
        self.end_user_stream(connection, subscription)
        event = {"e": "eventStreamTerminated", "E": self.exchange.time_us // 1000}
        _push(connection, {"subscriptionId": subscription, "event": event})

    def carry(self, messages: Iterable[Emitted]) -> None:
        """Sends messages to whom they concern, as far as the faults let them."""
        if self._delayed:
            now = self.exchange.time_us
            due = [each for at, each in self._delayed if at <= now]
            self._delayed = [(at, each) for at, each in self._delayed if at > now]
            for each in due:
                self._send(each)
        faulty = self.board.has(PUSH_FAULTS) or self.board.has(MARKET_FAULTS)
        for message in messages:
            self.last_seq = message.seq
            for each in self._through_faults(message) if faulty else (message,):
                self._send(each)

    def announce(self, kind: str | None, event: Json) -> None:
        """Sends an event of the server itself, such as serverShutdown, to every socket."""
        for connection in self.matching(kind):
            if connection.kind == "ws_api":
                _push(connection, {"event": event})
            elif connection.combined:
                _push(connection, {"stream": f"!{event['e']}", "data": event})
            else:
                _push(connection, event)

    def matching(self, kind: str | None = None, account: str | None = None) -> list[Connection]:
        """Returns the open connections of a kind, or of an account's user data, or all."""
        return [
            each
            for each in self.connections.values()
            if kind in {None, each.kind}
            and (account is None or account in each.subscriptions.values())
        ]

    def most_waiting(self) -> int:
        """Returns the bytes that the slowest client has not taken yet."""
        return max((each.link.waiting for each in self.connections.values()), default=0)

    def close_old(self) -> None:
        """Closes what has been open for 24 hours of the exchange's time."""
        limit = self.exchange.time_us - DAY_US
        for connection in list(self.connections.values()):
            if connection.opened_us <= limit:
                connection.link.close(1001, "24 hours")

    def _through_faults(self, message: Emitted) -> Iterator[Emitted]:
        earlier = self._behind.pop(message.channel, [])
        copies, held = 1, False
        now_ms, facts = self.exchange.time_us // 1000, _facts(message)
        if (changed := changed_message(self.board, now_ms, facts, message)) is None:
            yield from earlier
            return
        message = changed
        for fault in self.board.striking(PUSH_FAULTS, now_ms, facts):
            self.exchange.note(f"fault {fault.id} {fault.effect} seq={message.seq}")
            match fault.effect:
                case "event_dup":
                    copies += 1
                case "event_reorder":
                    held = True
                case "event_delay":
                    self._delay(message, fault)
                    copies = 0
                case _:
                    copies = 0
        if held and copies:
            self._behind[message.channel] = [message]
        else:
            yield from [message] * copies
        yield from earlier

    def _loses_subscription(self, **facts: str) -> bool:
        """Returns whether a fault loses a subscription; raises Rejection where one refuses it."""
        lost = False
        now_ms = self.exchange.time_us // 1000
        for fault in self.board.striking(SUBSCRIPTION_FAULTS, now_ms, facts):
            self.exchange.note(f"fault {fault.id} {fault.effect} {next(iter(facts.values()))}")
            if fault.effect == "subscribe_error":
                text = "An unknown error occurred while processing the request."
                raise Rejection(int(fault.number("code", -1000)), fault.text("msg", text))
            lost = True
        return lost

    def _delay(self, message: Emitted, fault: Fault) -> None:
        due_us = self.exchange.time_us + int(fault.number("ms", 1000) * 1000)
        self._delayed.append((due_us, message))

    def _send(self, message: Emitted) -> None:
        kind, name = message.channel
        if kind == "user":
            for (_, subscription), connection in list(self._by_account[name].items()):
                _push(connection, {"subscriptionId": subscription, "event": message.payload})
                self.sent += 1
            return
        listening = self._by_stream.get(name)
        if not listening:
            return
        raw: dict[bool, bytes] = {}
        for connection in list(listening.values()):
            micro = connection.microseconds
            if micro not in raw:
                raw[micro] = encode(event_in_microseconds(message.payload) if micro
                                    else message.payload)  # fmt: skip
            text = raw[micro]
            if connection.combined:
                text = b'{"stream":"%b","data":%b}' % (name.encode(), text)
            connection.link.push(text)
            self.sent += 1


def encode(value: object) -> bytes:
    """Returns compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _push(connection: Connection, message: Json) -> None:
    if connection.microseconds and "event" in message:
        message = {**message, "event": event_in_microseconds(message["event"])}
    connection.link.push(encode(message))


def _facts(message: Emitted) -> dict[str, str]:
    """Returns what a push fault can match: `stream` or `account`, `event`, `symbol`, of a report
    its `execution` type, of a candle whether it is `closed`."""
    kind, name = message.channel
    payload = message.payload if isinstance(message.payload, dict) else {}
    bar = payload.get("k")
    closed = isinstance(bar, dict) and bool(bar.get("x"))
    return {
        "account" if kind == "user" else "stream": name,
        "event": str(payload.get("e", "")),
        "symbol": str(payload.get("s", "")),
        "execution": str(payload.get("x", "")),
        "closed": str(closed).lower(),
    }
