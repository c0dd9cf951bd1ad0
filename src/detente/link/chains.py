"""What a session remembers of its envelopes and receipts: of the last ones everything, of older ones where to look."""

from __future__ import annotations

from array import array
from bisect import bisect_left

import msgspec

from detente.link.envelope import NO_PREVIOUS

KEPT_ENVELOPES = 4_096
"""So many of the last envelopes of a direction stay whatever was delivered: a peer may be set back by a little."""
MARKED_EVERY = 16
"""Of those that have left, the place in the journal of each sixteenth stays: half a byte for each."""
RUNS_THINNED_TO = 64
"""Of the runs of receipts for what has left, one in so many stays."""
_HASH_BYTES = 32


class LeftMemoryError(LookupError):
    """An envelope or a receipt has left memory; it is among these entries of the journal."""

    def __init__(self, entries: range) -> None:
        self.entries = entries
        super().__init__(f"in the journal, entries {entries.start} to {entries.stop - 1}")


class ReceiptRunsKept(msgspec.Struct, frozen=True):
    """`ReceiptRuns` as it is kept."""

    lasts: list[int]
    entries: list[int]
    thin_up_to: int


class ReceiptRuns:
    """Runs of receipted numbers and the journal entry of the receipt that covers each run."""

    def __init__(self) -> None:
        self._thin_up_to = 0
        self._lasts = array("Q")
        self._entries = array("Q")

    @property
    def last(self) -> int:
        """The number up to which there are receipts."""
        return self._lasts[-1] if self._lasts else 0

    def last_by(self, entry_number: int) -> int:
        """The number up to which there were receipts before an entry of the journal."""
        place = bisect_left(self._entries, entry_number)
        return self._lasts[place - 1] if place else 0

    def add(self, last: int, entry_number: int) -> None:
        """Take in the receipt for everything up to `last`."""
        if last > self.last:
            self._lasts.append(last)
            self._entries.append(entry_number)

    def entry_covering(self, number: int) -> int | None:
        """The entry of the receipt that covers a number, None without one; raises LeftMemoryError for a thinned one."""
        place = bisect_left(self._lasts, number)
        if number <= self._thin_up_to:
            raise LeftMemoryError(range(self._entries[place - 1] + 1 if place else 1, self._entries[place] + 1))
        return self._entries[place] if place < len(self._lasts) else None

    def entries_after(self, number: int) -> list[int]:
        """The entries of the receipts for what comes after a number."""
        return list(self._entries[bisect_left(self._lasts, number + 1) :])

    def forget(self, first: int, entry_number: int) -> None:
        """Thin out the runs for what is before `first`, as far as they are in the journal before an entry."""
        over = min(bisect_left(self._lasts, first), bisect_left(self._entries, entry_number))
        if over > RUNS_THINNED_TO:
            self._thin_up_to = self._lasts[over - 1]
            for held in (self._lasts, self._entries):
                held[:over] = held[:over][::-1][::RUNS_THINNED_TO][::-1]

    def keep(self) -> ReceiptRunsKept:
        """Return the runs as they are kept."""
        return ReceiptRunsKept(list(self._lasts), list(self._entries), self._thin_up_to)

    def restore(self, kept: ReceiptRunsKept) -> None:
        """Make empty runs what they were when they were kept."""
        self._lasts, self._entries = array("Q", kept.lasts), array("Q", kept.entries)
        self._thin_up_to = kept.thin_up_to


class ChainKept(msgspec.Struct, frozen=True):
    """`EnvelopeChain` as it is kept."""

    first: int
    hashes: bytes
    entries: list[int]
    marks: list[int]


class EnvelopeChain:
    """The hashes of envelopes `first` to `last`, and the journal entries that hold them: 40 bytes an envelope."""

    def __init__(self) -> None:
        self.first = 1
        self._hashes = bytearray()
        self._entries = array("Q")
        self._marks = array("Q")

    @property
    def last(self) -> int:
        """The number of the last envelope, 0 before the first."""
        return self.first + len(self._entries) - 1

    @property
    def head(self) -> bytes:
        """The hash of the last envelope; 32 zero bytes before the first."""
        return bytes(self._hashes[-_HASH_BYTES:]) or NO_PREVIOUS

    def has_left(self, number: int) -> bool:
        """Whether a number is of an envelope that is not remembered any more."""
        return 0 < number < self.first

    def at(self, number: int) -> tuple[bytes, int]:
        """Return the hash of an envelope and its entry; raises LeftMemoryError with where to look for it."""
        if not number:
            return NO_PREVIOUS, 0
        if number < self.first:
            place = number // MARKED_EVERY
            before = self._marks[place - 1] if place else 1
            after = self._marks[place] if place < len(self._marks) else self._entries[0]
            raise LeftMemoryError(range(before, after + 1))
        place = number - self.first
        return bytes(self._hashes[_HASH_BYTES * place : _HASH_BYTES * (place + 1)]), self._entries[place]

    def add(self, envelope_hash: bytes, entry_number: int) -> None:
        """Take in the next envelope."""
        self._hashes += envelope_hash
        self._entries.append(entry_number)

    def cut(self, number: int) -> set[bytes]:
        """Forget what comes after `number`; return its hashes.

        Raises ValueError where that has left: it was delivered.
        """
        place = number - self.first + 1
        if place < 0 or (place == 0 and self.first > 1):
            raise ValueError(f"envelope {number + 1} was delivered long ago")
        gone = {self.at(later)[0] for later in range(number + 1, self.last + 1)}
        del self._hashes[_HASH_BYTES * place :]
        del self._entries[place:]
        return gone

    def forget(self, delivered: int, entry_number: int) -> None:
        """Leave out what was delivered, as far as it is in the journal before an entry, but the last `KEPT_ENVELOPES`.

        The outcome follows from what the journal holds before that entry, whatever was taken in since. What was not
        delivered, and the last that was, stay: the peer may give back others in the place of what it does not hold.
        """
        known = self.first + bisect_left(self._entries, entry_number) - 1
        first = min(delivered, known) - KEPT_ENVELOPES + 1
        if first <= self.first:
            return
        for number in range(self.first, first):
            if number % MARKED_EVERY == 0:
                self._marks.append(self._entries[number - self.first])
        place = first - self.first
        del self._hashes[: _HASH_BYTES * place]
        del self._entries[:place]
        self.first = first

    def keep(self) -> ChainKept:
        """Return the chain as it is kept."""
        return ChainKept(self.first, bytes(self._hashes), list(self._entries), list(self._marks))

    def restore(self, kept: ChainKept) -> None:
        """Make an empty chain what it was when it was kept."""
        self.first, self._hashes = kept.first, bytearray(kept.hashes)
        self._entries, self._marks = array("Q", kept.entries), array("Q", kept.marks)
