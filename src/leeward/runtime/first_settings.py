"""Writes the settings file to start from: every setting, its meaning, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from textwrap import wrap
from typing import Final, get_origin

from pydantic import BaseModel, ValidationError

from leeward.data.durable import replacing
from leeward.domain.errors import BadUsage
from leeward.runtime.meanings import MEANINGS
from leeward.runtime.settings import BY_ENVIRONMENT_ONLY, PREFIX, Settings

_HEAD: Final = """\
# Settings of Leeward. A setting behind a '#' stands at its default: take the '#' away to change it.
# What is given by the environment (LEEWARD_SECTION__NAME) or by --set wins over this file.
# Fractions are of 1: 0.10 is 10 %.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a newcomer; `setting` takes the answer."""

    setting: str
    words: str

    @property
    def default(self) -> object:
        """The answer of one who only presses Enter."""
        section, _, name = self.setting.partition(".")
        return getattr(getattr(Settings(), section), name)


QUESTIONS: Final = (
    Question("data.dir", "Folder for candles (the database goes beside it)"),
    Question("paper.balance", "What the paper account starts with, in USDT"),
    Question("risk.max_position_fraction", "At most how much of it in one position (0.1 is 10 %)"),
    Question("risk.risk_per_trade_fraction", "How much of it may be lost at one stop"),
    Question(
        "risk.max_drawdown_fraction", "After which loss from its highest to sell all and stop"
    ),
    Question("dashboard.port", "Port of the dashboard"),
)


def check_answer(question: Question, text: str) -> object:
    """Returns the answer as a value. Raises BadUsage, with the rule, where it is none."""
    section, _, name = question.setting.partition(".")
    try:
        read = Settings.model_validate({section: {name: text}})
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        named = reason.startswith(question.setting)  # as the risk limits do
        raise BadUsage(reason if named else f"{question.setting}: '{text}': {reason}") from None
    return getattr(getattr(read, section), name)


def write_first_settings(path: Path, answers: Mapping[str, object]) -> None:
    """Writes the file, whole or not at all. Raises BadUsage where it exists already."""
    if path.exists():
        raise BadUsage(f"{path} exists already and is left as it is; edit it, or name another file")
    with replacing(path) as unfinished:
        unfinished.write_text(first_settings(answers), encoding="utf-8")


def first_settings(answers: Mapping[str, object]) -> str:
    """Returns the file's text: sections in the order of the settings, answers without a '#'."""
    parts = [_HEAD]
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if get_origin(kind) is dict:  # one section a symbol
            continue
        lines = [f"[{section}]"]
        for name, default in _defaults(kind).items():
            lines += _setting(f"{section}.{name}", default, answers)
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _setting(setting: str, default: object, answers: Mapping[str, object]) -> list[str]:
    _, _, name = setting.partition(".")
    meaning = wrap(
        MEANINGS[setting],
        98,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,  # options are written with them
    )
    if setting in BY_ENVIRONMENT_ONLY or setting == "database.url":
        return [*meaning, f"# given by {PREFIX}{setting.upper().replace('.', '__')}"]
    if setting in answers and answers[setting] != default:
        return [*meaning, f"{name} = {_toml(answers[setting])}"]
    if default is None:
        return [*meaning, f"# {name} ="]
    return [*meaning, f"# {name} = {_toml(default)}"]


def _defaults(kind: object) -> dict[str, object]:
    if is_dataclass(kind):
        return {field.name: field.default for field in fields(kind)}
    assert isinstance(kind, type)
    assert issubclass(kind, BaseModel)
    return {name: field.default for name, field in kind.model_fields.items()}


def _toml(value: object) -> str:
    """Returns a value as TOML writes it.

    >>> _toml(True), _toml("off"), _toml(((0.05, 0.5),)), _toml({})
    ('true', '"off"', '[[0.05, 0.5]]', '{}')
    """
    match value:
        case bool():
            return str(value).lower()
        case str() | Path():
            text = str(value).replace("\\", "\\\\").replace('"', '\\"')
            return f'"{text}"'
        case tuple() | list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{key} = {_toml(each)}' for key, each in value.items())}}}"
    return str(value)
