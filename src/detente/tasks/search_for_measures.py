"""The changes of one plan, or of several together, that are clear of everything this node knows, cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Collection

from detente.airspace.joint_resolution import SettledPlan, Steps, change_together
from detente.airspace.resolution import FoundMeasures, PlanChange, find_measures
from detente.picture.conflicts import PlanReference
from detente.picture.picture import Picture, PlanState, index_key


def search_measures(picture: Picture, reference: PlanReference, refused: Collection[PlanChange] = ()) -> FoundMeasures:
    """Search the clear changes of a live plan, cheapest first; when there is none, the result says why.

    Clear of the plans that the picture holds against it, of what outstanding measures would make of plans, and of the
    party's own plans that it keeps clear of now: a measure must not trade one conflict for another. Of a peer's own
    plans nothing is held against it: keeping them apart is the peer's. After changes that were `refused` the search
    goes on, further each time.
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
    return find_measures(plan, known, table, ignored=ignored, refused=refused)


def search_joint_measure(
    picture: Picture, reference: PlanReference, told: Callable[[str], bool], refused: Collection[PlanChange] = ()
) -> Steps[tuple[SettledPlan, ...]]:
    """Search the cheapest changes of a plan of ours and of others of ours in its way that together are clear.

    Only plans that the other side is `told` of, that are not active and that no outstanding measure would change may be
    among the others. Empty when there is nothing. Raises KeyError when a plan goes in a pause of the search.
    """
    assert picture.accord is not None
    own = reference.party
    movable = {
        index_key(*key)
        for key, record in picture.plans.items()
        if key[0] == own and record.state is PlanState.DECLARED and key not in picture.measures_of and told(key[1])
    }
    others = [picture.indexes[peer] for peer in picture.opponents(own) if peer in picture.indexes]
    others += [picture.pending[party] for party in (*picture.opponents(own), own) if party in picture.pending]
    main = index_key(own, reference.plan_id)
    table = picture.accord.minima
    return (yield from change_together(main, movable, picture.indexes[own], others, table, refused=refused))
