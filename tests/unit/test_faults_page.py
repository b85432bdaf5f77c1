"""The page of faults lists all of them, and names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| [A-F]?\d+ \|", line)]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
LESSONS = {"A": 12, "B": 17, "C": 14, "D": 12, "F": 14}


@cache
def names_in(path: str) -> frozenset[str]:
    """Returns the names of the tests in a file below `tests`."""
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, functions))


def test_all_faults_and_lessons_are_there_once_and_in_order() -> None:
    lessons = [f"{letter}{n}" for letter, count in LESSONS.items() for n in range(1, count + 1)]
    listed = [row.split("|")[1].strip() for row in ROWS]
    assert listed == [*map(str, range(1, 61)), *lessons]


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE)
    missing = {f"{path}::{name}" for path, name in named if name not in names_in(path)}
    assert missing == set()
    assert len(named) > len(ROWS)


def test_every_row_names_a_test_or_says_that_there_is_none() -> None:
    silent = [row for row in ROWS if not NAMED.search(row) and "Not proven: " not in row]
    assert silent == []
