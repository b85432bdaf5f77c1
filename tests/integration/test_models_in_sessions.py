"""Models in a live session on the emulator: what becomes of one that can no longer be trusted."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leeward.data.generated import generate_candles
from leeward.data.sentiment import SOURCES
from leeward.data.sentiment_store import SentimentStore
from leeward.database import reading
from leeward.database.challenges import Challenge, Pair, forecasts, pairs, set_challenge
from leeward.database.engine import Database
from leeward.domain.times import parse_time
from leeward.engine.records import Executed, Mode, Noted, Severity, TradingState
from leeward.inference.bundle import SHIPPED, Bundle, load_bundle
from leeward.runtime.database import open_configured
from leeward.runtime.emulator import Market
from leeward.runtime.predictions import ModelUse, Outlook
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.trading.facts import Asked
from tests.fakes import Answer
from tests.integration.conftest import Run
from tests.sentiment_server import FakeSources, reply, senticrypt_row, serving_sources
from tests.served import served
from tests.tiny_models import copied, edit_metadata
from tests.walking import HOUR, Walk, walked

ACCOUNT = "live:emulator:main"
FIRST_MS = parse_time("2024-03-01", "first")
CANDLES = generate_candles("BTCUSDT", HOUR, FIRST_MS, 1_400, seed=9)
PRICE, SENTIMENT = "btcusdt_price", "btcusdt_sentiment"
Work = Callable[[Walk], Awaitable[None]]


@dataclass
class Stage:
    """A live session of a strategy of models, in a folder of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def models(self) -> Path:
        return self.folder / "data" / "models"

    def play(self, strategy: str, start_row: int, work: Work, mode: Mode = Mode.LIVE) -> None:
        start_ms = int(CANDLES.open_time[start_row])
        market = Market({"BTCUSDT": CANDLES}, "generated")
        with served(market, mode="stepped", race=False, start_ms=start_ms) as emulator:
            self.monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", emulator.addresses.api_secret)
            pins = ", ".join(
                f'"{name}": "{load_bundle(self.models, name).sha256}"'
                for name in (PRICE, SENTIMENT)
            )
            self.settings = load_settings(
                None,
                [
                    f"data.dir={self.folder / 'data'}",
                    f"ml.pins={{{pins}}}",
                    "ml.allow_unproven=true",
                    "venue.name=emulator",
                    f"venue.url={emulator.addresses.rest}",
                    f"venue.api_key={emulator.addresses.api_key}",
                    "risk.trend_gate=off",
                ],
            )
            self.account = f"{mode}:emulator:main"
            asked = Asked(mode, strategy, ("BTCUSDT",), acknowledged=True)
            asyncio.run(_played(emulator, self.settings, asked, work))

    def database(self) -> Database:
        return open_configured(self.settings, create=False, examine=False)

    def executed(self) -> list[Executed]:
        return [each for each in self._history() if isinstance(each, Executed)]

    def noted(self, kind: str) -> list[Noted]:
        """Returns what stands in the audit trail under a kind."""
        history = self._history()
        return [e for e in history if isinstance(e, Noted) and e.kind.startswith(kind)]

    def _history(self) -> list[Any]:
        database = self.database()
        try:
            return database.history(self.account)
        finally:
            database.close()


async def _played(emulator: Any, settings: Settings, asked: Asked, work: Work) -> None:
    async with walked(emulator, settings, asked) as walk:
        await work(walk)
        await walk.end()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("leeward.runtime.trading.watchdogs.PERIOD_S", 0.05)
    monkeypatch.setattr("leeward.runtime.trading.shadowing._PERIOD_S", 0.01)
    monkeypatch.setattr("leeward.runtime.trading.shadowing._LOOK_S", 0.05)
    copied(tmp_path / "data" / "models", _narrow)
    return Stage(tmp_path, monkeypatch)


def _narrow(metadata: dict[str, Any]) -> None:
    """Gives bounds that hold about 85 of 100 moves, and inputs that do not drift."""
    metadata["calibration"]["residual_quantiles"] = np.linspace(-1.78, 1.78, 1001).tolist()
    metadata["drift_reference"] = {}
    metadata["splits"] = json.loads((SHIPPED / f"{PRICE}.json").read_bytes())["splits"]


def test_a_breach_steps_down_the_ladder_is_told_and_measured_and_ends_by_itself(
    stage: Stage,
) -> None:
    whole = Outlook(("prediction",), "BTCUSDT", HOUR, ModelUse(stage.models, Path("none")))
    missed = whole.columns(CANDLES)["prediction_coverage"] < 0.85
    start, hours = 1_060, 18
    breach = missed[start : start + hours].tolist()
    assert breach == [False] * 4 + [True] * 11 + [False] * 3

    async def work(walk: Walk) -> None:
        await walk.hours(hours)

    stage.play("ml_basic", start, work)

    steps = stage.executed()
    assert len(steps) == hours
    assert [each.columns["ladder"] for each in steps] == [0.0 if it else 1.0 for it in breach]
    assert all(each.confidence == 0 for each, it in zip(steps, breach, strict=True) if it)
    assert [each.prediction is None for each in steps] == breach
    told = [(each.kind, each.at_ms - HOUR.length_ms) for each in stage.noted("model_")]
    assert told == [
        ("model_misses", steps[4].open_time_ms),
        ("model_sound", steps[15].open_time_ms),
    ]
    database = stage.database()
    with database.reading() as connection:
        session_id = steps[0].session_id
        sound = dict(reading.measured(connection, session_id, f"{PRICE} sound"))
        coverage = dict(reading.measured(connection, session_id, f"{PRICE} coverage"))
        (account,) = reading.accounts(connection)
    database.close()
    for step, it in zip(steps, breach, strict=True):
        close_ms = step.open_time_ms + HOUR.length_ms
        assert sound[close_ms] == (0.0 if it else 1.0)
        assert coverage[close_ms] == step.columns["prediction_coverage"]
    models = account.facts["models"]
    assert isinstance(models, dict)
    assert models[PRICE]["max_age_days"] == 180


def test_a_running_session_tells_the_commands_how_its_models_fare(
    stage: Stage, leeward: Run
) -> None:
    shown: list[str] = []

    async def work(walk: Walk) -> None:
        await walk.hours(6)

        def beaten() -> bool:
            with walk.ready.database.reading() as connection:
                (account,) = reading.accounts(connection)
            models = account.facts.get("models")
            return isinstance(models, dict) and models[PRICE]["state"] == "misses"

        await walk.until(beaten)
        shown.extend(leeward("models", *words).out for words in (["list"], ["show", PRICE]))
        listed = json.loads(leeward("models", "list", "--json").out)["in_use"]
        assert [(each["name"], each["account"]) for each in listed] == [(PRICE, ACCOUNT)]
        assert json.loads(leeward("models", "show", PRICE, "--json").out)["in_use"] == listed

    stage.play("ml_basic", 1_060, work)

    for out in shown:
        assert f"used by {ACCOUNT}: misses: its bounds, meant for 90 % of moves, held " in out
        assert "days old" in out
    assert "used by" not in leeward("models", "show", PRICE).out


def archive_the_shipped_one(stage: Stage) -> Bundle:
    """Puts the shipped price model into the archive; returns it."""
    shipped = load_bundle(SHIPPED, PRICE)
    place = stage.models / "archive" / PRICE / shipped.metadata.version
    place.mkdir(parents=True)
    for file in SHIPPED.glob(f"{PRICE}.*"):
        shutil.copy(file, place)
    return shipped


def facts_of(step: Executed) -> dict[str, Any]:
    """Returns what was decided, without when and by which session."""
    return {name: getattr(step, name) for name in Executed.__dataclass_fields__} | {
        "session_id": "", "at_ms": 0, "intent_id": step.intent_id is None,
    }  # fmt: skip


def test_a_challenger_predicts_in_shadow_survives_a_restart_and_changes_nothing(
    stage: Stage, tmp_path: Path, leeward: Run
) -> None:
    shipped = archive_the_shipped_one(stage)
    start, hours = 1_200, 8

    async def named_while_it_runs(walk: Walk) -> None:
        await walk.hours(2)
        named = leeward("models", "challenge", PRICE)
        assert (named.code, shipped.metadata.version in named.out) == (0, True), named.err
        await walk.until(lambda: walk.ready.models.care.challengers != {})
        await walk.hours(hours - 2)
        await until_written(walk, hours - 2)

    async def after_the_restart(walk: Walk) -> None:
        await walk.until(lambda: walk.ready.models.care.challengers != {})
        await walk.hours(hours)
        await until_written(walk, 2 * hours - 2)

    stage.play("ml_basic", start, named_while_it_runs)
    stage.play("ml_basic", start + hours, after_the_restart)

    steps = stage.executed()
    database = stage.database()
    (pair,) = pairs(database, PRICE)
    made = {each.open_time_ms: each for each in forecasts(database, pair)}
    database.close()
    assert pair == Pair(ACCOUNT, PRICE, load_bundle(stage.models, PRICE).sha256, shipped.sha256)
    # From the candle that was the newest when it was named, up to the last one with another after.
    assert sorted(made) == [each.open_time_ms for each in steps[1:-1]]
    for step in steps[1:-1]:
        if step.columns["prediction"] is not None:
            assert made[step.open_time_ms].champion_return == step.columns["prediction"]
    assert len(stage.noted("challenger")) == 2

    shown = leeward("models", "compare", PRICE)
    assert shown.code == 0, shown.err
    assert "too early to tell: 14 of at least 500 candles" in shown.out
    told = json.loads(leeward("models", "compare", PRICE, "--json").out)
    assert told["comparisons"][0]["candles"] == 14
    assert leeward("models", "challenge", PRICE, "--end").code == 0

    alone = Stage(tmp_path / "alone", stage.monkeypatch)
    copied(alone.models, _narrow)

    async def undisturbed(walk: Walk) -> None:
        await walk.hours(hours)

    alone.play("ml_basic", start, undisturbed)
    without = [facts_of(each) for each in alone.executed()]
    assert [facts_of(each) for each in steps[:hours]] == without


async def until_written(walk: Walk, count: int) -> None:
    database = walk.ready.database

    def is_written() -> bool:
        found = pairs(database, PRICE)
        return bool(found) and len(forecasts(database, found[0])) == count

    await walk.until(is_written)


def test_a_challenger_that_breaks_is_told_once_and_trading_goes_on(stage: Stage) -> None:
    shipped = archive_the_shipped_one(stage)
    graph = stage.models / "archive" / PRICE / shipped.metadata.version / f"{PRICE}.onnx"
    graph.unlink()
    stage.monkeypatch.setattr("leeward.inference.bundle.shipped_pins", dict)

    async def work(walk: Walk) -> None:
        set_challenge(walk.ready.database, PRICE, Challenge(PRICE, shipped.sha256, 5, "trader"))
        await walk.until(lambda: any(each.kind == "challenger" for each in walk.noted))
        await walk.hours(3)
        shutil.copy(SHIPPED / graph.name, graph)  # it is put right, and named again
        set_challenge(walk.ready.database, PRICE, Challenge(PRICE, shipped.sha256, 6, "trader"))
        await walk.until(lambda: walk.ready.models.care.challengers != {})

    stage.play("ml_basic", 1_200, work)

    note, begun = stage.noted("challenger")
    assert (note.severity, begun.severity) == (Severity.WARNING, Severity.INFO)
    assert "btcusdt_price.onnx: sha256" in note.words
    assert {note.subject, begun.subject} == {PRICE}
    assert len(stage.executed()) == 3


def _calm(metadata: dict[str, Any]) -> None:
    """Lets nothing but silence take a model's confidence."""
    metadata["calibration"]["residual_quantiles"] = np.linspace(-9.0, 9.0, 1001).tolist()
    metadata["drift_reference"] = {}


@pytest.fixture
def fed(stage: Stage) -> Iterator[tuple[Stage, FakeSources]]:
    """Returns a stage whose sentiment comes from a server of the test's own, asked all the time."""
    for name in (PRICE, SENTIMENT):
        edit_metadata(stage.models, _calm, name)
    stage.monkeypatch.setattr("leeward.runtime.trading.sentiment_feed._PERIOD_S", 0.05)
    stage.monkeypatch.setattr("leeward.runtime.trading.sentiment_feed._LONGEST_S", 0.05)
    stage.monkeypatch.setattr("leeward.data.fetching.PAUSES_S", (0.01,))
    with serving_sources(FakeSources()) as sources:
        stage.monkeypatch.setenv("LEEWARD_SENTIMENT__SENTICRYPT_URL", f"{sources.url}/v2")
        yield stage, sources


#: The last day of sentiment is known for 48 hours after its end: ten hours of these sessions.
SENTIMENT_START = 50 * 24 + 14
LAST_DAY = FIRST_MS // 86_400_000 + 48


def days_until(last: int) -> list[dict[str, object]]:
    return [
        {**senticrypt_row(day, 0.01 * (day % 7)), "count": 100 + day % 11, "sum": 0.1 * (day % 5)}
        for day in range(last - 250, last + 1)
    ]


TROUBLES: dict[str, list[Answer]] = {
    "in trouble": [Answer(503)],
    "empty": [reply([])],
    "poisoned": [reply([*days_until(LAST_DAY - 1), senticrypt_row(LAST_DAY, 7.0)])],
    "no JSON": [Answer(200, b"<html>please log in</html>")],
    "missing": [Answer(404)],
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_source_in_trouble_changes_nothing_but_the_ladder_step_and_is_told(
    fed: tuple[Stage, FakeSources], trouble: str
) -> None:
    stage, sources = fed
    sources.senticrypt = days_until(LAST_DAY)
    sources.scripted = {"all.json": TROUBLES[trouble] * 100_000}

    async def work(walk: Walk) -> None:
        await walk.until(lambda: any(each.kind == "sentiment" for each in walk.noted))
        await walk.hours(2)
        sources.scripted.clear()
        await walk.until(lambda: any(each.kind == "sentiment_back" for each in walk.noted))
        await walk.hours(2)

    stage.play("ml_with_sentiment", SENTIMENT_START, work)

    steps = stage.executed()
    assert [each.columns["ladder"] for each in steps] == [1.0, 1.0, 2.0, 2.0]
    assert all(each.data_state == "ok" for each in steps)
    assert all(each.columns["prediction"] is not None for each in steps)
    silent, sound = stage.noted("model_")
    assert (silent.kind, sound.kind) == ("model_silent", "model_sound")
    assert "sentiment is unknown" in silent.words
    warned, back = stage.noted("sentiment")
    assert (warned.severity, back.severity) == (Severity.WARNING, Severity.INFO)
    assert "What is stored counts until it is stale" in warned.words
    assert back.words == "senticrypt: answers again, 251 days are new"


def test_sentiment_that_grows_stale_steps_down_until_a_new_day_is_there(
    fed: tuple[Stage, FakeSources],
) -> None:
    stage, sources = fed
    sources.senticrypt = days_until(LAST_DAY)

    async def work(walk: Walk) -> None:
        path = SentimentStore(stage.settings.data.dir).path(SOURCES["senticrypt"])
        await walk.until(path.is_file)
        await walk.hours(12)
        before = path.stat().st_mtime_ns
        sources.senticrypt = days_until(LAST_DAY + 2)
        await walk.until(lambda: path.stat().st_mtime_ns > before)
        await walk.hours(2)

    stage.play("ml_with_sentiment", SENTIMENT_START, work)

    ladder = [each.columns["ladder"] for each in stage.executed()]
    assert ladder == [2.0] * 10 + [1.0] * 2 + [2.0] * 2
    kinds = [each.kind for each in stage.noted("model_")]
    assert kinds[-3:] == ["model_sound", "model_silent", "model_sound"]


def test_no_candle_waits_for_a_slow_source_and_neither_does_the_end(
    fed: tuple[Stage, FakeSources],
) -> None:
    stage, sources = fed
    sources.senticrypt = days_until(LAST_DAY)
    # Its answer comes after all is over; whoever waits for it fails for want of patience.
    sources.delay_s = 600.0
    stage.monkeypatch.setattr("leeward.data.fetching._IDLE_S", 600.0)
    stage.monkeypatch.setattr("leeward.data.sentiment_asking._WITHIN_S", 600.0)

    async def work(walk: Walk) -> None:
        try:
            await walk.until(lambda: bool(sources.requests))
            await walk.hours(3)
            await walk.end()
        finally:
            sources.released.set()

    stage.play("ml_with_sentiment", SENTIMENT_START, work)

    assert [each.columns["ladder"] for each in stage.executed()] == [1.0] * 3
    assert len(sources.requests) == 1


def test_a_strategy_without_sentiment_asks_nobody(fed: tuple[Stage, FakeSources]) -> None:
    stage, sources = fed

    async def work(walk: Walk) -> None:
        await walk.hours(2)

    stage.play("ml_basic", SENTIMENT_START, work)

    assert sources.requests == []


def test_a_challenger_that_raises_anything_at_all_neither_halts_nor_delays(stage: Stage) -> None:
    shipped = archive_the_shipped_one(stage)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("by a challenger")

    stage.monkeypatch.setattr("leeward.runtime.rivals.Rivals.forecasts", fail)

    async def work(walk: Walk) -> None:
        set_challenge(walk.ready.database, PRICE, Challenge(PRICE, shipped.sha256, 5, "trader"))
        await walk.until(lambda: walk.ready.models.care.challengers != {})
        await walk.hours(2)
        await walk.until(lambda: any("by a challenger" in each.words for each in walk.noted))
        await walk.hours(1)
        assert walk.state is TradingState.ACTIVE

    stage.play("ml_basic", 1_200, work)

    assert [each.severity for each in stage.noted("challenger")] == [
        Severity.INFO, Severity.WARNING,
    ]  # fmt: skip
    assert len(stage.executed()) == 3


def test_paper_trading_asks_for_sentiment_and_hears_challengers_too(
    fed: tuple[Stage, FakeSources],
) -> None:
    stage, sources = fed
    sources.senticrypt = days_until(LAST_DAY)
    shipped = archive_the_shipped_one(stage)

    async def work(walk: Walk) -> None:
        set_challenge(walk.ready.database, PRICE, Challenge(PRICE, shipped.sha256, 5, "trader"))
        await walk.until(
            SentimentStore(stage.settings.data.dir).path(SOURCES["senticrypt"]).is_file
        )
        await walk.until(lambda: walk.ready.models.care.challengers != {})
        await walk.hours(4)
        await until_written(walk, 4)

    stage.play("ml_with_sentiment", SENTIMENT_START, work, Mode.PAPER)

    assert [each.columns["ladder"] for each in stage.executed()] == [2.0] * 4
