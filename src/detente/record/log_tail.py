"""What a crash left at the end of SQLite's write-ahead log: frames of a batch that was never committed.

SQLite drops them without a word. Here they are counted first, so that the node can say that a tail was cut. The format
is that of https://www.sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

HEADER = struct.Struct(">8I")
FRAME = struct.Struct(">6I")
MAGIC_LITTLE, MAGIC_BIG = 0x377F0682, 0x377F0683


class LogTail(NamedTuple):
    """Bytes behind the last committed frame that belong to the log's present generation."""

    unfinished_bytes: int


def unfinished_tail(database: Path) -> LogTail:
    """Measure the tail of the write-ahead log of the file at `database`; zero when there is no log."""
    try:
        log = database.with_name(database.name + "-wal").read_bytes()
    except OSError:
        return LogTail(0)
    if len(log) < HEADER.size:
        return LogTail(len(log))
    magic, _, page_size, _, salt_1, salt_2, sum_1, sum_2 = HEADER.unpack_from(log)
    if magic not in (MAGIC_LITTLE, MAGIC_BIG):
        return LogTail(len(log))
    words = "<" if magic == MAGIC_LITTLE else ">"
    checksum = _checksum(words, log[:24], (0, 0))
    if checksum != (sum_1, sum_2):
        return LogTail(len(log))
    committed = seen = HEADER.size
    step = FRAME.size + page_size
    while seen < len(log):
        frame = log[seen : seen + step]
        if len(frame) >= 16 and FRAME.size <= len(frame):
            _, size_after, frame_salt_1, frame_salt_2, frame_sum_1, frame_sum_2 = FRAME.unpack_from(frame)
            if (frame_salt_1, frame_salt_2) != (salt_1, salt_2):
                # Left over from before the log was reset: not a torn batch.
                return LogTail(seen - committed)
        if len(frame) < step:
            return LogTail(len(log) - committed)
        checksum = _checksum(words, frame[:8] + frame[FRAME.size :], checksum)
        if checksum != (frame_sum_1, frame_sum_2):
            return LogTail(seen + step - committed)
        seen += step
        if size_after:
            committed = seen
    return LogTail(seen - committed)


def _checksum(words: str, data: bytes, start: tuple[int, int]) -> tuple[int, int]:
    s0, s1 = start
    values = struct.unpack(f"{words}{len(data) // 4}I", data)
    for k in range(0, len(values), 2):
        s0 = (s0 + values[k] + s1) & 0xFFFFFFFF
        s1 = (s1 + values[k + 1] + s0) & 0xFFFFFFFF
    return s0, s1
