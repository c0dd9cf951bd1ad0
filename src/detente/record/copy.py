"""A copy of a journal at one moment, while its node runs: complete to its last signed batch, and one file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.record.acknowledged import AcknowledgedHead
from detente.record.snapshot import open_snapshot
from detente.record.storage import SQLITE_ERRORS, connect
from detente.record.verification import Verification, verify_journal


def copy_journal(source: Path, target: Path, public: bytes) -> Verification:
    """Copy the journal `source`, live or not, to the new file `target`, and verify the copy with its node's key.

    The copy's head is written beside it, as that of a journal in use is. Raises Refusal for what cannot be read or
    written; the result says whether every entry is proven.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with open_snapshot(source) as (connection, _), closing(connect(target, "rw")) as copy:
            connection.backup(copy)
    except (*SQLITE_ERRORS, OSError, sqlite3.Error) as error:
        raise Refusal("record.place_where_journal_copied", str(target), str(error)) from None
    found = verify_journal(target, public)
    head = AcknowledgedHead(target)
    head.write(found.head)
    head.close()
    return found
