"""SQLite's write-ahead log, read before SQLite does: what a crash left of an unfinished batch, and what is damage.

SQLite takes the log's frames up to the last commit before the first frame whose checksum is wrong, and drops the rest
without a word. What it drops is a torn tail, or it is batches that were acknowledged. A batch begins only when the one
before it is on the disk, so a crash can tear only the newest: behind a wrong frame there can be one commit, the log's
last. A commit with more behind it was on the disk, hence acknowledged, and the wrong frame is damage.

The format is https://www.sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.record.storage import PAGE_BYTES, write_ahead_path

_HEADER = Struct(">8I")
_FRAME = Struct(">6I")
_SALTS = Struct(">2I")
_VERSION = 3007000
_MAGIC_LITTLE_ENDIAN = 0x377F0682
_MAGIC_BIG_ENDIAN = 0x377F0683
_WORDS_MASK = 0xFFFFFFFF
_CHUNK_FRAMES = 256


class LogState(msgspec.Struct, frozen=True):
    """What lies in a write-ahead log.

    Attributes:
        committed_bytes: the part that SQLite takes.
        unfinished_bytes: bytes behind it that belong to a batch which was never finished, or is damaged.
        is_damaged: acknowledged batches lie behind a frame that is wrong; SQLite would drop them.
    """

    committed_bytes: int = 0
    unfinished_bytes: int = 0
    is_damaged: bool = False


class _Slot(NamedTuple):
    """One frame's place in the log: is it of the log's present generation, does it commit, is its checksum right?"""

    is_present: bool
    is_commit: bool
    is_right: bool


def read_log_state(database: Path, page_size: int = PAGE_BYTES) -> LogState:
    """Return what lies in the write-ahead log beside `database`; nothing when there is none.

    Raises OSError when it cannot be read.
    """
    try:
        with write_ahead_path(database).open("rb") as stream:
            head = stream.read(_HEADER.size)
            reader = _FrameReader(head, page_size)
            slots: list[_Slot] = []
            tail_bytes = 0
            while chunk := stream.read((_FRAME.size + page_size) * _CHUNK_FRAMES):
                new_slots, tail_bytes = reader.slots(chunk)
                slots += new_slots
    except FileNotFoundError:
        return LogState()
    return _judge(reader, slots, len(head), tail_bytes, page_size)


def _judge(reader: _FrameReader, slots: list[_Slot], head_bytes: int, tail_bytes: int, page_size: int) -> LogState:
    step = _FRAME.size + page_size
    taken = 0
    for place, slot in enumerate(slots):
        if not slot.is_right:
            break
        if slot.is_commit:
            taken = place + 1
    present = [place for place in range(taken, len(slots)) if slots[place].is_present]
    last = present[-1] if present else taken - 1
    is_damaged = any(slots[place].is_commit for place in present if place < last)
    unfinished = (last + 1 - taken) * step
    if tail_bytes and last == len(slots) - 1:
        # The file ends inside a frame: that is where the writing stopped, whatever the frame would have been.
        unfinished += tail_bytes
    if not reader.is_header_right:
        taken = 0
        unfinished = head_bytes + len(slots) * step + tail_bytes
        is_damaged = sum(slot.is_commit for slot in slots) > 1
    committed = _HEADER.size + taken * step if taken else 0
    return LogState(committed, unfinished, is_damaged)


class _FrameReader:
    """Reads frames in order, carrying SQLite's running checksum from one to the next."""

    def __init__(self, head: bytes, page_size: int) -> None:
        self._step = _FRAME.size + page_size
        self.is_header_right = False
        self._salts = (0, 0)
        self._order = "<"
        self._sums = (0, 0)
        self._is_right_so_far = False
        if len(head) < _HEADER.size:
            # No frame has been written behind a header that is not whole.
            self.is_header_right = not head
            return
        magic, version, logged_page_size, _, salt_1, salt_2, sum_1, sum_2 = _HEADER.unpack(head)
        self._salts = (salt_1, salt_2)
        self._order = ">" if magic == _MAGIC_BIG_ENDIAN else "<"
        self._header_sums = _checksum(6, self._order)
        self._frame_sums = _checksum(2 + page_size // 4, self._order)
        self._sums = self._header_sums.after((0, 0), head[:24])
        self.is_header_right = (
            magic in (_MAGIC_LITTLE_ENDIAN, _MAGIC_BIG_ENDIAN)
            and version == _VERSION
            and logged_page_size == page_size
            and self._sums == (sum_1, sum_2)
        )
        self._is_right_so_far = self.is_header_right

    def slots(self, chunk: bytes) -> tuple[list[_Slot], int]:
        """Return the whole frames in `chunk`, and how many bytes of another of this generation are behind them."""
        whole = len(chunk) // self._step
        slots = [self._slot(chunk[place * self._step : (place + 1) * self._step]) for place in range(whole)]
        tail = chunk[whole * self._step :]
        is_former = len(tail) >= _FRAME.size and not self._is_present(tail)
        return slots, 0 if is_former else len(tail)

    def _is_present(self, frame: bytes) -> bool:
        return _SALTS.unpack_from(frame, 8) == self._salts or not self.is_header_right

    def _slot(self, frame: bytes) -> _Slot:
        page, pages_after, _, _, sum_1, sum_2 = _FRAME.unpack_from(frame)
        is_present = self._is_present(frame)
        if self._is_right_so_far:
            self._sums = self._frame_sums.after(self._sums, frame[:8] + frame[_FRAME.size :])
            self._is_right_so_far = is_present and page > 0 and self._sums == (sum_1, sum_2)
        return _Slot(is_present, pages_after > 0, self._is_right_so_far)


class _Checksum:
    """SQLite's running checksum over a fixed number of 32-bit words, as one linear form modulo 2^32 for each half.

    Word by word it is ``s0 += x[i] + s1; s1 += x[i+1] + s0``, a loop of a thousand turns a page; unrolled, each word
    and each start value has a constant weight, and NumPy adds them up.
    """

    def __init__(self, words: int, order: str) -> None:
        self._dtype = np.dtype(f"{order}u4")
        weights = np.zeros((2, words + 2), dtype=np.uint32)
        # The weight of an input is what it adds up to by the end: run the recurrence backwards from the last pair.
        s0, s1 = (1, 0), (0, 1)
        for pair in range(words // 2 - 1, -1, -1):
            # This pair sets s0' = s0 + x + s1 and s1' = s1 + y + s0'.
            after_0, after_1 = s0, s1
            x = ((after_0[0] + after_1[0]) & _WORDS_MASK, (after_0[1] + after_1[1]) & _WORDS_MASK)
            weights[:, 2 * pair] = x
            weights[:, 2 * pair + 1] = after_1
            s0 = x
            s1 = ((x[0] + after_1[0]) & _WORDS_MASK, (x[1] + after_1[1]) & _WORDS_MASK)
        weights[:, words] = s0
        weights[:, words + 1] = s1
        self._weights: NDArray[np.uint32] = weights
        self._words = words

    def after(self, sums: tuple[int, int], data: bytes) -> tuple[int, int]:
        """Return the checksum after `data`, begun from `sums`."""
        values = np.empty(self._words + 2, dtype=np.uint32)
        values[: self._words] = np.frombuffer(data, dtype=self._dtype)
        values[self._words :] = sums
        total = (self._weights * values).sum(axis=1, dtype=np.uint32)
        return int(total[0]), int(total[1])


_checksum = lru_cache(maxsize=8)(_Checksum)
"""Its weights depend on nothing but how many words there are; to find them takes longer than most logs to read."""
