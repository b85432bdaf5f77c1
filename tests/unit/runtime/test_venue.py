"""The key of the configured venue: complete, or refused with what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from leeward.domain.errors import BadConfig
from leeward.runtime.settings import load_settings
from leeward.runtime.venue import api_key_of, open_venue


@pytest.fixture(autouse=True)
def bare_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a configuration and an environment without settings."""
    for name in os.environ:
        if name.upper().startswith("LEEWARD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def pem_file(folder: Path) -> Path:
    private = Ed25519PrivateKey.generate()
    file = folder / "key.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def test_the_secret_comes_by_the_environment_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEEWARD_VENUE__API_KEY", "public-name")
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", "hush-hush")
    settings = load_settings()
    key = api_key_of(settings.venue)
    assert key is not None
    assert (key.name, key.kind) == ("public-name", "HMAC")
    shown = f"{settings!r} {settings} {settings.model_dump_json()} {key!r} {open_venue(settings)!r}"
    assert "hush-hush" not in shown


def test_a_key_file_makes_an_ed25519_key(tmp_path: Path) -> None:
    file = pem_file(tmp_path)
    settings = load_settings(changes=["venue.api_key=n", f"venue.key_file={file}"])
    key = api_key_of(settings.venue)
    assert key is not None
    assert key.kind == "Ed25519"


@pytest.mark.parametrize("place", ["file", "--set"])
def test_a_secret_written_down_is_refused_without_repeating_it(place: str, tmp_path: Path) -> None:
    config = tmp_path / "leeward.toml"
    config.write_text('[venue]\napi_secret = "hush-hush"\n' if place == "file" else "")
    changes = ["venue.api_secret=hush-hush"] if place == "--set" else []
    with pytest.raises(BadConfig, match="LEEWARD_VENUE__API_SECRET") as refused:
        load_settings(changes=changes)
    assert "hush-hush" not in str(refused.value)


def test_a_malformed_secret_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEEWARD_VENUE", '{"api_secret": 123123}')
    with pytest.raises(BadConfig, match=r"venue\.api_secret: \(hidden\)") as refused:
        load_settings()
    assert "123123" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["venue.api_key=n"], "needs one of"),
        (["venue.key_file=/nowhere/key.pem"], "api_key is missing"),
        (["venue.api_key=n", "venue.key_file=/nowhere/key.pem"], "cannot be read: No such file"),
        (["venue.api_key=n", "venue.key_file=leeward.toml"], "no private key that can be read"),
    ],
)
def test_half_a_key_is_refused(changes: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "leeward.toml").write_text("")
    settings = load_settings(changes=changes)
    with pytest.raises(BadConfig, match=words):
        api_key_of(settings.venue)


def test_without_a_key_there_is_none() -> None:
    assert api_key_of(load_settings().venue) is None


@pytest.mark.parametrize("change", ["venue.name=kraken", "venue.recv_window_ms=70000"])
def test_a_venue_setting_out_of_bounds_is_refused(change: str) -> None:
    with pytest.raises(BadConfig, match=r"--set venue\."):
        load_settings(changes=[change])
