"""The pages about watching a session: its metrics, and what to do at each alert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

RULES = Path(__file__).parent.parent / "deploy" / "prometheus" / "rules.yaml"

_METRICS = """# Metrics

With `metrics.port` a session tells Prometheus how it does, at `http://127.0.0.1:PORT/metrics`, on
its own machine alone: a second Prometheus elsewhere asks the first, or a tunnel. Where the port is
taken the session says so and trades without. The values are renewed once a second, beside the
trading; what happened is counted as it is written down.

[deploy/](../deploy/README.md) has the rules for Prometheus, a dashboard for Grafana, and a compose
profile with both. What to do at each alert: [runbook.md](runbook.md).

Units are in the names: `seconds`, `ratio` (1 is 100 %), `bytes`, `quote` (units of the account's
quote currency), `base` (coins). Metrics that end with `total` only grow while a process lives.
Amounts are for charts: what is exact is in the database.
"""

_RUNBOOK = """# Runbook

What each alert means, what Leeward did about it, and what you should do. An alert names its kind,
and that is the section here. `leeward alerts list` prints the kinds; `alerts.mute` leaves some out.

In any doubt: `leeward status` says how it stands, `leeward halt` stops buying and keeps every stop,
`leeward flatten` sells. Positions keep their stops at the exchange whatever becomes of the process.
A start recovers: starting again is always right.

Alerts of the session are sent once in `alerts.repeat_minutes` for the same kind and symbol, at
most `alerts.max_per_hour`, and as many critical ones besides; what was left out is counted and
told. They wait on the disk until a channel takes them, also across restarts: rather twice than
never. The heartbeat address is asked for only while the session does what it is to do: books and
exchange agree, the database has everything, candles come, every position has its stop, and the
state is `ACTIVE`, or halted by an operator.

Real money (`leeward live` on `binance`) needs a channel that answers a test message at the start,
or `--no-alerts`. Paper, the testnet, the demo and the emulator do not: there is nothing to lose,
and rehearsals run anywhere.

On Telegram: make a bot with @BotFather, set `LEEWARD_TELEGRAM__TOKEN` and `telegram.operators`, and
start `leeward telegram`. A chat that is not named gets no answer, and its id stands in the log.
Whoever writes in a chat that is named counts as that chat: name your own, not a group's. An order
is asked back, and only its asker may confirm it, once, within a minute.
"""


def metrics_page(made: str) -> str:
    """Returns every metric with its kind, its labels and its meaning."""
    from leeward.monitoring.metrics import METRICS

    parts = [made + _METRICS]
    for heading, metrics in METRICS.items():
        lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
        for metric in metrics:
            labels = ", ".join(f"`{each}`" for each in metric.labels)
            lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.means} |")
        parts.append(f"## {heading}\n\n" + "\n".join(lines) + "\n")
    parts.append(
        "## Process\n\n`process_resident_memory_bytes`, `process_cpu_seconds_total`, "
        "`process_open_fds` and their like, as every client of Prometheus has them.\n"
    )
    return "\n".join(parts)


def runbook_page(made: str) -> str:
    """Returns a section for each kind of note and each rule of Prometheus."""
    from leeward.monitoring.meanings import MEANINGS

    parts = [made + _RUNBOOK]
    for heading, kinds in MEANINGS.items():
        parts.append(f"## {heading}\n")
        for kind, it in kinds.items():
            words = f"{it.happened}\n\n*What Leeward did:* {it.done}\n\n*What to do:* {it.to_do}"
            parts.append(f"### {kind}\n\n{words}\n")
    parts.append("## Rules of Prometheus\n")
    for rule in rules():
        told = rule["annotations"]
        parts.append(
            f"### {rule['alert']}\n\n{told['summary']}\n\n`{rule['expr']}`\n\n"
            f"*What to do:* {told['to_do']}\n"
        )
    return "\n".join(parts)


def rules() -> Iterator[dict[str, Any]]:
    """Yields the rules in `deploy/`."""
    import yaml  # type: ignore[import-untyped] # PyYAML ships no types

    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]
