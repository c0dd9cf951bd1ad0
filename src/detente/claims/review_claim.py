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
    """What `sender` sent under this accord, or on this channel, counts up to the envelope of this number."""

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
            raise Refusal("claims.time_after_start", "end", self.end.isoformat())
        if len(self.document) > LONGEST_DOCUMENT or len(self.cut) > MOST_MARKS:
            raise Refusal("claims.at_most_characters", "document", len(self.document), most=LONGEST_DOCUMENT)
        if hashlib.sha256(self.document.encode()).hexdigest() != self.sha256:
            raise Refusal("claims.document_sha256", "sha256", self.sha256[:80])
        if list(self.cut) != sorted(set(self.cut)):
            raise Refusal("claims.marks_order_each_once", "cut", len(self.cut))

    @property
    def key(self) -> str:
        """The id that the documents of both sides for one review have in common."""
        parts = [self.proposer, self.start, self.end, self.cut]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
