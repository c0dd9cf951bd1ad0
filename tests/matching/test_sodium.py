"""Where the library comes from; a process leaves nothing behind in the folder for temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from detente.matching.sodium import bundled_library, system_library

GENERATOR = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"


def test_the_library_leaves_no_file_behind(tmp_path: Path) -> None:
    code = "from detente.matching import sodium; assert len(sodium.bundled_library().sodium_version_string.__name__)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not list(tmp_path.iterdir())


def test_the_one_that_is_brought_does_where_the_system_has_none() -> None:
    assert system_library(("libsodium.so.0",)) is None
    # A library without the group, as an old one would be.
    assert system_library(("libc.so.6",)) is None
    for library in (bundled_library(), system_library()):
        if library is not None:
            result = bytes(32)
            assert library["crypto_scalarmult_ristretto255_base"](result, b"\x01" + bytes(31)) == 0
            assert result.hex() == GENERATOR
