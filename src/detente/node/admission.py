"""Who may wait for a turn of the loop: a few batches of each peer, and of all strangers together (R45).

The loop takes batches one after another, so whoever brings hundreds at once would make everybody else wait behind them.
A peer is known by its signature, which is verified here before anything waits; STOP has places of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from detente.airspace.refusal import Refusal
from detente.link.answer import AnswerRefusal, DeliveryAnswer, RefusalReason, write_answer
from detente.link.envelope import ENVELOPE_FORM
from detente.link.links import Links
from detente.link.standing import STANDING_FORM
from detente.record.keys import verify
from detente.room.channel import is_urgent

MOST_WAITING = 8
"""A peer delivers each of its links one batch at a time."""
STRANGER = b""
TOO_MANY = write_answer(
    DeliveryAnswer(refused=AnswerRefusal(RefusalReason.TOO_MUCH, "too many batches at once: send it later"))
)


class Admission:
    """Counts the batches that wait, by the public key of their sender; those of strangers under one name."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._waiting: Counter[tuple[bytes, bool]] = Counter()

    @contextmanager
    def place(self, body: bytes) -> Iterator[bool]:
        """Hold a place for a batch while it waits; yields False when its sender has none left."""
        who = self.sender(body), is_urgent(body)
        admitted = self._waiting[who] < MOST_WAITING
        self._waiting[who] += admitted
        try:
            yield admitted
        finally:
            self._waiting[who] -= admitted

    def sender(self, body: bytes) -> bytes:
        """Return the public key of the paired party that signed the first envelope's lines, else STRANGER."""
        form = STANDING_FORM if STANDING_FORM.starts(body) else ENVELOPE_FORM
        try:
            values, signed_end, _ = form.read(body)
        except Refusal:
            return STRANGER
        key = bytes.fromhex(values["sender"])
        # Verified whoever is named: how long it takes must not tell whether the key is known here.
        signed = verify(key, bytes.fromhex(values["signature"]), body[:signed_end])
        return key if signed and self._links.knows(key) else STRANGER
