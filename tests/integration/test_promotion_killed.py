"""A promotion that is killed on its way leaves the old model active; the next try finishes it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leeward.data.generated import generate_candles
from leeward.data.store import CandleStore
from leeward.database.engine import Database, open_database
from leeward.domain.errors import BadModel
from leeward.engine.records import Mode
from leeward.inference.bundle import load_bundle, shipped_pins
from leeward.runtime.gathering import Gatherer, Span
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.modelling import session_models
from leeward.strategies.ml_basic import MlBasic
from leeward.training.bundle import archived, write_flat
from leeward.training.listing import find_model, list_models, verify_model
from leeward.training.promote import active, promote, rollback
from tests.tiny_models import HOUR
from tests.unit.training.test_promote import NAME, RESEARCH, candidate

CANDLES = generate_candles("BTCUSDT", HOUR, 0, 200, seed=1)
#: Promotes the second version, and dies by SIGKILL just before the file that is asked for is put
#: in place: three go into the archive, three become the active ones.
_PROMOTE = """
import os, signal, sys
from pathlib import Path
from leeward.database.engine import open_database
from leeward.training.promote import promote
from tests.unit.training.test_promote import RESEARCH, candidate

folder, last = Path(sys.argv[1]), int(sys.argv[2])
database = open_database(f"sqlite:///{folder / 'leeward.db'}")
bundle = candidate(2)
put = 0

def watch(event, given):
    global put
    if event != "os.rename" or not str(given[1]).startswith(str(folder / "models")):
        return
    if put == last:
        os.kill(os.getpid(), signal.SIGKILL)
    put += 1

sys.addaudithook(watch)
promote(folder / "models", database, bundle, RESEARCH._replace(at_ms=2_000))
if last == put:
    os.kill(os.getpid(), signal.SIGKILL)
raise SystemExit(f"only {put} files were put in place")
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Models, their archive and the database in a folder of the test's own."""
    return load_settings(None, [f"data.dir={tmp_path / 'data'}", f"ml.dir={tmp_path / 'models'}"])


def killed_before(tmp_path: Path, last: int) -> None:
    asked = [sys.executable, "-c", _PROMOTE, str(tmp_path), str(last)]
    done = subprocess.run(
        asked, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def backtested(settings: Settings) -> str:
    """Returns the hash of the model that a backtest takes."""
    gatherer = Gatherer(CandleStore(settings.data.dir), {("BTCUSDT", HOUR): CANDLES}, Span())
    _, facts = gatherer.beside(MlBasic(), "BTCUSDT", HOUR, settings)
    model = facts["prediction"]
    assert isinstance(model, dict)
    return str(model["sha256"])


def in_session(settings: Settings, database: Database) -> str:
    """Returns the hash of the model that a session on paper takes."""
    asked = Asked(Mode.PAPER, "ml_basic", ("BTCUSDT",))
    return session_models(settings, asked, MlBasic(), HOUR, database).bundles[NAME].sha256


@pytest.mark.parametrize("last", range(7))
def test_a_kill_before_the_record_leaves_the_old_model_active(
    tmp_path: Path, settings: Settings, last: int
) -> None:
    first, second = candidate(1), candidate(2)
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    promote(tmp_path / "models", database, first, RESEARCH)
    database.close()
    killed_before(tmp_path, last)
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    now = active(database, NAME)
    assert now is not None
    # The metadata, which come last, follow the record.
    expected = first if last < 5 else second
    assert now.sha256 == expected.sha256
    loaded = load_bundle(tmp_path / "models", NAME, now.sha256)
    assert loaded.metadata.version == expected.version
    assert {backtested(settings), in_session(settings, database)} == {expected.sha256}
    assert find_model(settings, NAME).sha256 == expected.sha256
    again = promote(tmp_path / "models", database, second, RESEARCH._replace(at_ms=3_000))
    assert load_bundle(tmp_path / "models", NAME, again.sha256).metadata.version == second.version
    assert archived(tmp_path / "models", NAME) == [first.version, second.version]
    assert verify_model(settings, NAME).version == second.version
    database.close()


@pytest.mark.parametrize("last", [2, 4, 5])
def test_a_first_promotion_that_is_killed_leaves_the_shipped_model_active(
    tmp_path: Path, settings: Settings, last: int
) -> None:
    open_database(f"sqlite:///{tmp_path / 'leeward.db'}").close()
    killed_before(tmp_path, last)
    expected = shipped_pins()[NAME] if last < 5 else candidate(2).sha256
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    assert {backtested(settings), in_session(settings, database)} == {expected}
    (listed,) = (each for each in list_models(settings) if each.name == NAME and each.active)
    assert listed.place == ("shipped" if last < 5 else "archived")
    assert find_model(settings, NAME).sha256 == expected
    database.close()


def test_metadata_that_are_not_on_record_are_used_by_nothing(
    tmp_path: Path, settings: Settings
) -> None:
    first, second = candidate(1), candidate(2)
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    promote(tmp_path / "models", database, first, RESEARCH)
    write_flat(tmp_path / "models", second)
    assert {backtested(settings), in_session(settings, database)} == {first.sha256}
    with pytest.raises(BadModel, match=r"btcusdt_price.json: is not that of btcusdt_price .* puts"):
        verify_model(settings, NAME)
    shutil.rmtree(tmp_path / "models" / "archive" / NAME)
    with pytest.raises(BadModel, match="is pinned, but"):
        backtested(settings)
    with pytest.raises(BadModel, match="is pinned, but"):
        in_session(settings, database)
    database.close()


def test_a_file_beside_the_shipped_model_in_use_is_to_be_taken_away(
    tmp_path: Path, settings: Settings
) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    promote(tmp_path / "models", database, candidate(1), RESEARCH)
    rollback(tmp_path / "models", database, NAME, 2_000)
    database.close()
    lying = tmp_path / "models" / f"{NAME}.onnx"
    lying.write_bytes(b"another")
    # No command puts it back: a shipped version cannot be promoted.
    with pytest.raises(BadModel, match=r"btcusdt_price.onnx: is not that of .*; take it away"):
        verify_model(settings, NAME)
    lying.unlink()
    assert verify_model(settings, NAME).sha256 == shipped_pins()[NAME]


def test_a_model_on_record_that_is_gone_is_listed_as_broken(
    tmp_path: Path, settings: Settings
) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    promote(tmp_path / "models", database, candidate(1), RESEARCH)
    database.close()
    shutil.rmtree(tmp_path / "models")
    (tmp_path / "models" / "archive").mkdir(parents=True)
    (listed,) = (each for each in list_models(settings) if each.name == NAME and each.active)
    assert (listed.status, "train it again" in listed.note) == ("broken", True)
