"""The chart as an element: options and rows go to `assets/chart.js`, which draws them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import nicegui.elements.echart  # noqa: F401 - names the library that chart.js imports
from nicegui import ui

from leeward.dashboard.charts import Options

_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "chart.js"


class Chart(ui.element, component=_SCRIPT):
    """A chart; `label` says in words what it shows."""

    def __init__(self, options: Options, label: str) -> None:
        super().__init__()
        self._props["options"] = options
        self._props["label"] = label
        self.classes("chart")

    def show(self, options: Options, label: str) -> None:
        """Draws anew, where anything differs from what is drawn."""
        if (options, label) != (self._props["options"], self._props["label"]):
            self._props["options"] = options
            self._props["label"] = label
            self.update()

    def load(self, columns: Mapping[str, Sequence[object]], first: int = 0) -> None:
        """Sends rows from row `first` on; those that were there from it on are replaced."""
        # As text: the browser reads that ten times faster than as code.
        self.run_method("load", json.dumps(columns), first)

    def zoom(self, rows: int | None) -> None:
        """Shows the last rows, all without a number."""
        self.run_method("zoom", rows)

    @staticmethod
    @contextmanager
    def carded(heading: str, note: str = "") -> Iterator[None]:
        """Puts what is made inside into a titled box."""
        with ui.element("section").classes("card"):
            with ui.element("div").classes("card-head"):
                ui.html(heading, sanitize=True, tag="h2")
            if note:
                ui.html(note, sanitize=True, tag="p").classes("note")
            yield
