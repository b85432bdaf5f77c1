"""The models there are: active, archived, and those that come with the program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leeward.domain.errors import BadModel, BadUsage, LeewardError, unknown_name
from leeward.inference.bundle import SHIPPED, shipped_pins
from leeward.runtime.predictions import model_use, promotions_on_record
from leeward.runtime.settings import Settings
from leeward.training.bundle import Bundle, archived, names_in, read_bundle, with_sha256
from leeward.training.card import banner

if TYPE_CHECKING:
    from leeward.database.promotions import Promotion


class Listed(NamedTuple):
    """One version of a model; `status` is the one it was promoted with, else its own, `place` is
    "archived", "shipped", or "placed" by hand, `note` what to know first."""

    name: str
    version: str
    status: str
    place: str
    active: bool
    note: str


class _Record(NamedTuple):
    """What decides which version of a model is active: its pin, and the promotion in force."""

    pin: str | None = None
    promotion: Promotion | None = None


def list_models(settings: Settings) -> list[Listed]:
    """Returns every model, by name, the newest version first; a broken one says so in its note."""
    folder, records = settings.models_dir, _records(settings)
    found: list[Listed] = []
    for name in sorted({*names_in(folder), *records}):
        found += _of_folder(folder, name, records.get(name, _Record()))
    for name in names_in(SHIPPED):
        record = records.get(name, _Record())
        pin = record.pin
        used = not _is_file(folder, name) if pin is None else _is_shipped(name, pin)
        found.append(_listed(SHIPPED, name, "shipped", record._replace(pin=None), active=used))
    return found


def find_model(settings: Settings, name: str, version: str | None = None) -> Bundle:
    """Returns a version of a model, the active one unless named, every byte verified.

    Active is the one that is pinned, on record or by the settings; where none is, the one that
    lies in the folder, else the shipped one, and failing that the newest archived one.
    """
    folder = settings.models_dir
    pin = None if version is not None else _records(settings).get(name, _Record()).pin
    if version is not None or pin is not None or _is_file(folder, name):
        return _read(folder, name, version, pin)
    if _is_file(SHIPPED, name):
        return read_bundle(SHIPPED, name)
    versions = archived(folder, name)
    if not versions:
        known = {*names_in(folder), *names_in(SHIPPED)}
        if not known:
            raise BadUsage(f"{name}: no such model; `leeward train` makes one")
        raise unknown_name("model", name, known)
    return read_bundle(folder, name, versions[-1])


def verify_model(settings: Settings, name: str, version: str | None = None) -> Bundle:
    """Returns what `find_model` does; raises BadModel, too, where files that lie in the folder as
    the active ones are others."""
    found, folder = find_model(settings, name, version), settings.models_dir
    if version is not None:
        return found
    for file, content in found.files.items():
        lying = folder / file
        if lying.is_file() and lying.read_bytes() != content:
            asked = f"`leeward models promote {name} --version {found.version}` puts it back"
            raise BadModel(
                f"{lying}: is not that of {name} {found.version}, which is in use and whole; "
                f"{'take it away' if _is_shipped(name, found.sha256) else asked}"
            )
    return found


def promotion_of(settings: Settings, bundle: Bundle) -> Promotion | None:
    """Returns the promotion in force that made this very model the active one; None without."""
    promotion = promotions_on_record(settings).get(bundle.name)
    return promotion if promotion is not None and promotion.sha256 == bundle.sha256 else None


def _records(settings: Settings) -> dict[str, _Record]:
    promoted = promotions_on_record(settings)
    pins = model_use(settings, {name: each.sha256 for name, each in promoted.items()}).pins
    return {name: _Record(pin, promoted.get(name)) for name, pin in pins.items()}


def _is_file(folder: Path, name: str) -> bool:
    return (folder / f"{name}.json").is_file()


def _is_shipped(name: str, pin: str) -> bool:
    return shipped_pins().get(name) == pin


def _of_folder(folder: Path, name: str, record: _Record) -> Iterator[Listed]:
    versions, active, pin = archived(folder, name), "", record.pin
    if pin is not None or _is_file(folder, name):
        now = _listed(folder, name, "placed", record, active=True)
        active = now.version
        if active not in versions and not (pin and _is_shipped(name, pin)):
            yield now
    for version in reversed(versions):
        yield _listed(folder, name, "archived", record, version, active=version == active)


def _read(folder: Path, name: str, version: str | None, pin: str | None) -> Bundle:
    if pin is None:
        return read_bundle(folder, name, version)
    return read_bundle(SHIPPED, name) if _is_shipped(name, pin) else with_sha256(folder, name, pin)


def _listed(
    folder: Path,
    name: str,
    place: str,
    record: _Record,
    version: str | None = None,
    *,
    active: bool,
) -> Listed:
    try:
        bundle = _read(folder, name, version, None if version is not None else record.pin)
    except LeewardError as error:
        return Listed(name, version or "", "broken", place, active, str(error))
    promotion = record.promotion
    is_it = promotion is not None and promotion.sha256 == bundle.sha256
    status = promotion.status if promotion is not None and is_it else bundle.metadata["status"]
    return Listed(name, bundle.version, str(status), place, active, banner(bundle.metadata) or "")
