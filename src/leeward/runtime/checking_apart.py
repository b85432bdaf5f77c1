"""The contract check of a strategy in a process of its own: whatever its code does, crash or hang,
the process that asks goes on."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Final

from leeward.domain.errors import LeewardError, Refused
from leeward.runtime.checking import check_on_candles
from leeward.runtime.settings import Settings
from leeward.runtime.strategies import load_strategy, source_sha256

_MOST_S: Final = 120.0
_NICE: Final = 5
_PROGRAM: Final = "from leeward.runtime.checking_apart import main; main()"
#: Findings that are told.
_TOLD: Final = 3


async def check_apart(
    target: str, params: Mapping[str, object], timeframe: str, settings: Settings
) -> str:
    """Returns the hash of the source that was checked; raises Refused with what is wrong."""
    asked = {
        "target": target,
        "params": dict(params),
        "timeframe": timeframe,
        "settings": settings.model_dump(mode="json", include={"data", "ml"}),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        talk = process.communicate(json.dumps(asked).encode())
        out, said = await asyncio.wait_for(talk, _MOST_S)
    except TimeoutError:
        raise Refused(f"{target}: its check was not over after {_MOST_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        why = f": {last[0][:300]}" if last else " without a word"
        raise Refused(f"{target}: its check ended with code {process.returncode}{why}")
    found = json.loads(out.decode().splitlines()[-1])
    if found["wrong"]:
        raise Refused(f"{target}: {found['wrong']}")
    return str(found["version"])


def main() -> None:
    """Checks what standard input names; writes the outcome as the last line."""
    os.nice(_NICE)
    asked = json.load(sys.stdin)
    # What its code prints, whenever it does, is no part of the outcome.
    outcome, sys.stdout = sys.stdout, sys.stderr
    outcome.write(f"\n{json.dumps(_checked(asked))}\n")


def _checked(asked: Mapping[str, object]) -> dict[str, str]:
    target, params = str(asked["target"]), asked["params"]
    assert isinstance(params, dict)
    settings = Settings.model_validate(asked["settings"])
    try:
        kind = load_strategy(target)
        strategy = kind(**params)
        findings = [
            str(finding)
            for checked in check_on_candles(strategy, settings, (), str(asked["timeframe"]))
            for finding in checked.findings
        ]
    except LeewardError as error:
        return {"wrong": str(error), "version": ""}
    wrong = f"breaks the contract: {'; '.join(findings[:_TOLD])}" if findings else ""
    return {"wrong": wrong, "version": source_sha256(kind)}
