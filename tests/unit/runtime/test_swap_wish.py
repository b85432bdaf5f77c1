"""What a swap command carries."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.errors import BadUsage
from leeward.runtime.swap_wish import POLICIES, Wish, is_file, wish_of


@given(
    st.sampled_from(["ema_cross", "/a/b.py:Mine"]),
    st.dictionaries(st.text(min_size=1), st.one_of(st.integers(), st.booleans(), st.text())),
    st.sampled_from(POLICIES),
    st.integers(0, 10_000),
)
def test_a_wish_comes_out_of_its_argument_as_it_went_in(
    strategy: str, params: dict[str, object], positions: str, shadow: int
) -> None:
    wish = Wish(strategy, None, params, positions, shadow)
    assert wish_of(wish.argument()) == wish


def test_a_page_may_leave_out_what_is_not_asked_for() -> None:
    assert wish_of('{"rollback": true}') == Wish(rollback=True)
    given_ = {"strategy": None, "model": "btcusdt_price", "params": None, "positions": None,
              "shadow": None, "rollback": False}  # fmt: skip
    assert wish_of(json.dumps(given_)) == Wish(model="btcusdt_price")


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("", "cannot be read"),
        ("[1]", "no object"),
        ('{"strategy": 5}', "no name"),
        ('{"strategy": "a", "shadow": true}', "no count"),
        ('{"strategy": "a", "params": [1]}', "no table"),
        ('{"strategy": "a", "model": "b"}', "one of them"),
        ('{"model": "b", "params": {"c": 1}}', "parameters belong to a strategy"),
        ('{"strategy": "a", "positions": "adapt"}', "adopt"),
        ('{"strategy": "a", "shadow": 10001}', "out of bounds"),
    ],
)
def test_an_argument_that_means_nothing_is_refused(argument: str, words: str) -> None:
    with pytest.raises(BadUsage, match=words):
        wish_of(argument)


def test_a_file_is_told_from_a_name() -> None:
    assert is_file("mine.py")
    assert is_file("a/mine.py:Mine")
    assert not is_file("ema_cross")
