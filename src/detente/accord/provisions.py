"""What an accord may say beyond parties, validity and minima. Everything has a default, so a short accord stays short.

Durations are in seconds, distances in metres, frequencies in kilohertz; the accord's text writes them with their units.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from detente.accord.matching_terms import MatchingTerms
from detente.airspace.altitude import AltitudeBand, check_range
from detente.airspace.plan import Polygon, check_identifier
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.room.activity import SafetyFunction

DAY_S = 86_400.0
MAX_ROWS = 1_000
MOST_EXACT_ANSWERS = 1_000_000
LONGEST_CALL_SIGN = 40
LEAD_TIME_TEMPLATES_S = {
    "immediate": 0.0,
    "day_before": DAY_S,
    "emergency": DAY_S,
    "routine": 2 * DAY_S,
    "hazardous": 5 * DAY_S,
    "published": 7 * DAY_S,
}
"""Words for lead times (R14): 24 h and 48 h of humanitarian notification, 3 to 5 days for hazardous activity, and
seven days for what is published."""
_SHA_256 = re.compile(r"[0-9a-f]{64}\Z")
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


class NoticeKind(StrEnum):
    """The kinds of notice that may have lead times of their own: their meanings (R17)."""

    OUR_AIRCRAFT_HERE = "our_aircraft_here"
    KEEP_OUT = "keep_out"
    CALL_BEFORE_ENTERING = "call_before_entering"
    CLOSED_TO_ALL = "closed_to_all"
    NOTHING_OF_OURS_HERE = "nothing_of_ours_here"


class Horizon(StrEnum):
    """How far ahead a plan begins (R26)."""

    STRATEGIC = "strategic"
    PRE_TACTICAL = "pre_tactical"
    TACTICAL = "tactical"


class Level(StrEnum):
    """How much of a plan is told, from the strictest."""

    NOTHING = "nothing"
    CONFLICT = "conflict"
    CELL = "cell"
    HEIGHT_BLOCK = "height_block"
    VOLUME = "volume"
    TRAJECTORY = "trajectory"

    @property
    def openness(self) -> int:
        """0 for the strictest level, more for each that tells more."""
        return list(Level).index(self)


class LiveLevel(StrEnum):
    """How much is told of where our aircraft are now, from the strictest.

    NEAR says that one of ours is near one of the peer's, while an alert between the two stands; REGION adds our tracks
    inside the region that the accord names, ALL those anywhere.
    """

    NOTHING = "nothing"
    NEAR = "near"
    REGION = "region"
    ALL = "all"

    @property
    def openness(self) -> int:
        """0 for the strictest level, more for each that tells more."""
        return list(LiveLevel).index(self)


class PlanKind(StrEnum):
    """How a plan says where it will be: as areas or as a route."""

    AREA = "area"
    ROUTE = "route"


class RadioUse(StrEnum):
    """What a frequency is for (R34)."""

    PRIMARY = "primary"
    RESERVE = "reserve"
    WORKING = "working"
    DISTRESS = "distress"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class AccordArea(_Table, frozen=True):
    """Where the accord holds: one polygon and one height band. Without an area it holds everywhere."""

    polygon: Polygon
    altitude: AltitudeBand


class Horizons(_Table, frozen=True):
    """Where the horizons meet: a plan that begins within `tactical_s` is tactical, within `pre_tactical_s` the next."""

    pre_tactical_s: float = 1_200.0
    tactical_s: float = 120.0

    def __post_init__(self) -> None:
        check_range("pre_tactical", self.pre_tactical_s, 0.0, 30 * DAY_S, "seconds")
        check_range("tactical", self.tactical_s, 0.0, self.pre_tactical_s, "seconds, no more than pre_tactical")

    def of(self, lead_s: float) -> Horizon:
        """Return the horizon of what begins in `lead_s` seconds (negative when it has begun)."""
        if lead_s <= self.tactical_s:
            return Horizon.TACTICAL
        return Horizon.PRE_TACTICAL if lead_s <= self.pre_tactical_s else Horizon.STRATEGIC


class HorizonMinima(_Table, frozen=True):
    """Other minima for one horizon, between two classes or, without `classes`, between all that are not listed."""

    horizon: Horizon
    horizontal_m: float
    vertical_m: float
    time_s: float = 0.0
    classes: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        for name in self.classes or ():
            check_identifier("classes", name)
        check_range("horizontal", self.horizontal_m, 0.0, 200_000.0, "metres")
        check_range("vertical", self.vertical_m, 0.0, 20_000.0, "metres")
        check_range("time", self.time_s, 0.0, DAY_S, "seconds")


class LeadTimes(_Table, frozen=True):
    """How long before its window each kind of notice is due; `default_s` for the kinds that are not listed (R13).

    Humanitarian notices have lead times of their own, two days and one in an emergency where none are given (R48).
    """

    default_s: float = 0.0
    our_aircraft_here_s: float | None = None
    keep_out_s: float | None = None
    call_before_entering_s: float | None = None
    closed_to_all_s: float | None = None
    nothing_of_ours_here_s: float | None = None
    humanitarian_s: float | None = None
    humanitarian_emergency_s: float | None = None

    def of(self, kind: NoticeKind) -> float:
        """Return the lead time of one kind, in seconds."""
        value: float | None = getattr(self, f"{kind}_s")
        return self.default_s if value is None else value


class DisclosureRule(_Table, frozen=True):
    """A level for the plans that every word given here fits. Of all rules that fit, the strictest counts."""

    level: Level
    kind: PlanKind | None = None
    aircraft_class: str | None = None
    horizon: Horizon | None = None
    by: str | None = None
    to: str | None = None

    def fits(self, kind: PlanKind, aircraft_class: str, horizon: Horizon, by: str, to: str) -> bool:
        """Whether the rule is about a plan of this kind, class and horizon that `by` tells `to`."""
        asked = (self.kind, self.aircraft_class, self.horizon, self.by, self.to)
        given = (kind, aircraft_class, horizon, by, to)
        return all(want is None or want == have for want, have in zip(asked, given, strict=True))


class DisclosureGrid(_Table, frozen=True):
    """How coarse the coarse levels are: cells of this many degrees, times and heights rounded outward to these."""

    cell_deg: float = 0.5
    bracket_s: float = 3_600.0
    block_m: float = 1_500.0

    def __post_init__(self) -> None:
        check_range("cell_deg", self.cell_deg, 0.01, 10.0, "degrees")
        check_range("bracket", self.bracket_s, 60.0, DAY_S, "seconds")
        check_range("block", self.block_m, 100.0, 20_000.0, "metres")


class DisclosureBudget(_Table, frozen=True):
    """How exactly, and when, a party answers whether something that it keeps back is in conflict with a peer's plan.

    An answer about a plan that comes near nothing that is kept back, taken as coarsely as `grain` says, is free. Any
    other shows more than the grain would. It is one of the `exact_answers` that a peer gets in any stretch of
    `epoch_s`, of which one plan gets at the most `exact_answers_per_plan_hour` for each hour begun that it lasts.
    Beyond these such a plan is answered as if what is kept back filled its grain: with a conflict, which may be one too
    many and is never one too few.

    A plan is answered once it has stood as it is for `age_s`, with all others at the next multiple of `batch_s`; but
    whatever else is said, at the latest `lead_s` before it begins, and at once when it begins sooner.
    """

    exact_answers: int = 2
    epoch_s: float = 14 * DAY_S
    exact_answers_per_plan_hour: int = 1
    age_s: float = 600.0
    batch_s: float = 900.0
    lead_s: float = 3_600.0
    grain: Level = Level.HEIGHT_BLOCK

    def __post_init__(self) -> None:
        check_range("exact_answers", self.exact_answers, 0, MOST_EXACT_ANSWERS, "answers")
        check_range("epoch", self.epoch_s, 60.0, 366 * DAY_S, "seconds")
        check_range(
            "exact_answers_per_plan_hour", self.exact_answers_per_plan_hour, 0, MOST_EXACT_ANSWERS, "answers"
        )  # fmt: skip
        check_range("age", self.age_s, 0.0, DAY_S, "seconds")
        check_range("batch", self.batch_s, 0.0, DAY_S, "seconds; 0 answers at once")
        check_range("lead", self.lead_s, 60.0, 7 * DAY_S, "seconds")
        if self.grain not in (Level.CELL, Level.HEIGHT_BLOCK):
            raise Refusal("accord.cell_or_height_block", "grain", self.grain.value)


class LiveTrackTerms(_Table, frozen=True):
    """How much each party tells the other of where its own aircraft are now, and how often at the most.

    `region` is where tracks are told at the level REGION. `posts`: what is told of one near the peer's calls the peer's
    posts, as an alert of its own does.
    """

    level: LiveLevel = LiveLevel.NOTHING
    region: AccordArea | None = None
    every_s: float = 10.0
    posts: bool = False

    def __post_init__(self) -> None:
        check_range("every", self.every_s, 5.0, 3_600.0, "seconds")
        if (self.level is LiveLevel.REGION) != (self.region is not None):
            raise Refusal("accord.region_of_tracks", "live_tracks.region", "none" if self.region is None else "one")


class RadioChannel(_Table, frozen=True):
    """One frequency of the radio plan, its use and the language spoken on it (ISO 639-1)."""

    use: RadioUse
    frequency_khz: float
    language: str = "en"

    def __post_init__(self) -> None:
        check_range("frequency", self.frequency_khz, 2_000.0, 400_000.0, "kilohertz")
        if not _LANGUAGE.match(self.language):
            raise Refusal("accord.language_two_letters_iso", "language", self.language)


class CallSign(_Table, frozen=True):
    """How every aircraft of a party is called on the radio, without saying more of it."""

    party: str
    call_sign: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.call_sign) <= LONGEST_CALL_SIGN or not self.call_sign.isprintable():
            raise Refusal("accord.printable_characters", "call_sign", self.call_sign, most=LONGEST_CALL_SIGN)


class RadioPlan(_Table, frozen=True):
    """Frequencies, call-signs, and how often both crews must show that they hear each other (R34)."""

    channels: tuple[RadioChannel, ...] = ()
    call_signs: tuple[CallSign, ...] = ()
    check_every_s: float = 7 * DAY_S


class LineChecks(_Table, frozen=True):
    """How often the line is tried, and when it counts as degraded and as silent (R30)."""

    every_s: float = 28_800.0
    degraded_after_s: float = 60.0
    silent_after_s: float = 300.0
    clock_alarm_s: float = 5.0

    def __post_init__(self) -> None:
        check_range("every", self.every_s, 60.0, 30 * DAY_S, "seconds")
        check_range("silent_after", self.silent_after_s, self.degraded_after_s, DAY_S, "seconds, not below degraded")


class EscalationStep(_Table, frozen=True):
    """The post that is called, and how long it has before the next one is called too (R8, R36)."""

    post: str
    within_s: float

    def __post_init__(self) -> None:
        check_identifier("post", self.post)
        check_range("within", self.within_s, 1.0, DAY_S, "seconds")


DEFAULT_ESCALATION = (
    EscalationStep(post="watch", within_s=30.0),
    EscalationStep(post="senior", within_s=60.0),
    EscalationStep(post="command", within_s=120.0),
)


class Reporting(_Table, frozen=True):
    """How soon a party answers: a request for information, an incident; and says that it left its own volume."""

    request_answer_s: float = DAY_S
    incident_answer_s: float = 3 * DAY_S
    deviation_s: float = 5.0
    review_every_s: float = 7 * DAY_S


class Suspension(_Table, frozen=True):
    """Which safety functions survive suspension. What was notified holds until it expires in any case.

    `posts` are those that may suspend and resume without their authority's signature: any where it is None, none where
    it is empty.
    """

    keeps: tuple[SafetyFunction, ...] = (
        SafetyFunction.STOP,
        SafetyFunction.SAFETY_OF_FLIGHT,
        SafetyFunction.LINE_CHECKS,
        SafetyFunction.EMERGENCY_ASSISTANCE,
    )
    posts: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for post in self.posts or ():
            check_identifier("posts", post)


class DatumPoint(_Table, frozen=True):
    """The agreed point from which places are read back on the line, as distance and bearing (R11)."""

    name: str
    position: Position

    def __post_init__(self) -> None:
        check_identifier("name", self.name)


class Provisions(_Table, frozen=True):
    """Everything optional in an accord. `free_text` lets parties send text that was not agreed, flagged as such.

    `phrase_table` is the SHA-256 of the line's phrase table, so that both parties sign the same words; without it each
    line check still compares them.
    """

    area: AccordArea | None = None
    horizons: Horizons = Horizons()
    horizon_minima: tuple[HorizonMinima, ...] = ()
    lead_times: LeadTimes = LeadTimes()
    disclosure_rules: tuple[DisclosureRule, ...] = ()
    disclosure_grid: DisclosureGrid = DisclosureGrid()
    disclosure_budget: DisclosureBudget = DisclosureBudget()
    radio: RadioPlan = RadioPlan()
    line_checks: LineChecks = LineChecks()
    escalation: tuple[EscalationStep, ...] = DEFAULT_ESCALATION
    reporting: Reporting = Reporting()
    suspension: Suspension = Suspension()
    free_text: bool = False
    datum: DatumPoint | None = None
    phrase_table: str = ""
    matching: MatchingTerms = MatchingTerms()
    live_tracks: LiveTrackTerms = LiveTrackTerms()

    def __post_init__(self) -> None:
        for name in ("horizon_minima", "disclosure_rules", "escalation"):
            rows = getattr(self, name)
            if len(rows) > MAX_ROWS:
                raise Refusal("accord.at_most_rows", name, len(rows), most=MAX_ROWS)
        if self.phrase_table and not _SHA_256.match(self.phrase_table):
            raise Refusal("accord.phrase_table_hash", "phrase_table", self.phrase_table)
        if not self.escalation:
            raise Refusal("accord.at_least_one_post", "escalation", 0)
        seen = set()
        for row in self.horizon_minima:
            key = (row.horizon, frozenset(row.classes or ()))
            if key in seen:
                raise Refusal("accord.horizon_pair_classes_listed", "horizon_minima", str(row.horizon))
            seen.add(key)


STANDARD_PROVISIONS = Provisions()
