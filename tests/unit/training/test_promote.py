"""Promotion: verified, recorded, immutable in the archive, and whole whatever interrupts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.database.engine import Database, open_database
from leeward.domain.errors import BadModel, BadUsage, Failed, Refused
from leeward.inference.bundle import SHIPPED, load_bundle, shipped_pins
from leeward.training.bundle import (
    Bundle,
    archive,
    archived,
    make_bundle,
    read_bundle,
    write_flat,
)
from leeward.training.promote import Asked, active, promote, rollback

NAME = "btcusdt_price"
RESEARCH = Asked("research", "trader", 1_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    yield opened
    opened.close()


def candidate(day: int, **changes: object) -> Bundle:
    """A version of the shipped model, made on another day."""
    whole = read_bundle(SHIPPED, NAME)
    facts = {k: v for k, v in whole.metadata.items() if k not in {"files", "version"}} | changes
    onnx, golden = (whole.files[f"{NAME}.{ending}"] for ending in ("onnx", "golden.npz"))
    return make_bundle(facts, onnx, golden, f"2025-01-{day:02}T00:00:00Z")


def test_the_promoted_version_is_active_in_the_folder_and_on_record(
    tmp_path: Path, store: Database
) -> None:
    first = candidate(1)
    done = promote(tmp_path, store, first, RESEARCH)
    assert load_bundle(tmp_path, NAME, done.sha256).metadata.version == first.version
    shipped = shipped_pins()[NAME]
    assert active(store, NAME) == (NAME, first.sha256, "research", shipped, 1_000, "trader")


def test_rollback_goes_back_version_by_version(tmp_path: Path, store: Database) -> None:
    versions = [candidate(day) for day in (1, 2, 3)]
    for bundle in versions:
        promote(tmp_path, store, bundle, RESEARCH)
    for bundle in reversed(versions[:2]):
        assert rollback(tmp_path, store, NAME, 2_000).sha256 == bundle.sha256
        assert read_bundle(tmp_path, NAME).version == bundle.version
    assert rollback(tmp_path, store, NAME, 3_000).sha256 == shipped_pins()[NAME]


def test_the_first_promotion_is_rolled_back_to_the_shipped_model(
    tmp_path: Path, store: Database
) -> None:
    promote(tmp_path, store, candidate(1), RESEARCH)
    back = rollback(tmp_path, store, NAME, 2_000)
    assert (back.sha256, back.status) == (shipped_pins()[NAME], "research")
    assert load_bundle(tmp_path, NAME, back.sha256).sha256 == back.sha256
    with pytest.raises(BadUsage, match="no version was promoted before"):
        rollback(tmp_path, store, NAME, 3_000)
    promote(tmp_path, store, candidate(2), RESEARCH._replace(at_ms=4_000))
    assert rollback(tmp_path, store, NAME, 5_000).sha256 == back.sha256


def test_a_status_above_the_gates_needs_a_reason_which_is_recorded(
    tmp_path: Path, store: Database
) -> None:
    bundle = candidate(1, status_cap="paper")
    live = Asked("live", "trader", 1_000)
    with pytest.raises(Refused, match="status live refused: no demonstrated edge"):
        promote(tmp_path, store, bundle, live)
    assert active(store, NAME) is None
    promote(tmp_path, store, bundle, live._replace(override="I watch it myself"))
    with store.reading() as connection:
        kept = connection.exec_driver_sql("SELECT metrics FROM models").scalar_one()
    assert json.loads(kept)["override"] == "I watch it myself"


def test_no_reason_lifts_a_quarantine(tmp_path: Path, store: Database) -> None:
    asked = Asked("research", "trader", 1_000, "I want it")
    with pytest.raises(Refused, match="quarantined"):
        promote(tmp_path, store, candidate(1, quarantined=True), asked)


def test_an_archived_version_is_read_only_and_never_replaced(tmp_path: Path) -> None:
    bundle = candidate(1)
    place = archive(tmp_path, bundle)
    archive(tmp_path, bundle)
    assert {oct(path.stat().st_mode & 0o777) for path in place.iterdir()} == {"0o444"}
    other = Bundle(bundle.metadata, {**bundle.files, f"{NAME}.onnx": b"other"})
    with pytest.raises(Failed, match="archived with other contents"):
        archive(tmp_path, other)
    assert archived(tmp_path, NAME) == [bundle.version]


def test_one_network_judged_twice_within_a_second_is_two_versions(tmp_path: Path) -> None:
    bundles = [candidate(1, trials={"ledger_count": n, "sharpe_variance": 0.0}) for n in (4, 5)]
    for bundle in bundles:
        archive(tmp_path, bundle)
    assert archived(tmp_path, NAME) == sorted({bundle.version for bundle in bundles})
    assert len({bundle.version for bundle in bundles}) == 2


def test_a_changed_byte_is_refused_before_anything_is_promoted(
    tmp_path: Path, store: Database
) -> None:
    first, second = candidate(1), candidate(2)
    promote(tmp_path, store, first, RESEARCH)
    onnx = second.files[f"{NAME}.onnx"]
    broken = {**second.files, f"{NAME}.onnx": onnx[:-1] + bytes([onnx[-1] ^ 1])}
    with pytest.raises(BadModel, match=r"btcusdt_price\.onnx: sha256 .* is expected"):
        promote(tmp_path, store, Bundle(second.metadata, broken), RESEARCH)
    assert read_bundle(tmp_path, NAME).version == first.version


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_kill_between_two_files_leaves_the_old_model_active(
    tmp_path: Path, store: Database, done: int
) -> None:
    first = candidate(1)
    promote(tmp_path, store, first, RESEARCH)
    whole = read_bundle(SHIPPED, "btcusdt_sentiment")
    siblings = [whole.files["btcusdt_sentiment.onnx"], whole.files["btcusdt_sentiment.golden.npz"]]
    facts = {k: v for k, v in first.metadata.items() if k not in {"files", "version"}}
    second = make_bundle(facts, siblings[0], siblings[1], "2025-02-01T00:00:00Z")
    for file in list(second.files)[:done]:
        (tmp_path / file).write_bytes(second.files[file])
    assert read_bundle(tmp_path, NAME).version == first.version
    before = active(store, NAME)
    assert before is not None
    assert load_bundle(tmp_path, NAME, before.sha256).onnx == first.files[f"{NAME}.onnx"]


def test_a_promotion_that_cannot_write_leaves_the_record_as_it_was(
    tmp_path: Path, store: Database
) -> None:
    first = candidate(1)
    promote(tmp_path, store, first, RESEARCH)
    (tmp_path / f"{NAME}.onnx").unlink()
    (tmp_path / f"{NAME}.onnx").mkdir()
    with pytest.raises(Failed):
        promote(tmp_path, store, candidate(2), RESEARCH)
    now = active(store, NAME)
    assert now is not None
    assert now.sha256 == first.sha256


def test_listing_and_showing_need_no_training_stack(tmp_path: Path) -> None:
    write_flat(tmp_path / "data" / "models", candidate(1))
    code = (
        "import sys; from leeward.cli.main import main\n"
        "sys.argv = ['leeward', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: print(sorted({'keras', 'jax', 'onnx', 'sklearn'} & set(sys.modules)))"
    )
    environment = {"LEEWARD_DATA__DIR": str(tmp_path / "data"), "PATH": ""}
    for words in (["models", "list"], ["models", "show", NAME]):
        asked = [sys.executable, "-c", code, *words]
        shown = subprocess.run(asked, capture_output=True, text=True, env=environment, check=False)
        assert shown.stdout.endswith("[]\n"), shown.stderr
        assert NAME in shown.stdout
