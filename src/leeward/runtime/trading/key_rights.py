"""What the key of a live account may do: judged at the start, and every hour after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from leeward.domain.answers import Found, Reaction, Unavailable
from leeward.domain.errors import Refused, RetryLater
from leeward.engine.records import Noted, Severity, TradingState
from leeward.runtime.settings import Settings
from leeward.runtime.trading.facts import check_stop_policy
from leeward.runtime.trading.market import Market
from leeward.runtime.trading.standing import Standing
from leeward.venues.key_check import judge_key
from leeward.venues.timing import Clock

_LOOK_S: Final = 3600.0
#: A look that brought no answer is repeated sooner.
_AGAIN_S: Final = 300.0
_MAY_NOT_TRADE: Final = "the exchange does not let this account trade; ask it why"


async def check_live(settings: Settings, market: Market) -> list[Noted]:
    """Returns what is to be noted of the key. Raises Refused for a key that may do too much or too
    little, for an account that may not trade, and where positions could be without a stop;
    RetryLater where the venue does not tell."""
    check_stop_policy(settings.risk)
    rest = market.rest
    if rest.http.key is None:
        raise Refused("live refused: no API key is set; set venue.api_key and its secret or file")
    account = await rest.account()
    if isinstance(account, Unavailable) and account.reaction is Reaction.STOP:
        raise Refused(f"live refused: the key is not accepted: {account.why}; see `leeward doctor`")
    if not isinstance(account, Found):
        raise RetryLater(f"the venue did not tell of the account: {account.why}; try again later")
    if not account.value.can_trade:
        raise Refused(f"live refused: {_MAY_NOT_TRADE}")
    market.uid = account.value.uid
    at_ms = market.server_now_ms()
    if not rest.http.addresses.wallet:
        words = f"{rest.http.addresses.name} does not tell the rights of a key"
        return [Noted("key_rights", words, Severity.INFO, at_ms)]
    rights = await rest.key_rights()
    if not isinstance(rights, Found):
        raise RetryLater(
            f"the venue did not tell the rights of the key: {rights.why}; try again later"
        )
    verdict = judge_key(rights.value, any_ip_allowed=market.any_ip_allowed)
    if verdict.refusals:
        raise Refused(f"live refused: {verdict.refusals[0]}")
    return [Noted("key_rights", words, Severity.WARNING, at_ms) for words in verdict.notices]


@dataclass
class KeyWatch:
    """Looks at the key's rights again while a live session runs: what a start would refuse halts
    the account. A question that fails says nothing of the key."""

    market: Market
    standing: Standing
    clock: Clock

    async def run(self) -> NoReturn:
        answered = True
        while True:
            await self.clock.sleep(_LOOK_S if answered else _AGAIN_S)
            answered = await self.look()

    async def look(self) -> bool:
        """Returns whether the exchange answered; asks for a halt where it says that the key may do
        too much or too little, or that the account may not trade."""
        rest, wrong = self.market.rest, list[str]()
        account = await rest.account()
        answered = isinstance(account, Found)
        if isinstance(account, Found) and not account.value.can_trade:
            wrong.append(_MAY_NOT_TRADE)
        if rest.http.addresses.wallet:
            rights = await rest.key_rights()
            answered = answered and isinstance(rights, Found)
            if isinstance(rights, Found):
                allowed = self.market.any_ip_allowed
                wrong += judge_key(rights.value, any_ip_allowed=allowed).refusals
        if wrong:
            self.standing.demand(TradingState.HALTED, "key_rights", "; ".join(wrong))
        return answered
