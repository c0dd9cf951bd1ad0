"""A program that writes a journal in batches of given sizes and dies without closing it.

Arguments: the journal, the key file, then for each batch the size of its one body; ``r`` begins the log anew.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from detente.record.journal import Journal
from detente.record.keys import NodeKey

if __name__ == "__main__":
    journal = Journal.open(sys.argv[1], NodeKey.load(sys.argv[2]))
    for size in sys.argv[3:]:
        if size == "r":
            journal._writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        else:
            journal.append([("event", os.urandom(int(size)))], datetime.now(UTC))
    os._exit(0)
