"""API keys and what their signatures cover: HMAC-SHA256, RSA and Ed25519."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from leeward.domain.errors import BadUsage
from leeward.emulator.rejections import Rejection

KeyKind: TypeAlias = Literal["HMAC", "RSA", "ED25519"]

#: What a fresh key may do; the names are those of the wallet's apiRestrictions.
DEFAULT_RIGHTS: Final = {
    "ipRestrict": True,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "enableVanillaOptions": False,
    "enablePortfolioMarginTrading": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": False,
}
_FORMAT: Final = re.compile(r"^[A-Za-z0-9_-]{1,128}$")
_SIGNATURE: Final = re.compile(rb"(?:^|&)signature=([^&]*)")


@dataclass(slots=True)
class Key:
    """One key of an account. `secret` is the HMAC secret, or the public key as PEM text."""

    api_key: str
    account: str
    secret: str
    rights: dict[str, bool] = field(default_factory=lambda: dict(DEFAULT_RIGHTS))
    revoked: bool = False
    created_ms: int = 0
    kind: KeyKind = field(init=False)
    _public: RSAPublicKey | Ed25519PublicKey | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        unknown = self.rights.keys() - DEFAULT_RIGHTS.keys()
        if unknown:
            raise BadUsage(
                f"key {self.api_key}: unknown right {min(unknown)!r}; "
                f"known: {', '.join(DEFAULT_RIGHTS)}"
            )
        self.rights = {**DEFAULT_RIGHTS, **self.rights}
        self.kind = "HMAC"
        if "-----BEGIN" in self.secret:
            self._public = _load_public(self.api_key, self.secret)
            self.kind = "RSA" if isinstance(self._public, RSAPublicKey) else "ED25519"

    def signed(self, payload: bytes, signature: str) -> bool:
        """Returns whether `signature` is this key's over exactly these bytes."""
        if self._public is None:
            digest = hmac.new(self.secret.encode(), payload, hashlib.sha256).hexdigest()
            return hmac.compare_digest(digest.encode(), signature.lower().encode())
        try:
            raw = base64.b64decode(signature, validate=True)
            if isinstance(self._public, RSAPublicKey):
                self._public.verify(raw, payload, padding.PKCS1v15(), SHA256())
            else:
                self._public.verify(raw, payload)
        except (InvalidSignature, binascii.Error):
            return False
        return True


def find_key(keys: Mapping[str, Key], api_key: str | None) -> Key:
    """Returns the key; refuses one that is malformed (-2014), unknown or revoked (-2015)."""
    if api_key is None or not _FORMAT.match(api_key):
        raise Rejection(-2014, "API-key format invalid.", 401)
    key = keys.get(api_key)
    if key is None or key.revoked:
        raise not_permitted()
    return key


def not_permitted() -> Rejection:
    """Returns the refusal of a key that is unknown, revoked, at the wrong place or not allowed."""
    return Rejection(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def bad_signature() -> Rejection:
    """Returns the refusal of a signature."""
    return Rejection(-1022, "Signature for this request is not valid.")


def rest_payload(query: bytes, body: bytes) -> tuple[bytes, str | None]:
    """Returns what a REST request signs, and its signature: the raw query, then the raw body,
    nothing between them, both without the `signature` parameter."""
    found = _SIGNATURE.search(query) or _SIGNATURE.search(body)
    payload = _SIGNATURE.sub(b"", query).lstrip(b"&") + _SIGNATURE.sub(b"", body).lstrip(b"&")
    if found is None:
        return payload, None
    return payload, unquote_to_bytes(found.group(1)).decode("utf-8", "replace")


def frame_payload(values: Mapping[str, str]) -> bytes:
    """Returns what a WebSocket request signs: its parameters sorted by name, not encoded."""
    names = sorted(values.keys() - {"signature"})
    return "&".join(f"{name}={values[name]}" for name in names).encode()


def generated_key(seed: int, account: str) -> Key:
    """Returns an HMAC key whose texts follow from the seed and the account's name."""
    api_key, secret = (
        base64.b64encode(hashlib.sha512(f"{seed}/{account}/{part}".encode()).digest(), b"AZ")
        .decode()
        .rstrip("=")[:64]
        for part in ("key", "secret")
    )
    return Key(api_key, account, secret)


def _load_public(api_key: str, pem: str) -> RSAPublicKey | Ed25519PublicKey:
    try:
        public = load_pem_public_key(pem.encode())
    except ValueError:
        public = None
    if isinstance(public, RSAPublicKey | Ed25519PublicKey):
        return public
    raise BadUsage(
        f"key {api_key}: the text is no public key; give an RSA or Ed25519 public key as PEM, "
        "or an HMAC secret"
    )
