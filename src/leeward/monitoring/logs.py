"""Logs: one JSON object a line, with secrets taken out before a byte is written."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

from leeward.domain.errors import CannotWrite
from leeward.domain.times import iso
from leeward.engine.records import Noted, Severity
from leeward.monitoring.outlet import Outlet

HIDDEN = "(hidden)"
#: Names whose values are secret, whatever they are.
_SECRET_NAMES = re.compile(
    r"secret|password|passwd|token|signature|private|api_?key", re.IGNORECASE
)
#: Secrets inside words: a URL's password, a signed query, a key header.
_SECRET_WORDS = (
    re.compile(r"(?<=://)[^/\s@]*:[^@/\s]+(?=@)"),
    re.compile(r"(?:(?<=signature=)|(?<=apiKey=)|(?<=listenKey=)|(?<=token=))[^&\s\"']+"),
    re.compile(r"(?<=X-MBX-APIKEY)[\"']?\s*[:=]\s*[\"']?[^\s\"',}]+", re.IGNORECASE),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL),
)
_SHORTEST_SECRET = 6
_LEVELS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class Log:
    """Writes events to a stream or at the end of a file. `secrets` are values that never appear,
    wherever they turn up; `now_ms` dates the events."""

    def __init__(
        self, stream: TextIO | Outlet, now_ms: Callable[[], int], secrets: Iterable[str] = ()
    ) -> None:
        self._stream, self._now_ms = stream, now_ms
        self._logger = structlog.wrap_logger(
            structlog.PrintLogger(cast("TextIO", stream)),
            processors=[self._dated, _Redaction(secrets), _as_json],
            wrapper_class=structlog.BoundLogger,
        )

    def event(self, name: str, level: str = "info", **fields: object) -> None:
        """Writes one line. A stream that refuses it loses the line, never the session."""
        with suppress(OSError, ValueError):  # a full disk or a closed pipe is told by other means
            self._logger.info(name, level=level, **fields)

    def noted(self, noted: Noted) -> None:
        """Writes what was noted for the audit trail; fits the `alarm` of a session."""
        self.event(
            noted.kind,
            _LEVELS[noted.severity],
            words=noted.words,
            subject=noted.subject,
            venue_time=iso(noted.at_ms),
        )

    def close(self) -> None:
        """Closes the file; standard error stays open."""
        self._stream.close()

    def _dated(
        self, logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        del logger, method
        return {"time": iso(self._now_ms()), **event}


def open_log(file: Path | None, now_ms: Callable[[], int], secrets: Iterable[str] = ()) -> Log:
    """Returns the log to `file`, appended to, or to standard error. It is written by a thread.
    Raises CannotWrite."""
    if file is None:
        return Log(Outlet(sys.stderr, keep_open=True), now_ms, secrets)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Amounts and addresses stand in it: its owner's to read, where it is made here.
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        stream = os.fdopen(handle, "a", encoding="utf-8", buffering=1)
        return Log(Outlet(stream), now_ms, secrets)
    except OSError as error:
        raise CannotWrite(f"log {file}: cannot be written: {error.strerror}") from None


def redaction(secrets: Iterable[str]) -> Callable[[str], str]:
    """Returns what takes these secrets, and what looks like one, out of words."""
    return _Redaction(secrets).words


class _Redaction:
    """Takes secrets out of everything an event holds, at any depth."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # Longest first, so that no rest of one is left where it holds another.
        known = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        self._known = sorted(known, key=lambda secret: -len(secret))

    def __call__(
        self, logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        del logger, method
        return {self.words(str(name)): self._value(str(name), it) for name, it in event.items()}

    def _value(self, name: str, value: object) -> object:
        if _SECRET_NAMES.search(name):
            return HIDDEN
        if isinstance(value, Mapping):
            return {self.words(str(key)): self._value(str(key), it) for key, it in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", inner) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.words(str(value))

    def words(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        for pattern in _SECRET_WORDS:
            text = pattern.sub(HIDDEN, text)
        return text


def _as_json(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    del logger, method
    ordered = {"time": event.pop("time"), "level": event.pop("level"), "event": event.pop("event")}
    return json.dumps({**ordered, **event}, ensure_ascii=False, default=str)
