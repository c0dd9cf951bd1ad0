"""What the HTTP API takes and gives, beside the records of the picture."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.accord.warnings import AccordWarning
from detente.airspace.plan import Plan, Volume4D
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import PlanChange
from detente.disclosure.answers import AnswerAccount
from detente.link.transport import DeliveryStatus
from detente.node.disk_space import DiskView
from detente.node.readings import WatchReadings
from detente.node.side_tasks import FailingTask
from detente.picture.conflicts import ClearedConflict, ConflictAnswer, ConflictRecord
from detente.picture.measures import MeasureRecord
from detente.picture.notices import Meaning, Notice, Others
from detente.picture.picture import Picture, PlanRecord, PlanState

LONGEST_SHOWN = 200


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not carried out: nothing has changed.

    The texts are English. `code` and `parameters` say the same for a program, which can say it in another language.
    """

    code: str
    field: str
    value: str
    expected: str
    mend: str
    message: str
    parameters: dict[str, str | int | float] = {}


class PlansImport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Plans to declare or, where they differ from those of the same id, to amend: all of them or none."""

    plans: tuple[Plan, ...]


class PlansImported(msgspec.Struct, frozen=True):
    """What an import did, and the number of the journal's last entry once it was durable.

    `accord_warnings` say to whom the plans are not told, and for how long the others will be.
    """

    declared: int
    amended: int
    unchanged: int
    conflicts_found: int
    conflicts_cleared: int
    journal_number: int
    accord_warnings: tuple[AccordWarning, ...] = ()


class FileImported(msgspec.Struct, frozen=True):
    """What the import of a file did, and how much of the file is in no plan, by reason."""

    imported: PlansImported
    left_out: dict[str, int]


class PlanSummary(msgspec.Struct, frozen=True):
    """A plan without its geometry."""

    party: str
    plan_id: str
    revision: int
    state: PlanState
    aircraft_class: str
    start: datetime
    end: datetime
    conflicts: tuple[str, ...]


class NoticeText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notice as it is given; the node adds its party and the time."""

    notice_id: str
    meaning: Meaning
    volume: Volume4D
    plan_id: str | None = None
    others: Others | None = None
    commitment: str | None = None

    def by(self, party: str, at: datetime) -> Notice:
        """Return the notice of `party`, given at `at`."""
        return Notice(self.notice_id, party, self.meaning, self.volume, at, self.plan_id, self.others, self.commitment)


class MeasureRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change to propose for a conflict: of `owner`'s plan (our own unless said), the cheapest unless said."""

    conflict_id: str
    change: PlanChange | None = None
    owner: str | None = None


class RefusalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a measure is refused."""

    reason: str


class Done(msgspec.Struct, frozen=True):
    """A command was carried out and is durable; `events` are the tags of what it led to."""

    events: tuple[str, ...]
    journal_number: int


class ProposedMeasure(msgspec.Struct, frozen=True):
    """A measure was proposed and is durable: `change` of the plan `plan_id`."""

    measure_id: str
    plan_id: str
    change: PlanChange
    cost: float
    journal_number: int


class Conflicts(msgspec.Struct, frozen=True):
    """Open conflicts, when asked for those that are over, and plans of ours that peers say are in conflict.

    With what, they do not tell: `said` holds what the accord lets them answer instead.
    """

    open: tuple[ConflictRecord, ...]
    cleared: tuple[ClearedConflict, ...] = ()
    said: tuple[ConflictAnswer, ...] = ()


class ConflictDetail(msgspec.Struct, frozen=True):
    """One conflict, open or over, and its measures."""

    open: ConflictRecord | None
    cleared: ClearedConflict | None
    measures: tuple[MeasureRecord, ...]


class ChannelView(msgspec.Struct, frozen=True):
    """One channel with a party: how many envelopes were sent, receipted and received, and what delivery is doing.

    `delivery` is None where we have no address of the party.
    """

    sent: int
    receipted: int
    received: int
    delivery: DeliveryStatus | None


class PeerView(msgspec.Struct, frozen=True):
    """A party of the accord, and how the links with it stand: `channels` has stop, line, accords, rooms and planning.

    `messages_refused` counts what it signed rightly and what could not be accepted all the same; `heard_at` is when
    anything of it, an envelope or a receipt, was last heard (UTC), `silence_allowed_s` how long its silence may last
    under the terms of the line. `public_key` is the key by which the party is known for good, `fingerprint` that of the
    key that signs for it now, after so many `rotations`. At `stop_addresses` it takes in STOP alone.
    """

    name: str
    paired: bool
    addresses: tuple[str, ...] = ()
    stop_addresses: tuple[str, ...] = ()
    public_key: str = ""
    fingerprint: str = ""
    rotations: int = 0
    messages_refused: int = 0
    heard_at: datetime | None = None
    silence_allowed_s: float | None = None
    channels: dict[str, ChannelView] = {}


class Status(msgspec.Struct, frozen=True):
    """The node in numbers. `settled` is true when nothing is left to deliver, to answer or to propose.

    `envelopes_waiting` counts those without a receipt on every channel. `radio_overdue` are checks of the radio plan,
    "south 130000 kHz"; `alarms` wait for a person: "south two_histories". `stops_undelivered` are STOPs of ours without
    a receipt, `stops_without_person` those of either side that no person of the other has: "south north:4". `disk` says
    what there is space for. `answers` are what each peer was told where it is told only whether there is a conflict.
    `exercise` says that the party only exercises, `watch` how its feeds and alerts stand. `failing_tasks` are those
    beside the line that the system denies something, and that are begun again. `boundaries` is another text whenever
    the boundaries on the map are others.
    """

    party: str
    accord_hash: str
    plans: dict[str, int]
    conflicts_open: int
    conflicts_left: int
    conflicts_cleared: int
    measures: dict[str, int]
    envelopes_waiting: int
    settled: bool
    journal_number: int
    disk: DiskView
    picture_sha256: str = ""
    radio_overdue: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    stops_undelivered: tuple[str, ...] = ()
    stops_without_person: tuple[str, ...] = ()
    accord_warnings: tuple[AccordWarning, ...] = ()
    answers: tuple[AnswerAccount, ...] = ()
    exercise: bool = False
    watch: WatchReadings = msgspec.field(default_factory=WatchReadings)
    failing_tasks: tuple[FailingTask, ...] = ()
    boundaries: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """Whether the node takes commands now, and what it lacks for that."""

    ready: bool
    lacks: tuple[str, ...]


class Health(msgspec.Struct, frozen=True):
    """Whether the node can take commands."""

    healthy: bool


def problem_of(refusal: Refusal) -> Problem:
    """Return a refusal as the body of an answer."""
    value, expected, mend = shown(refusal.value), refusal.expected, refusal.mend
    return Problem(refusal.code, refusal.field, value, expected, mend, str(refusal), refusal.parameters)


def shown(value: object) -> str:
    """Return what was refused as text of a bounded length."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def summary_of(record: PlanRecord, picture: Picture) -> PlanSummary:
    """Return a plan without its geometry."""
    plan = record.plan
    time = plan.time
    conflicts = tuple(sorted(picture.conflicts_of.get((record.party, plan.plan_id), ())))
    return PlanSummary(
        record.party, plan.plan_id, record.revision, record.state, plan.aircraft_class, time.start, time.end, conflicts
    )
