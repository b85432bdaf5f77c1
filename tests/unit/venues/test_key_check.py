"""A key that could move money away is refused, whatever the settings say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.venues.key_check import FORBIDDEN, judge_key

GOOD = {
    "ipRestrict": True,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "enableVanillaOptions": False,
    "enablePortfolioMarginTrading": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": False,
}


def test_a_key_that_can_read_and_trade_and_no_more_is_taken() -> None:
    verdict = judge_key(GOOD, any_ip_allowed=False)
    assert (verdict.refusals, verdict.notices) == ((), ())


@pytest.mark.parametrize("right", FORBIDDEN)
@pytest.mark.parametrize("any_ip_allowed", [True, False])
def test_a_right_to_withdraw_transfer_or_borrow_is_refused_by_name(
    right: str, any_ip_allowed: bool
) -> None:
    verdict = judge_key(GOOD | {right: True}, any_ip_allowed=any_ip_allowed)
    assert len(verdict.refusals) == 1
    assert right in verdict.refusals[0]


@pytest.mark.parametrize("right", ["enableReading", "enableSpotAndMarginTrading"])
def test_a_key_that_cannot_work_is_refused(right: str) -> None:
    verdict = judge_key(GOOD | {right: False}, any_ip_allowed=True)
    assert [right in words for words in verdict.refusals] == [True]


def test_only_the_address_can_be_waived_and_never_silently() -> None:
    anywhere = GOOD | {"ipRestrict": False}
    assert "ipRestrict" in judge_key(anywhere, any_ip_allowed=False).refusals[0]
    waived = judge_key(anywhere, any_ip_allowed=True)
    assert waived.refusals == ()
    assert "waived by venue.allow_any_ip" in waived.notices[0]


def test_rights_that_are_not_needed_or_new_are_told() -> None:
    verdict = judge_key(
        GOOD | {"enableFutures": True, "enableTimeTravel": True}, any_ip_allowed=False
    )
    assert verdict.refusals == ()
    futures, unknown = verdict.notices
    assert "enableFutures" in futures
    assert "enableTimeTravel" in unknown


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.booleans()))
def test_no_mixture_of_rights_passes_with_a_forbidden_one(rights: dict[str, bool]) -> None:
    verdict = judge_key(rights, any_ip_allowed=True)
    assert bool(verdict.refusals) == (
        any(rights.get(right) for right in FORBIDDEN)
        or not rights.get("enableReading")
        or not rights.get("enableSpotAndMarginTrading")
    )
