"""Settings: which source wins, and what is refused in which words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import make_url

from leeward.domain.errors import BadConfig, BadUsage
from leeward.domain.instrument import Instrument
from leeward.risk.limits import RiskLimits
from leeward.runtime.settings import child_environment, load_settings, secrets_in


@pytest.fixture(autouse=True)
def bare_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a configuration and an environment without settings."""
    for name in os.environ:
        if name.upper().startswith("LEEWARD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(text: str, folder: Path | None = None) -> Path:
    path = (folder or Path.cwd()) / "leeward.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_source_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.risk == RiskLimits()
    backtest = settings.backtest
    assert (backtest.balance, backtest.fee, backtest.slippage) == (10_000.0, 0.001, 0.0005)
    assert settings.data.dir == Path.home() / ".leeward" / "data"
    assert settings.instrument("BTCUSDT") == Instrument("BTCUSDT")


def test_set_wins_over_the_environment_over_the_file_over_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(
        """
        [risk]
        trend_gate = "ema:10:1"
        max_open_positions = 2
        cooldown_candles = 7
        """
    )
    monkeypatch.setenv("LEEWARD_RISK__TREND_GATE", "ema:20:2")
    monkeypatch.setenv("LEEWARD_RISK__MAX_OPEN_POSITIONS", "3")
    limits = load_settings(changes=["risk.trend_gate=off"]).risk
    assert limits.trend_gate == "off"
    assert limits.max_open_positions == 3
    assert limits.cooldown_candles == 7
    assert limits.max_position_fraction == 0.10


def test_a_wrong_value_that_is_overruled_does_not_matter() -> None:
    write('[backtest]\nfee = "free"')
    assert load_settings(changes=["backtest.fee=0"]).backtest.fee == 0.0


def test_the_last_of_two_changes_wins() -> None:
    changes = ["backtest.balance=5", "backtest.balance=7"]
    assert load_settings(changes=changes).backtest.balance == 7.0


def test_the_file_is_searched_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("[risk]\nmax_open_positions = 2", tmp_path)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert load_settings().risk.max_open_positions == 2
    nearer = write("[risk]\nmax_open_positions = 4", deep)
    assert load_settings().risk.max_open_positions == 4
    assert load_settings(nearer).risk.max_open_positions == 4


def test_a_ladder_is_written_as_json_or_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = ((0.02, 0.5), (0.04, 0.0))
    text = "[[0.02, 0.5], [0.04, 0]]"
    assert load_settings(changes=[f"risk.drawdown_ladder={text}"]).risk.drawdown_ladder == ladder
    write(f"[risk]\ndrawdown_ladder = {text}")
    assert load_settings().risk.drawdown_ladder == ladder
    write("")
    monkeypatch.setenv("LEEWARD_RISK__DRAWDOWN_LADDER", text)
    assert load_settings().risk.drawdown_ladder == ladder


def test_filters_are_set_by_symbol() -> None:
    settings = load_settings(changes=["instruments.BTCUSDT.tick_size=0.01"])
    assert settings.instrument("BTCUSDT") == Instrument("BTCUSDT", tick_size=0.01)
    assert settings.instrument("ETHUSDT") == Instrument("ETHUSDT")


@pytest.mark.parametrize("name", ["BTCUSDT", "btcusdt"])
def test_symbols_are_in_capitals_however_they_are_written(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Instrument("BTCUSDT", tick_size=0.01)
    settings = load_settings(changes=[f"instruments.{name}.tick_size=0.01"])
    assert settings.instrument("BTCUSDT") == wanted
    monkeypatch.setenv(f"LEEWARD_INSTRUMENTS__{name}__TICK_SIZE", "0.01")
    assert load_settings().instrument("BTCUSDT") == wanted


def test_the_data_directory_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWARD_DATA__DIR", "~/candles")
    assert load_settings().data.dir == Path.home() / "candles"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("risk.trend_gat=off", "--set unknown setting 'risk.trend_gat'; did you mean 'risk.trend"),
        ("rsk.trend_gate=off", "--set unknown setting 'rsk'; did you mean 'risk'?"),
        ("backtest.fees=0", "unknown setting 'backtest.fees'; did you mean 'backtest.fee'?"),
        (
            "instruments.BTCUSDT.tick=1",
            "unknown setting 'instruments.BTCUSDT.tick'; did you mean 'instruments.BTCUSDT.tick_s",
        ),
        ("risk.max_open_positions=2.5", "--set risk.max_open_positions: '2.5': "),
        ("risk.max_position_fraction=much", "--set risk.max_position_fraction: 'much': "),
        ("risk.max_position_fraction=1.5", "risk.max_position_fraction: 1.5 must be above 0"),
        ("risk.require_stop=maybe", "--set risk.require_stop: 'maybe': "),
        ("risk.drawdown_ladder=[[0.1", "risk.drawdown_ladder: '[[0.1' is not valid JSON"),
        ("risk.drawdown_ladder=[[0.1]]", "risk.drawdown_ladder.0.1: "),
        (
            'dashboard.proxies=["10.0.0.1/8"]',
            "dashboard.proxies.0: '10.0.0.1/8': Input is not a valid",
        ),
        ("backtest.balance=0", "--set backtest.balance: '0': Input should be greater than 0"),
        ("backtest.balance=inf", "--set backtest.balance: 'inf': "),
        ("backtest.fee=1", "--set backtest.fee: '1': Input should be less than 1"),
        ("backtest.slippage=-0.1", "--set backtest.slippage: '-0.1': "),
        ("backtest.fee=", "--set backtest.fee: '': "),
        ("instruments.BTCUSDT.lot_step=0", "--set instruments.BTCUSDT.lot_step: '0': "),
        ("instruments.BTCUSDT.tick_size=-1", "--set instruments.BTCUSDT.tick_size: '-1': "),
    ],
)
def test_a_change_that_is_unknown_or_malformed_is_refused(change: str, words: str) -> None:
    with pytest.raises(BadConfig) as refused:
        load_settings(changes=[change])
    assert words in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("change", ["", "fee", "fee=1", "backtest.fee", "backtest.=1", ".fee=1"])
def test_a_change_without_section_name_and_value_is_refused(change: str) -> None:
    with pytest.raises(BadUsage, match=r"--set: .* is not SECTION\.NAME=VALUE"):
        load_settings(changes=[change])


def test_a_setting_that_is_a_value_cannot_be_a_section_too() -> None:
    with pytest.raises(BadUsage, match=r"--set: 'backtest\.fee\.x=2': fee was given a value"):
        load_settings(changes=["backtest.fee=0", "backtest.fee.x=2"])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LEEWARD_RSK__TREND_GATE", "off", "environment LEEWARD_RSK__TREND_GATE: unknown section"),
        ("leeward_rsk__trend_gate", "off", "environment leeward_rsk__trend_gate: unknown section"),
        (
            "LEEWARD_RISK__TREND",
            "off",
            "environment LEEWARD_RISK__TREND: unknown setting 'risk.trend'; did you mean",
        ),
        (
            "LEEWARD_RISK__COOLDOWN_CANDLES",
            "few",
            "environment LEEWARD_RISK__COOLDOWN_CANDLES: risk.cooldown_candles: 'few': ",
        ),
        ("LEEWARD_RISK__DRAWDOWN_LADDER", "[[", "risk.drawdown_ladder: '[[' is not valid JSON"),
        ("LEEWARD_RISK", "{", "environment LEEWARD_RISK: (hidden): not valid JSON"),
    ],
)
def test_a_variable_that_is_unknown_or_malformed_is_refused(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig) as refused:
        load_settings()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[rsk]\nx = 1", "leeward.toml: unknown setting 'rsk'; did you mean 'risk'?"),
        ("[risk]\ntrend = 1", "leeward.toml: unknown setting 'risk.trend'; did you mean"),
        ("[risk]\nmax_open_positions = 'two'", "leeward.toml: risk.max_open_positions: 'two': "),
        ("risk = 5", "leeward.toml: risk: 5: "),
        ("[data]\ndir = 5", "leeward.toml: data.dir: 5: "),
        ("[risk", "leeward.toml: not valid TOML: "),
    ],
)
def test_a_file_that_is_unknown_or_malformed_is_refused(text: str, words: str) -> None:
    path = write(text)
    with pytest.raises(BadConfig) as refused:
        load_settings()
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_no_text_is_refused() -> None:
    path = Path("leeward.toml")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadConfig, match=r"leeward\.toml: not valid TOML"):
        load_settings(path)


def test_a_file_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"--config: .*absent\.toml is not a file"):
        load_settings(tmp_path / "absent.toml")


def test_settings_do_not_change_once_read() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.risk = RiskLimits(trend_gate="off")  # type: ignore[misc] # the point of it


def test_a_setting_below_one_that_has_a_value_is_refused() -> None:
    with pytest.raises(BadUsage, match="balance was given a value of its own"):
        load_settings(None, ["backtest.balance=1", "backtest.balance.x=2"])


def test_a_symbol_from_the_environment_is_the_upper_case_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEEWARD_INSTRUMENTS__BTCUSDT__TICK_SIZE", "0.01")
    assert load_settings().instrument("BTCUSDT").tick_size == 0.01


def test_filters_are_checked_when_they_are_read() -> None:
    with pytest.raises(BadConfig, match=r"instruments\.BTCUSDT\.lot_step"):
        load_settings(None, ["instruments.BTCUSDT.lot_step=0"])


def test_an_unknown_section_in_lower_case_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("leeward_rsk__x", "1")
    with pytest.raises(BadConfig, match="did you mean 'risk'"):
        load_settings()


def test_filters_of_one_symbol_from_two_sources_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWARD_INSTRUMENTS__BTCUSDT__LOT_STEP", "0.5")
    monkeypatch.setenv("LEEWARD_INSTRUMENTS__BTCUSDT__TICK_SIZE", "0.5")
    found = load_settings(None, ["instruments.BTCUSDT.tick_size=0.01"]).instrument("BTCUSDT")
    assert (found.lot_step, found.tick_size) == (0.5, 0.01)


def test_a_variable_with_a_single_underscore_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWARD_DATA_DIR", "/somewhere")
    with pytest.raises(BadConfig, match="LEEWARD_DATA__DIR"):
        load_settings()


def test_the_news_key_comes_by_the_environment_alone_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = write('[sentiment]\ncryptocompare_key = "abc-secret"')
    for changes in ([], ["sentiment.cryptocompare_key=abc-secret"]):
        with pytest.raises(BadConfig, match="LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY") as refused:
            load_settings(changes=changes)
        assert "abc-secret" not in str(refused.value)
        written.unlink(missing_ok=True)
    monkeypatch.setenv("LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY", "abc-secret")
    settings = load_settings()
    assert "abc-secret" not in repr(settings)
    assert secrets_in(settings) == ["abc-secret"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hid-den@host/name",
        "postgresql://me:hid-den/x@host:5432/name",
        "postgresql://:hid-den@host/name",
        "postgresql://me@corp:hid-den@host/name",
        "postgresql://me@host/name?sslmode=require&password=hid-den",
    ],
)
def test_a_password_in_the_address_of_the_database_comes_by_the_environment_alone(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write(f'[database]\nurl = "{url}"')
    for changes in ([], [f"database.url={url}"]):
        with pytest.raises(BadConfig, match=r"LEEWARD_DATABASE__URL, or .*pgpass") as refused:
            load_settings(changes=changes)
        assert "hid-den" not in str(refused.value)
        written.unlink(missing_ok=True)
    monkeypatch.setenv("LEEWARD_DATABASE__URL", url)
    assert secrets_in(load_settings()) == [url]


def test_an_at_sign_of_an_option_that_would_be_read_as_the_end_of_a_password_is_named() -> None:
    url = "postgresql://host:5432/name?application_name=a@b"
    assert make_url(url).password == "5432/name?application_name=a"  # noqa: S105 - not one
    write(f'[database]\nurl = "{url}"')
    with pytest.raises(BadConfig, match=r"an @ that ends no password is written %40"):
        load_settings()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@host:5432/name?application_name=a%40b",
        "postgresql://host:5432/name?application_name=a%40b",
        "postgresql://me@host/name?application_name=a@b",
        "postgresql://postgres:@/name?host=/run/postgresql",
        "sqlite:////srv/a:b@c/leeward.db",
    ],
)
def test_an_address_of_the_database_without_a_password_may_stand_in_the_file(url: str) -> None:
    write(f'[database]\nurl = "{url}"')
    assert secrets_in(load_settings()) == [url]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEEWARD_ALERTS__CHANNELS", "json://hid-den"),
        ("leeward_dashboard__allowed_hosts", "hid-den.example.org"),
        ("LEEWARD_ML__PINS", "hid-den"),
        ("LEEWARD_ALERTS", "hid-den"),
    ],
)
def test_a_list_of_the_environment_that_is_none_is_named_with_what_to_write(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWARD_ALERTS__LEVEL", "info")
    monkeypatch.setenv("LEEWARD_RISK__TREND_GATE", "off")
    monkeypatch.setenv("DATA", "a variable of another program")
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig) as refused:
        load_settings()
    assert f"environment {name}: (hidden): not valid JSON; write a list as" in str(refused.value)
    assert "hid-den" not in str(refused.value)
    assert "Source" not in str(refused.value)


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "721", "soon"])
def test_sentiment_is_never_fresh_for_ever(hours: str) -> None:
    with pytest.raises(BadConfig, match=r"sentiment\.stale_after_hours"):
        load_settings(changes=[f"sentiment.stale_after_hours={hours}"])


def test_a_child_has_the_sections_it_is_given_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", "canary-secret")
    monkeypatch.setenv("leeward_venue__api_key", "canary-secret-in-small-letters")
    monkeypatch.setenv("LEEWARD_DATABASE__URL", "postgresql://me:word@host/name")
    changes = ["data.dir=/tmp/x", "risk.drawdown_ladder=[[0.1,0.5]]", "dashboard.port=0"]
    settings = load_settings(None, changes)
    sections = ("data", "database", "risk", "dashboard", "instruments", "ml")
    given = child_environment(settings, sections)
    assert "canary-secret" not in str(given)
    monkeypatch.delenv("LEEWARD_VENUE__API_SECRET")
    monkeypatch.delenv("LEEWARD_DATABASE__URL")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    again = load_settings(None, [])
    assert [getattr(again, name) for name in sections] == [
        getattr(settings, name) for name in sections
    ]
