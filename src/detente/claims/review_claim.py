"""Joint statistics as one side computed them from the transcript that both hold up to a cut (R41)."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from detente.airspace.position import utc
from detente.airspace.refusal import Refusal

LONGEST_DOCUMENT = 128 * 1024
MOST_MARKS = 1_000


class CutMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """On the link under this accord (or lane) what `sender` sent counts up to the envelope of this number."""

    accord_hash: str
    sender: str
    last: int


class ReviewClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `party` computed from `start` to before `end` (UTC) up to the cut that `proposer` chose, as canonical JSON.

    Both sides hold every envelope of a cut: what the proposer sent counts as far as the other side receipted it, and
    what it received was sent by the other side.
    """

    proposer: str
    party: str
    start: datetime
    end: datetime
    cut: tuple[CutMark, ...]
    document: str
    sha256: str

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            msgspec.structs.force_setattr(self, name, utc(getattr(self, name), name))
        if self.end <= self.start:
            raise Refusal("end", self.end.isoformat(), "a time after the start")
        if len(self.document) > LONGEST_DOCUMENT or len(self.cut) > MOST_MARKS:
            raise Refusal("document", len(self.document), f"at most {LONGEST_DOCUMENT:,} characters")
        if hashlib.sha256(self.document.encode()).hexdigest() != self.sha256:
            raise Refusal("sha256", self.sha256[:80], "the SHA-256 of the document")
        if list(self.cut) != sorted(set(self.cut)):
            raise Refusal("cut", len(self.cut), "marks in order, each once")

    @property
    def key(self) -> str:
        """What both sides' documents of one review share."""
        parts = [self.proposer, self.start, self.end, self.cut]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
