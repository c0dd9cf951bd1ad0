"""The changes of one plan that are clear of everything this node knows, cheapest first."""

from __future__ import annotations

from detente.airspace.plan import Plan
from detente.airspace.resolution import RankedChange, measures_for
from detente.picture.conflicts import PlanReference
from detente.picture.picture import Picture


def ranked_measures(picture: Picture, reference: PlanReference) -> list[RankedChange]:
    """Return the clear changes of a live plan, cheapest first; empty when there is none within the limits.

    Clear of the plans that the picture holds against it, of what outstanding measures would make of plans, and of the
    party's own plans that it keeps clear of now: a measure must not trade one conflict for another.
    """
    assert picture.accord is not None
    plan = picture.plans[(reference.party, reference.plan_id)].plan
    table = picture.accord.minima
    return measures_for(plan, _obstacles(picture, reference, plan), table)


def _obstacles(picture: Picture, reference: PlanReference, plan: Plan) -> list[Plan]:
    assert picture.accord is not None
    opponents = picture.opponents(reference.party)
    own_index = picture.indexes[reference.party]
    met_anyway = {e.second_plan_id for e in own_index.encounters(plan, picture.accord.minima)} | {plan.plan_id}
    obstacles = [
        record.plan
        for (party, plan_id), record in picture.plans.items()
        if record.live and (party in opponents or (party == reference.party and plan_id not in met_anyway))
    ]
    for (owner, _), ids in picture.measures_of.items():
        if owner in opponents:
            obstacles.extend(picture.measures[m].measure.plan for m in sorted(ids))
    return obstacles
