"""The pages that are made from the program say what the program says now."""

from __future__ import annotations

import re
from pathlib import Path
from time import sleep
from typing import Any, cast

import pytest
from docs import build
from docs.notebook import refresh
from starlette.routing import Route

from leeward.emulator.admin import admin_app
from leeward.runtime.settings import load_settings

STALE = "run `make docs`"


def page(name: str) -> str:
    return (build.FOLDER / name).read_text(encoding="utf-8")


def test_the_command_reference_is_what_the_commands_say() -> None:
    assert page("commands.md") == build.commands_page(), STALE


def test_the_settings_page_names_every_setting_with_its_default() -> None:
    assert page("settings.md") == build.settings_page(), STALE


def test_the_cards_of_the_shipped_models_are_what_their_files_say() -> None:
    cards = build.model_cards()
    lying = {f"models/{file.name}" for file in (build.FOLDER / "models").iterdir()}
    assert lying == cards.keys(), STALE
    assert len(cards) == 4
    for name, card in cards.items():
        assert page(name) == card, STALE
        assert f"]({name})" in page("models.md")


def test_the_settings_file_shown_is_accepted(tmp_path: Path) -> None:
    shown = re.search(r"```toml\n(.*?)```", page("settings.md"), re.DOTALL)
    assert shown
    (tmp_path / "leeward.toml").write_text(shown[1])
    settings = load_settings(tmp_path / "leeward.toml")
    assert settings.risk.risk_per_trade_fraction == 0.005
    assert settings.instrument("BTCUSDT").tick_size == 0.01


@pytest.mark.parametrize("name", build.NOTEBOOKS)
def test_the_code_of_a_page_prints_what_the_page_shows(name: str) -> None:
    assert page(name) == refresh(page(name)), STALE


def test_the_emulators_page_names_every_admin_call() -> None:
    routes = [each for each in admin_app(cast("Any", None)).routes if isinstance(each, Route)]
    calls = {f"{method} {each.path}" for each in routes for method in each.methods or ()}
    missing = {call for call in calls if f"`{call}" not in page("emulator.md")}
    assert {call for call in missing if not call.startswith("HEAD")} == set()


def test_output_is_put_below_its_block_and_only_there() -> None:
    before = "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n\n```text\nkept\n```\n"
    assert refresh(before) == before.replace("3", "2")


def test_a_file_block_is_written_for_the_commands_after_it() -> None:
    file, command = "```python\n# empty.py\nx = 1\n```\n", "$ leeward strategies check empty.py"
    shown = refresh(f"{file}\n```console\n{command}\n```\n")
    assert shown.startswith(file)
    assert "empty.py: holds no strategy" in shown
    assert "(exit code 2)" in shown


def test_a_yaml_file_is_written_for_the_code_after_it() -> None:
    file, code = (
        "```yaml\n# some.yaml\na: 1\n```\n",
        "```python\nprint(open('some.yaml').read())\n```\n",
    )
    assert refresh(f"{file}\n{code}").startswith(f"{file}\n{code}\n```text\n# some.yaml\na: 1\n```")


def test_what_a_page_starts_ends_with_it() -> None:
    start = "subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3)"
    shown = refresh(f"```python\nimport subprocess\nprint({start}.pid)\n```\n")
    number = re.search(r"^\d+$", shown, re.MULTILINE)
    assert number
    while _is_running(int(number[0])):  # until the test's own time is up
        sleep(0.01)


def _is_running(number: int) -> bool:
    try:
        stat = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return stat.split()[2] != "Z"


def test_code_that_fails_names_its_error() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        refresh("```python\n1 / 0\n```\n")
