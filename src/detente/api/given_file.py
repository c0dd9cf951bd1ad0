"""A file that a user gave over HTTP, on the disk for as long as it is read."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}\Z", re.ASCII)


@contextmanager
def given_file(content: bytes, name: str) -> Iterator[Path]:
    """Yield the file's path. Of what its user calls it only a suffix, which is read where the content says nothing."""
    suffix = Path(name).suffix
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"file{suffix if _SUFFIX.match(suffix) else ''}")
        file.write_bytes(content)
        yield file
