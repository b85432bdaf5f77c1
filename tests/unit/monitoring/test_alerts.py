"""Alerts on their way to channels that answer, fail, and come back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.hearing import Hearing, hearing

from leeward.domain.errors import BadConfig
from leeward.engine.records import Noted, Severity
from leeward.monitoring.alerts import Alerts, Wiring
from leeward.monitoring.channels import Channel, channels_of
from leeward.monitoring.logs import redaction
from leeward.monitoring.meanings import KINDS
from leeward.monitoring.sieve import Sieve
from leeward.runtime.clock import monotonic_s

SECRET = "canary-of-the-account"  # noqa: S105 - made up


@dataclass
class Told:
    notes: list[Noted] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)


@pytest.fixture
def hears() -> Iterator[Hearing]:
    with hearing() as server:
        yield server


def alerts_to(hears: Hearing, *more: str, told: Told | None = None, **sieve: int) -> Alerts:
    told = told or Told()
    wiring = Wiring(
        "paper:test:main", lambda: 1_700_000_000_000, monotonic_s, redaction((SECRET,)),
        told.notes.append, told.counts.append, first_retry_s=0.05,
    )  # fmt: skip
    limits = {"repeat_s": 3600, "an_hour": 1000} | sieve
    return Alerts(
        channels_of((hears.channel, *more)),
        Sieve(Severity.WARNING, (), limits["repeat_s"], limits["an_hour"]),
        wiring,
    )


def noted(kind: str, words: str = "words", subject: str = "") -> Noted:
    return Noted(kind, words, Severity.CRITICAL, 1_700_000_000_000, subject)


def test_an_alert_says_what_happened_what_was_done_and_what_to_do(
    hears: Hearing, tmp_path: Path
) -> None:
    alerts = alerts_to(hears)
    alerts.open(tmp_path / "box")
    alerts.note(noted("unprotected", f"no stop in time for {SECRET}", "BTCUSDT"))
    alerts.close(60)
    (post,) = hears.posts
    assert post["title"] == "[CRITICAL] paper:test:main: unprotected BTCUSDT"
    assert post["type"] == "failure"
    assert post["message"].splitlines() == [
        "no stop in time for (hidden)",
        "at 2023-11-14T22:13:20Z",
        "",
        "A position had no stop at the exchange for longer than `trading.protection_deadline_s`.",
        "What Leeward did: It is sold at the market.",
        f"What to do: {KINDS['unprotected'].to_do}",
        "More: docs/runbook.md#unprotected",
    ]


def test_what_comes_before_the_outbox_is_open_is_sent_then(hears: Hearing, tmp_path: Path) -> None:
    alerts = alerts_to(hears)
    alerts.note(noted("key_rights"))
    assert alerts.waiting == 1
    alerts.open(tmp_path / "box")
    alerts.close(60)
    assert len(hears.posts) == 1


def test_a_channel_that_fails_gets_everything_later_and_the_other_at_once(
    hears: Hearing, tmp_path: Path
) -> None:
    told = Told()
    with hearing() as other:
        alerts = alerts_to(hears, other.channel, told=told)
        hears.status = 500
        alerts.open(tmp_path / "box")
        alerts.note(noted("disk"))
        other.until(lambda: len(other.posts) == 1)
        hears.until(lambda: any(each.kind == "alerts_failing" for each in told.notes))
        hears.status = 200
        hears.until(lambda: len(hears.posts) == 1)
        hears.until(lambda: any(each.kind == "alerts_back" for each in told.notes))
        alerts.close(60)
    assert [each.kind for each in told.notes] == ["alerts_failing", "alerts_back"]
    assert "channel 1 (json)" in told.notes[0].words
    assert "canary" not in told.notes[0].words
    assert told.counts.count("sent") == 2
    assert "failed" in told.counts


def test_many_that_waited_are_put_together(hears: Hearing, tmp_path: Path) -> None:
    alerts = alerts_to(hears)
    for number in range(20):
        alerts.note(noted("refused", subject=f"S{number}"))
    alerts.open(tmp_path / "box")
    alerts.close(60)
    (post,) = hears.posts
    assert post["title"] == "20 alerts"
    told = [line.rpartition(" ")[2] for line in post["message"].splitlines()]
    assert told == [f"S{number}" for number in range(20)]


def test_what_was_left_out_is_counted_and_told_at_the_end(hears: Hearing, tmp_path: Path) -> None:
    told = Told()
    alerts = alerts_to(hears, told=told)
    alerts.open(tmp_path / "box")
    for _ in range(5):
        alerts.note(noted("disk"))
    alerts.close(60)
    assert told.counts.count("left_out") == 4
    assert "within 1 min: 4 × disk" in hears.posts[-1]["message"]


def test_a_note_costs_the_trading_next_to_nothing_while_every_channel_is_dead(
    hears: Hearing, tmp_path: Path
) -> None:
    alerts = alerts_to(hears)
    hears.status = 500
    alerts.open(tmp_path / "box")
    took_s = []
    for number in range(600):
        begun_s = time.perf_counter()
        alerts.note(noted("refused", subject=f"S{number}"))
        took_s.append(time.perf_counter() - begun_s)
    begun_s = time.perf_counter()
    alerts.close(0.2)
    assert time.perf_counter() - begun_s < 30
    assert sorted(took_s)[300] < 0.05
    assert alerts.waiting == 0


def test_an_address_that_nobody_knows_is_refused_without_showing_it() -> None:
    with pytest.raises(BadConfig, match="address 2 'nosuch://…' is none that Apprise") as caught:
        channels_of(("json://localhost", f"nosuch://{SECRET}"))
    assert SECRET not in str(caught.value)


def test_without_channels_nothing_is_kept(tmp_path: Path) -> None:
    sieve = Sieve(Severity.INFO, (), 60, 5)
    alerts = Alerts((), sieve, Wiring("a", lambda: 0, monotonic_s))
    alerts.note(noted("disk"))
    alerts.post(Severity.INFO, "title", "body")
    alerts.close(1)
    assert alerts.waiting == 0
    assert list(tmp_path.iterdir()) == []


def test_what_looks_like_markup_reaches_telegram_as_words(
    hears: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins.telegram import NotifyTelegram

    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{hears.port}/bot")
    (channel,) = channels_of(["tgram://123456789:abcdefg_hijklmnop/11?cto=60&rto=60"])
    # Telegram refuses a message with a tag it does not know: it would never arrive.
    assert channel.send("warning", "a <b", "price < stop & <class 'ValueError'>")
    text = hears.posts[0]["text"]
    assert "price &lt; stop &amp; &lt;class 'ValueError'&gt;" in text
    assert "a &lt;b" in text


def test_an_outbox_that_cannot_be_opened_is_told_and_alerts_are_sent_all_the_same(
    hears: Hearing, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    told = Told()
    alerts = alerts_to(hears, told=told)
    alerts.open(tmp_path / "file" / "box")
    alerts.note(noted("unprotected"))
    alerts.close(60)
    assert [each.kind for each in told.notes] == ["alerts_failing"]
    assert "alerts wait in memory alone" in told.notes[0].words
    assert len(hears.posts) == 1


def test_a_channel_that_raises_has_not_taken_it_and_is_tried_again(
    hears: Hearing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends = iter((RuntimeError("broken"), ValueError("again")))

    def send(self: Channel, level: str, title: str, body: str) -> bool:
        error = next(sends, None)
        if error is not None:
            raise error
        return whole(self, level, title, body)

    whole = Channel.send
    monkeypatch.setattr(Channel, "send", send)
    told = Told()
    alerts = alerts_to(hears, told=told)
    alerts.open(tmp_path / "box")
    alerts.note(noted("unprotected"))
    until_s = time.monotonic() + 60
    while "sent" not in told.counts and time.monotonic() < until_s:
        time.sleep(0.02)
    alerts.close(60)
    assert told.counts.count("failed") == 2
    assert told.counts.count("sent") == 1


def test_a_moment_without_a_free_file_does_not_end_the_sending_of_alerts(
    hears: Hearing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([OSError(24, "Too many open files")])

    def dup(handle: int) -> int:
        error = next(errors, None)
        if error is not None:
            raise error
        return whole(handle)

    whole = os.dup
    told = Told()
    alerts = alerts_to(hears, told=told)
    alerts.open(tmp_path / "box")
    monkeypatch.setattr(os, "dup", dup)
    alerts.note(noted("unprotected"))
    hears.until(lambda: len(hears.posts) == 1)
    alerts.close(60)
    assert [each.kind for each in told.notes] == ["alerts_failing", "alerts_back"]
    assert told.counts.count("sent") == 1


def test_an_alert_that_a_channel_never_takes_holds_up_no_other(
    hears: Hearing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(self: Channel, level: str, title: str, body: str) -> bool:
        return "odd words" not in body and whole(self, level, title, body)

    whole = Channel.send
    monkeypatch.setattr(Channel, "send", send)
    alerts = alerts_to(hears)
    alerts.open(tmp_path / "box")
    alerts.note(noted("feed_warning", "odd words"))
    alerts.note(noted("unprotected"))
    hears.until(lambda: any("unprotected" in str(each) for each in hears.posts))
    alerts.close(60)
