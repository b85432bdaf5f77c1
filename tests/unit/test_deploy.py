"""What can be checked of `deploy/` without a container engine: that it parses, names what exists,
holds no secret, and runs nothing as root."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped] # PyYAML ships no types

from leeward.cli.main import app
from leeward.runtime.sections import DashboardSettings
from leeward.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TEXTS = {path.name: path.read_text() for path in DEPLOY.iterdir() if path.is_file()}
UNIT, DOCKERFILE = TEXTS["leeward@.service"], TEXTS["Dockerfile"]
COMPOSE = yaml.safe_load(TEXTS["compose.yaml"])
#: What the graceful stop may take, with something to spare.
LEAST_STOP_S = 90


def values(name: str) -> list[str]:
    """Returns what the unit sets under a name, in order."""
    return re.findall(rf"^{name}=(.*)$", UNIT, flags=re.MULTILINE)


def given_commands() -> list[list[str]]:
    """Returns every use of `leeward` in the files, as arguments."""
    uses = [COMPOSE["services"][name]["command"] for name in ("trader", "dashboard")]
    uses.append(re.findall(r'"(\w+)"', DOCKERFILE.partition("HEALTHCHECK")[2].splitlines()[1]))
    trade = re.search(r"^TRADE=(.*)$", TEXTS["paper.env.example"], flags=re.MULTILINE)
    assert trade is not None
    uses += [[mode, *shlex.split(trade[1])] for mode in ("paper", "live")]
    started = re.findall(
        r"(?:^|leeward/bin/|exec trader )leeward(?:-entrypoint)? (.*)$",
        TEXTS["README.md"],
        flags=re.MULTILINE,
    )
    uses += [shlex.split(line.partition("#")[0]) for line in started]
    uses += [shlex.split(each) for each in re.findall(r"`leeward ([a-z ]+)`", TEXTS["README.md"])]
    return [use for use in uses if use]


def test_every_command_and_option_exists() -> None:
    for arguments in given_commands():
        command: Any = typer.main.get_command(app)
        rest = list(arguments)
        while hasattr(command, "commands"):
            assert rest[0] in command.commands, f"there is no leeward {' '.join(arguments)}"
            command = command.commands[rest.pop(0)]
        known = {name for parameter in command.params for name in parameter.opts}
        assert {each for each in rest if each.startswith("--")} <= known, arguments


def test_every_setting_exists() -> None:
    for text in TEXTS.values():
        for section, name in re.findall(r"LEEWARD_([A-Z]+)__([A-Z_]+)", text):
            if section != "SECTION":
                kind: Any = Settings.model_fields[section.lower()].annotation
                assert name.lower() in kind.model_fields


def test_no_file_holds_a_secret() -> None:
    for name, text in TEXTS.items():
        for password in re.findall(r"postgres(?:ql)?://\w+:([^@\s]+)@", text):
            assert password in {"PASSWORD", "$password"}, name
        assert not re.findall(r"(?:API_KEY|API_SECRET|PASSWORD)=[^$\s/]+$", text, re.MULTILINE)
    assert "secrets/" in (DEPLOY / ".gitignore").read_text()


def test_the_unit_runs_without_rights() -> None:
    assert values("User") == ["leeward"]
    assert values("CapabilityBoundingSet") == [""]
    assert values("ProtectSystem") == ["strict"]
    assert values("NoNewPrivileges") == ["yes"]


def test_the_unit_waits_for_the_graceful_stop_and_does_not_repeat_refusals() -> None:
    assert values("KillSignal") == ["SIGTERM"]
    assert int(values("TimeoutStopSec")[0]) > LEAST_STOP_S
    assert values("Restart") == ["on-failure"]
    assert values("RestartPreventExitStatus") == ["2 3"]


def test_nothing_gives_up_on_an_exchange_that_is_away_for_hours() -> None:
    assert values("StartLimitIntervalSec") == ["0"]
    _, _, retries = COMPOSE["services"]["trader"]["restart"].partition("on-failure:")
    assert int(retries) * 60 >= 24 * 60 * 60  # Docker waits a minute at most between two tries


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "leeward@paper.service"
    unit.write_text(UNIT.replace("/opt/leeward/bin/leeward", "/bin/true"))
    verdict = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (verdict.returncode, verdict.stderr) == (0, "")


def test_the_image_is_made_of_files_that_exist_and_reach_the_build() -> None:
    ignore = [line for line in TEXTS["Dockerfile.dockerignore"].splitlines() if line[:1] == "!"]
    kept = [line[1:] for line in ignore]
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, flags=re.MULTILINE)
        for source in line.split()[:-1]
        if not source.startswith("--")
    ]
    assert len(copied) > 4
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, each) for each in kept), source


def test_the_image_installs_by_hash_and_runs_as_nobody_in_particular() -> None:
    installs = re.findall(r"pip install (.*?)(?: \\)?$", DOCKERFILE, flags=re.MULTILINE)
    assert installs
    assert all("--require-hashes" in each or "--no-deps" in each for each in installs)
    last = DOCKERFILE.rpartition("FROM")[2]
    assert re.search(r"^USER (\d+):(\d+)$", last, flags=re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in last


def test_the_build_tools_are_those_of_the_lock() -> None:
    lock = (ROOT / "locks" / "test.txt").read_text()
    lines = [line for line in TEXTS["build.txt"].splitlines() if not line.startswith("#")]
    assert lines[0].startswith("hatchling==")
    assert {line.rstrip(" \\") for line in lines} <= {
        line.rstrip(" \\") for line in lock.splitlines()
    }


def test_the_database_listens_to_this_machine_alone_and_takes_its_password_from_a_file() -> None:
    database = COMPOSE["services"]["database"]
    assert all(port.startswith("127.0.0.1:") for port in database["ports"])
    assert database["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/database_password"  # noqa: S105 - a path
    assert "POSTGRES_PASSWORD" not in database["environment"]
    assert database["volumes"]
    assert database["healthcheck"]["test"][0] == "CMD"


def test_the_trader_waits_for_the_database_and_may_change_only_its_volume() -> None:
    trader = COMPOSE["services"]["trader"]
    assert trader["depends_on"]["database"]["condition"] == "service_healthy"
    assert trader["read_only"] is True
    assert trader["cap_drop"] == ["ALL"]
    assert int(trader["stop_grace_period"].rstrip("s")) > LEAST_STOP_S
    assert {"database", "trader"} <= set(COMPOSE["volumes"])


def test_the_dashboard_is_reached_from_this_machine_alone_and_over_tls() -> None:
    service = COMPOSE["services"]["dashboard"]
    assert service["profiles"] == ["dashboard"]
    assert service["ports"] == ["127.0.0.1:8321:8321"]
    assert {"trader:/var/lib/leeward"} == set(service["volumes"])
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "--no-dashboard" in COMPOSE["services"]["trader"]["command"]
    given = {
        name.removeprefix("LEEWARD_DASHBOARD__").lower(): value
        for name, value in service["environment"].items()
    }
    given["allowed_hosts"] = json.loads(given["allowed_hosts"])
    settings = DashboardSettings.model_validate(given)
    for secret in (settings.tls_certificate, settings.tls_key):
        assert secret is not None
        assert secret.name in service["secrets"]
        assert COMPOSE["secrets"][secret.name] == {"file": f"./secrets/{secret.name}"}
    compile(service["healthcheck"]["test"][-1], "healthcheck", "exec")
    assert f":{settings.port}/login" in service["healthcheck"]["test"][-1]


@pytest.mark.skipif(os.name != "posix", reason="the entrypoint is a shell script")
def test_the_entrypoint_reads_secrets_and_becomes_leeward(tmp_path: Path) -> None:
    (tmp_path / "database_password").write_text("s3cret\n")
    (tmp_path / "api_secret").write_text("hidden\n")
    fake = tmp_path / "leeward"
    fake.write_text('#!/bin/sh\necho "$LEEWARD_DATABASE__URL $LEEWARD_VENUE__API_SECRET $*"\n')
    fake.chmod(0o755)
    script = tmp_path / "entrypoint.sh"
    script.write_text(TEXTS["entrypoint.sh"].replace("/run/secrets", str(tmp_path)))
    path = f"{tmp_path}:{os.environ['PATH']}"
    shown = subprocess.run(
        ["sh", str(script), "paper", "a b"],
        capture_output=True, text=True, check=True, env={"PATH": path},
    )  # fmt: skip
    assert shown.stdout == "postgresql://leeward:s3cret@database/leeward hidden paper a b\n"
