"""What each kind of note means: what happened, what Leeward did about it, what a person should do.

Alerts are made of these words, and so is `docs/runbook.md`; a test holds that every kind that the
code notes is here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """One kind in words, each a sentence or two."""

    happened: str
    done: str
    to_do: str


def _means(happened: str, done: str, to_do: str) -> Meaning:
    return Meaning(happened, done, to_do)


_NOTHING = "Nothing."
_COMPARE = (
    "Look at the orders and balances at the exchange and at `leeward status`. If you or another "
    "program trade this account, stop that, or give Leeward an account of its own."
)

#: Heading of the runbook -> kind -> its meaning.
MEANINGS: dict[str, dict[str, Meaning]] = {
    "Protection and positions": {
        "unprotected": _means(
            "A position had no stop at the exchange for longer than "
            "`trading.protection_deadline_s`.",
            "It is sold at the market.",
            "See that it is gone (`leeward status`), and why the stop was refused: the notes "
            "before this one say it.",
        ),
        "protection_cancelled": _means(
            "Somebody else cancelled a stop or a target of ours.",
            "It is placed again. At the second time within an hour nothing more is bought for an "
            "hour.",
            "Find out who did: you, another program, or somebody with your key. To be rid of a "
            "position use `leeward flatten SYMBOL`, not the exchange's pages.",
        ),
        "other_hand": _means(
            "Our protection was cancelled twice within an hour by another hand.",
            "What is held is protected again, and nothing is bought for an hour.",
            "Find the other hand. If you do not know it, halt, withdraw the key at the exchange, "
            "and make a new one.",
        ),
        "stop_of_adopted": _means(
            "A position was found that nobody had written down, and no stop rested for it.",
            "A stop is placed `risk.default_stop_fraction` below the last price.",
            "Decide whether you want the position: `leeward flatten SYMBOL` sells it.",
        ),
        "max_drawdown": _means(
            "The account fell to `risk.max_drawdown_fraction` below its highest equity.",
            "Everything is sold and trading is halted.",
            "Read what was lost and why (`leeward why`, `leeward parity`) before anything else. "
            "`leeward resume` accepts the loss and counts from the present equity.",
        ),
        "daily_loss": _means(
            "The account lost `risk.daily_loss_fraction` of what it was worth before this UTC day.",
            "Nothing is bought until the day is over; what is held keeps its stops.",
            "Nothing has to be done. If it happens often, the strategy does not suit the market.",
        ),
        "position_opened": _means(
            "A position was opened.", "Its stop is placed at once.", _NOTHING
        ),
        "position_closed": _means("A position was closed.", "Its profit is booked.", _NOTHING),
    },
    "Orders": {
        "entry_refused": _means(
            "The exchange refused an entry.",
            "It is not repeated; the next candle is decided on anew.",
            "Once is nothing. Where it repeats, `leeward doctor` names the filter or balance.",
        ),
        "entry_not_sent": _means(
            "An entry was written down and not sent, because it came too late or the state had "
            "changed.",
            "It is void: it will never be sent.",
            "Nothing, unless it repeats: then the machine, its disk or its database is too slow.",
        ),
        "refused": _means(
            "The exchange refused a stop, a target or a sale.",
            "The symbol's rules are read again and it is tried anew; a position without a stop is "
            "sold after `trading.protection_deadline_s`.",
            "Look whether the position is protected (`leeward status`); if not, sell it at the "
            "exchange.",
        ),
        "locked": _means(
            "The exchange refused an order because of the key, the signature or the account.",
            "It is tried again every half minute. Stops that rest at the exchange hold.",
            "Look at the key and the account at the exchange now; `leeward doctor` says what is "
            "wrong with them.",
        ),
        "short_of_funds": _means(
            "The exchange said that there is not enough to sell or to buy with.",
            "Balances and trades are read again; what is there is protected.",
            _COMPARE,
        ),
        "given_up": _means(
            "An order was given up: the exchange neither has it open nor carried it out.",
            "What it was to do is done anew.",
            "Nothing, unless it repeats.",
        ),
        "restless": _means(
            "A symbol did not come to rest after very many steps.",
            "It is tried again every second.",
            "Halt (`leeward halt`), look at the symbol's orders at the exchange, and report this "
            "with the log: it should not happen.",
        ),
        "wrong_answer": _means(
            "The exchange told of another order than the one it was asked for.",
            "The answer is not used; it is asked again.",
            "Nothing, unless it repeats: then look at what is between this machine and the "
            "exchange.",
        ),
        "max_orders_per_hour": _means(
            "More orders were made within an hour than `risk.max_orders_per_hour`.",
            "Nothing is bought until there are fewer; stops and sales go on.",
            "Find out why: a strategy that buys and sells at every candle, or a stop that is "
            "raised too often (`leeward why SYMBOL`).",
        ),
    },
    "Books and exchange": {
        "recovering": _means(
            "Books and exchange do not agree yet.",
            "They are compared again every few seconds; nothing is bought.",
            "Wait a minute. Where it lasts, the words say what is open; " + _COMPARE,
        ),
        "books_differ": _means(
            "A comparison with the exchange found what the books do not explain.",
            "The books follow the exchange; nothing is bought for an hour, or until you resume.",
            _COMPARE,
        ),
        "adjustment": _means(
            "A balance at the exchange is not what trades explain.",
            "The difference is booked as an adjustment, and nothing is bought for an hour.",
            "A deposit or withdrawal that you know is fine. " + _COMPARE,
        ),
        "taken": _means(
            "Another hand sold or took coins that a position held.",
            "What is left stays protected; a position that is mostly gone is closed.",
            _COMPARE,
        ),
        "appeared": _means(
            "An order that was taken never to have arrived did arrive.",
            "Its fills are booked and protected.",
            "Look at the position (`leeward status`); nothing else.",
        ),
        "vanished": _means(
            "The exchange does not know an order any more that it had.",
            "It counts as expired; protection is placed anew.",
            "Look at the order at the exchange: it may have been cancelled there.",
        ),
        "overfill": _means(
            "More was filled than was ordered.",
            "It is booked as it is, and nothing is bought for an hour.",
            "Compare the order at the exchange, and report this with the log.",
        ),
        "stray_order": _means(
            "An order with a name of ours is at the exchange and not in the books: the database "
            "is new or was restored.",
            "It is taken over, left or cancelled, as the words say.",
            "Was the database restored, or does a second one trade this account? There may be one "
            "only.",
        ),
        "external_order": _means(
            "Somebody else has an open order on this account.", "It is left alone.", _COMPARE
        ),
        "external_trade": _means(
            "Somebody else traded on this account.",
            "It is booked as foreign, and left alone.",
            _COMPARE,
        ),
        "key_refused": _means(
            "The exchange does not take the key.",
            "Trading is halted. Stops that rest at the exchange hold.",
            "Look at the key at the exchange: expired, withdrawn, or bound to another address. "
            "Set the new one, start again, `leeward resume`.",
        ),
        "key_rights": _means(
            "The key's rights are not as they should be.",
            "Where a start would refuse it, trading is halted; else it is only told.",
            "Take from the key what the words name, then `leeward resume`.",
        ),
        "delisting": _means(
            "The exchange will stop trading a symbol.",
            "Nothing of it is bought any more, and what is held is sold a day ahead.",
            "See that it is gone; leave the symbol out at the next start.",
        ),
        "symbol_status": _means(
            "The exchange changed whether a symbol trades.",
            "What it allows is done: stops and sales while they are taken, entries only where it "
            "trades.",
            "Look at the exchange's announcements of that symbol.",
        ),
        "fees_not_valued": _means(
            "A fee was paid in an asset whose worth in quote units is not known.",
            "It is booked in that asset; its worth is asked for again.",
            "Nothing, unless it lasts: then profits are shown without these fees.",
        ),
        "exchange_ban": _means(
            "The exchange keeps this address out for a while.",
            "Nothing is sent until it ends; stops that rest there hold.",
            "Does another program use this address? Give it another one.",
        ),
    },
    "Candles and strategy": {
        "stale_candles": _means(
            "Candles do not come.",
            "The stream is dialled again and candles are asked for; nothing is bought meanwhile.",
            "Look at the machine's network and the exchange's status page.",
        ),
        "bad_candle": _means(
            "A candle broke a rule, such as a low above its close.",
            "It is not used; decisions wait until the sequence is whole again.",
            "Nothing, unless it repeats: then the source of candles is broken.",
        ),
        "candles_not_kept": _means(
            "The candles of a step could not be written beside the session.",
            "Trading goes on; this part cannot be replayed by `leeward parity`.",
            "Make room on the disk, or mend the rights of the folder.",
        ),
        "strategy_failed": _means(
            "The strategy raised an error.",
            "It decided nothing at this candle; after three in a row nothing is bought until it "
            "answers. Stops go on.",
            "Mend the strategy at the file and line named, then start again.",
        ),
        "model": _means(
            "A model is used that has no demonstrated edge, or without what it should read.",
            "What it may do is bound by its status.",
            "See `leeward models show NAME` before you trust it.",
        ),
        "model_drifted": _means(
            "What a model reads or answers is not what it was validated on.",
            "It has no confidence: the next step of the ladder decides.",
            "Train it anew, or leave it: `leeward models show NAME`.",
        ),
        "model_misses": _means(
            "A model's bounds hold fewer moves than they should.",
            "It has no confidence: the next step of the ladder decides.",
            "Train it anew, or leave it: `leeward models show NAME`.",
        ),
        "model_old": _means(
            "A model is older than it may be.",
            "It has no confidence: the next step of the ladder decides.",
            "Train it on newer candles: `leeward train`.",
        ),
        "model_silent": _means(
            "A model cannot be asked: candles of its window, or sentiment, are missing.",
            "The next step of the ladder decides.",
            "Nothing, unless it lasts: then look at the candles and the sentiment source.",
        ),
        "model_sound": _means("A model has its confidence back.", "It is used again.", _NOTHING),
        "challenger": _means(
            "A challenger is asked beside the model in use, or cannot be.",
            "It decides nothing: what it would have said is written down.",
            "`leeward models show NAME` compares the two once there are enough candles.",
        ),
        "sentiment": _means(
            "A source of sentiment fails, or what it says is refused.",
            "What is stored counts until it is stale; then the ladder steps down.",
            "Look at the words: the source's key, its address, or the network.",
        ),
        "sentiment_back": _means("A source of sentiment answers again.", "It is used.", _NOTHING),
    },
    "Exchanging the strategy": {
        "swap": _means(
            "Somebody asked for another strategy, which was loaded and checked, or refused.",
            "It takes over at the candle close that is named; until then the present one trades.",
            "`leeward swap --rollback` calls it off.",
        ),
        "shadow": _means(
            "A strategy that is to take over was tried on a candle.",
            "What it would have done is written down; nothing was ordered for it.",
            "Read whether it decides as you expect.",
        ),
        "swapped": _means(
            "Another strategy took over.",
            "It decides from this candle on; stops, limits and losses so far stay as they are.",
            "`leeward swap --rollback` takes it back.",
        ),
        "managed_out": _means(
            "A strategy that was replaced has closed the last of its positions.",
            "Nothing of it is left; the new strategy decides alone.",
            _NOTHING,
        ),
        "resumed": _means(
            "The account was started with the command line of before a swap.",
            "It goes on with what was swapped in.",
            "`leeward swap --rollback` takes it back; to start anew name something else.",
        ),
        "manager_lost": _means(
            "A strategy that managed positions after a swap could not be loaded again.",
            "Its positions keep their stops, and the strategy of the session decides their exits.",
            "Look at the words; close the positions by hand if you want another exit.",
        ),
    },
    "Process and machine": {
        "task_died": _means(
            "A part of the trading process died.",
            "It is begun anew, trading is halted, and stops and sales go on.",
            "Read the words and the log, report it, and `leeward resume` once it is understood.",
        ),
        "watching_failed": _means(
            "The part that counts and alerts failed.",
            "It is begun anew; trading goes on.",
            "Report it with the log. Until it stays up, trust `leeward status` only.",
        ),
        "loop_stalled": _means(
            "The trading process stands still; the words name the line it hangs at.",
            "Nothing is decided or sent. Stops that rest at the exchange hold.",
            "If it lasts, stop the process (SIGTERM, then kill) and start it again: a start "
            "recovers. Mend the strategy if the line is in it.",
        ),
        "loop_lag": _means(
            "The trading process stood still for some seconds.",
            "Nothing is bought for a minute.",
            "Is the machine too small, swapping, or suspended?",
        ),
        "clock_step": _means(
            "The computer's clock moved by more than a second.",
            "The exchange's time is measured anew, and nothing is bought for a minute.",
            "Synchronise the clock (`timedatectl`); `leeward doctor` measures it.",
        ),
        "database": _means(
            "The database does not answer, or lacks what the journal has.",
            "Nothing is bought; stops and sales go on and are kept in the journal.",
            "Bring the database back: disk, server, network. Nothing is lost meanwhile; do not "
            "delete the journal.",
        ),
        "journal_set_aside": _means(
            "A journal of an older process was found, and the account was traded since.",
            "It is kept under the name told and not used; the exchange is asked for everything.",
            "Compare `leeward status` with the exchange once; then the file may go.",
        ),
        "disk": _means(
            "The disk is nearly full.",
            "Nothing is bought until there is room.",
            "Make room.",
        ),
        "still": _means(
            "The account is still not active, for the reason told.",
            "Nothing is bought.",
            "See the section of that reason; after a halt, `leeward resume` when it is understood.",
        ),
        "session_ended": _means(
            "A session ended as it was told to.",
            "What is held stays protected at the exchange.",
            _NOTHING,
        ),
        "session_failed": _means(
            "A session ended by an error.",
            "What is held stays protected at the exchange; nobody looks after it now.",
            "Start it again: a start recovers. The words and the log say why it ended.",
        ),
        "command": _means(
            "Somebody steered: halt, resume, flatten or swap.",
            "It was carried out, or refused, as the words say.",
            "If it was not you, halt, and change the passwords and tokens that steer.",
        ),
    },
    "Alerts and metrics": {
        "alerts_failing": _means(
            "A channel does not take alerts.",
            "They wait on the disk and are tried again, ever more slowly; other channels get them.",
            "Look at the channel's address and the network: `leeward alerts test`.",
        ),
        "no_alerts": _means(
            "Live trading was started with --no-alerts.",
            "No channel was tried. Those that are set get alerts all the same.",
            "Look at `leeward status` often, or set a channel and start again without it.",
        ),
        "alerts_back": _means(
            "A channel takes alerts again.", "What waited for it is sent.", _NOTHING
        ),
        "alerts_left_out": _means(
            "Alerts were left out, because the same was told before or there were too many.",
            "They were counted; all of them are in the log and in the database.",
            "Read the log if the numbers surprise you. `alerts.repeat_minutes` and "
            "`alerts.max_per_hour` set the limits.",
        ),
        "heartbeat_failed": _means(
            "The heartbeat address does not answer.",
            "It is asked again at the next beat; trading goes on.",
            "Whoever watches the heartbeat believes this process to be dead: look at that service.",
        ),
        "metrics_port": _means(
            "The port for Prometheus could not be had.",
            "Trading goes on; nothing is told to Prometheus.",
            "Give another `metrics.port`, and start again.",
        ),
        "daily_summary": _means(
            "A day is over.", "This is how it went.", "Look whether it is what you expect."
        ),
    },
}
KINDS: dict[str, Meaning] = {
    kind: meaning for group in MEANINGS.values() for kind, meaning in group.items()
}
_UNKNOWN = Meaning("", "See the words.", "Look at `leeward status` and the log.")


def meaning_of(kind: str) -> Meaning:
    """Returns the meaning; of a kind that is not known, where to look."""
    return KINDS.get(kind, _UNKNOWN)
