"""How much work a decision about plans takes, known before it is taken: in pairs of pieces of outlines to compare.

A million takes about a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Iterator

from detente.airspace.plan import Circle, Plan, Trajectory, Volume4D
from detente.picture import commands
from detente.picture.commands import PictureCommand
from detente.picture.picture import Picture
from detente.room.work import Work

LIGHT_VERTICES = 64
LIGHT_PLANS = 8
LIGHT_WORK = 50_000
"""Up to here a decision takes a few milliseconds."""
WORK_OF_VERTICES = 100
OWN_OUTLINE = 0.1
"""What a pair of a ring's own edges takes, which must not cross, beside a pair of edges of two plans."""


def work_of(picture: Picture, command: PictureCommand) -> Work:
    """Return how much work a command is; raises Refusal for impossible geometry."""
    alone = whole = 0
    for party, plan in _plans_of(picture, command):
        alone += work_of_outline(vertices_of(plan))
        whole += picture.work(party, plan)
    return Work(alone, alone + whole)


def work_of_outline(vertices: int) -> int:
    """Return how much work it is to look at outlines of so many vertices, held against nothing."""
    return int(OWN_OUTLINE * vertices * vertices) + WORK_OF_VERTICES * vertices


def takes_long(picture: Picture, command: PictureCommand) -> bool:
    """Whether a command may be more than light work; answered in less time than that."""
    if isinstance(command, commands.AdoptAccord | commands.RejudgeConflicts):
        return True
    vertices = [vertices_of(plan) for _, plan in _plans_of(picture, command)]
    if len(vertices) > LIGHT_PLANS or sum(vertices) > LIGHT_VERTICES:
        return True
    return work_of(picture, command).whole > LIGHT_WORK


def _plans_of(picture: Picture, command: PictureCommand) -> Iterator[tuple[str, Plan]]:
    """The plans that a command makes a decision compare, with the party whose they are; an area counts as one."""
    match command:
        case commands.DeclarePlan(party=party, plan=plan) | commands.AmendPlan(party=party, plan=plan):
            yield party, plan
        case commands.ImportPlans(party=party, plans=plans):
            yield from ((party, plan) for plan in plans)
        case commands.ProposeMeasure(measure=measure):
            yield from ((measure.owner, shift.plan) for shift in measure.shifts)
        case commands.AcceptMeasure(measure_id=measure_id) if measure_id in picture.measures:
            measure = picture.measures[measure_id].measure
            yield from ((measure.owner, shift.plan) for shift in measure.shifts)
        case commands.GiveNotice(notice=notice) | commands.AmendNotice(notice=notice):
            yield "", _area(notice.volume)
        case commands.KeepZone(notices=notices):
            yield from (("", _area(notice.volume)) for notice in notices)
        case _:
            return


def _area(volume: Volume4D) -> Plan:
    return Plan("notice", (volume,))


def vertices_of(plan: Plan) -> int:
    """Return how many vertices or waypoints a plan has, a circle counting as one."""
    if isinstance(plan.intent, Trajectory):
        return len(plan.intent.waypoints)
    return sum(1 if isinstance(volume.area, Circle) else len(volume.area.vertices) for volume in plan.intent)
