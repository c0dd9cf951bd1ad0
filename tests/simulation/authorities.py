"""The accords between stations, and what their authorities do about them: propose, authorise, suspend, resume, end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from detente.accord.life_cycle import AccordState
from detente.accord.messages import (
    AccordAct,
    AccordAuthorised,
    AccordEnded,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
    authorisation_bytes,
    change_bytes,
)
from detente.accord.terms import Accord, format_accord, parse_accord
from people import POSTS

if TYPE_CHECKING:
    from node_parts import NodeParts
    from station import Station

NO_SIGNATURE = "0" * 128
UNSIGNED = (AccordState.PROPOSED, AccordState.AUTHORISED)
"""States in which a signature is wanted: of both, or of the one that has not signed yet."""


def terms(
    stations: Sequence[Station],
    begins: datetime,
    *,
    version: int = 1,
    signed: bool = False,
    disclosure: str = "full",
    tells_all: str | None = None,
) -> Accord:
    """Return an accord between these stations; `signed` by their authorities, or set up in a file of each.

    Plans are told at the level `disclosure`, but that `tells_all` tells its own as they are.
    """
    rules = f'[[disclosure_rules]]\nlevel = "trajectory"\nby = "{tells_all}"\n' if tells_all else ""
    # No exact answer: what a peer is answered follows from the grain alone.
    rules += '[disclosure_budget]\nexact_answers = 0\nage = "20 s"\nbatch = "30 s"\nlead = "60 s"\n' * (
        disclosure == "conflict"
    )
    parties = "".join(
        f'[[parties]]\nname = "{one.name}"\npublic_key = "{one.key.public.hex()}"\n'
        + (f'authority_key = "{one.authority.public.hex()}"\n' if signed else "")
        + f"posts = {list(POSTS)}\n"
        for one in stations
    )
    return parse_accord(f"""
name = "strait"
version = {version}
disclosure = "{disclosure}"
free_text = true
[valid]
start = {begins - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}
end = {begins + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}
{parties}
[minima.default]
horizontal = "{4 + version} NM"
vertical = "1000 ft"
{rules}
[line_checks]
every = "2 min"
degraded_after = "20 s"
silent_after = "60 s"
[[escalation]]
post = "watch"
within = "20 s"
[[escalation]]
post = "senior"
within = "40 s"
[[escalation]]
post = "command"
within = "60 s"
[reporting]
request_answer = "2 min"
incident_answer = "3 min"
[suspension]
keeps = ["stop", "line_checks", "incidents"]
posts = ["command"]
""")


class Authority:
    """Who may speak for one party about its accords."""

    def __init__(self, station: Station, others: dict[str, Station], chance: random.Random, began: datetime) -> None:
        self._station = station
        self._others = others
        self._chance = chance
        self._began = began

    def act(self, node: NodeParts) -> tuple[str, AccordAct] | None:
        """Return the peer and what is said of an accord with it, or None when there is nothing to say."""
        chance, at, own = self._chance, node.loop.clock(), self._station.name
        peer = chance.choice(sorted(self._others))
        talks = node.state.accords.talks[peer]
        standing = talks.current(at)
        waiting = [
            name for name, record in sorted(talks.records.items())
            if talks.state(name, at) in UNSIGNED and own not in record.authorised_by
        ]  # fmt: skip
        if waiting and chance.random() < 0.8:
            return peer, self._authorised(chance.choice(waiting), at)
        if standing is None or chance.random() < 0.15:
            version = max((accord.version for accord in talks.accords.values()), default=0) + 1
            both = sorted((self._station, self._others[peer]), key=lambda one: one.name)
            text = format_accord(terms(both, self._began, version=version, signed=True))
            answers = chance.choice(waiting) if waiting else ""
            return peer, AccordProposed(own, at, POSTS[2], text, answers)
        record = talks.records[standing]
        serial = max((said.serial for said in record.suspensions if said.party == own), default=0) + 1
        if own in record.suspended_by:
            return peer, self._signed(AccordResumed(own, at, POSTS[2], standing, serial, NO_SIGNATURE))
        if chance.random() < 0.1:
            return peer, self._signed(AccordEnded(own, at, POSTS[2], standing, "it is over", NO_SIGNATURE))
        return peer, self._signed(AccordSuspended(own, at, POSTS[2], standing, serial, "a dispute", NO_SIGNATURE))

    def begin(self, node: NodeParts) -> list[tuple[str, AccordAct]]:
        """Return what brings a first accord with every peer into force: the first by name proposes, both authorise."""
        found: list[tuple[str, AccordAct]] = []
        own, at = self._station.name, node.loop.clock()
        for peer in sorted(self._others):
            both = sorted((self._station, self._others[peer]), key=lambda one: one.name)
            talks = node.state.accords.talks[peer]
            if both[0] is self._station and not talks.records:
                text = format_accord(terms(both, self._began, signed=True))
                found.append((peer, AccordProposed(own, at, POSTS[2], text)))
            found += [
                (peer, self._authorised(name, at)) for name, record in sorted(talks.records.items())
                if talks.state(name, at) in UNSIGNED and own not in record.authorised_by
            ]  # fmt: skip
        return found

    def _authorised(self, name: str, at: datetime) -> AccordAuthorised:
        own = self._station.name
        signature = self._station.authority.sign(authorisation_bytes(name, own, at)).hex()
        return AccordAuthorised(own, at, POSTS[2], name, signature)

    def _signed(self, act: AccordSuspended | AccordResumed | AccordEnded) -> AccordAct:
        import msgspec

        signature = self._station.authority.sign(change_bytes(act)).hex()
        return msgspec.structs.replace(act, signature=signature)
