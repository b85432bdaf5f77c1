"""The exchange's documented examples, and what is compared of a message: names, order and kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def documented(samples: Path, file: str, section: str, caption: str = "") -> Any:
    """Returns the first example of a section whose caption contains `caption`."""
    entries = json.loads((samples / "official_docs_examples" / f"{file}.json").read_text())
    for entry in entries:
        value = entry.get("json", entry.get("json_sequence"))
        asked = isinstance(value, dict) and "method" in value
        if section in entry["section"] and caption in entry["caption"] and not asked:
            return value
    raise AssertionError(f"no example {section} {caption}")


def shape(value: object) -> object:
    """Returns names in order and kinds of values; text that holds a number counts as decimal."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str):
        return "decimal" if value.replace(".", "").lstrip("-").isdigit() else "text"
    return type(value).__name__
