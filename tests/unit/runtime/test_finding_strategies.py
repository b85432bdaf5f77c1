from __future__ import annotations

from pathlib import Path

import pytest

from leeward.domain.errors import BadUsage, Failed, LeewardError
from leeward.runtime.strategies import describe, load_strategy, source_sha256, strategy_names
from leeward.strategies.base import Strategy
from leeward.strategies.ema_cross import EmaCross

MINE = """
from leeward.strategies.base import Strategy, param
from leeward.strategies.ema_cross import EmaCross

class Mine(EmaCross):
    fast = 10

LIMIT = 3

def helper():
    return LIMIT
"""


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_the_built_in_strategies_have_names() -> None:
    assert load_strategy("ema_cross") is EmaCross
    assert {"ema_cross", "adaptive", "enhanced"} <= set(strategy_names())
    assert {"base", "contract", "evaluate"}.isdisjoint(strategy_names())


def test_a_file_with_one_strategy_needs_no_class_name(tmp_path: Path) -> None:
    target = write(tmp_path, MINE)

    kind = load_strategy(target)

    assert kind.__name__ == "Mine"
    assert kind().params["fast"] == 10
    assert load_strategy(f"{target}:Mine").__name__ == "Mine"
    assert load_strategy(f"{target}:EmaCross") is EmaCross


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, MINE)
    monkeypatch.chdir(tmp_path)

    assert load_strategy("mine.py").__name__ == "Mine"
    assert load_strategy("./mine.py:Mine").__name__ == "Mine"


def test_a_changed_file_is_read_anew_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    first = load_strategy(write(tmp_path, MINE))
    second = load_strategy(write(tmp_path, MINE.replace("10", "12")))

    assert (first().params["fast"], second().params["fast"]) == (10, 12)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


PROBLEMS: dict[str, tuple[str, str, type[LeewardError], str]] = {
    "syntax": ("x = 1\nclass A(:\n", "", Failed, "mine.py:2: not valid Python: invalid syntax"),
    "null byte": ("x = 1\0", "", Failed, "null bytes"),
    "raises": ("\n\nraise OSError('no model')", "", Failed, "mine.py:3: raised OSError: no model"),
    "leaves": ("raise SystemExit(3)", "", Failed, "mine.py:1: raised SystemExit: 3"),
    "import": ("import nowhere", "", Failed, "mine.py:1: raised ModuleNotFoundError"),
    "param": (
        "from leeward import Strategy, param\nclass A(Strategy):\n    n = param(1, low=2, high=3)",
        "",
        Failed,
        "mine.py:3: param: the default 1 is not from 2 to 3",
    ),
    "timeframe": (
        "from leeward import Strategy\nclass A(Strategy):\n    timeframe = '7h'",
        "",
        Failed,
        "mine.py:2: unknown timeframe '7h'",
    ),
    "no strategy": ("x = 1", "", BadUsage, "mine.py: holds no strategy; write one as `class"),
    "two strategies": (
        MINE + "class Other(EmaCross): pass",
        "",
        BadUsage,
        "mine.py: holds 2 strategies, Mine, Other; say which: ",
    ),
    "wrong class": (MINE, ":Mime", BadUsage, "unknown class 'Mime'; did you mean 'Mine'?"),
    "a function": (MINE, ":helper", Failed, "mine.py:helper is not a Strategy; write it as"),
    "a number": (MINE, ":LIMIT", Failed, "mine.py:LIMIT is not a Strategy; write it as"),
    "the base": (MINE, ":Strategy", Failed, "Strategy lacks calculate_indicators, check_entry"),
    "methods": (
        "from leeward import Strategy\nclass A(Strategy):\n    def calculate_indicators(s, f): ...",
        "",
        Failed,
        "A lacks check_entry_conditions, check_exit_conditions and calculate_position_size;",
    ),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_file_that_cannot_be_used_is_named_with_line_and_reason(
    problem: str, tmp_path: Path
) -> None:
    text, name, kind, message = PROBLEMS[problem]

    with pytest.raises(kind) as refusal:
        load_strategy(write(tmp_path, text) + name)

    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("ema_cros", "unknown strategy 'ema_cros'; did you mean 'ema_cross'?"),
        ("base", "unknown strategy 'base'; "),
        ("../ema_cross", "unknown strategy '../ema_cross'; did you mean 'ema_cross'?"),
        ("absent.py", "absent.py: no such strategy file; `leeward strategies new` writes one"),
        ("absent.py:Mine", "absent.py: no such strategy file"),
        ("", "unknown strategy ''; "),
    ],
)
def test_what_does_not_exist_is_named_with_the_nearest_thing(target: str, message: str) -> None:
    with pytest.raises(BadUsage) as refusal:
        load_strategy(target)

    assert message in str(refusal.value)


def test_a_folder_is_no_strategy_file(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()

    with pytest.raises(Failed, match=r"folder\.py: cannot be read: "):
        load_strategy(str(tmp_path / "folder.py"))


def install(folder: Path, name: str, value: str) -> None:
    """Writes what pip leaves of a package that offers a strategy."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[leeward.strategies]\n{name} = {value}\n")


def test_an_installed_package_offers_strategies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, MINE, "offering.py")
    install(tmp_path, "offered", "offering:Mine")
    install(tmp_path, "broken_one", "offering:Absent")
    install(tmp_path, "helper_one", "offering:helper")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert load_strategy("offered").__name__ == "Mine"
    assert strategy_names()[-3:] == ["broken_one", "helper_one", "offered"]
    with pytest.raises(Failed, match=r"'broken_one' \(offering:Absent\): raised AttributeError"):
        load_strategy("broken_one")
    with pytest.raises(Failed, match="offering:helper is not a Strategy"):
        load_strategy("helper_one")


def test_the_hash_covers_the_content_and_not_the_place(tmp_path: Path) -> None:
    places = [tmp_path / "a", tmp_path / "b"]
    for place in places:
        place.mkdir()
    same = [source_sha256(load_strategy(write(place, MINE))) for place in places]
    renamed = source_sha256(load_strategy(write(tmp_path, MINE, "other_name.py")))
    changed = source_sha256(load_strategy(write(tmp_path, MINE + "# a note\n")))

    assert same[0] == same[1] == renamed
    assert changed != same[0]
    assert len(changed) == 64


def test_two_classes_of_one_file_have_two_hashes(tmp_path: Path) -> None:
    target = write(tmp_path, MINE + "class Other(EmaCross):\n    fast = 10\n")

    hashes = {source_sha256(load_strategy(f"{target}:{name}")) for name in ("Mine", "Other")}

    assert len(hashes) == 2


def test_the_hash_covers_what_a_class_inherits(tmp_path: Path) -> None:
    mine = load_strategy(write(tmp_path, MINE))

    class Alone(Strategy):
        fast = 10

    Alone.__qualname__ = mine.__qualname__
    assert source_sha256(mine) != source_sha256(Alone)


def executed(text: str) -> type[Strategy]:
    """Returns the class that a notebook cell would define."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), names)  # noqa: S102 - that is what a notebook does
    kind = names["Cell"]
    assert isinstance(kind, type)
    assert issubclass(kind, Strategy)
    return kind


CELL = """
from leeward import Strategy, param

class Cell(Strategy):
    length = param(5, low=1, high=9)
    def check_entry_conditions(self, frame):
        return {tag: frame.close > 3 for tag in ("a", "b")}
"""


def test_a_class_without_a_file_is_hashed_by_what_it_does() -> None:
    plain = source_sha256(executed(CELL))

    assert plain == source_sha256(executed(CELL + "\nx = 1\n"))
    assert plain != source_sha256(executed(CELL.replace("> 3", "> 4")))
    assert plain != source_sha256(executed(CELL.replace("param(5", "param(6")))
    assert plain != source_sha256(executed(CELL.replace("frame.close", "frame.open")))


def test_a_description_says_what_a_strategy_needs() -> None:
    described = describe("ema_cross")

    assert described.name == "ema_cross"
    assert described.summary == "Long while the fast average is above the slow one."
    assert (described.timeframe, described.warm_up) == ("1h", 100)
    assert described.history > 1_000
    assert described.parameters["fast"].high == 60
