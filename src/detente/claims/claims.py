"""What one party says to another about what happened: claims, each with who says it and when. All times are UTC.

A claim is one side's word. The word of the other side stands beside it and never replaces it.
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


class _Claim(_Part, frozen=True):
    """What one party says: its ids are checked, its times are UTC, its words and evidence within their bounds."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime):
                msgspec.structs.force_setattr(self, name, utc(value, name))
            elif name.endswith("_id") and value is not None:
                check_identifier(name, value)
        check_words(getattr(self, "words", None))
        check_evidence(getattr(self, "evidence_sha256", ()))


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


class Request(_Claim, frozen=True):
    """`party` asks whose aircraft that was. The accord of this hash says how soon after `asked_at` it is due."""

    request_id: str
    party: str
    about: About
    asked_at: datetime
    accord_hash: str


class AnswerKind(StrEnum):
    """What a party answers. NOT_OURS does not say that nobody was there: the party may not control every aircraft."""

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


class Answer(_Claim, frozen=True):
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
        super().__post_init__()
        if (self.reason is None) == (self.answer is AnswerKind.REFUSED):
            raise Refusal("claims.reason_when_answer_refused", "reason", self.reason)


class Statement(_Claim, frozen=True):
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
        super().__post_init__()
        if self.words is None and self.volume is None and not self.evidence_sha256:
            raise Refusal("claims.words_or_place_or_evidence", "statement", self.occurrence_id)


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


class Incident(_Claim, frozen=True):
    """What `party` says happened, where and when, with the hashes of its own evidence and what it asks for (R40).

    The accord of this hash says how long after `reported_at` a reply is due.
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
        super().__post_init__()
        if not self.evidence_sha256:
            raise Refusal("claims.hash_at_least_one_thing", "evidence_sha256", ())
        if len(self.observations) > MOST_OBSERVATIONS:
            raise Refusal("claims.at_most_items", "observations", len(self.observations), most=MOST_OBSERVATIONS)


MOST_OBSERVATIONS = 32


class ReplyKind(StrEnum):
    """What the other side says of an incident."""

    ACCEPT = "accept"
    REJECT = "reject"
    CANNOT_TELL = "cannot_tell"
    UNDER_INVESTIGATION = "under_investigation"


class IncidentReply(_Claim, frozen=True):
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
        super().__post_init__()
        if (self.due is None) == (self.reply is ReplyKind.UNDER_INVESTIGATION):
            raise Refusal("claims.when_result_will_told", "due", self.due)


class ClosedAs(StrEnum):
    """How the side that reported an incident closes it."""

    SETTLED = "settled"
    NOT_SETTLED = "not_settled"
    WITHDRAWN = "withdrawn"


class IncidentClosing(_Claim, frozen=True):
    """The side that reported an incident closes it."""

    incident_id: str
    party: str
    closed_as: ClosedAs
    closed_at: datetime


class Intent(StrEnum):
    """What a party does about its own deviation (R25)."""

    CORRECTING = "correcting"
    LEAVING = "leaving"
    HOLDING = "holding"
    EMERGENCY = "emergency"


class Deviation(_Claim, frozen=True):
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
        super().__post_init__()
        if self.left_at > self.reported_at:
            raise Refusal("claims.time_before_report", "left_at", self.left_at.isoformat())


class DeviationOver(_Claim, frozen=True):
    """`party` says that it is inside its own volume again, or gone, since `over_at`."""

    deviation_id: str
    party: str
    over_at: datetime


class NotTakenBecause(StrEnum):
    """Why a peer's claim, well formed and rightly signed, was not taken."""

    SUSPENDED = "suspended"
    TOO_MANY = "too_many"
    ACCORD_UNKNOWN = "accord_unknown"
    FREE_TEXT_OFF = "free_text_off"
