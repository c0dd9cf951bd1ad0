"""What one party says to another about what happened: claims, each with who says it and when. All times are UTC.

A claim is one side's word. What the other side says of it stands beside it and never in its place.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.plan import Volume4D, check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.claims.words import check_evidence, check_words
from detente.picture.observations import Verdict


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class NoticeVerdict(_Part, frozen=True):
    """Whether what was observed was inside the volume of a notice of `party`, as one side judges."""

    party: str
    notice_id: str
    verdict: Verdict


class SeenHere(_Part, frozen=True, tag="observation", tag_field="kind"):
    """A request is about this observation, which one of the two parties made and the other knows."""

    party: str
    observation_id: str


class AreaAndTime(_Part, frozen=True, tag="area", tag_field="kind"):
    """A request is about this airspace in this window."""

    volume: Volume4D


About = SeenHere | AreaAndTime


class Request(_Part, frozen=True):
    """`party` asks whose aircraft that was. It is due so long after `asked_at` as the accord of this hash says."""

    request_id: str
    party: str
    about: About
    asked_at: datetime
    accord_hash: str

    def __post_init__(self) -> None:
        check_identifier("request_id", self.request_id)
        msgspec.structs.force_setattr(self, "asked_at", utc(self.asked_at, "asked_at"))


class AnswerKind(StrEnum):
    """What is answered. "Not ours" is not "nobody": there may be aircraft that are not under the party's control."""

    OURS = "ours"
    NOT_OURS = "not_ours"
    NOT_UNDER_OUR_CONTROL = "not_under_our_control"
    CANNOT_TELL = "cannot_tell"
    REFUSED = "refused"


class RefusedBecause(StrEnum):
    """Why a request is not answered."""

    WOULD_DISCLOSE = "would_disclose"
    OUTSIDE_ACCORD = "outside_accord"
    NO_RECORD = "no_record"
    NOT_SAID = "not_said"


class Answer(_Part, frozen=True):
    """What `party` answers to a request of the other. `reason` comes with REFUSED and only with it.

    `notice_id` names the party's own notice that explains what was asked about.
    """

    request_id: str
    party: str
    answer: AnswerKind
    answered_at: datetime
    reason: RefusedBecause | None = None
    notice_id: str | None = None
    words: str | None = None

    def __post_init__(self) -> None:
        check_identifier("request_id", self.request_id)
        msgspec.structs.force_setattr(self, "answered_at", utc(self.answered_at, "answered_at"))
        if (self.reason is None) == (self.answer is AnswerKind.REFUSED):
            raise Refusal("reason", self.reason, "a reason when the answer is refused, and only then")
        if self.notice_id is not None:
            check_identifier("notice_id", self.notice_id)
        check_words(self.words)


class Statement(_Part, frozen=True):
    """One side's own account of an occurrence, which `opener` named; `number` counts this side's from 1.

    An incident opens an occurrence of its name. At least one of words, volume and evidence is there.
    """

    opener: str
    occurrence_id: str
    party: str
    number: int
    said_at: datetime
    words: str | None = None
    volume: Volume4D | None = None
    evidence_sha256: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_identifier("occurrence_id", self.occurrence_id)
        msgspec.structs.force_setattr(self, "said_at", utc(self.said_at, "said_at"))
        check_words(self.words)
        check_evidence(self.evidence_sha256)
        if self.words is None and self.volume is None and not self.evidence_sha256:
            raise Refusal("statement", self.occurrence_id, "words, or where and when, or the hash of evidence")


class IncidentClass(StrEnum):
    """What happened, in flight safety and nothing else (R35: the acts that agreements forbid have a class each)."""

    LOSS_OF_SEPARATION = "loss_of_separation"
    UNSAFE_APPROACH = "unsafe_approach"
    CROSSING_AHEAD = "crossing_ahead"
    AIRSPACE_INTRUSION = "airspace_intrusion"
    ARMED_OVERFLIGHT = "armed_overflight"
    UNDECLARED_FLIGHT = "undeclared_flight"
    DEVIATION = "deviation"
    LASER = "laser"
    FLARE = "flare"
    JAMMING = "jamming"
    SIMULATED_ATTACK = "simulated_attack"
    AEROBATICS = "aerobatics"
    DISCOURTESY = "discourtesy"
    WARNING_NOT_HEARD = "warning_not_heard"
    LATE_NOTICE = "late_notice"
    LINE_FAILURE = "line_failure"


class RequestedAction(StrEnum):
    """What the reporting side asks for."""

    ACKNOWLEDGE = "acknowledge"
    EXPLAIN = "explain"
    INVESTIGATE = "investigate"
    PREVENT = "prevent"
    MEET = "meet"


class Incident(_Part, frozen=True):
    """What `party` says happened, where and when, with the hashes of its own evidence and what it asks for (R40).

    It is due so long after `reported_at` as the accord of this hash says.
    """

    incident_id: str
    party: str
    incident_class: IncidentClass
    volume: Volume4D
    evidence_sha256: tuple[str, ...]
    requested_action: RequestedAction
    reported_at: datetime
    accord_hash: str
    observations: tuple[SeenHere, ...] = ()
    words: str | None = None

    def __post_init__(self) -> None:
        check_identifier("incident_id", self.incident_id)
        msgspec.structs.force_setattr(self, "reported_at", utc(self.reported_at, "reported_at"))
        check_words(self.words)
        check_evidence(self.evidence_sha256)
        if not self.evidence_sha256:
            raise Refusal("evidence_sha256", (), "the hash of at least one thing that can be shown")
        if len(self.observations) > MOST_OBSERVATIONS:
            raise Refusal("observations", len(self.observations), f"at most {MOST_OBSERVATIONS}")


MOST_OBSERVATIONS = 32


class ReplyKind(StrEnum):
    """What the other side says of an incident."""

    ACCEPT = "accept"
    REJECT = "reject"
    CANNOT_TELL = "cannot_tell"
    UNDER_INVESTIGATION = "under_investigation"


class IncidentReply(_Part, frozen=True):
    """What `party` replies to the other's incident: its verdict and, when it has one, its own version.

    `due` comes with UNDER_INVESTIGATION and only with it: when the result will be told.
    """

    incident_id: str
    party: str
    reply: ReplyKind
    replied_at: datetime
    due: datetime | None = None
    incident_class: IncidentClass | None = None
    volume: Volume4D | None = None
    evidence_sha256: tuple[str, ...] = ()
    words: str | None = None

    def __post_init__(self) -> None:
        check_identifier("incident_id", self.incident_id)
        msgspec.structs.force_setattr(self, "replied_at", utc(self.replied_at, "replied_at"))
        if (self.due is None) == (self.reply is ReplyKind.UNDER_INVESTIGATION):
            raise Refusal("due", self.due, "when the result will be told, under investigation, and only then")
        if self.due is not None:
            msgspec.structs.force_setattr(self, "due", utc(self.due, "due"))
        check_words(self.words)
        check_evidence(self.evidence_sha256)


class ClosedAs(StrEnum):
    """How the side that reported an incident closes it."""

    SETTLED = "settled"
    NOT_SETTLED = "not_settled"
    WITHDRAWN = "withdrawn"


class IncidentClosing(_Part, frozen=True):
    """The side that reported an incident is done with it."""

    incident_id: str
    party: str
    closed_as: ClosedAs
    closed_at: datetime

    def __post_init__(self) -> None:
        check_identifier("incident_id", self.incident_id)
        msgspec.structs.force_setattr(self, "closed_at", utc(self.closed_at, "closed_at"))


class Intent(StrEnum):
    """What a party does about its own deviation (R25)."""

    CORRECTING = "correcting"
    LEAVING = "leaving"
    HOLDING = "holding"
    EMERGENCY = "emergency"


class Deviation(_Part, frozen=True):
    """`party` says of itself: we are out of our own volume since `left_at`, now within `volume`, with this intent.

    `notice_id` is the notice whose volume it is. It is late when the accord gave less time (R25: 5 seconds).
    """

    deviation_id: str
    party: str
    volume: Volume4D
    left_at: datetime
    reported_at: datetime
    intent: Intent
    accord_hash: str
    notice_id: str | None = None

    def __post_init__(self) -> None:
        check_identifier("deviation_id", self.deviation_id)
        msgspec.structs.force_setattr(self, "left_at", utc(self.left_at, "left_at"))
        msgspec.structs.force_setattr(self, "reported_at", utc(self.reported_at, "reported_at"))
        if self.notice_id is not None:
            check_identifier("notice_id", self.notice_id)
        if self.left_at > self.reported_at:
            raise Refusal("left_at", self.left_at.isoformat(), "a time before the report")


class DeviationOver(_Part, frozen=True):
    """`party` says that it is inside its own volume again, or gone, since `over_at`."""

    deviation_id: str
    party: str
    over_at: datetime

    def __post_init__(self) -> None:
        check_identifier("deviation_id", self.deviation_id)
        msgspec.structs.force_setattr(self, "over_at", utc(self.over_at, "over_at"))


class NotTakenBecause(StrEnum):
    """Why a peer's claim, well formed and rightly signed, was not taken."""

    SUSPENDED = "suspended"
    TOO_MANY = "too_many"
    ACCORD_UNKNOWN = "accord_unknown"
    FREE_TEXT_OFF = "free_text_off"
