"""The room of zones: what either party says of them is decided and kept; an agreed zone counts as notices.

Our own people say nothing of zones while the accord is suspended: what was agreed holds until it expires. What a peer
said before it heard of a suspension counts, so that both sides hold the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from detente.accord.accords import Accords
from detente.airspace.plan import Plan, Polygon, Volume4D
from detente.airspace.refusal import Refusal
from detente.airspace.search import PlanIndex
from detente.picture.commands import KeepZone
from detente.picture.entering import NO_MINIMA
from detente.picture.work import LIGHT_VERTICES, work_of_outline
from detente.room.activity import Need, Ordinary
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room
from detente.room.work import Work
from detente.zones.messages import ZoneAccepted, ZoneMessage, ZoneProposed, ZoneRefused, ZoneReleased
from detente.zones.talks import (
    MOST_HELD,
    MOST_VERSIONS,
    MOST_ZONES,
    Ladder,
    SayZone,
    ZoneCommand,
    ZoneEvent,
    ZonePostCalled,
    ZoneRecord,
    Zones,
    ZoneSaid,
    ZonesKept,
    evolve,
    next_number,
    pieces_of,
    posts_called,
)
from detente.zones.terms import notices_of, version_of


class ZonesRoom(Room[Zones, ZoneCommand, ZoneEvent]):
    """Keeps zones. The accord with each peer says who is called when a proposal waits."""

    name = "zone"
    commands = ZoneCommand
    events = ZoneEvent
    kept = ZonesKept
    messages = ZoneMessage

    def __init__(self, state: Zones, accords: Accords) -> None:
        super().__init__(state)
        self._accords = accords

    def decide(self, command: ZoneCommand | Heard[ZoneMessage]) -> list[ZoneEvent]:
        """Return the events that a command leads to; what was said before gives none.

        What a peer may say of its own is taken as said, whether or not it makes a difference; our own people are
        refused what could have no effect.
        """
        if isinstance(command, SayZone):
            return self._kept(command.at, command.peer, command.message, self._accords.party)
        if isinstance(command, Heard):
            return self._kept(command.at, command.party, command.message, command.party)
        return list(self._calls(command.at))

    def may_take_long(self, command: ZoneCommand | Heard[ZoneMessage]) -> bool:
        """See `Room.may_take_long`: the area of a proposal is compiled."""
        return _vertices(command) > LIGHT_VERTICES

    def work_of(self, command: ZoneCommand | Heard[ZoneMessage]) -> Work:
        """See `Room.work_of`."""
        work = work_of_outline(_vertices(command))
        return Work(work, work)

    def evolve(self, event: ZoneEvent) -> None:
        """Fold one decided event in."""
        evolve(self.state, event)

    def forget(self, before: datetime) -> None:
        """See `Room.forget`: a zone is over when its windows are, and nobody has said anything of it since."""
        past = {key for key, record in self.state.records.items() if record.is_past(before)}
        self.state.records = {key: record for key, record in self.state.records.items() if key not in past}
        self.state.left |= past

    def messages_of(self, event: ZoneEvent) -> Iterator[Addressed]:
        """Yield what our own people said, to the peer it was said to and to nobody else (R49)."""
        if isinstance(event, ZoneSaid) and event.message.party == self._accords.party:
            yield Addressed(event.peer, event.message)

    def said_before(self, at: datetime, peer: str, message: Message) -> list[ZoneEvent]:
        """Say again what our people had said to `peer` of a zone."""
        assert isinstance(message, ZoneMessage)
        return self.decide(SayZone(at, peer, message))

    def need_of(self, command: ZoneCommand | Heard[ZoneMessage]) -> Need | None:
        """Return that our own people say something of zones only while planning goes on."""
        return Need(command.peer, Ordinary.PLANNING) if isinstance(command, SayZone) else None

    def reactions(self, event: object) -> Iterator[KeepZone]:
        """Yield the notices that a zone counts as after what was just said of it."""
        if isinstance(event, ZoneSaid):
            zone_id = event.message.zone_id
            agreed = self.state.records[(event.peer, zone_id)].agreed
            parties = (self._accords.party, event.peer)
            notices = () if agreed is None else tuple(notices_of(zone_id, agreed.terms, parties))
            yield KeepZone(event.at, f"{zone_id}:", event.peer, notices)

    def ladder(self, peer: str, at: datetime) -> Ladder:
        """Return the escalation ladder of the accord with a peer; empty where there never was one."""
        found = self._accords.latest(peer, at)
        return () if found is None else found[0].provisions.escalation

    def _kept(self, at: datetime, peer: str, message: ZoneMessage, speaker: str) -> list[ZoneEvent]:
        """What is kept of a message that `speaker`, one of the two, says."""
        if message.party != speaker:
            code = "zones.who_says_it" if speaker == peer else "zones.whose_node_this_is"
            raise Refusal(code, "party", message.party, speaker=speaker)
        record = self.state.records.get((peer, message.zone_id))
        self._check(record, peer, message)
        if speaker != peer:
            if (peer, message.zone_id) in self.state.left and record is None:
                # The peer may hold more of it than we do, so that the two sides would come to different things.
                raise Refusal("zones.zone_not_over", "zone_id", message.zone_id)
            _check_own(record, message, at)
        return [ZoneSaid(at, peer, message)] if record is None or _says_more(record, message) else []

    def _check(self, record: ZoneRecord | None, peer: str, message: ZoneMessage) -> None:
        """Refuse what may not be said. It depends on what the same party said before alone: both sides refuse alike."""
        if not isinstance(message, ZoneProposed):
            if record is None:
                raise Refusal("zones.zone_proposed", "zone_id", message.zone_id)
            if not isinstance(message, ZoneReleased):
                record.named(message.version)
            return
        terms, parties = message.terms, (self._accords.party, peer)
        self._check_held(record, peer, message)
        # An index compiles the area, which refuses a ring that crosses itself.
        PlanIndex().encounters(Plan("zone", (Volume4D(terms.area, terms.altitude, terms.time),)), NO_MINIMA)
        if terms.owner not in parties:
            raise Refusal("zones.one_parties", "terms.owner", terms.owner, parties=", ".join(parties))

    def _check_held(self, record: ZoneRecord | None, peer: str, message: ZoneProposed) -> None:
        """Refuse a proposal of a party that has as many zones, versions or vertices with us as one may have."""
        zone_id, party = message.zone_id, message.party
        if record is not None and record.proposals_by(party) >= MOST_VERSIONS:
            raise Refusal("zones.at_most_proposals", "zone_id", zone_id, most=MOST_VERSIONS)
        records = [held for held in self.state.records.values() if held.peer == peer]
        zones = sum(held.proposals_by(party) > 0 for held in records)
        if (record is None or not record.proposals_by(party)) and zones >= MOST_ZONES:
            raise Refusal("zones.at_most_zones_one_party", "zone_id", zone_id, most=MOST_ZONES)
        pieces = pieces_of(message.terms) + sum(held.pieces_by(party) for held in records)
        if pieces > MOST_HELD:
            raise Refusal("zones.at_most_vertices_one_party", "zone_id", zone_id, pieces=pieces, most=MOST_HELD)

    def _calls(self, at: datetime) -> Iterator[ZonePostCalled]:
        for (peer, zone_id), record in sorted(self.state.records.items()):
            for version in record.pending:
                posts = posts_called(self.ladder(peer, at), version.proposed.at, at)
                if len(posts) - 1 > version.step and version.terms.time.end >= at:
                    yield ZonePostCalled(at, peer, zone_id, version.version, len(posts) - 1, posts[-1])


def _vertices(command: ZoneCommand | Heard[ZoneMessage]) -> int:
    message = command.message if isinstance(command, SayZone | Heard) else None
    area = message.terms.area if isinstance(message, ZoneProposed) else None
    return len(area.vertices) if isinstance(area, Polygon) else 0


def _check_own(record: ZoneRecord | None, message: ZoneMessage, at: datetime) -> None:
    """Refuse our own people what could have no effect."""
    if record is not None and record.releases:
        raise Refusal("zones.zone_not_released", "zone_id", message.zone_id)
    match message:
        case ZoneProposed(terms=terms, number=number, answers=answers):
            if terms.time.end < at:
                raise Refusal("zones.time_after_now", "terms.time.end", terms.time.end.isoformat(), at=at.isoformat())
            if number != next_number(record):
                raise Refusal("zones.next_one", "number", number, record=next_number(record))
            if answers and (record is None or record.version(answers) is None):
                raise Refusal("zones.version_zone_proposed", "answers", answers)
        case ZoneAccepted(version=version) | ZoneRefused(version=version):
            pending = () if record is None else record.pending
            waiting = next((found for found in pending if found.version == version), None)
            if waiting is None:
                raise Refusal("zones.version_waits_for_answer", "version", version)
            if isinstance(message, ZoneAccepted) and any(p.party == message.party for p in waiting.proposals):
                raise Refusal("zones.version_other_side_nobody", "version", version)
        case ZoneReleased():
            pass


def _says_more(record: ZoneRecord, message: ZoneMessage) -> bool:
    """Whether a message is not what the party's last word already says."""
    match message:
        case ZoneProposed(terms=terms):
            version = record.version(version_of(message.zone_id, terms))
            return version is None or message not in version.proposals
        case ZoneAccepted(version=name) | ZoneRefused(version=name):
            words = (word.agrees for word in record.named(name).words if word.party == message.party)
            return next(words, None) is not isinstance(message, ZoneAccepted)
        case ZoneReleased():
            return all(release.party != message.party for release in record.releases)
