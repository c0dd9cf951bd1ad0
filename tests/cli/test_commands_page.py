"""The page of all commands is as the commands are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_commands_is_as_they_are() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "commands_page.py"), "--check"], check=False)
    assert done.returncode == 0, "write it anew: python tools/commands_page.py"
