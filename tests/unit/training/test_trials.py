"""The ledger of trials only ever grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from leeward.domain.errors import Failed
from leeward.training.trials import FILE, Trial, add_trials, read_trials, sharpe_variance


def trial(seed: int, sharpe: float | None = 1.0, configuration: str = "a") -> Trial:
    return Trial(configuration, seed, "BTCUSDT", "2024-01-01T00:00:00Z", sharpe)


def test_every_configuration_seed_and_symbol_counts_once(tmp_path: Path) -> None:
    add_trials(tmp_path, [trial(1), trial(2)])
    assert len(add_trials(tmp_path, [trial(2, 9.0), trial(2, configuration="b")])) == 3
    assert [each.sharpe for each in read_trials(tmp_path)] == [1.0, 1.0, 1.0]


def test_a_line_cut_off_by_a_kill_is_passed_over_and_then_replaced(tmp_path: Path) -> None:
    add_trials(tmp_path, [trial(1)])
    with (tmp_path / FILE).open("a") as stream:
        stream.write('{"configuration": "a", "se')
    assert read_trials(tmp_path) == [trial(1)]
    assert add_trials(tmp_path, [trial(2)]) == [trial(1), trial(2)]
    assert (tmp_path / FILE).read_text().count("\n") == 2


def test_a_changed_line_is_refused_by_its_number(tmp_path: Path) -> None:
    add_trials(tmp_path, [trial(1), trial(2)])
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"seed": 1', '"seed" 1'))
    with pytest.raises(Failed, match="line 1 is not a trial"):
        read_trials(tmp_path)


def test_trials_that_never_moved_leave_the_variance_alone() -> None:
    assert sharpe_variance([trial(1, 1.0), trial(2, 3.0), trial(3, None)]) == 2.0
    assert sharpe_variance([trial(1)]) == 0.0
