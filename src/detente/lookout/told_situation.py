"""What the node tells its watching process of what was said of the sky: plans, notices, minima, whose aircraft."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.accord.accords import Accords
from detente.accord.provisions import AccordArea, Horizon, LiveLevel
from detente.accord.standard_minima import STANDARD_MINIMA
from detente.accord.terms import Disclosure
from detente.accord.widest import widest
from detente.airspace.plan import Plan
from detente.airspace.separation import MinimaTable
from detente.claims.room import ClaimsRoom
from detente.lookout.operator_areas import AHEAD, BEFORE, OperatorAreas
from detente.picture.notices import Notice
from detente.picture.picture import Picture
from detente.room.rooms import Rooms
from detente.settings.configuration import WatchSettings
from detente.watch.boundary import Boundary
from detente.watch.room import WatchRoom
from detente.watch.situation import WatchedArea

MOST_PLANS = 20_000
MOST_NOTICES = 5_000
UNTOLD = frozenset({Disclosure.NOTHING, Disclosure.CONFLICT})
"""Levels of disclosure at which nobody says where an aircraft is."""
TELLS_TRACKS = frozenset({LiveLevel.REGION, LiveLevel.ALL})


class ToldSituation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was said of the sky around a time.

    Attributes:
        party: our name; empty before there was an accord.
        minima: the tactical minima of the accords that stand, the widest of each.
        minima_with: those with each party, where there are several accords.
        party_of: the other party whose an aircraft is, by its address or name, where the settings say.
        our_aircraft, their_aircraft: addresses and names by which feeds show whose a track is.
        plans: ours that are live.
        flown: plans of ours by the address or name of the aircraft that flies each.
        notices: what holds, told by us and to us, agreed zones among them.
        areas, boundaries: those of the operator's settings, about now.
        accord_areas: where the accords that stand hold; empty where one of them holds everywhere.
        own_pairs: whether two of ours are kept apart too.
        outside: plans of ours whose aircraft was last seen outside.
        told_plans: plans of other parties that were told to us and are live.
        theirs_untold: whether no accord that stands has the other side tell where its aircraft are.
        tells_tracks: whether tracks of ours are told to anybody.
        near_theirs: names of ours of which a peer says that one of its own is near.
    """

    party: str
    minima: MinimaTable
    our_aircraft: frozenset[str] = frozenset()
    their_aircraft: frozenset[str] = frozenset()
    plans: tuple[Plan, ...] = ()
    flown: dict[str, str] = {}
    notices: tuple[Notice, ...] = ()
    areas: tuple[WatchedArea, ...] = ()
    boundaries: tuple[Boundary, ...] = ()
    accord_areas: tuple[AccordArea, ...] = ()
    outside: frozenset[str] = frozenset()
    told_plans: tuple[Plan, ...] = ()
    theirs_untold: bool = False
    own_pairs: bool = False
    minima_with: dict[str, MinimaTable] = {}
    party_of: dict[str, str] = {}
    tells_tracks: bool = False
    near_theirs: frozenset[str] = frozenset()


_DECODER = msgspec.msgpack.Decoder(ToldSituation)


def told_situation(
    rooms: Rooms, accords: Accords, picture: Picture, settings: WatchSettings, drawn: OperatorAreas, at: datetime
) -> ToldSituation:
    """Return the situation at a time (UTC), of rooms in which everything is durable; it may take long.

    `drawn` are the areas and boundaries that the same settings name.
    """
    party, terms = accords.party, accords.terms(at)
    tables = {peer: accord.minima_at(Horizon.TACTICAL) for peer, accord in terms.items()}
    areas = [accord.provisions.area for accord in terms.values()]
    near = [
        (owner, record.plan)
        for (owner, _), record in picture.plans.items()
        if record.live and _is_near(record.plan.time.start, record.plan.time.end, at)
    ]
    plans = [plan for owner, plan in near if owner == party]
    told = [plan for owner, plan in near if owner != party]
    notices = [
        record.notice
        for record in picture.notices.values()
        if record.held_at(at) and _is_near(record.notice.volume.time.start, record.notice.volume.time.end, at)
    ]
    flown = rooms.of_type(WatchRoom).state.flown
    return ToldSituation(
        party,
        widest(list(tables.values())) if tables else MinimaTable(STANDARD_MINIMA[0].minima),
        frozenset(settings.our_aircraft),
        frozenset(settings.their_aircraft).union(*settings.aircraft_of.values()),
        _soonest(plans),
        dict(flown),
        tuple(sorted(notices, key=lambda notice: (notice.party, notice.notice_id))[:MOST_NOTICES]),
        drawn.areas(at),
        drawn.boundaries,
        tuple(area for area in areas if area is not None) if None not in areas else (),
        frozenset(rooms.of_type(ClaimsRoom).state.outside),
        _soonest(told),
        bool(terms) and all(accord.disclosure in UNTOLD for accord in terms.values()),
        settings.own_pairs,
        tables if len(tables) > 1 else {},
        {name: peer for peer, names in sorted(settings.aircraft_of.items()) for name in names},
        any(accord.provisions.live_tracks.level in TELLS_TRACKS for accord in terms.values()),
        rooms.of_type(WatchRoom).state.near_theirs(),
    )


def encode_situation(situation: ToldSituation) -> bytes:
    """Return a situation as the pipe carries it."""
    return msgspec.msgpack.encode(situation)


def decode_situation(data: bytes) -> ToldSituation:
    """Return what `encode_situation` encoded; raises msgspec.MsgspecError."""
    return _DECODER.decode(data)


def _soonest(plans: list[Plan]) -> tuple[Plan, ...]:
    return tuple(sorted(plans, key=lambda plan: (plan.time.start, plan.plan_id))[:MOST_PLANS])


def _is_near(start: datetime, end: datetime, at: datetime) -> bool:
    return start <= at + AHEAD and end >= at - BEFORE
