"""The house rules that no linter knows: sizes, depth, protocols, locks, start-up cost."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "leeward"
SOURCES = sorted(PACKAGE.rglob("*.py"))

LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
MOST_PROTOCOLS = 6


def test_no_module_is_longer_than_400_lines() -> None:
    lines = {file: len(file.read_text().splitlines()) for file in SOURCES}
    assert not {str(file): count for file, count in lines.items() if count > LONGEST_MODULE}


def test_no_function_is_longer_than_50_lines_unless_it_says_why() -> None:
    assert not [long for file in SOURCES for long in long_functions(file)]


def long_functions(file: Path) -> list[str]:
    text = file.read_text()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    silenced = [number for number, line in enumerate(text.splitlines(), 1) if "noqa" in line]
    return [
        f"{file.name}: {node.name}"
        for node in found
        if body_lines(node) > LONGEST_FUNCTION and node.lineno not in silenced
    ]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_folders_are_at_most_two_deep_inside_the_package() -> None:
    assert all(len(file.relative_to(PACKAGE).parents) <= 3 for file in SOURCES)


def test_there_are_at_most_six_protocols() -> None:
    count = sum(len(re.findall(r"\(.*\bProtocol\b.*\):", file.read_text())) for file in SOURCES)
    assert count <= MOST_PROTOCOLS


def test_every_silenced_check_carries_its_reason() -> None:
    files = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
    assert not [bare for file in files if file != Path(__file__) for bare in bare_silencers(file)]


def bare_silencers(file: Path) -> list[str]:
    """Returns lines that silence a check without a reason, on the line or in a comment above."""
    lines = ["", *file.read_text().splitlines()]
    silenced = (
        (n, re.search(r"# (?:noqa|type: ignore)(.*)", line)) for n, line in enumerate(lines)
    )
    return [
        f"{file.relative_to(ROOT)}:{n}"
        for n, match in silenced
        if match
        and not re.search(r"[-#] *\w+,? \w+", match[1])
        and not lines[n - 1].strip().startswith("#")
    ]


def test_locks_name_no_registry_and_hash_every_package() -> None:
    for lock in sorted((ROOT / "locks").glob("*.txt")):
        text = lock.read_text()
        assert "://" not in text
        assert not re.findall(r"^--(?:index|extra|find)", text, flags=re.MULTILINE)
        pinned = re.findall(r"^[A-Za-z0-9_.\[\]-]+==.*\\$", text, flags=re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]", text, flags=re.MULTILINE))


def test_run_and_test_locks_pin_the_same_versions() -> None:
    def pins(name: str) -> set[tuple[str, str]]:
        text = (ROOT / "locks" / name).read_text()
        return set(re.findall(r"^([A-Za-z0-9_.-]+)==([^ ]+)", text, flags=re.MULTILINE))

    run = pins("run.txt")
    assert run
    assert run <= pins("test.txt")


def test_help_imports_no_heavy_library() -> None:
    heavy = ["numba", "numpy", "polars", "pandas", "httpx", "bokeh", "pydantic"]
    code = (
        "import sys; import leeward.cli.main; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_what_operates_and_watches_compiles_nothing() -> None:
    code = (
        "import sys; import leeward.runtime.operating, leeward.dashboard.server, "
        "leeward.dashboard.pages; print([n for n in ('numba', 'pandas') if n in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
