"""The gate before sending: what looks like a mistake is named, and a second person must have looked at it (R46).

Only messages about plans and areas are held back. Flight safety goes out with its doubts on record, and a STOP is never
looked at: a gate that delays them would be worse than a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from detente.accord.provisions import AccordArea
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable
from detente.line.messages import Doubt, LineMessage
from detente.line.parameters import Block, Length, Moment, Parameter, Place, Window
from detente.line.place_names import NamedPlace, disagrees
from detente.line.state import LineState

LARGE_RADIUS_M = 50_000.0
"""A larger area needs a second person: the zone of 55 km that was once declared by telephone would."""
STALE_S = 3_600.0
"""A moment further in the past is stale: what happened since was not seen."""
FAR_AHEAD_S = 30 * 86_400.0
SAME_AGAIN_S = 3_600.0
_TOUCHING = MinimaTable(Minima(0.0, 0.0, 0.0))


def doubts(
    line: LineState, peer: str, message: LineMessage, at: datetime, named: Mapping[str, NamedPlace]
) -> tuple[Doubt, ...]:
    """Return what looks like a mistake in a message of ours that is about to be sent to `peer`; nothing in a STOP.

    `named` are the places, by parameter, that our people say they mean.
    """
    if message.is_stop:
        return ()
    area = line.terms[peer].area
    found = {doubt for parameter in message.parameters for doubt in _of_value(parameter, area, at)}
    meant = {parameter.name: parameter.value for parameter in message.parameters if isinstance(parameter.value, Place)}
    if any(name in meant and disagrees(place, meant[name].position) for name, place in named.items()):
        found.add(Doubt.NAME_ELSEWHERE)
    if message.parameters and _said_already(line, peer, message, at):
        found.add(Doubt.SAID_ALREADY)
    return tuple(sorted(found))


def _of_value(parameter: Parameter, area: AccordArea | None, at: datetime) -> set[Doubt]:
    match parameter.value:
        case Place(position) if area is not None and not _inside(position, area):
            return {Doubt.OUTSIDE_AREA}
        case Block(band) if area is not None and not _heights_meet(Block(band), area):
            return {Doubt.OUTSIDE_HEIGHTS}
        case Length() as length if length.metres > LARGE_RADIUS_M:
            return {Doubt.LARGE}
        case Moment(time):
            return _of_times(time, time, at)
        case Window(window):
            return _of_times(window.start, window.end, at)
        case _:
            return set()


def _of_times(start: datetime, end: datetime, at: datetime) -> set[Doubt]:
    found = set()
    if end < at - timedelta(seconds=STALE_S):
        found.add(Doubt.STALE)
    if start > at + timedelta(seconds=FAR_AHEAD_S):
        found.add(Doubt.FAR_AHEAD)
    return found


def _inside(position: Position, area: AccordArea) -> bool:
    return _meet(Volume4D(Circle(position, 0.0), area.altitude, _ANY_TIME), area)


def _heights_meet(block: Block, area: AccordArea) -> bool:
    return _meet(Volume4D(area.polygon, block.band, _ANY_TIME), area)


def _meet(volume: Volume4D, area: AccordArea) -> bool:
    theatre = Plan("area", (Volume4D(area.polygon, area.altitude, _ANY_TIME),))
    return bool(encounters_between([Plan("message", (volume,))], [theatre], _TOUCHING))


def _said_already(line: LineState, peer: str, message: LineMessage, at: datetime) -> bool:
    since = at - timedelta(seconds=SAME_AGAIN_S)
    return any(
        record.is_ours
        and record.message.sent_at >= since
        and (record.message.code, record.message.parameters) == (message.code, message.parameters)
        for (name, _), record in line.messages.items()
        if name == peer
    )


_EPOCH = datetime.fromisoformat("2025-01-01T00:00:00Z")
_ANY_TIME = TimeWindow(_EPOCH, _EPOCH + timedelta(hours=1))
