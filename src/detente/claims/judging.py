"""How one node judges an observation by what it knows: verdicts on notices, and what explains it (R20)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from detente.airspace.plan import Plan
from detente.airspace.search import encounters_between
from detente.airspace.separation import Encounter
from detente.claims.claims import NoticeVerdict
from detente.picture.notices import NoticeRecord, NoticeState
from detente.picture.observations import EXPLAINING, TOUCHING, Observation, verdict
from detente.picture.picture import Picture, PlanRecord, PlanState

MOST_NAMED = 100


class Audience(NamedTuple):
    """Who is told verdicts: `peer`, since when there was an accord with it, and whether planning goes on now."""

    own: str
    peer: str
    since: datetime
    planning: bool

    def knows(self, record: NoticeRecord) -> bool:
        """Whether the peer surely knows a notice: its own, or ours that was for it and in force while planning went on.

        No peer is shown what another gave us or agreed with us (R49).
        """
        notice = record.notice
        if notice.party == self.peer:
            return True
        if notice.party != self.own or notice.agreed_with not in (None, self.peer) or not self.planning:
            return False
        return record.state is NoticeState.IN_FORCE or record.changed_at > self.since


def notice_verdicts(
    picture: Picture, observation: Observation, audience: Audience | None = None
) -> tuple[NoticeVerdict, ...]:
    """Return the verdict on each notice that an observation may have been inside of: INSIDE or CANNOT_TELL.

    A notice that is not named is OUTSIDE. With an audience, only notices that it knows are named.
    """
    found = [r.notice for r in _touched(picture, observation) if audience is None or audience.knows(r)]
    return tuple(
        NoticeVerdict(notice.party, notice.notice_id, verdict(observation, notice.volume))
        for notice in found[:MOST_NAMED]
    )


def explained_by(picture: Picture, observation: Observation) -> tuple[str, ...]:
    """Return what explains an observation, like "notice south n1" or "plan north p7"; nothing means undeclared.

    Notices that say "our aircraft here" explain, and so do plans that hold their airspace or held it then.
    """
    touched = [record.notice for record in _touched(picture, observation)]
    names = [f"notice {n.party} {n.notice_id}" for n in touched if n.meaning in EXPLAINING]
    places = Plan("observed", (observation.where_it_may_have_been,))
    for party in sorted(picture.indexes):
        for encounter in picture.indexes[party].encounters(places, TOUCHING):
            owner, _, plan_id = encounter.second_plan_id.partition("/")
            names.append(f"plan {owner} {plan_id}")
    over = list(_plans_over_since(picture, observation))
    if over:
        met = encounters_between([places], [_numbered(n, record.plan) for n, record in enumerate(over)], TOUCHING)
        names += [f"plan {over[n].party} {over[n].plan.plan_id}" for n in _numbers(met)]
    return tuple(sorted(set(names))[:MOST_NAMED])


def _touched(picture: Picture, observation: Observation) -> list[NoticeRecord]:
    """The notices that held at the time and whose volume the observation may have been in, in order."""
    places = observation.where_it_may_have_been
    held = [
        record
        for _, record in sorted(picture.notices.items())
        if record.held_at(places.time.start)
        and record.notice.volume.time.start <= places.time.end
        and record.notice.volume.time.end >= places.time.start
    ]
    if not held:
        return []
    volumes = [Plan(str(number), (record.notice.volume,)) for number, record in enumerate(held)]
    return [held[n] for n in _numbers(encounters_between([Plan("observed", (places,))], volumes, TOUCHING))]


def _plans_over_since(picture: Picture, observation: Observation) -> Iterator[PlanRecord]:
    places = observation.where_it_may_have_been
    for _, record in sorted(picture.plans.items()):
        if record.state is PlanState.ENDED and record.changed_at >= places.time.start:
            yield record


def _numbered(number: int, plan: Plan) -> Plan:
    return Plan(str(number), plan.intent, plan.aircraft_class)


def _numbers(encounters: list[Encounter]) -> list[int]:
    return sorted({int(encounter.second_plan_id) for encounter in encounters})
