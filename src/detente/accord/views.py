"""Accords as people see them: every text that was drafted or proposed with each peer, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.accords import Accords
from detente.accord.life_cycle import AccordRecord, AccordState
from detente.accord.terms import Accord, format_accord
from detente.airspace.plan import TimeWindow


class AccordView(msgspec.Struct, frozen=True):
    """An accord with one peer as people see it, with its `terms` as they were read from the text in `record`."""

    peer: str
    accord_hash: str
    name: str
    version: int
    standing: AccordState
    valid: TimeWindow
    proposed_by: tuple[str, ...]
    authorised_by: tuple[str, ...]
    suspended_by: tuple[str, ...]
    record: AccordRecord
    terms: Accord


def views(accords: Accords, at: datetime) -> Iterator[AccordView]:
    """Yield the accord of the configuration, and every one that was ever drafted or proposed with each peer."""
    yield from _configured_views(accords, at)
    for peer, talks in sorted(accords.talks.items()):
        for name, record in talks.records.items():
            terms = talks.accords[name]
            yield AccordView(
                peer, name, terms.name, terms.version, talks.state(name, at), terms.valid,
                tuple(proposal.party for proposal in record.proposals), record.authorised_by, record.suspended_by,
                record, terms,
            )  # fmt: skip


def view_of(accords: Accords, prefix: str, at: datetime) -> AccordView:
    """Return one accord by the beginning of its hash; raises Refusal."""
    found = [view for view in views(accords, at) if prefix and view.accord_hash.startswith(prefix)]
    if len({view.accord_hash for view in found}) != 1:
        accords.find(prefix)
    return found[0]


def _configured_views(accords: Accords, at: datetime) -> Iterator[AccordView]:
    terms = accords.configured
    if terms is None:
        return
    name, record = accords.configured_hash, AccordRecord(accords.configured_hash, format_accord(terms))
    for peer in (party.name for party in terms.parties if party.name != accords.party):
        current = accords.current(peer, at)
        if at > terms.valid.end:
            state = AccordState.EXPIRED
        elif current is not None and current[1] != name:
            state = AccordState.AMENDED
        else:
            state = AccordState.IN_FORCE if at >= terms.valid.start else AccordState.AUTHORISED
        yield AccordView(peer, name, terms.name, terms.version, state, terms.valid, (), (), (), record, terms)
