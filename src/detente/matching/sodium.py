"""libsodium, as `rbcl` brings it.

rbcl writes the library into a new file of three megabytes whenever it is imported, and leaves that file behind. Once
the library is loaded its file is no longer needed, so it is removed here.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from rbcl.rbcl import _sodium as sodium

__all__ = ["sodium"]

with contextlib.suppress(OSError, KeyError, AttributeError):
    Path(sys.modules["rbcl._sodium"].lib_path).unlink()
