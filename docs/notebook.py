"""Runs the code of a Markdown page, top to bottom, and puts its output below each block.

A block marked `python` is run; a `text` block right below it is its output. One that begins with
`# NAME.py`, or a `yaml` one that begins with `# NAME.yaml`, is written to that file instead. A
block marked `console` holds `$ leeward ...` commands, each with its output below it. Other blocks
are left alone. A page is one process, in a folder of its own with an empty candle store; what it
starts ends with it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_BLOCK = re.compile(
    r"^```(?P<kind>python|console|yaml)\n(?P<code>.*?)^```\n(?:\n?```text\n.*?^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_MARK = "=== end of block ==="
_SECONDS = 280
_PRELUDE = f"""
import contextlib, os, shlex, sys
os.environ.update(LEEWARD_DATA__DIR="data", COLUMNS="96", NO_COLOR="1")
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")

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
    if block["kind"] != "console":
        file = re.match(r"# (\w+\.(?:py|yaml))\n", block["code"])
        return f"open({file[1]!r}, 'w').write({block['code']!r})" if file else block["code"]
    commands = [line[2:] for line in block["code"].splitlines() if line.startswith("$ ")]
    return "".join(f"print({'$ ' + line!r})\n_run({line!r})\n" for line in commands)


def _run(scripts: list[str]) -> list[str]:
    with TemporaryDirectory() as folder:
        (Path(folder) / "page.py").write_text(
            _PRELUDE + "".join(f"{code}\n_end()\n" for code in scripts)
        )
        shown = _output(folder)
    *outputs, _ = shown.split(_MARK + "\n")
    return outputs


def _output(folder: str) -> str:
    with subprocess.Popen(
        [sys.executable, "page.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as page:
        try:
            shown, said = page.communicate(timeout=_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(page.pid, signal.SIGKILL)
    if page.returncode:
        raise RuntimeError(f"the page's code fails:\n{shown}\n{said}")
    return shown


def _filled(block: re.Match[str], output: str) -> str:
    output = "\n".join(line.rstrip() for line in output.strip("\n").splitlines())
    if block["kind"] == "console":
        return f"```console\n{output}\n```\n"
    code = f"```{block['kind']}\n{block['code']}```\n"
    return f"{code}\n```text\n{output}\n```\n" if output else code
