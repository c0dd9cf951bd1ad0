"""libsodium: the system's own where there is one with ristretto255, else the one that `rbcl` brings.

rbcl writes the library into a new file of three megabytes whenever it is imported, and leaves that file behind. Once
the library is loaded its file is no longer needed, so it is removed here. Where the folder for temporary files forbids
programs (`noexec`) only the system's library can be loaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

SYSTEM_NAMES = ("libsodium.so.26", "libsodium.so.23")
"""Since 1.0.20, and since 1.0.12; a package of the system keeps both mended."""
_RISTRETTO = "crypto_core_ristretto255_from_hash"
"""Since 1.0.18."""


def system_library(names: tuple[str, ...] = SYSTEM_NAMES) -> ctypes.CDLL | None:
    """The system's libsodium, ready for use, or None where there is none with ristretto255."""
    for name in names:
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            getattr(library, _RISTRETTO)
            if library.sodium_init() >= 0:
                return library
    return None


def bundled_library() -> ctypes.CDLL:
    """The library that rbcl brings, and no file left behind."""
    from rbcl.rbcl import _sodium  # noqa: PLC0415 it writes three megabytes, and is not always needed

    with contextlib.suppress(OSError, KeyError, AttributeError):
        Path(sys.modules["rbcl._sodium"].lib_path).unlink()
    library: ctypes.CDLL = _sodium
    return library


sodium = system_library() or bundled_library()
