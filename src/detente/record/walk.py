"""The walk along a journal's chain: it verifies each row before it yields it, and names the first bad entry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NoReturn

import msgspec

from detente.airspace.refusal import Refusal
from detente.language.wording import Language, text
from detente.record.chain import Genesis, entry_hash, head_message, kind_field
from detente.record.entry import Head, from_microseconds
from detente.record.keys import verify
from detente.record.printable import printable
from detente.record.rotation import KEY_ROTATED, Rotation, keys_through, read_rotations
from detente.record.rows import LAST_ENTRY_NUMBER, Row, UnreadableRowError, stored_rows
from detente.record.storage import SQLITE_ERRORS
from detente.record.write_ahead import LogState

_SELECT_LAST_SIGNED = (
    "SELECT number FROM entry WHERE signature IS NOT NULL AND number <= ? ORDER BY number DESC LIMIT 1"
)


class JournalFault(StrEnum):
    """What is wrong with a bad entry. The sentences are in room `language` under ``journal.fault``."""

    MISSING = "missing"
    STRAY = "stray"
    CHANGED = "changed"
    MALFORMED = "malformed"
    UNREADABLE = "unreadable"
    NOT_SIGNED_BY_KEY = "not_signed_by_key"
    ANOTHER_KEY = "another_key"
    FALSE_ROTATION = "false_rotation"
    NOT_THE_KNOWN_HEAD = "not_the_known_head"
    ENDS_EARLY = "ends_early"
    UNSIGNED = "unsigned"
    DAMAGED_LOG = "damaged_log"
    DAMAGED_STRUCTURE = "damaged_structure"


class BadEntry(msgspec.Struct, frozen=True):
    """The first entry that is not proven; 0 is the genesis.

    Attributes:
        number: its number; when a whole batch is not proven, that of the batch's first entry.
        last: the batch's last entry then, else the same number.
        fault: what is wrong.
        detail: what was found, or what SQLite says; may be empty.
    """

    number: int
    last: int
    fault: JournalFault
    detail: str = ""

    def sentence(self, language: Language) -> str:
        """Return which entry it is and what is wrong with it, for people."""
        place = "genesis" if self.last == 0 else "entry" if self.last == self.number else "batch"
        return text(
            language, "journal.bad",
            place=text(language, f"journal.place.{place}", number=self.number, last=self.last),
            fault=text(language, f"journal.fault.{self.fault}", detail=self.detail),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.sentence(Language.ENGLISH)


class BrokenChainError(Exception):
    """The walk met a bad entry."""

    def __init__(self, bad: BadEntry) -> None:
        self.bad = bad
        super().__init__(str(bad))


class Walk:
    """A walk along a journal's chain that proves each row before it hands it on.

    `head` and `batches` say how far the proof goes: to the last signed batch that was met. `rotations` are those
    of before the base and those that were met, `signer` the public key that signs after them.

    Args:
        connection: a read transaction on the journal.
        genesis: its genesis.
        base: the signed head after which the file begins; None where it begins with entry 1.
        last: walk no further than this entry.
        known: an entry's number and hash known from outside, which the journal must contain.
        rotations: those that lead from the journal's first key to the one that signs after the base, in order.
        every_signature: verify each batch's signature; otherwise only the newest, which stands for all before it.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        genesis: Genesis,
        base: Head | None = None,
        known: Head | None = None,
        rotations: Sequence[Rotation] = (),
        *,
        last: int = LAST_ENTRY_NUMBER,
        every_signature: bool = True,
    ) -> None:
        self._connection = connection
        self._genesis = genesis
        self._last = last
        self._known = known
        self._every_signature = every_signature
        self._base = self.head = base or Head(0, genesis.hash)
        self.batches = 0
        self.rotations = list(rotations)
        self.signer = keys_through(genesis.public_key, rotations)[-1]

    @property
    def first_key(self) -> bytes:
        """The public key that the journal was made with."""
        return self._genesis.public_key

    def rows(self) -> Iterator[Row]:
        """Yield every row that a signed batch covers, in order; raises BrokenChainError at the first bad one.

        A row's own fields are proven when it comes, its batch's signature only with the batch's last row.
        """
        self._check_known(self.head)
        known_number = self._known.number if self._known else 0
        last_signed = self._last_signed()
        number, previous = self._base
        first = number + 1
        newest: tuple[int, int, bytes, bytes] | None = None
        for row in self._readable(last_signed):
            number += 1
            previous = _proven_hash(row, number, previous)
            if number == known_number:
                self._check_known(Head(number, previous))
            if row[2] == KEY_ROTATED:
                self._rotate(number, row[3])
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
            raise _broken(number + 1, JournalFault.MISSING)

    def check_whole(self, log: LogState) -> None:
        """Raise BrokenChainError when, behind the rows walked, batches are lost in a damaged log or a damaged file."""
        if log.is_damaged:
            self._fail_behind(JournalFault.DAMAGED_LOG)
        try:
            answer = str(self._connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except SQLITE_ERRORS as error:
            answer = str(error)
        if answer != "ok":
            self._fail_behind(JournalFault.DAMAGED_STRUCTURE, answer)

    def check_end(self) -> None:
        """Raise BrokenChainError when entries lie behind the last signed head, or the known head is not reached."""
        if self.count_unsigned():
            self._fail_behind(JournalFault.UNSIGNED)
        self.check_known_reached()

    def check_known_reached(self) -> None:
        """Raise BrokenChainError when the journal ends before the known head."""
        if self._known is not None and self._known.number > self.head.number:
            self._fail_behind(JournalFault.ENDS_EARLY, f"{self._known.number:,}")

    def count_unsigned(self) -> int:
        """Return how many entries lie behind the last signed head."""
        query = "SELECT count(*) FROM entry WHERE number > ?"
        return int(self._connection.execute(query, (self.head.number,)).fetchone()[0])

    def _fail_behind(self, fault: JournalFault, detail: str = "") -> NoReturn:
        raise _broken(self.head.number + 1, fault, detail)

    def _last_signed(self) -> int:
        try:
            row = self._connection.execute(_SELECT_LAST_SIGNED, (self._last,)).fetchone()
        except SQLITE_ERRORS:
            # The tail cannot be read; the walk finds the place.
            return LAST_ENTRY_NUMBER
        return max(row[0], self._base.number) if row else self._base.number

    def _readable(self, last: int) -> Iterator[Row]:
        try:
            # What lies before the base is closed: rows that are still there are being removed.
            first = self._base.number + 1 if self._base.number else -LAST_ENTRY_NUMBER
            yield from stored_rows(self._connection, first, last)
        except UnreadableRowError as error:
            raise _broken(error.number, JournalFault.UNREADABLE, error.detail) from None

    def _check_known(self, reached: Head) -> None:
        known = self._known
        if known is not None and known.number == reached.number and known.hash != reached.hash:
            raise _broken(reached.number, JournalFault.NOT_THE_KNOWN_HEAD, reached.hash.hex())

    def _check_signature(self, first: int, last: int, last_hash: bytes, signature: bytes) -> None:
        message = head_message(first, last, last_hash)
        if type(signature) is not bytes or not verify(self.signer, signature, message):
            raise BrokenChainError(BadEntry(first, last, JournalFault.NOT_SIGNED_BY_KEY, self.signer.hex()))
        self.head = Head(last, last_hash)

    def _rotate(self, number: int, body: bytes) -> None:
        """Go over to the key that a rotation names: the batch that it is in is signed by that."""
        try:
            [rotation] = read_rotations(self._genesis.public_key, self.signer, [body.decode()])
        except (Refusal, UnicodeDecodeError) as error:
            raise _broken(number, JournalFault.FALSE_ROTATION, str(error)) from None
        self.rotations.append(rotation)
        self.signer = rotation.new


def check_genesis(genesis: Genesis, signature: bytes, public: bytes | None) -> None:
    """Raise BrokenChainError unless the genesis is of the key `public` (when given) and signed by its own key."""
    if public is not None and genesis.public_key != public:
        raise _broken(0, JournalFault.ANOTHER_KEY, genesis.public_key.hex())
    if not verify(genesis.public_key, signature, head_message(0, 0, genesis.hash)):
        raise _broken(0, JournalFault.NOT_SIGNED_BY_KEY, genesis.public_key.hex())


def _proven_hash(row: Row, number: int, previous: bytes) -> bytes:
    """Return the row's hash; raises BrokenChainError unless it is entry `number` after the hash `previous`."""
    stored_number, at_us, kind, body, stored, _ = row
    if stored_number != number:
        raise _broken(
            number, JournalFault.MISSING if stored_number > number else JournalFault.STRAY, str(stored_number)
        )
    if type(at_us) is not int or type(kind) is not str or type(body) is not bytes:
        raise _broken(number, JournalFault.MALFORMED, "a field of another type")
    try:
        from_microseconds(at_us)
        computed = entry_hash(previous, number, at_us, kind_field(kind), body)
    except (Refusal, OverflowError) as error:
        raise _broken(number, JournalFault.MALFORMED, str(error)) from None
    if computed != stored:
        raise _broken(number, JournalFault.CHANGED)
    return computed


def _broken(number: int, fault: JournalFault, detail: str = "") -> BrokenChainError:
    return BrokenChainError(BadEntry(number, number, fault, printable(detail)))
