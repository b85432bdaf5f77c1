"""Every reason, state and verdict in words, each once."""

from __future__ import annotations

from typing import Final

from leeward.engine.records import OrderState, Purpose, TradingState
from leeward.report.words import REFUSAL_WORDS

STATE_WORDS: Final = {
    TradingState.RECOVERING: "books and venue are being compared; no entries until they agree",
    TradingState.ACTIVE: "entries are allowed",
    TradingState.REDUCING: "only what lowers the risk is allowed",
    TradingState.HALTED: "no new risk until an operator resumes",
}

#: What the last door says, beside what the decision core says itself.
GATE_WORDS: Final = REFUSAL_WORDS | {
    "recovering": STATE_WORDS[TradingState.RECOVERING],
    "reducing": STATE_WORDS[TradingState.REDUCING],
    "late": "it was decided after the next candle had closed already",
    "not_allowed": "the symbol is not one the session may trade",
    "symbol_closed": "the exchange does not trade the symbol now",
    "delisting": "the exchange has announced that it stops trading the symbol",
    "already_held": "the symbol is held, or being bought, already",
    "max_orders_per_hour": "as many orders as an hour may have were sent",
    "max_position": "with unknown orders taken as filled, the position would be too large",
    "no_entry": "the order had no size",
    "lot_size": "the exchange takes no order of that quantity",
    "above_max_notional": "the exchange takes no order worth so much",
    "price_grid": "the exchange takes no order at that price",
    "price_band": "the order's price lies too far from the last one for the exchange",
    "no_stop_orders": "the exchange takes no stop orders for the symbol: nothing could protect it",
    "no_order_lists": "the exchange takes no pair of stop and target for the symbol",
    "stop_price": "the exchange would not take the stop at its price",
    "target_price": "the exchange would not take the target at its price",
    "max_open_orders": "the exchange takes no more open orders of the symbol",
    "max_position_of_exchange": "the exchange lets an account hold no more of it",
}

DATA_WORDS: Final = {
    "ok": "the candle came in time and none before it is missing",
    "warming_up": "too few candles yet for the strategy's columns",
    "missing": "the candle did not come in time",
    "gap": "a candle before it is missing",
    "informative": "a candle of another series that the strategy reads did not come in time",
}

EXIT_WORDS: Final = {
    "stop": "the stop was touched",
    "stop_gap": "the candle opened below the stop",
    "target": "the target was reached",
    "signal": "the strategy's exit condition held",
    "time": "held for as many candles as the strategy allows",
    "containment": "the drawdown limit was reached",
    "operator": "somebody closed it",
    "delisting": "the exchange stops trading the symbol within a day",
    "dust": "the entry bought too little to be sold again",
    "end_of_data": "the candles end; valued at the last close",
    "closing": "its exit had been decided before and was not filled yet",
    "buying": "an entry had been sent and its end was not known yet",
}

TREND_WORDS: Final = {
    "with": "the market rises, entries pass",
    "against": "the market does not rise, entries are refused",
    "unknown": "the average is not known yet",
    "off": "turned off",
}

#: Name of a limit of the size -> its words.
BOUND_WORDS: Final = {
    "asked": "what the strategy asked for",
    "max_position": "the limit of one position",
    "risk_per_trade": "the risk between close and stop",
    "max_exposure": "what all positions together may still take",
    "max_correlated": "what symbols that move alike may still take",
}

#: Who decides, by the step of the ladder of models.
LADDER_WORDS: Final = {2: "sentiment model", 1: "price model", 0: "rule"}

PURPOSE_WORDS: Final = {
    Purpose.ENTRY: "entry",
    Purpose.EXIT: "exit",
    Purpose.PROTECTION: "protection",
}

ORDER_WORDS: Final = {
    OrderState.COMMITTED: "written down, perhaps sent",
    OrderState.UNKNOWN: "of unknown fate; the venue is asked",
    OrderState.PENDING: "at the venue, waiting for the entry to fill",
    OrderState.OPEN: "open at the venue",
    OrderState.PARTIAL: "filled in part",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "cancelled",
    OrderState.EXPIRED: "expired",
    OrderState.REFUSED: "refused by the venue",
    OrderState.VOID: "never arrived",
}
