"""The file of who may come in, written by several at once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from leeward.dashboard.access import FILE_NAME, AccessFile, Role

_OTHER = """
import sys
from pathlib import Path
from leeward.dashboard.access import AccessFile, Role
access = AccessFile(Path(sys.argv[1]))
for number in range(25):
    access.add_token(f"theirs-{number}", Role.VIEWER, 0)
"""


def test_a_token_is_revoked_for_good_while_others_are_made(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    access = AccessFile(path)
    access.add_token("kept", Role.OPERATOR, 0)
    with subprocess.Popen([sys.executable, "-c", _OTHER, str(path)]) as other:
        until_s = time.monotonic() + 100
        while not access.read().tokens[1:]:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        for number in range(25):
            access.add_token(f"ours-{number}", Role.VIEWER, 0)
            access.revoke_token(f"ours-{number}")
    assert other.returncode == 0
    wanted = ["kept", *(f"theirs-{number}" for number in range(25))]
    assert [token.name for token in access.read().tokens] == wanted


def test_a_browser_is_known_by_what_only_this_password_makes(tmp_path: Path) -> None:
    access = AccessFile(tmp_path / FILE_NAME)
    # Without a password whoever knows how could make one.
    assert access.device_of(access.new_device()) is None
    access.set_password()
    kept = access.new_device()
    assert access.device_of(kept) == kept.partition(".")[0]
    assert access.device_of(f"another.{kept.partition('.')[2]}") is None
    access.set_password()
    assert access.device_of(kept) is None
