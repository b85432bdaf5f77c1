"""Signatures, checked against computed vectors and against the public half of a key."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from leeward.domain.errors import BadConfig
from leeward.venues.signing import encoded, hmac_key, pem_key, signed_parameters, signed_query

Private = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem_of(private: Private) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_every_vector_is_signed_as_computed(binance_samples: Path) -> None:
    vectors = json.loads((binance_samples / "signing_vectors.json").read_text())
    key = hmac_key("sim-key-1", vectors["secretKey"])
    assert len(vectors["cases"]) >= 5
    for case in vectors["cases"]:
        assert key.sign(case["payload"].encode()) == case["hmac_sha256_hex"], case["name"]


def test_rest_parameters_are_encoded_before_they_are_signed(binance_samples: Path) -> None:
    vectors = json.loads((binance_samples / "signing_vectors.json").read_text())
    case = next(case for case in vectors["cases"] if "non-ASCII" in case["name"])
    names = dict(part.split("=") for part in case["payload"].split("&"))
    names["symbol"] = unquote(names["symbol"])
    key = hmac_key("k", vectors["secretKey"])
    assert signed_query(key, names) == f"{case['payload']}&signature={case['hmac_sha256_hex']}"


def test_websocket_parameters_are_signed_sorted_and_raw(binance_samples: Path) -> None:
    vectors = json.loads((binance_samples / "signing_vectors.json").read_text())
    case = next(case for case in vectors["cases"] if "sorted by name" in case["name"])
    names = dict(part.split("=") for part in case["payload"].split("&"))
    del names["apiKey"]
    signed = signed_parameters(hmac_key("sim-key-1", vectors["secretKey"]), names)
    assert signed["signature"] == case["hmac_sha256_hex"]
    assert signed["apiKey"] == "sim-key-1"


def test_an_ed25519_signature_is_accepted_by_its_public_key() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    key = pem_key("k", pem_of(private), "file")
    private.public_key().verify(b64decode(key.sign(b"a=1")), b"a=1")
    assert key.kind == "Ed25519"


def test_an_rsa_signature_is_accepted_by_its_public_key() -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = pem_key("k", pem_of(private), "file")
    signature = b64decode(key.sign(b"a=1"))
    private.public_key().verify(signature, b"a=1", PKCS1v15(), hashes.SHA256())
    assert key.kind == "RSA"
    assert encoded({"signature": key.sign(b"a=1")}).count("=") == 1


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"my secret text",
        pem_of(ec.generate_private_key(ec.SECP256R1())),
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
        ),
    ],
)
def test_a_file_without_a_usable_key_is_refused_without_its_content(pem: bytes) -> None:
    with pytest.raises(BadConfig) as refused:
        pem_key("k", pem, "/keys/mine.pem")
    assert "/keys/mine.pem" in str(refused.value)
    assert "my secret text" not in str(refused.value)


def test_a_key_never_shows_its_secret() -> None:
    assert "hush" not in repr(hmac_key("name", "hush"))
