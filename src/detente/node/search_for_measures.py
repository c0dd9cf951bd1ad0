"""The changes of one plan that are clear of everything this node knows, cheapest first."""

from __future__ import annotations

from detente.airspace.resolution import FoundMeasures, find_measures
from detente.picture.conflicts import PlanReference
from detente.picture.picture import Picture, index_key


def search_measures(picture: Picture, reference: PlanReference) -> FoundMeasures:
    """Search the clear changes of a live plan, cheapest first; when there is none, the result says why.

    Clear of the plans that the picture holds against it, of what outstanding measures would make of plans, and of the
    party's own plans that it keeps clear of now: a measure must not trade one conflict for another. Of a peer's own
    plans nothing is held against it: keeping them apart is the peer's.
    """
    assert picture.accord is not None
    party = reference.party
    plan = picture.plans[(party, reference.plan_id)].plan
    table = picture.accord.minima
    holders = picture.opponents(party)
    ignored = {index_key(party, reference.plan_id)}
    if party == picture.party:
        own = picture.indexes[party]
        ignored |= {encounter.second_plan_id for encounter in own.encounters(plan, table)}
        holders = (*holders, party)
    known = [held[holder] for held in (picture.indexes, picture.pending) for holder in holders if holder in held]
    return find_measures(plan, known, table, ignored=ignored)
