"""What Prometheus and Grafana load from `deploy/`: it parses, and names what a session tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # PyYAML ships no types
from docs import build
from docs.watching import RULES, metrics_page, rules, runbook_page
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from leeward.monitoring.metrics import ALL

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "leeward.json").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
PROMTOOL = shutil.which("promtool")
OTHERS = {"up", "process_resident_memory_bytes"}
#: Words of the language that stand where a metric could.
WORDS = {
    "and", "by", "count", "delta", "histogram_quantile", "increase", "on", "or", "rate", "sum",
    "time",
}  # fmt: skip


def expressions() -> Iterator[str]:
    """Yields every expression, with Grafana's variables filled in."""
    yield from (rule["expr"] for rule in rules())
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".+")


def names_in(expression: str) -> set[str]:
    """Returns the names of metrics, without those of labels, functions and numbers."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", expression)
    bare = re.sub(r"\b(?:by|on) \([^)]*\)", "", bare)
    return {each for each in re.findall(r"\b[a-z_]\w*", bare) if each not in WORDS}


def known() -> set[str]:
    names = set(OTHERS)
    for metric in ALL.values():
        parts = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        names |= {metric.name + part for part in parts}
    return names


def test_grafana_s_own_models_take_the_dashboard_whole() -> None:
    taken = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert taken["title"] == DASHBOARD["title"]
    for ours, theirs in zip(DASHBOARD["panels"], taken["panels"], strict=True):
        for name in ("type", "title", "gridPos", "datasource", "targets"):
            assert theirs.get(name) == ours.get(name), (ours["title"], name)


def test_every_expression_names_metrics_that_there_are() -> None:
    for expression in expressions():
        assert names_in(expression), expression
        assert names_in(expression) <= known(), expression


def test_every_label_that_an_expression_chooses_by_is_one_of_its_metric() -> None:
    for expression in expressions():
        for name, chosen in re.findall(r"(\w+)\{([^}]*)\}", expression):
            metric = ALL.get(re.sub(r"_(?:bucket|sum|count)$", "", name), ALL.get(name))
            labels = set(re.findall(r"(\w+)[=!]~?", chosen)) - {"instance", "job"}
            assert labels <= set(metric.labels if metric is not None else ()), expression


def test_brackets_of_every_expression_close() -> None:
    for expression in expressions():
        for opened, closed in ("()", "[]", "{}"):
            assert expression.count(opened) == expression.count(closed), expression


def test_every_metric_of_the_order_path_and_of_the_account_is_on_the_dashboard() -> None:
    shown = {name for each in expressions() for name in names_in(each)}
    shown = {re.sub(r"_bucket$", "", name) for name in shown}
    off = {"leeward_info", "leeward_start_timestamp_seconds", "leeward_limit", "leeward_cause",
           "leeward_steps_total", "leeward_strategy_failures_total", "leeward_day_base_quote",
           "leeward_exposure_quote", "leeward_position_quantity_base", "leeward_intents_total",
           "leeward_fills_total", "leeward_model_age_days"}  # fmt: skip
    assert ALL.keys() - shown == off


def test_panels_stand_apart_and_have_titles() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        places = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert panel["title"]
        assert at["x"] + at["w"] <= 24
        assert not places & taken, panel["title"]
        taken |= places
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_prometheus_takes_rules_configuration_and_every_expression(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    recorded = [
        {"record": f"panel_{number}", "expr": each} for number, each in enumerate(expressions())
    ]
    content = yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]})
    (tmp_path / "panels.yaml").write_text(content)
    shutil.copy(RULES, tmp_path)
    shutil.copy(DEPLOY / "prometheus" / "prometheus.yaml", tmp_path)
    for use in (["rules", "panels.yaml"], ["rules", "rules.yaml"], ["config", "prometheus.yaml"]):
        shown = subprocess.run(
            [PROMTOOL, "check", *use], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr


#: Here @a stands for the labels of session "a".
FIRING = """
rule_files: [rules.yaml]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - {series: 'up{@a}', values: '1 1 0x20'}
      - {series: 'leeward_state{@a,state="HALTED"}', values: '0x4 1x20'}
      - {series: 'leeward_beat_timestamp_seconds{@a}', values: '0x40'}
      - {series: 'leeward_positions{@a}', values: '2x40'}
      - {series: 'leeward_stop_distance_ratio{@a,symbol="B"}', values: '0.1x40'}
      - {series: 'leeward_positions{@b}', values: '1x40'}
      - {series: 'leeward_stop_distance_ratio{@b,symbol="B"}', values: '0.1x40'}
      - {series: 'leeward_positions{@c}', values: '1x40'}
      - {series: 'leeward_alerts_total{@a,outcome="failed"}', values: '0+1x40'}
      - {series: 'leeward_queue_length{@a,queue="alerts"}', values: '3x40'}
      - {series: 'leeward_alerts_total{@b,outcome="failed"}', values: '0+1x40'}
      - {series: 'leeward_queue_length{@b,queue="alerts"}', values: '0x40'}
    promql_expr_test:
      - expr: 'count by (alertname, instance) (ALERTS{alertstate="firing"})'
        eval_time: 9m
        exp_samples:
          - {labels: '{alertname="LeewardAlertsFailing", instance="a"}', value: 1}
          - {labels: '{alertname="LeewardDown", instance="a"}', value: 1}
          - {labels: '{alertname="LeewardHalted", instance="a"}', value: 1}
          - {labels: '{alertname="LeewardStalled", instance="a"}', value: 1}
          - {labels: '{alertname="LeewardWithoutStop", instance="a"}', value: 1}
          - {labels: '{alertname="LeewardWithoutStop", instance="c"}', value: 1}
      - expr: 'count by (alertname, instance) (ALERTS{alertstate="firing"})'
        eval_time: 15s
        exp_samples: []
"""


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_rules_fire_where_they_should_and_nowhere_else(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    shutil.copy(RULES, tmp_path)
    firing = re.sub(r"@(\w)", r'job="leeward",instance="\1"', FIRING)
    (tmp_path / "firing.yaml").write_text(firing)
    shown = subprocess.run(
        [PROMTOOL, "test", "rules", "firing.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_grafana_and_prometheus_come_only_when_asked_for_and_reach_no_other_address() -> None:
    services = COMPOSE["services"]
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["watch"]
        assert services[name]["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in services[name].get("ports", ()))
    port = services["trader"]["environment"]["LEEWARD_METRICS__PORT"]
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    assert config["scrape_configs"][0]["static_configs"][0]["targets"] == [f"127.0.0.1:{port}"]
    assert services["prometheus"]["network_mode"] == "service:trader"
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), volume


def test_the_pages_of_metrics_and_alerts_say_what_the_program_says() -> None:
    for name, page in (("metrics.md", metrics_page), ("runbook.md", runbook_page)):
        told = (build.FOLDER / name).read_text(encoding="utf-8")
        assert told == page(build._MADE), "run `make docs`"


def test_names_carry_their_units() -> None:
    units = ("_seconds", "_ratio", "_bytes", "_quote", "_base", "_total", "_psi", "_days")
    plain = {"info", "state", "cause", "healthy", "limit", "positions", "unresolved_orders",
             "orders_last_hour", "database_up", "journal_batches", "queue_length",
             "model_sound"}  # fmt: skip
    for metric in ALL.values():
        assert metric.name.endswith(units) or metric.name.removeprefix("leeward_") in plain
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
