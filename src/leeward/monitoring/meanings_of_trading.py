"""What notes about positions, orders and books mean."""

from __future__ import annotations

from leeward.monitoring.meaning import NOTHING, Meaning

_COMPARE = (
    "Look at the orders and balances at the exchange and at `leeward status`. If you or another "
    "program trade this account, stop that, or give Leeward an account of its own."
)

#: Heading of the runbook -> kind -> its meaning.
TRADING: dict[str, dict[str, Meaning]] = {
    "Protection and positions": {
        "unprotected": Meaning(
            "A position had no stop at the exchange for longer than "
            "`trading.protection_deadline_s`.",
            "It is sold at the market.",
            "See that it is gone (`leeward status`), and why the stop was refused: the notes "
            "before this one say it.",
        ),
        "protection_cancelled": Meaning(
            "Somebody else cancelled a stop or a target of ours.",
            "It is placed again. At the second time within an hour nothing more is bought for an "
            "hour.",
            "Find out who did: you, another program, or somebody with your key. To be rid of a "
            "position use `leeward flatten SYMBOL`, not the exchange's pages.",
        ),
        "other_hand": Meaning(
            "Our protection was cancelled twice within an hour by another hand.",
            "What is held is protected again, and nothing is bought for an hour.",
            "Find the other hand. If you do not know it, halt, withdraw the key at the exchange, "
            "and make a new one.",
        ),
        "stop_of_adopted": Meaning(
            "A position was found that nobody had written down, and no stop rested for it.",
            "A stop is placed `risk.default_stop_fraction` below the last price.",
            "Decide whether you want the position: `leeward flatten SYMBOL` sells it.",
        ),
        "max_drawdown": Meaning(
            "The account fell to `risk.max_drawdown_fraction` below its highest equity.",
            "Everything is sold and trading is halted.",
            "Read what was lost and why (`leeward why`, `leeward parity`) before anything else. "
            "`leeward resume` accepts the loss and counts from the present equity.",
        ),
        "daily_loss": Meaning(
            "The account lost `risk.daily_loss_fraction` of what it was worth before this UTC day.",
            "Nothing is bought until the day is over; what is held keeps its stops.",
            "Nothing has to be done. If it happens often, the strategy does not suit the market.",
        ),
        "position_opened": Meaning(
            "A position was opened.", "Its stop is placed at once.", NOTHING
        ),
        "position_closed": Meaning("A position was closed.", "Its profit is booked.", NOTHING),
    },
    "Orders": {
        "entry_refused": Meaning(
            "The exchange refused an entry.",
            "It is not repeated; the next candle is decided on anew.",
            "Once is nothing. Where it repeats, `leeward doctor` names the filter or balance.",
        ),
        "entry_not_sent": Meaning(
            "An entry was written down and not sent, because it came too late or the state had "
            "changed.",
            "It is void: it will never be sent.",
            "Nothing, unless it repeats: then the machine, its disk or its database is too slow.",
        ),
        "refused": Meaning(
            "The exchange refused a stop, a target or a sale.",
            "The symbol's rules are read again and it is tried anew; a position without a stop is "
            "sold after `trading.protection_deadline_s`.",
            "Look whether the position is protected (`leeward status`); if not, sell it at the "
            "exchange.",
        ),
        "locked": Meaning(
            "The exchange refused an order because of the key, the signature or the account.",
            "It is tried again every half minute. Stops that rest at the exchange hold.",
            "Look at the key and the account at the exchange now; `leeward doctor` says what is "
            "wrong with them.",
        ),
        "short_of_funds": Meaning(
            "The exchange said that there is not enough to sell or to buy with.",
            "Balances and trades are read again; what is there is protected.",
            _COMPARE,
        ),
        "given_up": Meaning(
            "An order was given up: the exchange neither has it open nor carried it out.",
            "What it was to do is done anew.",
            "Nothing, unless it repeats.",
        ),
        "restless": Meaning(
            "A symbol did not come to rest after very many steps.",
            "It is tried again every second.",
            "Halt (`leeward halt`), look at the symbol's orders at the exchange, and report this "
            "with the log: it should not happen.",
        ),
        "wrong_answer": Meaning(
            "The exchange told of another order than the one it was asked for.",
            "The answer is not used; it is asked again.",
            "Nothing, unless it repeats: then look at what is between this machine and the "
            "exchange.",
        ),
        "max_orders_per_hour": Meaning(
            "More orders were made within an hour than `risk.max_orders_per_hour`.",
            "Nothing is bought until there are fewer; stops and sales go on.",
            "Find out why: a strategy that buys and sells at every candle, or a stop that is "
            "raised too often (`leeward why SYMBOL`).",
        ),
    },
    "Books and exchange": {
        "recovering": Meaning(
            "Books and exchange do not agree yet.",
            "They are compared again every few seconds; nothing is bought.",
            "Wait a minute. Where it lasts, the words say what is open; " + _COMPARE,
        ),
        "books_differ": Meaning(
            "A comparison with the exchange found what the books do not explain.",
            "The books follow the exchange; nothing is bought for an hour, or until you resume.",
            _COMPARE,
        ),
        "adjustment": Meaning(
            "A balance at the exchange is not what trades explain.",
            "The difference is booked as an adjustment, and nothing is bought for an hour.",
            "A deposit or withdrawal that you know is fine. " + _COMPARE,
        ),
        "taken": Meaning(
            "Another hand sold or took coins that a position held.",
            "What is left stays protected; a position that is mostly gone is closed.",
            _COMPARE,
        ),
        "appeared": Meaning(
            "An order that was taken never to have arrived did arrive.",
            "Its fills are booked and protected.",
            "Look at the position (`leeward status`); nothing else.",
        ),
        "vanished": Meaning(
            "The exchange does not know an order any more that it had.",
            "It counts as expired; protection is placed anew.",
            "Look at the order at the exchange: it may have been cancelled there.",
        ),
        "overfill": Meaning(
            "More was filled than was ordered.",
            "It is booked as it is, and nothing is bought for an hour.",
            "Compare the order at the exchange, and report this with the log.",
        ),
        "stray_order": Meaning(
            "An order with a name of ours is at the exchange and not in the books, or there are "
            "two under one name: the database is new or was restored, or a second Leeward trades "
            "this account.",
            "Trading is halted; stops hold. What rests is taken over, left or cancelled, as the "
            "words say.",
            "Was the database restored, or does a second one trade this account? There may be one "
            "only. Compare what it holds with `leeward status`: what the other one bought has no "
            "stop of ours. Then `leeward resume`.",
        ),
        "external_order": Meaning(
            "Somebody else has an open order on this account.",
            "It is left alone, and trading goes on. This is told once an hour for each symbol; the "
            "audit trail has each order.",
            _COMPARE,
        ),
        "external_trade": Meaning(
            "Somebody else traded on this account.",
            "It is booked as foreign: no profit and no loss of ours, and what was bought is left "
            "alone, without a stop. Trading goes on. This is told once an hour for each symbol; "
            "the audit trail has each trade.",
            _COMPARE,
        ),
        "key_refused": Meaning(
            "The exchange does not take the key.",
            "Trading is halted. Stops that rest at the exchange hold.",
            "Look at the key at the exchange: expired, withdrawn, or bound to another address. "
            "Set the new one, start again, `leeward resume`.",
        ),
        "key_rights": Meaning(
            "The key's rights are not as they should be.",
            "Where a start would refuse it, trading is halted; else it is only told.",
            "Take from the key what the words name, then `leeward resume`.",
        ),
        "delisting": Meaning(
            "The exchange will stop trading a symbol, or has it no more.",
            "Nothing of it is bought any more, and what is held is sold a day ahead. What is held "
            "of one that is gone stays in the books, with no stop.",
            "See that it is sold; leave the symbol out at the next start. What becomes of coins "
            "that are still there, the exchange's announcement says.",
        ),
        "symbol_status": Meaning(
            "The exchange changed whether a symbol trades.",
            "What it allows is done: stops and sales while they are taken, entries only where it "
            "trades.",
            "Look at the exchange's announcements of that symbol.",
        ),
        "fees_not_valued": Meaning(
            "A fee was paid in an asset whose worth in quote units is not known.",
            "It is booked in that asset; its worth is asked for again.",
            "Nothing, unless it lasts: then profits are shown without these fees.",
        ),
        "exchange_ban": Meaning(
            "The exchange keeps this address out for a while.",
            "Nothing is sent until it ends; stops that rest there hold.",
            "Does another program use this address? Give it another one.",
        ),
    },
}
