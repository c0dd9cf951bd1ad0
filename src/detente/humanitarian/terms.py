"""What a humanitarian notice says: of which kind it is, where and when it holds, how early it is told.

It asks for protection and gives no permission: a receipt says that it came and that people saw it, and nothing else.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.accord.provisions import LEAD_TIME_TEMPLATES_S, LeadTimes
from detente.airspace.plan import Circle, Volume4D, check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal

MOST_VOLUMES = 50
MOST_VERTICES = 2_000
VERSION_DIGITS = 16


class HumanitarianKind(StrEnum):
    """What is protected."""

    FLIGHT = "flight"
    AIRDROP = "airdrop"


class Urgency(StrEnum):
    """How early it is due: two days ahead, or one in an emergency, unless the accord says otherwise (R14)."""

    ROUTINE = "routine"
    EMERGENCY = "emergency"

    def lead_s(self, agreed: LeadTimes | None) -> float:
        """Return how long before its first window a notice is due with a party, under the terms agreed with it."""
        if agreed is not None:
            found = agreed.humanitarian_emergency_s if self is Urgency.EMERGENCY else agreed.humanitarian_s
            if found is not None:
                return found
        return LEAD_TIME_TEMPLATES_S[self]


class HumanitarianNotice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One flight or drop of `party`: its volumes, each with its window, and whom to call about it.

    It expires with its last window. `call_sign` is what the crew answers to; `post` is a role at the party's end. To
    whom else it was told is in no field: what one recipient is told never names another.
    """

    notice_id: str
    party: str
    kind: HumanitarianKind
    urgency: Urgency
    volumes: tuple[Volume4D, ...]
    given_at: datetime
    call_sign: str | None = None
    post: str | None = None

    def __post_init__(self) -> None:
        check_identifier("notice_id", self.notice_id)
        check_identifier("party", self.party)
        for name in ("call_sign", "post"):
            if (value := getattr(self, name)) is not None:
                check_identifier(name, value)
        msgspec.structs.force_setattr(self, "given_at", utc(self.given_at, "given_at"))
        if not 1 <= len(self.volumes) <= MOST_VOLUMES:
            raise Refusal("humanitarian.volumes", "volumes", len(self.volumes), most=MOST_VOLUMES)
        if self.vertices > MOST_VERTICES:
            raise Refusal("humanitarian.vertices", "volumes", self.vertices, most=MOST_VERTICES)

    @property
    def vertices(self) -> int:
        """How many vertices its volumes have, a circle counting as one."""
        return sum(1 if isinstance(v.area, Circle) else len(v.area.vertices) for v in self.volumes)

    @property
    def start(self) -> datetime:
        """When it begins to hold."""
        return min(volume.time.start for volume in self.volumes)

    @property
    def end(self) -> datetime:
        """When it expires."""
        return max(volume.time.end for volume in self.volumes)

    def late_by_s(self, agreed: LeadTimes | None) -> float:
        """Return how much of the lead time was missing, in seconds; 0 for a notice in time."""
        return max(0.0, self.urgency.lead_s(agreed) - (self.start - self.given_at).total_seconds())


def version_of_notice(notice: HumanitarianNotice) -> str:
    """Return the first 16 hex digits of SHA-256 over a notice: a receipt says by it what was received and seen."""
    return hashlib.sha256(msgspec.json.encode(notice, order="deterministic")).hexdigest()[:VERSION_DIGITS]
