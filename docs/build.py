"""Writes the pages that are made from the program: `python -m docs.build` (`make docs`).

`commands.md`, `settings.md`, `metrics.md` and `runbook.md` are generated whole; in the other pages
below the output of the code is renewed. A test fails while a page is not what this would write.
"""

from __future__ import annotations

import builtins
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from docs.notebook import refresh
from docs.watching import metrics_page, runbook_page
from pydantic import SecretStr

from leeward.runtime.meanings import MEANINGS

FOLDER = Path(__file__).parent
#: Pages whose code is run.
NOTEBOOKS = ("tutorial.md", "strategies.md", "emulator.md", "models.md")

_MADE = "<!-- Made by `make docs`; edits here are lost. -->\n"
_WIDTH = "88"

_TYPES: dict[object, str] = {
    float: "number",
    int: "whole number",
    bool: "true or false",
    str: "text",
    Path: "path",
    SecretStr: "secret",
}

_SETTINGS = """# Settings

Where the same setting is given twice, the first of these wins: `--set risk.trend_gate=off` (of the
commands that have it), an environment variable such as `LEEWARD_RISK__TREND_GATE=off`, the file
`leeward.toml` (searched from the working directory upwards, or named by `--config`), the default.
Unknown names are refused, with the nearest known one. Lists are written as JSON in `--set` and in
the environment: `--set 'risk.drawdown_ladder=[[0.05, 0.5]]'`.

```toml
# leeward.toml
[data]
dir = "~/candles"

[risk]
risk_per_trade_fraction = 0.005

[instruments.BTCUSDT]
tick_size = 0.01
```

Fractions are of 1: 0.10 is 10 %. Every limit in force stands in the result of a backtest and
decides its `result_id`.
"""

_COMMANDS = """# Commands

Exit codes: 0 ok, 1 failed, 2 usage, 3 refused by a safety rule, 130 interrupted. A message says
what was refused, the value, the rule and the way out; nothing half-written is left behind.
"""


def pages() -> dict[str, str]:
    """Returns the name of every page that depends on the program, and what it should hold."""
    return {
        "commands.md": commands_page(),
        "settings.md": settings_page(),
        "metrics.md": metrics_page(_MADE),
        "runbook.md": runbook_page(_MADE),
        **model_cards(),
        **{name: refresh((FOLDER / name).read_text(encoding="utf-8")) for name in NOTEBOOKS},
    }


def model_cards() -> dict[str, str]:
    """Returns the card of every model that comes with the program, by its place in the docs."""
    from leeward.inference.bundle import SHIPPED, shipped_pins
    from leeward.training.bundle import read_bundle
    from leeward.training.card_page import card_page

    bundles = [read_bundle(SHIPPED, name) for name in sorted(shipped_pins())]
    return {f"models/{each.name}.html": card_page(each.metadata) for each in bundles}


def commands_page() -> str:
    """Returns the help of every command, as the command line shows it."""
    from typer.testing import CliRunner

    from leeward.cli.main import app

    runner = CliRunner(env={"COLUMNS": _WIDTH, "NO_COLOR": "1"})
    parts = [_MADE + _COMMANDS]
    for path in _command_paths():
        name = " ".join(("leeward", *path))
        shown = runner.invoke(app, [*path, "--help"], prog_name="leeward").output
        lines = "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
        parts.append(f"## {name}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def _command_paths() -> Iterator[tuple[str, ...]]:
    import typer.main

    from leeward.cli.main import app

    def below(path: tuple[str, ...], command: object) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from below((*path, name), inner)

    yield from below((), typer.main.get_command(app))


def settings_page() -> str:
    """Returns every setting: name, type, default and meaning."""
    from leeward.runtime.settings import Settings

    parts = [_MADE + _SETTINGS]
    for section, field in Settings.model_fields.items():
        name, model = section, field.annotation
        if get_origin(model) is dict:  # one model for all of its values
            name, model = f"{section}.SYMBOL", get_args(model)[1]
        parts.append(f"## {name}\n\n{_table(name, model)}")
    return "\n".join(parts)


def _table(section: str, model: Any) -> str:
    kinds = get_type_hints(model)
    lines = ["| name | type | default | meaning |", "|---|---|---|---|"]
    for name, default in _defaults(model).items():
        setting = f"{section}.{name}"
        if setting not in MEANINGS:
            raise LookupError(f"{setting} is new: say what it means in leeward.runtime.meanings")
        shown = "" if default is None else f"`{_as_toml(default)}`"
        lines.append(f"| `{name}` | {_kind(kinds[name])} | {shown} | {MEANINGS[setting]} |")
    return "\n".join(lines) + "\n"


def _defaults(model: type) -> dict[str, object]:
    if is_dataclass(model):
        return {field.name: field.default for field in fields(model)}
    return {name: field.default for name, field in getattr(model, "model_fields", {}).items()}


def _kind(annotation: object) -> str:
    """Returns the type in a reader's words; what may be left out is shown by its default."""
    inner = [arg for arg in get_args(annotation) if arg is not NoneType]
    match get_origin(annotation):
        case typing.Literal:
            return ", ".join(f"`{value}`" for value in inner)
        case typing.Union | types.UnionType:
            return " or ".join(map(_kind, inner))
        case builtins.tuple:
            return "list of pairs" if get_origin(inner[0]) is tuple else "list"
        case builtins.dict:
            return "table"
    return _TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _as_toml(default: object) -> object:
    if isinstance(default, tuple):
        return [list(rung) for rung in default]
    return str(default).lower() if isinstance(default, bool) else default


def main() -> None:
    for name, text in pages().items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
