"""The dashboard and the Telegram bot as processes beside a session; neither holds up trading."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Final

from leeward.domain.errors import LeewardError
from leeward.runtime.settings import CHILD_COMMAND, TO_READ, Settings, child_environment

Say = Callable[[str], None]

_ENDING_S: Final = 5.0


@contextmanager
def companions(settings: Settings, say: Say, *, dashboard: bool) -> Iterator[None]:
    """Starts what the settings ask for and ends it with the block. What cannot start or dies is
    a line for `say`, never a reason not to trade."""
    with ExitStack() as started:
        try:
            serves = dashboard and _may_serve(settings, say)
        except LeewardError as error:  # of its file of passwords
            say(f"no dashboard: {error}")
            serves = False
        if serves:
            sections = (*TO_READ, "dashboard")
            started.enter_context(_beside("dashboard", settings, sections, say))
        if settings.telegram.token is not None:
            sections = (*TO_READ, "telegram")
            started.enter_context(_beside("telegram", settings, sections, say))
        yield


def _may_serve(settings: Settings, say: Say) -> bool:
    """Returns whether to start a dashboard; says why not. A first password is shown on a terminal
    only: elsewhere it would end in a log."""
    if find_spec("nicegui") is None or find_spec("argon2") is None:
        say("no dashboard: install it with pip install 'leeward[dashboard]'")
        return False
    from leeward.dashboard.access import access_of
    from leeward.dashboard.marker import served_at

    served = served_at(settings)
    if served is not None:
        say(f"dashboard: {served}")
        return False
    access = access_of(settings)
    if access.read().password is not None:
        return True
    if not sys.stderr.isatty():
        say("no dashboard: it has no password yet; run `leeward access password` once")
        return False
    say(f"The password of the dashboard, shown this once: {access.set_password()}")
    return True


@contextmanager
def _beside(name: str, settings: Settings, sections: Sequence[str], say: Say) -> Iterator[None]:
    """Runs `leeward NAME` until the block ends; its notes go to a file beside the database."""
    log = settings.data.dir.absolute().parent / f"{name}.log"
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command
            (*CHILD_COMMAND, name, "--log", str(log)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(settings, sections),
            start_new_session=True,  # Ctrl-C is for the session; this ends after it
        )
    except OSError as error:
        say(f"no {name}: {error.strerror}")
        yield
        return
    ending = threading.Event()
    listener = threading.Thread(target=_listen, args=(name, process, ending, say), daemon=True)
    listener.start()
    try:
        yield
    finally:
        ending.set()
        process.terminate()
        try:
            process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(_ENDING_S)


def _listen(name: str, process: subprocess.Popen[bytes], ending: threading.Event, say: Say) -> None:
    """Says where it serves, and its last line where it ends by itself."""
    assert process.stdout is not None
    last = ""
    with process.stdout as told:
        for line in told:
            last = line.decode(errors="replace").strip() or last
            if last.startswith(f"{name}: "):
                say(last)
    code = process.wait()
    if not ending.is_set():
        say(f"the {name} ended (exit code {code}), trading goes on: {last}")
