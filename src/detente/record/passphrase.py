"""A passphrase from where nobody else reads it: a file, an open descriptor, or a credential that systemd hands over.

It is never an argument or a variable of the environment: other users of the machine can read those.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from detente.airspace.refusal import Refusal

CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
SHORTEST_CHARACTERS = 12
MAX_PASSPHRASE_BYTES = 4096
_DESCRIPTOR, _CREDENTIAL = "fd:", "credential:"


def read_passphrase(source: str) -> bytes:
    """Return the passphrase from `source`: the name of a file, `fd:NUMBER` or `credential:NAME`; one line.

    Raises Refusal for what cannot be read, a file that others than its owner may read, and a passphrase of fewer than
    SHORTEST_CHARACTERS characters. The passphrase is in no refusal.
    """
    try:
        number = source.removeprefix(_DESCRIPTOR)
        if number != source and number.isascii() and number.isdigit():
            with os.fdopen(int(number), "rb", closefd=False) as stream:
                data = stream.read(MAX_PASSPHRASE_BYTES + 1)
        elif source.startswith(_CREDENTIAL):
            data = _of_file(Path(os.environ.get(CREDENTIALS_VARIABLE, "/")) / source.removeprefix(_CREDENTIAL))
        else:
            data = _of_file(Path(source), for_owner_alone=True)
    except OSError as error:
        raise Refusal("record.file_fd_number", "passphrase", source, strerror=error.strerror or str(error)) from None
    line = data.split(b"\n", 1)[0].rstrip(b"\r")
    if len(line.decode("utf-8", "replace")) < SHORTEST_CHARACTERS or len(data) > MAX_PASSPHRASE_BYTES:
        raise Refusal(
            "record.one_line_at_least_characters", "passphrase", f"what is in {source}",
            shortest_characters=SHORTEST_CHARACTERS,
        )  # fmt: skip
    return line


def _of_file(path: Path, *, for_owner_alone: bool = False) -> bytes:
    with path.open("rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if for_owner_alone and stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Refusal("record.file_only_owner_may", str(path), f"mode {stat.S_IMODE(mode):04o}", path=str(path))
        return stream.read(MAX_PASSPHRASE_BYTES + 1)
