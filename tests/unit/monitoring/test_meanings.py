"""Every kind of note that the code tells of has its meaning, and its section in the runbook."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docs.build import FOLDER
from docs.watching import rules

from leeward.monitoring.meanings import KINDS, meaning_of
from leeward.runtime.vital_signs import SILENT, SOUND

PACKAGE = Path(__file__).parents[3] / "src" / "leeward"
ROOMS = ("database", "engine", "monitoring", "runtime")
#: What notes, or asks for a state whose cause becomes a note: the place of the kind among the
#: arguments.
TELLERS = {"Noted": 0, "demand": 1, "_tell": 0, "tighten": 1, "_tighten": 1}
KIND = re.compile(r"[a-z]+(?:_[a-z]+)*")
#: Calls whose kind comes from elsewhere: it is found where it comes from.
PASSED_ON = {
    ("engine/filling.py", "Noted"),
    ("engine/reconcile.py", "Noted"),
    ("monitoring/alerts.py", "Noted"),
    ("runtime/trading/desk.py", "_tighten"),
    ("runtime/trading/desk.py", "tighten"),
    ("runtime/trading/means.py", "Noted"),
    ("runtime/trading/session.py", "Noted"),
    ("runtime/trading/standing.py", "Noted"),
    ("runtime/trading/standing.py", "_tighten"),
    ("runtime/trading/standing.py", "demand"),
    ("runtime/trading/swapping.py", "Noted"),
    ("runtime/trading/watchdogs.py", "demand"),
    ("runtime/trading/watching.py", "Noted"),
}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                yield name, node
            case _:
                pass


def text_of(node: ast.expr, known: dict[str, str]) -> str | None:
    """Returns the text that an argument is, or begins with; None where that is not to be seen."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str() as text), *_]):
            return text
        case ast.Name(id=name):
            return known.get(name)
        case _:
            return None


def constants(tree: ast.AST) -> dict[str, str]:
    """Returns texts by the names that they are given, anywhere in a file."""
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                text = text_of(value, {})
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                text = text_of(value, {})
            case _:
                continue
        if text is not None:
            found[name] = text
    return found


def kinds_told() -> tuple[set[str], set[tuple[str, str]]]:
    """Returns the kinds found in the code, and the calls in which none was to be seen."""
    files = [file for room in ROOMS for file in sorted((PACKAGE / room).rglob("*.py"))]
    trees = {str(file.relative_to(PACKAGE)): ast.parse(file.read_text()) for file in files}
    shared = {"STRATEGY_FAILED": constants(trees["runtime/trading/deciding.py"])["STRATEGY_FAILED"]}
    kinds, unseen = set[str](), set[tuple[str, str]]()
    for name, tree in trees.items():
        known = shared | constants(tree)
        for teller, call in calls(tree):
            told = list(kinds_of(teller, call, known))
            kinds |= {each for each in told if each is not None}
            unseen |= {(name, teller) for each in told if each is None}
    return kinds, unseen


def kinds_of(teller: str, call: ast.Call, known: dict[str, str]) -> Iterator[str | None]:
    """Yields the kinds that a call tells of; None for one that is not to be seen there."""
    if teller in {"note", "_note"}:
        words = [text_of(each, known) for each in call.args]
        yield from (each for each in words if each and KIND.fullmatch(each))
    elif teller in TELLERS and len(call.args) > max(1, TELLERS[teller]):
        text = text_of(call.args[TELLERS[teller]], known)
        first = None if text is None else text.partition(": ")[0]
        if first is None or KIND.fullmatch(first):
            yield first


def test_every_kind_has_its_meaning_and_every_meaning_its_kind() -> None:
    kinds, unseen = kinds_told()
    assert unseen <= PASSED_ON
    models = {f"model_{state}" for state in (SOUND, SILENT, "old", "drifted", "misses")}
    assert len(kinds) > 40
    assert (kinds | models | {"daily_summary"}) == KINDS.keys()


def test_every_kind_and_every_rule_of_prometheus_has_its_section() -> None:
    headings = re.findall(r"^### (\S+)$", (FOLDER / "runbook.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted([*KINDS, *(rule["alert"] for rule in rules())])


def test_every_meaning_is_made_of_sentences() -> None:
    for kind, meaning in KINDS.items():
        for words in (meaning.happened, meaning.done, meaning.to_do):
            assert words[0].isupper() or words[0] == "`", kind
            assert words.endswith((".", "?")), kind


def test_every_rule_says_what_to_do() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "to_do"}
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_a_kind_that_nobody_knows_is_told_all_the_same() -> None:
    assert "leeward status" in meaning_of("something_new").to_do
