"""The three sentiment sources on one loopback address, in the shapes that their pages document."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from leeward.data.sentiment import day_text, parse_day
from tests.fakes import Answer

_DAY_S = 86_400
KEY = "a-key-of-ours-0123456789"


def senticrypt_row(day: int, mean: float = 0.0509) -> dict[str, object]:
    """Returns a day as SentiCrypt v2 has it, price and volume included."""
    return {
        "date": day_text(day),
        "price": 29615.0,
        "volume": 2004.0,
        "score1": -0.5078,
        "score2": 0.1192,
        "score3": 0.1719,
        "count": 12,
        "mean": mean,
        "sum": -0.8669,
    }


def fear_greed_row(day: int, value: int = 40) -> dict[str, object]:
    """Returns a day as alternative.me has it: numbers are texts."""
    return {
        "value": str(value),
        "value_classification": "Fear",
        "timestamp": str(day * _DAY_S),
    }


def article(number: int, at_s: int, label: str | None = "POSITIVE") -> dict[str, object]:
    """Returns an article as the news list has it, as far as it matters here."""
    return {
        "TYPE": "121",
        "ID": number,
        "GUID": f"https://news.example/{number}",
        "PUBLISHED_ON": at_s,
        "TITLE": "A headline that is not kept",
        "LANG": "EN",
        "UPVOTES": 0,
        "DOWNVOTES": 0,
        "SCORE": 0,
        "SENTIMENT": label,
        "STATUS": "ACTIVE",
        "CATEGORY_DATA": [{"TYPE": "122", "ID": 14, "NAME": "BTC", "CATEGORY": "BTC"}],
    }


@dataclass
class FakeSources:
    """What the sources hold: days up to `today`, articles in any order.

    A `scripted` answer comes first, used up by a path that ends in its key. `delay_s` passes
    before each answer, or less once `released` is set. `requests` keeps path and query, `keys` the
    key that came with each.
    """

    senticrypt: list[dict[str, object]] = field(default_factory=list)
    fear_greed: list[dict[str, object]] = field(default_factory=list)
    articles: list[dict[str, object]] = field(default_factory=list)
    scripted: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    delay_s: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)
    today: int = 10**6
    url: str = ""

    def answer(self, target: str) -> Answer:
        self.requests.append(target)
        split = urlsplit(target)
        for ending, answers in self.scripted.items():
            if split.path.endswith(ending) and answers:
                return answers.pop(0)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        match split.path.strip("/").split("/"):
            case ["v2", "all.json"]:
                return reply([row for row in self.senticrypt if self._is_out(row)])
            case ["v2", "history", name]:
                rows = [row for row in self.senticrypt if self._is_out(row)]
                found = [row for row in rows if f"{row['date']}.json" == name]
                return reply(found[0]) if found else Answer(404, b"<html>not found</html>")
            case ["fng"]:
                rows = [row for row in self.fear_greed if self._is_out(row)]
                rows.sort(key=lambda row: int(str(row["timestamp"])), reverse=True)
                data = rows[: int(query["limit"])]
                name = "Fear and Greed Index"
                return reply({"name": name, "data": data, "metadata": {"error": None}})
            case ["news", "v1", "article", "list"]:
                return self._news(query)
        return Answer(404)

    def _is_out(self, row: Mapping[str, object]) -> bool:
        if "date" in row:
            return parse_day(str(row["date"])) <= self.today
        return int(str(row["timestamp"])) // _DAY_S <= self.today

    def _news(self, query: Mapping[str, str]) -> Answer:
        if self.keys[-1] != KEY:
            return reply({"Data": {}, "Err": {"type": 2, "message": "no key"}}, status=401)
        until_s, limit = int(query["to_ts"]), int(query["limit"])
        upto = [row for row in self.articles if int(str(row["PUBLISHED_ON"])) <= until_s]
        upto.sort(key=lambda row: int(str(row["PUBLISHED_ON"])), reverse=True)
        return reply({"Data": upto[:limit], "Err": {}})


def reply(answer: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})


def days_of(first: str, count: int) -> range:
    return range(parse_day(first), parse_day(first) + count)


@contextmanager
def serving_sources(sources: FakeSources) -> Iterator[FakeSources]:
    """Serves `sources` on a free loopback port, its address in `sources.url`, for the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            sources.keys.append(self.headers.get("x-api-key"))
            answer = sources.answer(self.path)
            sources.released.wait(sources.delay_s)
            try:
                self.send_response_only(answer.status)
                length = len(answer.body) if answer.length is None else answer.length
                headers = {"Content-Length": str(length)} | dict(answer.headers)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:  # whoever asked has given up
                self.close_connection = True
            if answer.length is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
            """Keeps the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sources.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield sources
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
