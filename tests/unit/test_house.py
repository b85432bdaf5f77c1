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
    files = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
    lines = {file: len(file.read_text().splitlines()) for file in files}
    assert not {str(file): count for file, count in lines.items() if count > LONGEST_MODULE}


def test_no_function_is_longer_than_50_lines_unless_it_says_why() -> None:
    long = []
    for file in SOURCES:
        text = file.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                first = body[0].lineno if body else node.lineno
                length = (node.end_lineno or first) - first + 1
                if length > LONGEST_FUNCTION and "noqa" not in text.splitlines()[node.lineno - 1]:
                    long.append(f"{file.name}:{node.name}: {length}")
    assert not long


def test_folders_are_at_most_two_deep_inside_the_package() -> None:
    assert all(len(file.relative_to(PACKAGE).parents) <= 3 for file in SOURCES)


def test_there_are_at_most_six_protocols() -> None:
    count = sum(len(re.findall(r"\(.*\bProtocol\b.*\):", file.read_text())) for file in SOURCES)
    assert count <= MOST_PROTOCOLS


def test_every_silenced_check_carries_its_reason() -> None:
    bare = []
    for file in [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]:
        if file == Path(__file__):
            continue
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            silenced = re.search(r"# (?:noqa|type: ignore)(?P<rest>.*)", line)
            before = file.read_text().splitlines()[number - 2] if number > 1 else ""
            if silenced and not re.search(r"[-#] *\w+ \w+", silenced["rest"]):
                if not before.strip().startswith("#"):
                    bare.append(f"{file.relative_to(ROOT)}:{number}")
    assert not bare


def test_locks_name_no_registry_and_hash_every_package() -> None:
    for lock in sorted((ROOT / "locks").glob("*.txt")):
        text = lock.read_text()
        assert "://" not in text
        assert not re.findall(r"^--(?:index|extra|find)", text, flags=re.MULTILINE)
        pinned = re.findall(r"^[A-Za-z0-9_.\[\]-]+==.*\\$", text, flags=re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]", text, flags=re.MULTILINE))


def test_run_and_test_locks_pin_the_same_versions() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "locks" / name).read_text()
        return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(.*) \\$", text, flags=re.MULTILINE))

    run, test = pins("run.txt"), pins("test.txt")
    assert run
    assert {name: version for name, version in run.items() if test.get(name) != version} == {}


def test_help_imports_no_heavy_library() -> None:
    heavy = ["numba", "numpy", "polars", "pandas", "httpx", "bokeh", "pydantic"]
    code = (
        "import sys; import leeward.cli.main; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
