"""Both pictures are equal once healed: each has the other's live plans and no others, where it is told of all."""

from __future__ import annotations

from datetime import datetime

from station import Station


def check(one: Station, other: Station) -> None:
    """Hold what each of two stations plans against what the other has of it. Both must have nothing left to say."""
    for sender, recipient in ((one, other), (other, one)):
        node = sender.life.node
        at = node.loop.clock()
        if node.state.disclosure.holds_back(recipient.name, at):
            continue
        if not all(side.life.node.state.accords.may_plan(peer.name, at) for side, peer in ((one, other), (other, one))):
            continue
        left = [side.life.node.picture.left_before for side in (one, other)]
        since = max((before for before in left if before is not None), default=None)
        ours, theirs = (_live(side, sender.name, since) for side in (sender, recipient))
        where = f"{sender.name} to {recipient.name}"
        assert ours == theirs, f"{where}: {sorted(ours.items() ^ theirs.items())}"


def _live(station: Station, party: str, since: datetime | None) -> dict[str, int]:
    """What is over may have left one of the two pictures and not yet the other."""
    plans = station.life.node.picture.plans.items()
    return {
        name: record.revision
        for (whose, name), record in plans
        if whose == party and record.live and (since is None or record.plan.time.end >= since)
    }
