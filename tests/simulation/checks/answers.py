"""Answers equal brute force: a conflict where a plan comes near the grain of what is kept back, and only there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from detente.accord.disclosure import OPEN_POLICY, answers_conflicts, disclosed
from detente.airspace.search import encounter
from detente.disclosure.ledger import TOLD, Telling

if TYPE_CHECKING:
    from station import Station

LOOKED_AT_S = 15.0
"""Longer than the node takes between two looks at what is due, and to write down what it found."""


def check(station: Station) -> int:
    """Hold a station's last answers to its only peer, none of them exact, against every pair of plans; count them."""
    life, accord = station.life, station.accord
    (peer,) = (card.name for card in station.trusted)
    if life is None or life.node is None or accord is None:
        return 0
    if not answers_conflicts(accord, OPEN_POLICY, station.name, peer):
        return 0
    budget, grid = accord.provisions.disclosure_budget, accord.provisions.disclosure_grid
    wait = timedelta(seconds=budget.age_s + budget.batch_s + LOOKED_AT_S)
    if station.up_for_s() < wait.total_seconds():
        return 0
    tellings = (msgspec.json.decode(entry.body, type=Telling) for entry in life.journal.read(kind=TOLD))
    told = {telling.plan_id: telling for telling in tellings if telling.conflict is not None}
    at, plans = station.clock(), life.node.picture.plans.values()
    asked = [one for one in plans if one.party == peer and one.live and at - one.changed_at > wait]
    for record in asked:
        name = record.plan.plan_id
        met = [
            one for one in plans
            if one.party == station.name and encounter(
                record.plan, disclosed(one.plan, budget.grain, grid, "p"),
                accord.minima.between(record.plan.aircraft_class, one.plan.aircraft_class),
            ) is not None
        ]  # fmt: skip
        said = told.get(name)
        assert said is not None, f"{name} has no answer"
        assert said.revision == record.revision, f"{name} has an answer for another revision"
        if any(one.live and at - one.changed_at > wait for one in met):
            assert said.conflict, f"{name} is near what is kept back and told of no conflict"
        elif not any(one.live or at - one.changed_at <= wait for one in met):
            assert not said.conflict, f"{name} is far from what is kept back and told of a conflict"
    return len(asked)
