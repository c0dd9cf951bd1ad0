"""The walk along a journal's chain: it proves each row before it hands it on, and names the first bad entry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NoReturn

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.chain import HASH_BYTES, Genesis, entry_hash, head_message, kind_field
from detente.record.entry import Head, from_microseconds
from detente.record.keys import verify
from detente.record.write_ahead import LogState

Row = tuple[int, int, str, bytes, bytes, bytes | None]
"""Number, time in microseconds since 1970, kind, body, hash, and the signature of the batch that ends here or None."""
_SELECT_ROWS = "SELECT number, at_us, kind, body, hash, signature FROM entry WHERE number <= ? ORDER BY number"
_LAST_NUMBER = 2**63 - 1
_SELECT_LAST_SIGNED = "SELECT number FROM entry WHERE signature IS NOT NULL ORDER BY number DESC LIMIT 1"


class BadEntry(msgspec.Struct, frozen=True):
    """The first entry that cannot be believed, or the first of the batch of which one cannot; 0 is the genesis.

    Attributes:
        number: the first entry that is not proven.
        last: the last of the batch that is concerned; equal to `number` when the entry itself is known to be bad.
        field: the stored field at fault, or ``entry`` when it is missing or cannot be read.
        reason: what is wrong, as a sentence.
    """

    number: int
    last: int
    field: str
    reason: str

    def __str__(self) -> str:
        place = "the genesis" if self.last == 0 else f"entry {self.number}"
        if self.last > self.number:
            place = f"entries {self.number} to {self.last} (one batch)"
        return f"{place}: {self.field}: {self.reason}"


class BrokenChainError(Exception):
    """The walk met a bad entry."""

    def __init__(self, bad: BadEntry) -> None:
        self.bad = bad
        super().__init__(str(bad))


class Walk:
    """A walk along a journal's chain that proves each row before it hands it on.

    `head` and `batches` say how far the proof goes: to the last signed batch that was met.

    Args:
        connection: a read transaction on the journal.
        genesis: its genesis.
        known: an entry's number and hash known from outside, which the journal must contain.
        every_signature: verify each batch's signature; otherwise only the newest, which stands for all before it.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        genesis: Genesis,
        known: Head | None = None,
        *,
        every_signature: bool = True,
    ) -> None:
        self._connection = connection
        self._genesis = genesis
        self._known = known
        self._every_signature = every_signature
        self.head = Head(0, genesis.hash)
        self.batches = 0

    def rows(self) -> Iterator[Row]:
        """Yield every row that a signed batch covers, in order; raises BrokenChainError at the first bad one.

        A row's own fields are proven when it comes, its batch's signature only with the batch's last row.
        """
        self._check_known(self.head)
        known_number = self._known.number if self._known else 0
        last_signed = self._last_signed()
        number = 0
        first = 1
        previous = self._genesis.hash
        newest: tuple[int, int, bytes, bytes] | None = None
        for row in self._fetch(last_signed):
            number += 1
            previous = _proven_hash(row, number, previous)
            if number == known_number:
                self._check_known(Head(number, previous))
            signature = row[5]
            if signature is not None:
                newest = (first, number, previous, signature)
                if self._every_signature:
                    self._check_signature(*newest)
                self.batches += 1
                first = number + 1
            yield row
        if newest is not None and not self._every_signature:
            self._check_signature(*newest)
        if number < last_signed:
            raise BrokenChainError(_missing(number + 1))

    def check_whole(self, log: LogState) -> None:
        """Raise BrokenChainError when, behind the rows walked, batches are lost in a damaged log or a damaged file."""
        if log.is_damaged:
            self._fail_behind("the write-ahead log (-wal) is damaged, and whole batches lie behind the damage.")
        try:
            found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            found = str(error)
        if found != "ok":
            self._fail_behind(f"the file's structure is damaged, entries may be missing from here on: {found!r}.")

    def check_end(self) -> None:
        """Raise BrokenChainError when entries lie behind the last signed head, or the known head is not reached."""
        if self.count_unsigned():
            self._fail_behind("no signed head covers it: it is not the node's, or the batch's end is missing.")
        if self._known is not None and self._known.number > self.head.number:
            self._fail_behind(
                f"is missing: the journal ends at {self.head.number}, and the given head is of {self._known.number}."
            )

    def count_unsigned(self) -> int:
        """Return how many entries lie behind the last signed head."""
        query = "SELECT count(*) FROM entry WHERE number > ?"
        return int(self._connection.execute(query, (self.head.number,)).fetchone()[0])

    def _fail_behind(self, reason: str) -> NoReturn:
        number = self.head.number + 1
        raise BrokenChainError(BadEntry(number, number, "entry", reason))

    def _last_signed(self) -> int:
        try:
            row = self._connection.execute(_SELECT_LAST_SIGNED).fetchone()
        except sqlite3.Error:
            # The tail cannot be read; the walk will come to where.
            return _LAST_NUMBER
        return row[0] if row else 0

    def _fetch(self, last: int) -> Iterator[Row]:
        number = 0
        try:
            for row in self._connection.execute(_SELECT_ROWS, (last,)):
                number += 1
                yield row
        except sqlite3.Error as error:
            number += 1
            raise BrokenChainError(BadEntry(number, number, "entry", f"SQLite cannot read it: {error}.")) from None

    def _check_known(self, found: Head) -> None:
        known = self._known
        if known is not None and known.number == found.number and known.hash != found.hash:
            reason = f"is {found.hash.hex()}, not that of the given head."
            raise BrokenChainError(BadEntry(found.number, found.number, "hash", reason))

    def _check_signature(self, first: int, last: int, last_hash: bytes, signature: bytes) -> None:
        message = head_message(first, last, last_hash)
        if type(signature) is not bytes or not verify(self._genesis.public_key, signature, message):
            raise BrokenChainError(
                BadEntry(first, last, "signature", f"what is stored with entry {last} is not the node's signature.")
            )
        self.head = Head(last, last_hash)


def check_genesis(genesis: Genesis, signature: bytes, public: bytes | None) -> None:
    """Raise BrokenChainError unless the genesis is of the key `public` (when given) and signed by its own key."""
    if public is not None and genesis.public_key != public:
        reason = f"the journal is of {genesis.public_key.hex()}, not of the given key {public.hex()}."
        raise BrokenChainError(BadEntry(0, 0, "public_key", reason))
    if not verify(genesis.public_key, signature, head_message(0, 0, genesis.hash)):
        raise BrokenChainError(BadEntry(0, 0, "signature", "id, key and time of making are not signed by the key."))


def _missing(number: int) -> BadEntry:
    return BadEntry(number, number, "entry", "is missing.")


def _proven_hash(row: Row, number: int, previous: bytes) -> bytes:
    """Return the row's hash; raises BrokenChainError unless it is entry `number` after the hash `previous`."""
    found, at_us, kind, body, stored, _ = row
    if found != number:
        raise BrokenChainError(_missing(number) if found > number else _stray(found, number))
    if type(at_us) is int and type(kind) is str and type(body) is bytes:
        try:
            computed = entry_hash(previous, number, at_us, kind_field(kind), body)
            from_microseconds(at_us)
        except (Refusal, OverflowError) as error:
            raise BrokenChainError(BadEntry(number, number, "entry", f"{error}.")) from None
        if computed == stored and len(stored) == HASH_BYTES:
            return computed
    raise BrokenChainError(
        BadEntry(number, number, "hash", "does not follow from the entry and the hash before it: one was changed.")
    )


def _stray(found: int, number: int) -> BadEntry:
    return BadEntry(number, number, "number", f"a row with number {found} stands where it should be.")
