"""Where the command begins: it imports nothing, so that Ctrl-C is heard while the rest is read."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; interrupted before it is read, ends with 130 and no word."""
    try:
        from leeward.cli import main as command
    except KeyboardInterrupt:
        sys.exit(130)
    command.main()
