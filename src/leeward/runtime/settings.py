"""Every setting, read once: `--set` over the environment over `leeward.toml` over defaults."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, get_origin

from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError

from leeward.domain.errors import BadConfig, BadUsage, unknown_name
from leeward.domain.instrument import Instrument
from leeward.risk.limits import RiskLimits
from leeward.runtime.sections import (
    AlertsSettings,
    BacktestSettings,
    DashboardSettings,
    DatabaseSettings,
    DataSettings,
    InstrumentSettings,
    MetricsSettings,
    MlSettings,
    PaperSettings,
    SentimentSettings,
    TelegramSettings,
    TradingSettings,
    VenueSettings,
)

PREFIX = "LEEWARD_"
FILE_NAME = "leeward.toml"

#: Read by the tests and benchmarks alone, but for the confirmation of live trading.
_NOT_SETTINGS = {"LEEWARD_TEST_DATA", "LEEWARD_CAMPAIGN", "LEEWARD_LIVE_CONFIRMATION"}

#: Never shown, not even where malformed.
_SECRETS = {
    "venue.api_secret",
    "database.url",
    "sentiment.cryptocompare_key",
    "alerts.channels",
    "alerts.heartbeat_url",
    "telegram.token",
}

#: Never taken from a file or an argument; `venue.key_file` is the other way for that one.
BY_ENVIRONMENT_ONLY = {
    "venue.api_secret": ", or use venue.key_file",
    "sentiment.cryptocompare_key": "",
    "alerts.channels": "",
    "alerts.heartbeat_url": "",
    "telegram.token": "",
}

#: `database.url` may stand anywhere while it holds none, as SQLAlchemy reads it: up to the first @
#: after a colon, were it one of an option.
_PASSWORD: Final = re.compile(r"://[^:/]*:[^@]+@|[?&](ssl)?password=")


class Settings(BaseSettings):
    """The whole configuration, frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data: DataSettings = DataSettings()
    backtest: BacktestSettings = BacktestSettings()
    risk: RiskLimits = RiskLimits()
    venue: VenueSettings = VenueSettings()
    database: DatabaseSettings = DatabaseSettings()
    trading: TradingSettings = TradingSettings()
    paper: PaperSettings = PaperSettings()
    sentiment: SentimentSettings = SentimentSettings()
    ml: MlSettings = MlSettings()
    metrics: MetricsSettings = MetricsSettings()
    alerts: AlertsSettings = AlertsSettings()
    telegram: TelegramSettings = TelegramSettings()
    dashboard: DashboardSettings = DashboardSettings()
    instruments: dict[str, InstrumentSettings] = {}

    def instrument(self, symbol: str) -> Instrument:
        """Returns the filters of `symbol`: the configured ones, else the defaults."""
        filters = self.instruments.get(symbol)
        return Instrument(symbol, **filters.model_dump()) if filters else Instrument(symbol)

    @property
    def models_dir(self) -> Path:
        """The folder of active and archived models; there may be none yet.

        Raises BadConfig for what is no folder: as an empty one it would hide the models meant.
        """
        folder = self.data.dir / "models" if self.ml.dir is None else self.ml.dir
        try:
            nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
            why = "" if nearest.is_dir() else "is no folder"
        except OSError as error:
            nearest, why = folder, str(error.strerror)
        if why:
            raise BadConfig(f"ml.dir: {nearest}: {why}; name the folder where the models lie")
        return folder

    @field_validator("instruments", mode="before")
    @classmethod
    def _name_in_capitals(cls, instruments: object) -> object:
        # Symbols are upper case; names from the environment arrive in lower case.
        if not isinstance(instruments, Mapping):
            return instruments
        joined: dict[str, object] = {}
        for symbol, filters in instruments.items():  # later sources win
            name = str(symbol).upper()
            before = joined.get(name)
            both = isinstance(before, Mapping) and isinstance(filters, Mapping)
            joined[name] = {**dict(before), **filters} if both else filters  # type: ignore[call-overload] # mappings both
        return joined

    @field_validator("risk", mode="before")
    @classmethod
    def _decode_lists(cls, risk: object) -> object:
        # The environment hands over text; pydantic-settings decodes it in models only.
        if not isinstance(risk, Mapping):
            return risk
        return {k: _value(f"risk.{k}", v) if isinstance(v, str) else v for k, v in risk.items()}


def load_settings(config: Path | None = None, changes: Sequence[str] = ()) -> Settings:
    """Returns the settings; `changes` are `section.name=value` texts that win over all else.

    Without `config`, `leeward.toml` is searched from the working directory upwards. Raises
    BadConfig, naming the key, the value and the rule, for anything unknown or malformed.
    """
    path = _found(config)
    from_file = _read_toml(path) if path else {}
    from_changes = _nested(changes)
    _refuse_written_secrets(from_file, f"{path}")
    _refuse_written_secrets(from_changes, "--set")
    _refuse_unknown_environment()

    class Located(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, InitSettingsSource(settings_cls, from_file)

    try:
        settings = Located(**from_changes)
    except ValidationError as error:
        raise _as_bad_config(error, from_changes, path) from None
    except SettingsError as error:
        raise _as_no_json(error) from None
    return settings


def live_confirmation() -> str | None:
    """Returns what a service confirms live trading by, None where it does not."""
    return os.environ.get("LEEWARD_LIVE_CONFIRMATION")


#: The command line, as a child of this process.
CHILD_COMMAND: Final = (sys.executable, "-c", "from leeward.cli.main import main; main()")

#: Sections of a child that reads what there is and does not trade.
TO_READ: Final = ("data", "database", "backtest", "risk", "instruments", "ml", "sentiment")


def child_environment(settings: Settings, sections: Sequence[str]) -> dict[str, str]:
    """Returns the environment of a process of our own that has these sections of our settings, and
    no others: no key of the exchange goes to one that does not trade."""
    kept = {n: value for n, value in os.environ.items() if not n.upper().startswith(PREFIX)}
    for section in sections:
        values = settings.model_dump(mode="json", include={section})[section]
        for name in values:
            value = getattr(getattr(settings, section), name, None)
            if isinstance(value, SecretStr):  # else it is dumped as stars
                values[name] = value.get_secret_value()
        kept[f"{PREFIX}{section.upper()}"] = json.dumps(values)
    return kept


def secrets_in(settings: Settings) -> list[str]:
    """Returns every secret of the settings, for those who keep them out of what they write."""
    given = (
        settings.venue.api_secret,
        settings.database.url,
        settings.sentiment.cryptocompare_key,
        settings.alerts.heartbeat_url,
        settings.telegram.token,
        *settings.alerts.channels,
    )
    secrets = [each.get_secret_value() for each in given if each is not None]
    return secrets if settings.venue.api_key is None else [*secrets, settings.venue.api_key]


def _found(config: Path | None) -> Path | None:
    if config is not None:
        if not config.is_file():
            raise BadConfig(f"--config: {config} is not a file")
        return config
    folder = Path.cwd()
    paths = (parent / FILE_NAME for parent in (folder, *folder.parents))
    return next((path for path in paths if path.is_file()), None)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read: {error.strerror}") from None


def _nested(changes: Sequence[str]) -> dict[str, Any]:
    """Returns `["risk.trend_gate=off"]` as `{"risk": {"trend_gate": "off"}}`."""
    tree: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        *sections, key = name.strip().split(".")
        if not equals or not sections or not all([*sections, key]):
            raise BadUsage(
                f"--set: '{change}' is not SECTION.NAME=VALUE, as in risk.trend_gate=off"
            )
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
            if not isinstance(branch, dict):
                raise BadUsage(f"--set: '{change}': {section} was given a value of its own before")
        branch[key] = _value(name, text)
    return tree


def _value(name: str, text: str) -> object:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadConfig(f"{name}: '{text}' is not valid JSON: {error.msg}") from None


def _refuse_written_secrets(values: Mapping[str, Any], place: str) -> None:
    # Files are copied into reports and repositories, arguments are seen by every process.
    passwords = {
        "database.url": ", or leave the password out of it, to libpq's ~/.pgpass; an @ that ends "
        "no password is written %40"
    }
    for name, other_way in (BY_ENVIRONMENT_ONLY | passwords).items():
        section, _, key = name.partition(".")
        written = values.get(section)
        if not isinstance(written, Mapping) or key not in written:
            continue
        if name not in passwords or _PASSWORD.search(str(written[key])):
            raise BadConfig(
                f"{place}: {name}: a secret is not written there; give it by the environment as "
                f"{PREFIX}{section.upper()}__{key.upper()}{other_way}"
            )


def _refuse_unknown_environment() -> None:
    # Unknown names inside a section are refused by the section; unknown sections would be lost.
    known = Settings.model_fields
    for name in os.environ:
        section, delimiter, _ = name.upper().removeprefix(PREFIX).partition("__")
        if name.upper() in _NOT_SETTINGS or not name.upper().startswith(PREFIX):
            continue
        if not delimiter and section.lower() not in known:
            raise BadConfig(
                f"environment {name}: sections and names are parted by two underscores, "
                "as in LEEWARD_DATA__DIR"
            )
        if section.lower() not in known:
            raise BadConfig(
                f"environment {name}: {unknown_name('section', section.lower(), known)}"
            )


def _as_no_json(error: SettingsError) -> BadConfig:
    # The library names the section alone, and fails at the first list or table that is none.
    for name, value in os.environ.items():
        section, _, key = name.lower().removeprefix(PREFIX.lower()).partition("__")
        kind = getattr(Settings.model_fields.get(section), "annotation", None)
        field = getattr(kind, "model_fields", {}).get(key)
        many = field is not None and get_origin(field.annotation) in {tuple, dict}
        is_ours = kind is not None and name.upper().startswith(PREFIX)
        if not is_ours or (key and not many):
            continue
        try:
            json.loads(value)
        except json.JSONDecodeError:
            return BadConfig(
                f"environment {name}: (hidden): not valid JSON; write a list as "
                f'{name}=\'["first", "second"]\', a table as {name}=\'{{"name": "value"}}\''
            )
    return BadConfig(f"environment: {error}; write plain values, lists as JSON")


def _as_bad_config(
    error: ValidationError, changes: Mapping[str, Any], path: Path | None
) -> BadConfig:
    first = error.errors()[0]
    # In brackets the library names the kinds of a value that may be of several.
    where = [str(part) for part in first["loc"] if "[" not in str(part)]
    name = ".".join(where)
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        known = _known_beside(where)
        return BadConfig(f"{_origin(where, changes, path)}{unknown_name('setting', name, known)}")
    reason = first["msg"].removeprefix("Value error, ")
    shown = "(hidden)" if ".".join(where[:2]) in _SECRETS else repr(first["input"])
    return BadConfig(f"{_origin(where, changes, path)}{name}: {shown}: {reason}")


def _known_beside(where: Sequence[str]) -> list[str]:
    if len(where) == 1:
        return list(Settings.model_fields)
    kind = (
        InstrumentSettings
        if where[0] == "instruments"
        else Settings.model_fields[where[0]].annotation
    )
    assert kind is not None
    names = [f.name for f in fields(kind)] if is_dataclass(kind) else list(kind.model_fields)
    return [".".join([*where[:-1], name]) for name in names]


def _origin(where: Sequence[str], changes: Mapping[str, Any], path: Path | None) -> str:
    """Returns where a value came from, as a prefix for the message."""
    branch: Any = changes
    for part in where:
        if not isinstance(branch, Mapping) or part not in branch:
            break
        branch = branch[part]
    else:
        return "--set "
    if PREFIX + "__".join(where).upper() in os.environ:
        return f"environment {PREFIX}{'__'.join(where).upper()}: "
    return f"{path}: " if path else ""
