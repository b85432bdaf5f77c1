"""An API key and the signatures it makes: HMAC, RSA or Ed25519."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from leeward.domain.errors import BadConfig


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's public name, and how it signs. The secret is never shown."""

    name: str
    kind: str
    sign: Callable[[bytes], str] = field(repr=False)


def hmac_key(name: str, secret: str) -> ApiKey:
    """Returns a key that signs with HMAC-SHA256, in hex."""
    secret_bytes = secret.encode()
    return ApiKey(
        name, "HMAC", lambda data: hmac.new(secret_bytes, data, hashlib.sha256).hexdigest()
    )


def pem_key(name: str, pem: bytes, place: str) -> ApiKey:
    """Returns a key that signs with the RSA or Ed25519 private key in `pem`, in base64.

    Raises BadConfig, naming `place`, for anything else; the content is never part of the message.
    """
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadConfig(
            f"{place}: no private key that can be read; an unencrypted PEM file with an Ed25519 or "
            "RSA key is needed"
        ) from None
    match private:
        case Ed25519PrivateKey() as ed25519:
            return ApiKey(name, "Ed25519", lambda data: b64encode(ed25519.sign(data)).decode())
        case RSAPrivateKey() as rsa:
            return ApiKey(
                name,
                "RSA",
                lambda data: b64encode(rsa.sign(data, PKCS1v15(), hashes.SHA256())).decode(),
            )
        case _:
            raise BadConfig(f"{place}: the exchange knows Ed25519 and RSA keys, this is another")


def encoded(parameters: Mapping[str, str]) -> str:
    """Returns the parameters percent-encoded, in their order."""
    return urlencode(parameters, quote_via=quote, safe="")


def signed_query(key: ApiKey, parameters: Mapping[str, str]) -> str:
    """Returns the parameters of a REST request with the signature over their encoded bytes."""
    payload = encoded(parameters)
    return f"{payload}&{encoded({'signature': key.sign(payload.encode())})}"


def signed_parameters(key: ApiKey, parameters: Mapping[str, str]) -> dict[str, str]:
    """Returns the parameters of a WebSocket API request with key and signature: there the values
    are signed raw, sorted by name."""
    named = {**parameters, "apiKey": key.name}
    payload = "&".join(f"{name}={named[name]}" for name in sorted(named))
    return {**named, "signature": key.sign(payload.encode())}
