"""What notes about candles, strategies, the process and its watching mean."""

from __future__ import annotations

from leeward.monitoring.meaning import NOTHING, Meaning

#: Heading of the runbook -> kind -> its meaning.
RUNNING: dict[str, dict[str, Meaning]] = {
    "Candles and strategy": {
        "stale_candles": Meaning(
            "Candles do not come.",
            "The stream is dialled again and candles are asked for; nothing is bought meanwhile.",
            "Look at the machine's network and the exchange's status page.",
        ),
        "stream_mute": Meaning(
            "The exchange confirmed the stream of the account and tells nothing over it.",
            "It is subscribed to anew. Fills are found by comparing meanwhile, every minute; stops "
            "rest at the exchange.",
            "Nothing, unless it repeats: then see the exchange's status page.",
        ),
        "bad_candle": Meaning(
            "A candle broke a rule, such as a low above its close.",
            "It is not used; decisions wait until the sequence is whole again.",
            "Nothing, unless it repeats: then the source of candles is broken.",
        ),
        "candle_restated": Meaning(
            "The exchange tells a candle otherwise than when it closed.",
            "What was decided on it stays, and it stays as it was for what follows.",
            "Nothing, unless it repeats: a later backtest of that time differs from this session.",
        ),
        "candles_not_kept": Meaning(
            "The candles of a step could not be written beside the session.",
            "Trading goes on; this part cannot be replayed by `leeward parity`.",
            "Make room on the disk, or mend the rights of the folder.",
        ),
        "strategy_failed": Meaning(
            "The strategy raised an error.",
            "It decided nothing at this candle; after three in a row nothing is bought until it "
            "answers. Stops go on.",
            "Mend the strategy at the file and line named, then start again.",
        ),
        "model": Meaning(
            "A model is used that has no demonstrated edge, or without what it should read.",
            "What it may do is bound by its status.",
            "See `leeward models show NAME` before you trust it.",
        ),
        "model_drifted": Meaning(
            "What a model reads or answers is not what it was validated on.",
            "It has no confidence: the next step of the ladder decides.",
            "Train it anew, or leave it: `leeward models show NAME`.",
        ),
        "model_misses": Meaning(
            "A model's bounds hold fewer moves than they should.",
            "It has no confidence: the next step of the ladder decides.",
            "Train it anew, or leave it: `leeward models show NAME`.",
        ),
        "model_old": Meaning(
            "A model is older than it may be.",
            "It has no confidence: the next step of the ladder decides.",
            "Train it on newer candles: `leeward train`.",
        ),
        "model_silent": Meaning(
            "A model cannot be asked: candles of its window, or sentiment, are missing.",
            "The next step of the ladder decides.",
            "Nothing, unless it lasts: then look at the candles and the sentiment source.",
        ),
        "model_sound": Meaning("A model has its confidence back.", "It is used again.", NOTHING),
        "challenger": Meaning(
            "A challenger is asked beside the model in use, or cannot be.",
            "It decides nothing: what it would have said is written down.",
            "`leeward models compare NAME` compares the two once there are enough candles.",
        ),
        "sentiment": Meaning(
            "A source of sentiment fails, or what it says is refused.",
            "What is stored counts until it is stale; then the ladder steps down.",
            "Look at the words: the source's key, its address, or the network.",
        ),
        "sentiment_back": Meaning("A source of sentiment answers again.", "It is used.", NOTHING),
    },
    "Exchanging the strategy": {
        "swap": Meaning(
            "Somebody asked for another strategy, which was loaded and checked, or refused.",
            "It takes over at the candle close that is named; until then the present one trades.",
            "`leeward swap --rollback` calls it off.",
        ),
        "shadow": Meaning(
            "A strategy that is to take over was tried on a candle.",
            "What it would have done is written down; nothing was ordered for it.",
            "Read whether it decides as you expect.",
        ),
        "swapped": Meaning(
            "Another strategy took over.",
            "It decides from this candle on; stops, limits and losses so far stay as they are.",
            "`leeward swap --rollback` takes it back.",
        ),
        "managed_out": Meaning(
            "A strategy that was replaced has closed the last of its positions.",
            "Nothing of it is left; the new strategy decides alone.",
            NOTHING,
        ),
        "resumed": Meaning(
            "The account was started with the command line of before a swap.",
            "It goes on with what was swapped in.",
            "`leeward swap --rollback` takes it back; to start anew name something else.",
        ),
        "manager_lost": Meaning(
            "A strategy that managed positions after a swap could not be loaded again.",
            "Its positions keep their stops, and the strategy of the session decides their exits.",
            "Look at the words; close the positions by hand if you want another exit.",
        ),
    },
    "Process and machine": {
        "task_died": Meaning(
            "A part of the trading process died.",
            "It is begun anew, trading is halted, and stops and sales go on.",
            "Read the words and the log, report it, and `leeward resume` once it is understood.",
        ),
        "watching_failed": Meaning(
            "A part beside the trading failed: counting and alerts, a challenger, sentiment, or a "
            "swap. The words name it.",
            "It is begun anew; trading goes on.",
            "Report it with the log. Where it is 'watching', trust `leeward status` only until it "
            "stays up.",
        ),
        "loop_stalled": Meaning(
            "The trading process stands still; the words name the line it hangs at.",
            "Nothing is decided or sent. Stops that rest at the exchange hold.",
            "If it lasts, stop the process (SIGTERM, then kill) and start it again: a start "
            "recovers. Mend the strategy if the line is in it.",
        ),
        "loop_lag": Meaning(
            "The trading process stood still for some seconds.",
            "Nothing is bought for a minute.",
            "Is the machine too small, swapping, or suspended?",
        ),
        "not_compared": Meaning(
            "Books and exchange were not compared for minutes, though that is done every minute: "
            "the exchange does not tell what is open or what is there, or nobody asked it.",
            "Nothing is bought until they are. Stops that rest at the exchange hold.",
            "Look at the exchange's status. If it is well, stop the process (Ctrl-C) and start it "
            "again: a start compares first. Report it with the log.",
        ),
        "clock_step": Meaning(
            "The computer's clock moved by more than a second.",
            "The exchange's time is measured anew, and nothing is bought for a minute.",
            "Synchronise the clock (`timedatectl`); `leeward doctor` measures it.",
        ),
        "database": Meaning(
            "The database does not answer, or lacks what the journal has.",
            "Nothing is bought; stops and sales go on and are kept in the journal.",
            "Bring the database back: disk, server, network. Nothing is lost meanwhile; do not "
            "delete the journal.",
        ),
        "journal_set_aside": Meaning(
            "A journal was found that is older than what the database has, or newer than all.",
            "It is kept under the name told and not used; the exchange is asked for everything.",
            "Compare `leeward status` with the exchange once; then the file may go.",
        ),
        "disk": Meaning(
            "The disk is nearly full.",
            "Nothing is bought until there is room.",
            "Make room.",
        ),
        "still": Meaning(
            "The account is still not active, for the reason told.",
            "Nothing is bought.",
            "See the section of that reason; after a halt, `leeward resume` when it is understood.",
        ),
        "session_ended": Meaning(
            "A session ended as it was told to.",
            "What is held stays protected at the exchange.",
            NOTHING,
        ),
        "session_failed": Meaning(
            "A session ended by an error.",
            "What is held stays protected at the exchange; nobody looks after it now.",
            "Start it again: a start recovers. The words and the log say why it ended.",
        ),
        "command": Meaning(
            "Somebody steered: halt, resume, flatten or swap.",
            "It was carried out, or refused, as the words say.",
            "If it was not you, halt, and change the passwords and tokens that steer.",
        ),
    },
    "Alerts and metrics": {
        "alerts_failing": Meaning(
            "A channel does not take alerts.",
            "They wait on the disk and are tried again, ever more slowly; other channels get them.",
            "Look at the channel's address and the network: `leeward alerts test`.",
        ),
        "no_alerts": Meaning(
            "Live trading was started with --no-alerts.",
            "No channel was tried. Those that are set get alerts all the same.",
            "Look at `leeward status` often, or set a channel and start again without it.",
        ),
        "alerts_back": Meaning(
            "A channel takes alerts again.", "What waited for it is sent.", NOTHING
        ),
        "alerts_left_out": Meaning(
            "Alerts were left out, because the same was told before or there were too many.",
            "They were counted; all of them are in the log and in the database.",
            "Read the log if the numbers surprise you. `alerts.repeat_minutes` and "
            "`alerts.max_per_hour` set the limits.",
        ),
        "heartbeat_failed": Meaning(
            "The heartbeat address does not answer.",
            "It is asked again at the next beat; trading goes on.",
            "Whoever watches the heartbeat believes this process to be dead: look at that service.",
        ),
        "metrics_port": Meaning(
            "The port for Prometheus could not be had.",
            "Trading goes on; nothing is told to Prometheus.",
            "Give another `metrics.port`, and start again.",
        ),
        "daily_summary": Meaning(
            "A day is over.", "This is how it went.", "Look whether it is what you expect."
        ),
    },
}
