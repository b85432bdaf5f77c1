"""`leeward data` as a user meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leeward.cli.data import app
from leeward.data.exporting import export_candles
from leeward.data.resample import resample
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles, month_hashes
from leeward.domain.errors import LeewardError
from leeward.domain.timeframe import Timeframe
from tests.walks import walk

HOUR, QUARTER = Timeframe.parse("1h"), Timeframe.parse("15m")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CandleStore:
    monkeypatch.setenv("LEEWARD_DATA__DIR", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return CandleStore(tmp_path / "store")


def leeward(*arguments: str) -> Done:
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, LeewardError):
        return Done(done.exception.exit_code, done.stdout, str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def write(candles: Candles, name: str) -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    export_candles(candles, path)
    return path


def test_files_are_imported_and_each_tells_what_became_of_it(store: CandleStore) -> None:
    write(walk(50), "in/BTCUSDT-1h-2024-01.csv")
    write(walk(20), "in/um-futures-ETHUSDT-1h.parquet")
    Path("in/gaps.csv").touch()

    done = leeward("import", "in")

    assert done == Done(
        0,
        "BTCUSDT 1h from in/BTCUSDT-1h-2024-01.csv: 50 added\n"
        "ETHUSDT 1h from in/um-futures-ETHUSDT-1h.parquet: 20 added; these are futures candles\n"
        "passed over 1 not named like candles: gaps.csv\n"
        "2 files imported: 70 candles added, 0 replaced; 0 refused\n",
        "",
    )
    assert store.load("BTCUSDT", HOUR).sha256 == walk(50).sha256


def test_a_refused_file_stops_neither_the_others_nor_the_summary(store: CandleStore) -> None:
    write(walk(50), "BTCUSDT-1h.csv")
    Path("ETHUSDT-1h.csv").write_text("open_time,open,high,low,close,volume\n", encoding="utf-8")

    done = leeward("import", "missing-1h.csv", "ETHUSDT-1h.csv", "BTCUSDT-1h.csv")

    assert done == Done(
        1,
        "BTCUSDT 1h from BTCUSDT-1h.csv: 50 added\n"
        "1 file imported: 50 candles added, 0 replaced; 2 refused\n",
        "refused missing-1h.csv: no such file\nrefused ETHUSDT-1h.csv: holds no candles\n",
    )
    assert len(store.series()) == 1


def test_what_holds_no_candles_is_refused_for_that_whatever_its_name(store: CandleStore) -> None:
    Path("BTCUSDT-funding-8h.csv").write_text("funding_time,funding_rate\n1,2\n", encoding="utf-8")

    assert "holds funding rates, not candles" in leeward("import", "BTCUSDT-funding-8h.csv").err
    folder = leeward("import", ".")
    assert folder.code == 1
    assert folder.err == ".: no file in it is named like candles, as in BTCUSDT-1h-2024-03.csv"
    assert not store.root.exists()


def test_symbol_and_timeframe_may_be_given(store: CandleStore) -> None:
    write(walk(50), "candles.csv")
    assert leeward("import", "candles.csv").code == 1
    done = leeward("import", "candles.csv", "--symbol", "ethusdt", "--timeframe", "1h")
    assert done.code == 0
    assert store.series() == [("ETHUSDT", HOUR)]

    unknown = leeward("import", "candles.csv", "--timeframe", "1hour")
    assert (unknown.code, unknown.err[:57]) == (
        2,
        "unknown timeframe '1hour'; did you mean '1h'? Known: 12h,"[:57],
    )


def test_bad_candles_are_skipped_and_listed_when_asked(store: CandleStore) -> None:
    path = write(walk(50), "BTCUSDT-1h.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace(",", ",-", 1)
    path.write_text("\n".join(lines), encoding="utf-8")
    reason = "line 4 (2024-01-01T02:00:00Z): open is not a finite number above zero"

    refused = leeward("import", "BTCUSDT-1h.csv")
    assert refused.code == 1
    assert refused.err == (
        f"refused BTCUSDT-1h.csv: {reason}; nothing was imported from it; "
        "use --skip-bad to import the rest\n"
    )
    assert store.series() == []

    skipped = leeward("import", "BTCUSDT-1h.csv", "--skip-bad")
    assert skipped.code == 0
    assert "BTCUSDT 1h from BTCUSDT-1h.csv: 49 added, 1 bad and skipped\n" in skipped.out
    assert f"  skipped {reason}\n" in skipped.out


@pytest.mark.usefixtures("store")
def test_an_import_speaks_json() -> None:
    write(walk(50), "BTCUSDT-1h.csv")
    leeward("import", "BTCUSDT-1h.csv")
    done = leeward("import", "BTCUSDT-1h.csv", "missing.csv", "--json")

    assert done.code == 1
    assert json.loads(done.out) == {
        "imported": [
            {
                "file": "BTCUSDT-1h.csv",
                "symbol": "BTCUSDT",
                "timeframe": "1h",
                "futures": False,
                "added": 0,
                "same": 50,
                "completed": 0,
                "replaced": 0,
                "skipped": [],
            }
        ],
        "refused": [{"file": "missing.csv", "reason": "missing.csv: no such file"}],
        "sentiment": [],
        "passed_over": [],
    }


def test_a_store_that_cannot_be_written_ends_the_import(store: CandleStore) -> None:
    write(walk(50), "BTCUSDT-1h.csv")
    store.root.write_text("in the way", encoding="utf-8")

    done = leeward("import", "BTCUSDT-1h.csv")

    assert done.code == 1
    assert done.err.startswith(f"{store.root}: cannot be written: ")
    assert done.out == "0 files imported: 0 candles added, 0 replaced; 0 refused\n"


def test_stored_candles_are_listed(store: CandleStore) -> None:
    for command in ("list", "check"):
        assert leeward(command).out.startswith(f"no candles in {store.root}; get some with ")
    store.merge(walk(50))
    store.merge(walk(10, start="2024-01-04"))

    done = leeward("list")
    assert done.code == 0
    assert done.out.splitlines()[1].split()[:-2] == [
        "BTCUSDT", "1h", "2024-01-01T00:00:00Z", "2024-01-04T09:00:00Z", "60", "1", "22",
    ]  # fmt: skip

    shown = json.loads(leeward("list", "--json").out)
    assert shown["dir"] == str(store.root)
    assert shown["corrupt"] == []
    (entry,) = shown["series"]
    assert entry.pop("size_bytes") > 1000
    assert entry == {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "first": "2024-01-01T00:00:00Z",
        "last": "2024-01-04T09:00:00Z",
        "rows": 60,
        "gaps": 1,
        "missing": 22,
    }


def test_a_check_shows_one_line_a_series_or_every_finding(store: CandleStore) -> None:
    candles = walk(96)
    store.merge(candles.rows(0, 20))
    store.merge(candles.rows(23, 96))
    coarse = resample(candles, Timeframe.parse("4h"))
    store.merge(replace(coarse, volume=coarse.volume * 2))

    done = leeward("check")
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()[1:3]] == [
        ["BTCUSDT", "1h", "93", "96", "1", "0", "0", "0", "0", "0"],
        ["BTCUSDT", "4h", "24", "24", "0", "0", "0", "0", "23", "23"],
    ]

    named = leeward("check", "btcusdt", "1h")
    assert "  candles      93 of 96\n" in named.out
    assert "  gaps         1 gap, 3 candles missing\n" in named.out
    assert "    2024-01-01T20:00:00Z to 2024-01-01T22:00:00Z  3\n" in named.out
    assert "4h" not in named.out
    assert (
        "  against 1h   23 4h candles compared (1 lack finer ones), 23 differ: prices in 0, "
        "volume in 23; most in volume at "
    ) in leeward("check", "BTCUSDT").out

    shown = json.loads(leeward("check", "--json").out)
    assert [each["timeframe"] for each in shown["series"]] == ["1h", "4h"]
    assert shown["series"][1]["cross_checks"][0]["differing_volumes"] == 23


def test_corrupt_candles_fail_the_check_and_the_list_by_name(store: CandleStore) -> None:
    store.merge(walk(96))
    store.merge(walk(96, symbol="ETHUSDT"))
    (path,) = store.files("BTCUSDT", HOUR)
    path.write_bytes(path.read_bytes()[:-50])

    for command in ("check", "list"):
        done = leeward(command)
        assert done.code == 1
        assert f"{path}: this stored month is corrupt: " in done.err
        assert "ETHUSDT" in done.out
    assert len(json.loads(leeward("check", "--json").out)["corrupt"]) == 1


def test_unknown_series_are_refused_with_the_nearest(store: CandleStore) -> None:
    store.merge(walk(5))
    for arguments in (("check", "BTCUSD"), ("export", "BTCUSD", "1h", "x.csv")):
        done = leeward(*arguments)
        assert done.code == 2
        assert "unknown symbol 'BTCUSD'; did you mean 'BTCUSDT'?" in done.err


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather"])
def test_what_is_exported_imports_again_as_the_same(store: CandleStore, suffix: str) -> None:
    store.merge(walk(2000, optional=True))

    done = leeward("export", "btcusdt", "1h", f"BTCUSDT-1h.{suffix}")
    assert done == Done(0, f"BTCUSDT 1h: 2,000 candles written to BTCUSDT-1h.{suffix}\n", "")

    again = leeward("import", f"BTCUSDT-1h.{suffix}")
    assert f"BTCUSDT 1h from BTCUSDT-1h.{suffix}: 2,000 there already\n" in again.out


def test_an_export_takes_a_range_and_refuses_an_empty_one(store: CandleStore) -> None:
    store.merge(walk(100))
    done = leeward(
        "export", "BTCUSDT", "1h", "x.csv", "--start", "2024-01-02", "--end", "2024-01-03"
    )
    assert done.code == 0
    lines = Path("x.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 25
    assert lines[1].startswith("2024-01-02T00:00:00Z,")

    for start, end, reason in (
        ("2024-01-03", "2024-01-02", "--start 2024-01-03 is not before --end 2024-01-02"),
        ("2030-01-01", "2030-01-02", "BTCUSDT 1h: no candles in that range"),
        ("soon", "2030-01-02", "--start: 'soon' is not a date"),
    ):
        refused = leeward("export", "BTCUSDT", "1h", "y.csv", "--start", start, "--end", end)
        assert refused.code == 2
        assert refused.err.startswith(reason)
    assert leeward("export", "BTCUSDT", "1h", "nowhere/y.csv").code == 1
    assert not Path("y.csv").exists()


MANY_MONTHS = 80_000  # quarters of an hour: 28 months


def start_import(path: Path) -> subprocess.Popen[str]:
    program = "from leeward.cli.data import app; app()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "import", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while process.poll() is None and not happened():
        time.sleep(0.0002)


@pytest.mark.parametrize("at", ["writing", "renaming"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_import_cut_off_leaves_each_month_old_or_new(
    store: CandleStore, at: str, how: signal.Signals
) -> None:
    old, new = (walk(MANY_MONTHS, "15m", "2020-01-01", seed=seed) for seed in (1, 2))
    store.merge(old)
    path = write(new, "BTCUSDT-15m.parquet")
    first = store.files("BTCUSDT", QUARTER)[0]
    inode = first.stat().st_ino

    process = start_import(path)
    if at == "writing":
        wait_for(lambda: any(first.parent.glob(".*.tmp")), process)
    else:
        wait_for(lambda: first.stat().st_ino != inode, process)
    process.send_signal(how)
    out, err = process.communicate(timeout=120)

    unfinished = list(first.parent.glob(".*.tmp"))
    if how == signal.SIGINT:
        # Or it was done before the signal came.
        assert process.returncode == 130 or "80,000 replaced" in out
        assert unfinished == []
        assert "Traceback" not in err
    here = store.load("BTCUSDT", QUARTER)
    assert len(here) == MANY_MONTHS
    before, after = month_hashes(old), month_hashes(new)
    for month, digest in month_hashes(here).items():
        assert digest in {before[month], after[month]}

    leeward("import", str(path))
    assert list(first.parent.glob(".*.tmp")) == []
    assert store.load("BTCUSDT", QUARTER).sha256 == new.sha256
