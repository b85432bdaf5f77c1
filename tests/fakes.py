"""Stand-ins at the edges: servers that speak an exchange's protocol on a real socket."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np

from leeward.domain.candles import Candles

_MICROSECONDS_FROM_MS = 1_735_689_600_000  # 2025-01-01: spot archives count in microseconds since


class Answer(NamedTuple):
    """One scripted reply; `length` promises more or fewer bytes than there are."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    length: int | None = None


@dataclass
class FakeBinance:
    """Binance's public archive and REST candles as of `now_ms`, on one loopback address.

    `candles` holds what happened, also past `now_ms`; the one that is still open there is served
    as the running candle that REST sends last. Months and days end up in the archive at once,
    except the names in `unpublished` ("2024-03", "2024-03-05"). `scripted` answers come first:
    a list of replies for every path that ends in its key, used up one by one.
    """

    candles: list[Candles]
    now_ms: int
    unpublished: set[str] = field(default_factory=set)
    scripted: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def asked(self, part: str) -> list[str]:
        """Returns the requests so far whose path or query contains `part`."""
        return [request for request in self.requests if part in request]

    def answer(self, target: str) -> Answer:
        self.requests.append(target)
        split = urlsplit(target)
        for ending, answers in self.scripted.items():
            if split.path.endswith(ending) and answers:
                return answers.pop(0)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        match split.path.split("/")[1:]:
            case ["api", "v3", "time"]:
                return _json({"serverTime": self.now_ms})
            case ["api", "v3", "ticker", "price"]:
                return _json([{"symbol": series.symbol, "price": "1.0"} for series in self.candles])
            case ["api", "v3", "klines"]:
                return self._klines(query)
            case ["data", "spot", "monthly" | "daily", "klines", symbol, timeframe, name]:
                return self._archive(symbol, timeframe, name)
        return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _series(self, symbol: str, timeframe: str) -> Candles | None:
        for series in self.candles:
            if (series.symbol, series.timeframe.name) == (symbol, timeframe):
                return series
        return None

    def _klines(self, query: Mapping[str, str]) -> Answer:
        if not any(series.symbol == query["symbol"] for series in self.candles):
            return _json({"code": -1121, "msg": "Invalid symbol."}, 400)
        series = self._series(query["symbol"], query["interval"])
        if series is None:
            return _json([])
        end = min(int(query.get("endTime", self.now_ms)), self.now_ms) + 1
        chosen = series.between(int(query["startTime"]), end)
        return _json(kline_rows(chosen.rows(0, min(len(chosen), int(query.get("limit", 500))))))

    def _archive(self, symbol: str, timeframe: str, name: str) -> Answer:
        period = name.removeprefix(f"{symbol}-{timeframe}-").split(".zip")[0]
        series = self._series(symbol, timeframe)
        month = len(period) == len("2024-03")
        first = np.datetime64(period, "M" if month else "D")
        start, end = (
            int(edge.astype("datetime64[ms]").astype(np.int64)) for edge in (first, first + 1)
        )
        chosen = None if series is None else series.between(start, end)
        if not chosen or end > self.now_ms or period in self.unpublished:
            return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        content = archive_zip(kline_rows(chosen), f"{symbol}-{timeframe}-{period}.csv")
        if name.endswith(".CHECKSUM"):
            digest = hashlib.sha256(content).hexdigest()
            return Answer(200, f"{digest}  {name.removesuffix('.CHECKSUM')}\n".encode())
        return Answer(200, content)


def kline_rows(candles: Candles) -> list[list[str | int]]:
    """Returns the rows as REST sends them: numbers as text, times and counts as numbers."""
    rows: list[list[str | int]] = []
    for i in range(len(candles)):
        time = int(candles.open_time[i])
        prices = (candles.open, candles.high, candles.low, candles.close, candles.volume)
        quote, trades, taker = (
            0.0 if column is None else float(column[i])
            for column in (candles.quote_volume, candles.trades, candles.taker_buy_volume)
        )
        text = [f"{float(column[i]):.8f}" for column in prices]
        close_time = time + candles.timeframe.length_ms - 1
        volumes: list[str | int] = [
            f"{quote:.8f}",
            int(trades),
            f"{taker:.8f}",
            f"{taker * prices[3][i]:.8f}",
        ]
        rows.append([time, *text, close_time, *volumes, "0"])
    return rows


def archive_zip(rows: list[list[str | int]], name: str) -> bytes:
    """Returns the rows as the archive has them: CSV without a header in a ZIP, the same bytes each
    time, times in microseconds from 2025 on."""
    lines = []
    for row in rows:
        times = {0: int(row[0]), 6: int(row[6])}
        if times[0] >= _MICROSECONDS_FROM_MS:
            times = {0: times[0] * 1000, 6: times[6] * 1000 + 999}
        lines.append(",".join(str(times.get(i, value)) for i, value in enumerate(row)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, "\n".join(lines) + "\n")
    return buffer.getvalue()


def _json(answer: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(answer).encode(), {"X-MBX-USED-WEIGHT-1M": "12"})


@contextmanager
def serving(exchange: FakeBinance) -> Iterator[FakeBinance]:
    """Serves `exchange` on a free loopback port, its address in `exchange.url`, for the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

        def do_GET(self) -> None:
            answer = exchange.answer(self.path)
            self.send_response_only(answer.status)
            length = len(answer.body) if answer.length is None else answer.length
            headers = {"Date": formatdate(exchange.now_ms / 1000, usegmt=True)}
            for name, value in (
                {"Content-Length": str(length)} | headers | dict(answer.headers)
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
            if length > len(answer.body):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
            """Keeps the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    exchange.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield exchange
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
