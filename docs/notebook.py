"""Runs the code of a Markdown page, top to bottom, and puts its output below each block.

A block marked `python` is run; a `text` block right below it is its output. One that begins with
`# NAME.py` is written to that file instead. A block marked `console` holds `$ leeward ...`
commands, each with its output below it. Other blocks are left alone. A page is one process, in a
folder of its own with an empty candle store.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

_BLOCK = re.compile(
    r"^```(?P<kind>python|console)\n(?P<code>.*?)^```\n(?:\n?```text\n.*?^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_MARK = "=== end of block ==="
_SECONDS = 120
_PRELUDE = f"""
import contextlib, os, shlex, sys
os.environ.update(LEEWARD_DATA__DIR="data", COLUMNS="96", NO_COLOR="1")

def _run(line):
    from leeward.cli.main import main
    sys.argv, code = shlex.split(line), 0
    with contextlib.redirect_stderr(sys.stdout):
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
    if code:
        print(f"(exit code {{code}})")

def _end():
    print({_MARK!r}, flush=True)
"""


def refresh(page: str) -> str:
    """Returns the page with the output its code has now. Raises RuntimeError where code fails."""
    blocks = list(_BLOCK.finditer(page))
    outputs = iter(_run([_script(block) for block in blocks]))
    return _BLOCK.sub(lambda block: _filled(block, next(outputs)), page)


def _script(block: re.Match[str]) -> str:
    if block["kind"] == "python":
        file = re.match(r"# (\w+\.py)\n", block["code"])
        return f"open({file[1]!r}, 'w').write({block['code']!r})" if file else block["code"]
    commands = [line[2:] for line in block["code"].splitlines() if line.startswith("$ ")]
    return "".join(f"print({'$ ' + line!r})\n_run({line!r})\n" for line in commands)


def _run(scripts: list[str]) -> list[str]:
    with TemporaryDirectory() as folder:
        script = Path(folder) / "page.py"
        script.write_text(_PRELUDE + "".join(f"{code}\n_end()\n" for code in scripts))
        shown = subprocess.run(  # noqa: S603 - runs the code of our own pages
            [sys.executable, script.name],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    if shown.returncode:
        raise RuntimeError(f"the page's code fails:\n{shown.stdout}\n{shown.stderr}")
    *outputs, _ = shown.stdout.split(_MARK + "\n")
    return outputs


def _filled(block: re.Match[str], output: str) -> str:
    output = "\n".join(line.rstrip() for line in output.strip("\n").splitlines())
    if block["kind"] == "console":
        return f"```console\n{output}\n```\n"
    code = f"```python\n{block['code']}```\n"
    return f"{code}\n```text\n{output}\n```\n" if output else code
