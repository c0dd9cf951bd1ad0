"""A process leaves nothing behind in the folder for temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_library_leaves_no_file_behind(tmp_path: Path) -> None:
    code = "from detente.matching import ristretto; assert len(ristretto.multiply_base(bytes([1] * 31 + [0]))) == 32"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not list(tmp_path.iterdir())
