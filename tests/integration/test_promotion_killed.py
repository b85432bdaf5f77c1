"""A promotion that is killed on its way leaves the old model active; the next try finishes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leeward.database.engine import open_database
from leeward.inference.bundle import load_bundle
from leeward.training.bundle import archived
from leeward.training.promote import active, promote
from tests.unit.training.test_promote import NAME, RESEARCH, candidate

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


@pytest.mark.parametrize("last", range(7))
def test_a_kill_before_the_record_leaves_the_old_model_active(tmp_path: Path, last: int) -> None:
    first, second = candidate(1), candidate(2)
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    promote(tmp_path / "models", database, first, RESEARCH)
    database.close()
    asked = [sys.executable, "-c", _PROMOTE, str(tmp_path), str(last)]
    done = subprocess.run(
        asked, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    now = active(database, NAME)
    assert now is not None
    # Killed after the last file the record was committed, too: then the new one is active.
    expected = first if last < 6 else second
    assert now.sha256 == expected.sha256
    loaded = load_bundle(tmp_path / "models", NAME, now.sha256)
    assert loaded.metadata.version == expected.version
    again = promote(tmp_path / "models", database, second, RESEARCH._replace(at_ms=3_000))
    assert load_bundle(tmp_path / "models", NAME, again.sha256).metadata.version == second.version
    assert archived(tmp_path / "models", NAME) == [first.version, second.version]
    database.close()
