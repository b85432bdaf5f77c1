"""`leeward init` from the command line."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from leeward.runtime.settings import load_settings
from tests.integration.conftest import Run


def test_init_writes_a_file_that_every_command_reads(leeward: Run, tmp_path: Path) -> None:
    assert leeward("init", "--yes").code == 0
    assert load_settings(tmp_path / "leeward.toml").paper.balance == 10_000
    assert leeward("data", "list").code == 0


def test_init_never_writes_over_a_file(leeward: Run, tmp_path: Path) -> None:
    (tmp_path / "leeward.toml").write_text("[paper]\nbalance = 5\n")
    shown = leeward("init", "--yes")
    assert shown.code == 2
    assert "leeward.toml exists already and is left as it is" in shown.err
    assert (tmp_path / "leeward.toml").read_text() == "[paper]\nbalance = 5\n"


def test_without_a_terminal_and_without_yes_nothing_is_asked_or_written(
    leeward: Run, tmp_path: Path
) -> None:
    shown = leeward("init")
    assert shown.code == 2
    assert "--yes takes every default" in shown.err
    assert not (tmp_path / "leeward.toml").exists()


def test_on_a_terminal_a_wrong_answer_is_asked_again(
    leeward: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"\n-3\n2500\n\n\n\n\n")
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        shown = leeward("init")
    os.close(ours)
    assert shown.code == 0, shown.err
    assert "paper.balance: '-3'" in shown.out
    assert load_settings(tmp_path / "leeward.toml").paper.balance == 2500
