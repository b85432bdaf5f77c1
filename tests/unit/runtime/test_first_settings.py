"""The settings file to start from: complete, true, and never in the way of one that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leeward.domain.errors import BadUsage
from leeward.runtime.first_settings import (
    QUESTIONS,
    Question,
    check_answer,
    first_settings,
    write_first_settings,
)
from leeward.runtime.settings import Settings, load_settings


def test_with_every_line_taken_out_of_its_comment_it_is_the_defaults(tmp_path: Path) -> None:
    text = re.sub(r"^# (\w+ = .+)$", r"\1", first_settings({}), flags=re.MULTILINE)
    path = tmp_path / "leeward.toml"
    path.write_text(text)
    assert text.count("\n[") == len(Settings.model_fields) - 1  # one of them has a section a symbol
    assert load_settings(path).model_dump() == Settings().model_dump()


def test_an_answer_stands_in_it_and_is_what_is_loaded(tmp_path: Path) -> None:
    answers = {
        question.setting: check_answer(question, text)
        for question, text in zip(
            QUESTIONS, ("/data/candles", "2500", "0.05", "0.005", "0.1", "9000"), strict=True
        )
    }
    path = tmp_path / "leeward.toml"
    write_first_settings(path, answers)
    loaded = load_settings(path)
    assert loaded.data.dir == Path("/data/candles")
    assert (loaded.paper.balance, loaded.dashboard.port) == (2500.0, 9000)
    assert loaded.risk.max_position_fraction == 0.05
    assert loaded.risk.risk_per_trade_fraction == 0.005
    assert loaded.risk.max_drawdown_fraction == 0.1


@pytest.mark.parametrize("question", QUESTIONS[1:], ids=lambda each: each.setting)
def test_an_answer_that_no_setting_takes_is_refused_with_the_rule(question: Question) -> None:
    with pytest.raises(BadUsage, match=rf"{re.escape(question.setting)}: .*-1.*(greater|above)"):
        check_answer(question, "-1")


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "leeward.toml"
    path.write_text("mine")
    with pytest.raises(BadUsage, match="exists already"):
        write_first_settings(path, {})
    assert path.read_text() == "mine"


def test_no_secret_has_a_line_to_write_it_into() -> None:
    text = first_settings({})
    for name in ("api_secret", "token", "channels", "cryptocompare_key", "heartbeat_url"):
        assert not re.search(rf"^#? ?{name} =", text, flags=re.MULTILINE), name


def test_an_option_in_a_meaning_stands_on_one_line() -> None:
    text = first_settings({})
    assert "--i-understand-the-risks" in text
    assert not re.search(r"-$", text, flags=re.MULTILINE)
