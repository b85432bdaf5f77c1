"""Alerts as the settings want them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leeward.domain.errors import BadConfig, Refused, RetryLater, unknown_name
from leeward.engine.records import Noted, Severity
from leeward.monitoring.alerts import Alerts, Wiring, trial_message
from leeward.monitoring.channels import Channel, channels_of
from leeward.monitoring.logs import redaction
from leeward.monitoring.meanings import KINDS
from leeward.monitoring.sieve import Sieve
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.settings import Settings, secrets_in

#: For messages that say that a channel is missing.
HOW_TO_NAME_ONE = (
    "give one as LEEWARD_ALERTS__CHANNELS='[\"mailto://user:password@example.org\"]', try it with "
    "`leeward alerts test`"
)


def configured_channels(settings: Settings) -> tuple[Channel, ...]:
    """Returns the channels; raises BadConfig for one that Apprise does not know, and for a muted
    kind that does not exist."""
    for kind in settings.alerts.mute:
        if kind not in KINDS:
            raise BadConfig(f"alerts.mute: {unknown_name('kind', kind, KINDS)}")
    return channels_of([each.get_secret_value() for each in settings.alerts.channels])


def configured_alerts(
    settings: Settings, account: str, tell: Callable[[Noted], None], count: Callable[[str], None]
) -> Alerts:
    """Returns the alerts of an account, not opened yet; without channels they send nothing."""
    given = settings.alerts
    sieve = Sieve(Severity(given.level), given.mute, given.repeat_minutes * 60, given.max_per_hour)
    redact = redaction(secrets_in(settings))
    wiring = Wiring(account, now_ms, monotonic_s, redact, tell, count)
    return Alerts(configured_channels(settings), sieve, wiring)


def try_channels(channels: Sequence[Channel], account: str) -> dict[str, bool]:
    """Sends a test to every channel; returns for each name whether it answered. Takes seconds."""
    message = trial_message(account)
    return {each.name: each.send(*message) for each in channels}


def check_answered(answered: dict[str, bool]) -> list[Noted]:
    """Returns a note for each channel that did not answer a test. Real money is not
    traded where nobody would hear of trouble: raises Refused where there is no channel, RetryLater
    where none answered."""
    if not answered:
        raise Refused(
            f"live refused: there is no channel for alerts; {HOW_TO_NAME_ONE}, or pass --no-alerts "
            "and look after it yourself"
        )
    silent = [name for name, heard in answered.items() if not heard]
    if len(silent) == len(answered):
        raise RetryLater(
            f"live refused: no channel answered a test message ({', '.join(silent)}); see `leeward "
            "alerts test`, or pass --no-alerts and look after it yourself"
        )
    words = "did not answer the test message of the start"
    return [
        Noted("alerts_failing", f"{name} {words}", Severity.WARNING, now_ms()) for name in silent
    ]
