"""The first moment of the command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

import leeward.cli
from leeward.cli.entry import main


class Impatient:
    """Presses Ctrl-C as the command is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        del path, target
        if name == "leeward.cli.main":
            raise KeyboardInterrupt


def test_ctrl_c_while_the_command_is_read_ends_it_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "leeward.cli.main", raising=False)
    monkeypatch.delattr(leeward.cli, "main", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Impatient(), *sys.meta_path])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_the_version_is_told_without_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["leeward", "--version"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert capsys.readouterr().out == f"{leeward.__version__}\n"
