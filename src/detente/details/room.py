"""The room of details: openings are kept, given and checked; what a notice commits to is seen as the notice comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.details.commitment import CommitmentOpening
from detente.details.details import (
    MOST_OF_NOTICE,
    MOST_OF_PARTY,
    MOST_VERTICES_OF_PARTY,
    CommitDetails,
    CommitmentSeen,
    Details,
    DetailsCommand,
    DetailsEvent,
    DetailsGiven,
    DetailsKept,
    DetailsOpened,
    DetailsOpening,
    DetailsRecords,
    DetailsRefused,
    GiveDetails,
    NoticeCommitment,
    NoticeKey,
    SeeCommitment,
    vertices_of,
)
from detente.picture.events import NoticeAmended, NoticeGiven
from detente.picture.picture import Picture
from detente.room.message import Addressed, Heard
from detente.room.past import unanswered_before
from detente.room.room import Room


class DetailsRoom(Room[Details, DetailsCommand, DetailsEvent]):
    """Keeps details. They are given to parties with whom there is an accord, or was."""

    name = "details"
    commands = DetailsCommand
    events = DetailsEvent
    messages = DetailsOpening
    kept = DetailsRecords

    def __init__(self, state: Details, accords: Accords, picture: Picture) -> None:
        super().__init__(state)
        self._accords = accords
        self._picture = picture

    def decide(self, command: DetailsCommand | Heard[DetailsOpening]) -> list[DetailsEvent]:
        """Return what follows from a command; raises Refusal with nothing changed."""
        match command:
            case CommitDetails(at, opening):
                return [] if opening.commitment in self.state.kept else [DetailsKept(at, opening)]
            case SeeCommitment(at, party, notice_id, commitment):
                known = self.state.commitments.get((party, notice_id), ())
                if any(c.commitment == commitment for c in known):
                    return []
                if self.state.held_of(party).commitments >= MOST_OF_PARTY:
                    raise Refusal("details.at_most_commitments", "commitment", notice_id, most=MOST_OF_PARTY)
                return [CommitmentSeen(at, party, notice_id, commitment)]
            case GiveDetails(at, peer, notice_id):
                return [DetailsGiven(at, peer, notice_id, self._to_give(at, peer, notice_id))]
            case Heard(at=at, party=party, message=DetailsOpening(notice_id, opening)):
                committed = self._committed(party, notice_id)
                opened = next((c for c in committed if c.commitment == opening.commitment), None)
                if opened is None:
                    return [DetailsRefused(at, party, notice_id, tuple(c.commitment for c in committed), opening)]
                if opened.opening is not None:
                    return []
                vertices = self.state.held_of(party).vertices + vertices_of(opening)
                if vertices > MOST_VERTICES_OF_PARTY:
                    raise Refusal("details.at_most_vertices", "opening", vertices, most=MOST_VERTICES_OF_PARTY)
                return [DetailsOpened(at, party, notice_id, opening)]

    def evolve(self, event: DetailsEvent) -> None:
        """Fold an event in."""
        match event:
            case DetailsKept(_, opening):
                self.state.kept[opening.commitment] = opening
            case CommitmentSeen(at, party, notice_id, commitment):
                key = (party, notice_id)
                known = self.state.commitments.get(key, ())
                self.state.put(key, (*known[:1], *known[1:][-(MOST_OF_NOTICE - 2) :], NoticeCommitment(commitment, at)))
            case DetailsGiven(at, _, notice_id, opening):
                self._open((self._accords.party, notice_id), at, opening)
            case DetailsOpened(at, party, notice_id, opening):
                self._open((party, notice_id), at, opening)
            case DetailsRefused():
                pass

    def restore(self, kept: bytes) -> Callable[[], None]:
        """See `Room.restore`."""
        make = super().restore(kept)

        def counted_anew() -> None:
            make()
            self.state.keep_only(self.state.commitments)

        return counted_anew

    def forget(self, before: datetime) -> None:
        """See `Room.forget`: it is over when the notice is, and what it committed to last was opened.

        What was never opened may be asked for later: it stays longer, as `room.past` says; so do openings of ours that
        no notice has committed to, after the time of their details.
        """
        state, long_before = self.state, unanswered_before(before)
        gone = {key for key in state.commitments if key not in self._picture.notices}
        since = {key: state.gone_since.get(key, before) for key in gone}
        past = {key for key in gone if since[key] < long_before or _is_opened(state.commitments[key][-1], before)}
        committed = {one.commitment for held in state.commitments.values() for one in held}
        state.keep_only({key: held for key, held in state.commitments.items() if key not in past})
        state.gone_since = {key: at for key, at in since.items() if key not in past}
        still = {one.commitment for held in state.commitments.values() for one in held}
        state.kept = {
            name: opening
            for name, opening in state.kept.items()
            if name in still or (name not in committed and opening.details.time.end >= long_before)
        }

    def messages_of(self, event: DetailsEvent) -> Iterator[Addressed]:
        """Yield the opening for the peer that it is given to."""
        if isinstance(event, DetailsGiven):
            yield Addressed(event.peer, DetailsOpening(event.notice_id, event.opening))

    def reactions(self, event: object) -> Iterator[DetailsCommand]:
        """Yield that a notice's commitment was seen: it stays on record, whatever becomes of the notice."""
        if isinstance(event, NoticeGiven | NoticeAmended) and event.notice.commitment is not None:
            yield SeeCommitment(event.at, event.notice.party, event.notice.notice_id, event.notice.commitment)

    def _to_give(self, at: datetime, peer: str, notice_id: str) -> CommitmentOpening:
        peers = self._accords.terms(at)
        if peer not in peers:
            raise Refusal("details.party_with_accord", "peer", peer, peers=", ".join(peers))
        commitment = self._committed(self._accords.party, notice_id)[-1].commitment
        if commitment not in self.state.kept:
            raise Refusal("details.notice_whose_commitment_made", "notice_id", notice_id, commitment=commitment)
        return self.state.kept[commitment]

    def _committed(self, party: str, notice_id: str) -> tuple[NoticeCommitment, ...]:
        commitments = self.state.commitments.get((party, notice_id))
        if not commitments:
            raise Refusal("details.notice_carries_commitment", "notice_id", notice_id, party=party)
        return commitments

    def _open(self, key: NoticeKey, at: datetime, opening: CommitmentOpening) -> None:
        opened = (
            NoticeCommitment(c.commitment, c.at, c.opened_at or at, opening)
            if c.commitment == opening.commitment
            else c
            for c in self.state.commitments[key]
        )
        self.state.put(key, tuple(opened))


def _is_opened(last: NoticeCommitment, before: datetime) -> bool:
    return last.opened_at is not None and last.opened_at < before
