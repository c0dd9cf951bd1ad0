"""Which accord the picture is kept under, from the accords that stand with each peer."""

from __future__ import annotations

import hashlib
from datetime import datetime

from detente.accord.accords import Accords
from detente.accord.provisions import NoticeKind
from detente.accord.terms import Accord
from detente.accord.widest import widest
from detente.airspace.plan import TimeWindow
from detente.picture.commands import AdoptAccord
from detente.picture.pair_terms import HorizonTerms, PairTerms
from detente.picture.picture import AccordInForce


def adoption(accords: Accords, at: datetime, before: AccordInForce | None) -> AdoptAccord | None:
    """Return the command that makes the picture work under the accords that stand at a time; None when none does.

    One accord for all is adopted as it is. With several, each pair keeps its own terms. A peer of `before` with
    whom no accord stands any more keeps the terms it had, because what it notified holds until it expires.
    """
    found = {peer: current for peer in accords.talks if (current := accords.current(peer, at)) is not None}
    hashes = {name for _, name in found.values()}
    if accords.configured is not None and hashes <= {accords.configured_hash}:
        terms = accords.configured
        parties = tuple(party.name for party in terms.parties)
        return AdoptAccord(
            at, accords.party, accords.configured_hash, terms.name, parties, terms.widest_minima, terms.valid,
            pairs=_pairs({name: (terms, accords.configured_hash) for name in parties if name != accords.party}),
        )  # fmt: skip
    if not found:
        return None
    kept = _kept_pairs(before, accords.party, frozenset(found))
    standing = [terms for terms, _ in found.values()]
    name = next(iter(hashes)) if len(hashes) == 1 else _joint_hash(hashes)
    return AdoptAccord(
        at,
        accords.party,
        name,
        "+".join(sorted({terms.name for terms in standing})),
        (accords.party, *sorted({*found, *(pair.peer for pair in kept)})),
        widest([terms.widest_minima for terms in standing]),
        TimeWindow(min(a.valid.start for a in standing), max(a.valid.end for a in standing)),
        pairs=(*_pairs(found, whole=bool(kept)), *kept),
    )


def _horizons(accord: Accord) -> HorizonTerms | None:
    if not accord.provisions.horizon_minima:
        return None
    return HorizonTerms(accord.provisions.horizons, *accord.horizon_tables)


def _kept_pairs(before: AccordInForce | None, own: str, present: frozenset[str]) -> tuple[PairTerms, ...]:
    """The terms of the peers of the accord before with whom none stands now."""
    if before is None:
        return ()
    held = {pair.peer: pair for pair in before.pairs}
    gone = sorted(set(before.parties) - present - {own})
    return tuple(held.get(peer) or PairTerms(peer, before.accord_hash, before.minima) for peer in gone)


def _pairs(found: dict[str, tuple[Accord, str]], *, whole: bool = False) -> tuple[PairTerms, ...]:
    """The terms with each peer; none where one accord holds for all and has neither lead times nor horizons' minima."""
    pairs = tuple(
        PairTerms(peer, name, terms.widest_minima, _lead_times(terms), _horizons(terms))
        for peer, (terms, name) in sorted(found.items())
    )
    if not whole and len({pair.accord_hash for pair in pairs}) == 1:
        return pairs if any(pair.lead_times_s or pair.horizons for pair in pairs) else ()
    return pairs


def _lead_times(accord: Accord) -> tuple[tuple[str, float], ...]:
    times = [(kind.value, accord.provisions.lead_times.of(kind)) for kind in NoticeKind]
    return tuple(times) if any(lead_s for _, lead_s in times) else ()


def _joint_hash(hashes: set[str]) -> str:
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
