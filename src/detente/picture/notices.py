"""Notices: what a party tells another about a plan or an area, always with a meaning (R15, R17, R18)."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.plan import Volume4D, check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal

_SHA_256 = re.compile(r"[0-9a-f]{64}\Z")


class Meaning(StrEnum):
    """What an area is told for. There is no notice without one: the same numbers were read as protect and as strike."""

    OUR_AIRCRAFT_HERE = "our_aircraft_here"
    KEEP_OUT = "keep_out"
    CALL_BEFORE_ENTERING = "call_before_entering"
    CLOSED_TO_ALL = "closed_to_all"
    NOTHING_OF_OURS_HERE = "nothing_of_ours_here"


BINDING = frozenset({Meaning.KEEP_OUT, Meaning.CALL_BEFORE_ENTERING, Meaning.CLOSED_TO_ALL})
"""The meanings of an area that somebody must not enter, or not without a word."""


class Others(StrEnum):
    """What "nothing of ours here" says of aircraft near the party but not of it: "not ours" is not "nobody"."""

    NOT_UNDER_OUR_CONTROL = "not_under_our_control"
    UNKNOWN = "unknown"


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One statement by `party` about `volume`, which holds for the volume's window and no longer.

    `given_at` is the sender's time (UTC). `plan_id` names a plan of the same party that the notice is about.
    `others` may be said only with NOTHING_OF_OURS_HERE. `commitment` is the salted SHA-256 of details that may be given
    later and must then open it (R39; `details.commitment`). `agreed_with` names the other party of a zone that counts
    as this notice: both know it by agreement, and nobody else is told.
    """

    notice_id: str
    party: str
    meaning: Meaning
    volume: Volume4D
    given_at: datetime
    plan_id: str | None = None
    others: Others | None = None
    commitment: str | None = None
    agreed_with: str | None = None

    def __post_init__(self) -> None:
        check_identifier("notice_id", self.notice_id)
        msgspec.structs.force_setattr(self, "given_at", utc(self.given_at, "given_at"))
        if self.plan_id is not None:
            check_identifier("plan_id", self.plan_id)
        if self.others is not None and self.meaning is not Meaning.NOTHING_OF_OURS_HERE:
            raise Refusal("picture.nothing_unless_meaning_nothing", "others", str(self.others))
        if self.commitment is not None and not _SHA_256.match(self.commitment):
            raise Refusal("picture.commitment_digits", "commitment", self.commitment)

    @property
    def lead_s(self) -> float:
        """Seconds between giving the notice and the start of its window; negative when it had begun (R13)."""
        return (self.volume.time.start - self.given_at).total_seconds()


class NoticeState(StrEnum):
    """Where a notice is in its life."""

    IN_FORCE = "in_force"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class NoticeRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notice as it stands. `late_by_s` is positive for a LATE notice: how much of the lead time was missing."""

    notice: Notice
    revision: int
    state: NoticeState
    late_by_s: float
    changed_at: datetime

    def held_at(self, moment: datetime) -> bool:
        """Whether the notice had not been taken back at a time; its window says when it holds."""
        return self.state is not NoticeState.CANCELLED or moment < self.changed_at
