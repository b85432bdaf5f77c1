"""The models there are: active, archived, and those that come with the program."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from leeward.domain.errors import BadUsage, LeewardError, unknown_name
from leeward.inference.bundle import SHIPPED
from leeward.runtime.settings import Settings
from leeward.training.bundle import Bundle, archived, names_in, read_bundle
from leeward.training.card import banner
from leeward.training.train import models_dir


class Listed(NamedTuple):
    """One version of a model; `place` is "archived", "shipped", or "placed"
    by hand, `note` what to know first."""

    name: str
    version: str
    status: str
    place: str
    active: bool
    note: str


def list_models(settings: Settings) -> list[Listed]:
    """Returns every model, by name, the newest version first; a broken one says so in its note."""
    folder = models_dir(settings)
    found = []
    for name in names_in(folder):
        now = _version(folder, name)
        versions = archived(folder, name)
        if (folder / f"{name}.json").is_file() and now not in versions:
            found.append(_listed(folder, name, None, "placed", active=True))
        found += [
            _listed(folder, name, version, "archived", active=version == now)
            for version in reversed(versions)
        ]
    for name in names_in(SHIPPED):
        used = not (folder / f"{name}.json").is_file()
        found.append(_listed(SHIPPED, name, None, "shipped", active=used))
    return found


def find_model(settings: Settings, name: str, version: str | None = None) -> Bundle:
    """Returns a version of a model, the active one unless named, every byte verified.

    Where none was promoted that is the shipped one, and failing that the newest archived one.
    """
    folder = models_dir(settings)
    if version is not None or (folder / f"{name}.json").is_file():
        return read_bundle(folder, name, version)
    if (SHIPPED / f"{name}.json").is_file():
        return read_bundle(SHIPPED, name)
    versions = archived(folder, name)
    if not versions:
        known = {*names_in(folder), *names_in(SHIPPED)}
        if not known:
            raise BadUsage(f"{name}: no such model; `leeward train` makes one")
        raise unknown_name("model", name, known)
    return read_bundle(folder, name, versions[-1])


def _version(folder: Path, name: str) -> str | None:
    if not (folder / f"{name}.json").is_file():
        return None
    try:
        return read_bundle(folder, name).version
    except LeewardError:
        return None


def _listed(folder: Path, name: str, version: str | None, place: str, *, active: bool) -> Listed:
    try:
        bundle = read_bundle(folder, name, version)
    except LeewardError as error:
        return Listed(name, version or "", "broken", place, active, str(error))
    note = banner(bundle.metadata) or ""
    return Listed(name, bundle.version, str(bundle.metadata["status"]), place, active, note)
