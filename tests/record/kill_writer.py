"""A program that appends from several threads until it is killed, and says what was acknowledged.

It opens the journal, prints ``ready`` and what opening said, then a line ``number hash`` after each acknowledged entry.
Bodies differ much in size, so that a kill may fall between the pages of one batch.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from datetime import UTC, datetime

from detente.record.journal import GroupCommit, Journal
from detente.record.keys import NodeKey

THREADS = 6


def write(commit: GroupCommit, name: int, seed: int) -> None:
    generator = random.Random(seed * THREADS + name)
    while True:
        size = generator.choice((20, 400, 400, 4_000, 60_000 if name else 600_000))
        contents = [("event", generator.randbytes(size)) for _ in range(generator.choice((1, 1, 3)))]
        said = "".join(
            f"{entry.number} {entry.hash.hex()}\n" for entry in commit.submit(contents, datetime.now(UTC)).result()
        )
        os.write(1, said.encode())


def main() -> None:
    journal = Journal.open(sys.argv[1], NodeKey.load(sys.argv[2]))
    os.write(1, f"ready {journal.head.number} {journal.report.unfinished_bytes} {journal.report.sentence}\n".encode())
    commit = GroupCommit(journal)
    for name in range(THREADS):
        threading.Thread(target=write, args=(commit, name, int(sys.argv[3]))).start()


if __name__ == "__main__":
    main()
