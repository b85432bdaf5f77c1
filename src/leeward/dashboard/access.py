"""Who may come in: one password for people, tokens for programs, in a file beside the database.

The file holds no secret in clear: the password as argon2id, tokens as SHA-256, which is enough for
256 random bits. Only its owner may read it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock

from leeward.data.durable import replacing
from leeward.domain.errors import BadUsage, Failed, Refused, unknown_name
from leeward.runtime.locks import held
from leeward.runtime.settings import Settings

if TYPE_CHECKING:
    from argon2 import PasswordHasher

FILE_NAME: Final = "access.json"
_SCHEMA: Final = "leeward.access/1"
_MARK: Final = "lwt_"
LEAST_LENGTH: Final = 12
_MOST_LENGTH: Final = 256
_LONGEST_LOCK_S: Final = 20.0
# A tenth of a second on a small machine; OWASP asks for 19 MiB and two passes.
_PASSES, _KIBIBYTES = 3, 32 * 1024


class Role(StrEnum):
    """What a token may do."""

    VIEWER = "viewer"  #: look at everything
    OPERATOR = "operator"  #: also halt, resume, flatten, swap and run backtests


@dataclass(frozen=True, slots=True)
class Token:
    """A program's way in; its secret was shown once."""

    name: str
    role: Role
    sha256: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Access:
    """What the file holds. `password` is its argon2id hash, None before the first one."""

    password: str | None = None
    tokens: tuple[Token, ...] = ()


class AccessFile:
    """Reads the file anew whenever it changed, so that what is revoked is revoked at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[tuple[int, int], Access] | None = None
        self._hashing = threading.Lock()

    def read(self) -> Access:
        """Returns what the file holds, nothing where there is none. Raises Refused where others may
        read it, Failed for one that is damaged: then nobody comes in."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return Access()
        if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
            raise Refused(
                f"{self.path}: others may read it (mode {stat.S_IMODE(found.st_mode):o}); run "
                f"`chmod 600 {self.path}`"
            )
        mark = found.st_mtime_ns, found.st_ino
        if self._known is None or self._known[0] != mark:
            self._known = mark, self._parsed()
        return self._known[1]

    def set_password(self, password: str | None = None) -> str:
        """Sets the password, a new random one where none is given, and returns it. Everybody who
        is logged in is logged out."""
        chosen = secrets.token_urlsafe(15) if password is None else password
        if not LEAST_LENGTH <= len(chosen) <= _MOST_LENGTH:
            raise BadUsage(
                f"the password has {len(chosen)} characters; give it {LEAST_LENGTH} to "
                f"{_MOST_LENGTH}"
            )
        hashed = _hasher().hash(chosen)
        with self._alone() as known:
            self._write(replace(known, password=hashed))
        return chosen

    def is_password(self, password: str) -> bool:
        """Returns whether it is the password; takes a tenth of a second whatever it is."""
        from argon2.exceptions import InvalidHashError, VerificationError

        kept = self.read().password
        with self._hashing:  # one at a time: each takes 32 MiB
            try:
                same = _hasher().verify(kept or _nobodys_hash(), password[: _MOST_LENGTH + 1])
            except (VerificationError, InvalidHashError):
                return False
        return bool(same) and kept is not None

    def add_token(self, name: str, role: Role, at_ms: int) -> str:
        """Returns the secret of a new token; it is not kept anywhere."""
        secret = f"{_MARK}{secrets.token_urlsafe(32)}"
        token = Token(name, role, digest(secret), at_ms)
        with self._alone() as known:
            if any(each.name == name for each in known.tokens):
                raise BadUsage(
                    f"there is a token '{name}' already; revoke it, or choose another name"
                )
            self._write(replace(known, tokens=(*known.tokens, token)))
        return secret

    def revoke_token(self, name: str) -> None:
        with self._alone() as known:
            left = tuple(token for token in known.tokens if token.name != name)
            if len(left) == len(known.tokens):
                raise unknown_name("token", name, [token.name for token in known.tokens])
            self._write(replace(known, tokens=left))

    def token_of(self, secret: str) -> Token | None:
        """Returns the token with that secret."""
        given = digest(secret)
        found = None
        for token in self.read().tokens:  # all of them: the time says nothing of which
            if secrets.compare_digest(token.sha256, given):
                found = token
        return found

    def new_device(self) -> str:
        """Returns what a browser that came in keeps, to be known again; it holds as long as the
        password does."""
        name = secrets.token_urlsafe(16)
        return f"{name}.{_seal(name, self.read())}"

    def device_of(self, kept: str) -> str | None:
        """Returns the name of the browser that was given this, None for what is not ours."""
        name, _, seal = kept.partition(".")
        known = self.read()
        same = secrets.compare_digest(seal.encode(), _seal(name, known).encode())
        return name if same and known.password is not None else None

    def _parsed(self) -> Access:
        try:
            tree = json.loads(self.path.read_bytes())
            if tree["schema"] != _SCHEMA:
                raise ValueError(tree["schema"])
            tokens = [
                Token(str(t["name"]), Role(t["role"]), str(t["sha256"]), int(t["created_ms"]))
                for t in tree["tokens"]
            ]
            return Access(tree["password"], tuple(tokens))
        except (ValueError, KeyError, TypeError):
            raise Failed(
                f"{self.path}: cannot be read as {_SCHEMA}; put a copy back, or move it away and "
                "run `leeward access password`"
            ) from None

    @contextmanager
    def _alone(self) -> Iterator[Access]:
        """Yields what the file holds while no other process changes it."""
        lock = FileLock(self.path.with_suffix(".lock"), mode=0o600)
        taken = f"{self.path}: another process keeps it locked; end it first"
        with held(lock, lambda: taken, _LONGEST_LOCK_S):
            self._known = None
            yield self.read()

    def _write(self, access: Access) -> None:
        tree = {
            "schema": _SCHEMA,
            "password": access.password,
            "tokens": [asdict(token) for token in access.tokens],
        }
        with replacing(self.path) as beside:
            owner_only = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(owner_only, "w", encoding="utf-8") as file:
                json.dump(tree, file, indent=1)
        self._known = None


def access_of(settings: Settings) -> AccessFile:
    """Returns the access file of these settings."""
    return AccessFile(settings.data.dir.absolute().parent / FILE_NAME)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _seal(name: str, access: Access) -> str:
    return hmac.digest((access.password or "").encode(), f"device {name}".encode(), "sha256").hex()


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=_PASSES, memory_cost=_KIBIBYTES, parallelism=1)


_NOBODY: list[str] = []


def _nobodys_hash() -> str:
    """Returns a hash that no password has: without one, a guess takes as long as with one."""
    if not _NOBODY:
        _NOBODY.append(_hasher().hash(secrets.token_urlsafe(32)))
    return _NOBODY[0]
