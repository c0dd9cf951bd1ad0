"""What the watch is told beside the tracks: minima, whose aircraft are whose, plans, notices, areas, lines, feeds."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from detente.accord.provisions import AccordArea
from detente.airspace.altitude import check_range
from detente.airspace.plan import Plan, Volume4D, check_identifier
from detente.airspace.separation import MinimaTable
from detente.picture.notices import BINDING, Meaning, Notice
from detente.watch.alert import TrackSide
from detente.watch.boundary import Boundary
from detente.watch.track import Track
from detente.watch.well_clear import ClearLogic


class LevelTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long before a loss of separation, or an entry, each level shows; the longest is the look-ahead."""

    preventive_s: float = 120.0
    corrective_s: float = 75.0
    warning_s: float = 35.0

    def __post_init__(self) -> None:
        check_range("preventive_s", self.preventive_s, 1.0, 1_200.0, "seconds")
        check_range("corrective_s", self.corrective_s, 0.0, self.preventive_s, "seconds, no more than preventive_s")
        check_range("warning_s", self.warning_s, 0.0, self.corrective_s, "seconds, no more than corrective_s")


class WatchedArea(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An area that aircraft of `binds` must not enter, or not without a word: a notice, an agreed zone, a geofence."""

    area_id: str
    meaning: Meaning
    volume: Volume4D
    binds: tuple[TrackSide, ...]

    def __post_init__(self) -> None:
        check_identifier("area_id", self.area_id)


class FeedSilence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feed: when it was last heard (seconds since 1970-01-01 UTC; None: never), and how often it should be."""

    name: str
    last_heard_s: float | None
    expected_s: float


class Situation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that one look of the watch goes by, beside the tracks.

    Attributes:
        party: our name.
        minima: the accord's tactical minima; of several accords the widest of each.
        minima_with: the tactical minima with each other party by its name, where there are several accords.
        ours, theirs: the addresses and identities by which a track is known as ours, or as the other side's.
        party_of: the party whose an aircraft is, by its address or identity, where that is known; they are theirs too.
        plans: our plans by the address or identity of the aircraft that flies each.
        notices: what was told and holds, by us and to us; agreed zones count as notices (`zones.terms.notices_of`).
        told_plans: plans of the other side that were told to us; they explain aircraft as notices do.
        theirs_untold: whether the other side need not say where its aircraft are, as under an accord that discloses no
            plans: an aircraft known as theirs is then neither undeclared nor outside what was told.
        areas: further areas, as geofences.
        accord_areas: where undeclared aircraft are looked for; without any everywhere near ours.
        own_pairs: whether two of our own aircraft are kept apart too.
    """

    party: str
    minima: MinimaTable
    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()
    plans: dict[str, Plan] = {}
    notices: tuple[Notice, ...] = ()
    told_plans: tuple[Plan, ...] = ()
    theirs_untold: bool = False
    areas: tuple[WatchedArea, ...] = ()
    boundaries: tuple[Boundary, ...] = ()
    feeds: tuple[FeedSilence, ...] = ()
    accord_areas: tuple[AccordArea, ...] = ()
    times: LevelTimes = LevelTimes()
    clear_logic: ClearLogic | None = ClearLogic.EN_ROUTE
    own_pairs: bool = False
    minima_with: dict[str, MinimaTable] = {}
    party_of: dict[str, str] = {}

    def minima_for(self, track: Track) -> MinimaTable:
        """The minima to keep to an aircraft: those agreed with its party, and to anybody else the widest."""
        if self.minima_with:
            for name in (*track.addresses, *track.identities, track.callsign):
                if (party := self.party_of.get(name)) is not None and party in self.minima_with:
                    return self.minima_with[party]
        return self.minima


def areas_of(party: str, notices: Iterable[Notice]) -> list[WatchedArea]:
    """The areas that notices make: ours bind the others, others' bind us, and what is closed to all binds all."""
    everybody = tuple(TrackSide)
    found = []
    for notice in notices:
        if notice.meaning not in BINDING:
            continue
        binds: tuple[TrackSide, ...] = (
            (TrackSide.THEIRS, TrackSide.UNKNOWN) if notice.party == party else (TrackSide.OURS,)
        )
        if notice.meaning is Meaning.CLOSED_TO_ALL:
            binds = everybody
        area_id = f"{notice.party}:{notice.notice_id}"[:64]
        found.append(WatchedArea(area_id, notice.meaning, notice.volume, binds))
    return found
