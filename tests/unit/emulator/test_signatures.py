from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from leeward.domain.errors import BadUsage
from leeward.emulator.rejections import Rejection
from leeward.emulator.rest_parameters import read_frame
from leeward.emulator.signatures import (
    Key,
    find_key,
    frame_payload,
    generated_key,
    rest_payload,
)

PAYLOAD = b"symbol=BTCUSDT&timestamp=1"


@pytest.fixture(scope="session")
def vectors(binance_samples: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((binance_samples / "signing_vectors.json").read_text())
    return content


def test_hmac_signatures_of_the_published_vectors_are_accepted(vectors: dict[str, object]) -> None:
    key = Key("sim-key-1", "main", str(vectors["secretKey"]))
    cases = vectors["cases"]
    assert isinstance(cases, list)
    for case in cases:
        assert key.signed(case["payload"].encode(), case["hmac_sha256_hex"])
        assert key.signed(case["payload"].encode(), case["hmac_sha256_hex"].upper())
        assert not key.signed(case["payload"].encode() + b"&", case["hmac_sha256_hex"])


def test_query_and_body_are_joined_without_a_separator() -> None:
    payload, signature = rest_payload(b"symbol=LTCBTC&side=BUY", b"quantity=1&signature=ab%2Bc%3D")
    assert payload == b"symbol=LTCBTC&side=BUYquantity=1"
    assert signature == "ab+c="


def test_signature_is_left_out_wherever_it_stands() -> None:
    assert rest_payload(b"signature=x&a=1&b=2", b"") == (b"a=1&b=2", "x")
    assert rest_payload(b"a=1&signature=x&b=2", b"") == (b"a=1&b=2", "x")
    assert rest_payload(b"a=1&signatures=x", b"") == (b"a=1&signatures=x", None)


def test_frame_signs_sorted_parameters_without_encoding() -> None:
    parameters = read_frame(
        {"symbol": "BTCUSDT", "apiKey": "k", "quantity": 1, "flag": True, "signature": "s"}
    )
    assert frame_payload(parameters.values) == b"apiKey=k&flag=true&quantity=1&symbol=BTCUSDT"


def test_ed25519_and_rsa_keys_verify_base64_signatures() -> None:
    ed25519 = Ed25519PrivateKey.generate()
    private_rsa = rsa.generate_private_key(65537, 2048)
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for kind, pem, raw in (
        ("ED25519", ed25519.public_key().public_bytes(*form), ed25519.sign(PAYLOAD)),
        ("RSA", private_rsa.public_key().public_bytes(*form),
         private_rsa.sign(PAYLOAD, padding.PKCS1v15(), SHA256())),
    ):  # fmt: skip
        key = Key("k", "main", pem.decode())
        signature = base64.b64encode(raw).decode()
        assert key.kind == kind
        assert key.signed(PAYLOAD, signature)
        assert not key.signed(PAYLOAD + b"0", signature)
        assert not key.signed(PAYLOAD, signature.swapcase())
        assert not key.signed(PAYLOAD, "not base64")


def test_key_that_is_neither_secret_nor_public_key_is_refused() -> None:
    with pytest.raises(BadUsage, match="no public key"):
        Key("k", "main", "-----BEGIN NONSENSE-----")
    with pytest.raises(BadUsage, match="unknown right 'enableMoon'"):
        Key("k", "main", "secret", {"enableMoon": True})


@pytest.mark.parametrize(
    ("api_key", "code"), [(None, -2014), ("", -2014), ("bad key", -2014), ("unknown", -2015)]
)
def test_malformed_and_unknown_keys_are_told_apart(api_key: str | None, code: int) -> None:
    with pytest.raises(Rejection) as refused:
        find_key({}, api_key)
    assert (refused.value.code, refused.value.http_status) == (code, 401)


def test_revoked_key_is_refused() -> None:
    key = Key("k", "main", "secret", revoked=True)
    with pytest.raises(Rejection, match="-2015"):
        find_key({"k": key}, "k")


def test_generated_keys_follow_from_seed_and_account() -> None:
    first, again, other = (
        generated_key(1, "main"),
        generated_key(1, "main"),
        generated_key(1, "bob"),
    )
    assert (first.api_key, first.secret) == (again.api_key, again.secret)
    assert first.api_key != other.api_key
    assert len(first.api_key) == len(first.secret) == 64
    assert first.api_key.isalnum()
