"""The room of claims: observations, requests, statements, incidents, deviations and joint statistics with peers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from detente.accord.accords import Accords
from detente.claims import events
from detente.claims import peer_messages as messages
from detente.claims.commands import ClaimsCommand, ClaimToPeer, OpenClaims
from detente.claims.decide import decide
from detente.claims.events import ClaimsEvent
from detente.claims.evolve import evolve
from detente.claims.past import forget
from detente.claims.peer_messages import Claim
from detente.claims.said_before import said_before
from detente.claims.state import ClaimsKept, ClaimsState
from detente.claims.terms import terms_of
from detente.picture.picture import Picture
from detente.room.activity import Need
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room


class ClaimsRoom(Room[ClaimsState, ClaimsCommand, ClaimsEvent]):
    """Keeps claims. Observations are judged by the picture; what goes on with a peer is for the accords to say."""

    name = "claims"
    commands = ClaimsCommand
    events = ClaimsEvent
    messages = Claim
    kept = ClaimsKept

    def __init__(self, state: ClaimsState, accords: Accords, picture: Picture) -> None:
        super().__init__(state)
        self._accords = accords
        self._picture = picture

    def decide(self, command: ClaimsCommand | Heard[Claim]) -> list[ClaimsEvent]:
        """See `Room.decide`."""
        return decide(self.state, self._accords, self._picture, command)

    def evolve(self, event: ClaimsEvent) -> None:
        """See `Room.evolve`."""
        evolve(self.state, event)

    def forget(self, before: datetime) -> None:
        """See `Room.forget`."""
        forget(self.state, self._picture, before)

    def messages_of(self, event: ClaimsEvent) -> Iterator[Addressed]:
        """Yield the claim that our own party made by an event, for the peer that it was made to."""
        if (told := _claim_of(event, self.state.party)) is not None:
            yield Addressed(*told)

    def said_before(self, at: datetime, peer: str, message: Message) -> list[ClaimsEvent]:
        """Know again what our party had claimed to `peer`."""
        assert isinstance(message, Claim)
        return said_before(self.state, self._accords, self._picture, at, peer, message)

    def need_of(self, command: ClaimsCommand | Heard[Claim]) -> Need | None:
        """Return what must go on with the peer that a command tells something to."""
        return Need(command.peer, command.activity) if isinstance(command, ClaimToPeer) else None

    def reviews_due(self, at: datetime) -> Iterator[tuple[str, datetime, datetime]]:
        """Yield (peer, start, end) of the joint review that is ours to propose by now with each peer (R41).

        The accord says how often; the party whose name sorts first proposes. A review begins where the last one
        ended, or when claims with the peer were first taken.
        """
        for peer, since in sorted(self.state.since.items()):
            accord = None if peer < self.state.party else self._accords.in_force(peer, at)
            if accord is None:
                continue
            held = (record.ours or record.theirs for (name, _), record in self.state.reviews.items() if name == peer)
            start = max([since, *(review.end for review in held if review is not None)])
            end = start + timedelta(seconds=accord.provisions.reporting.review_every_s)
            if start < end <= at:
                yield peer, start, end

    def when_standing_changes(self, at: datetime) -> Iterator[OpenClaims]:
        """Yield the command to take claims under the accords that stand or stood last, and with nobody else."""
        hashes = self._accords.hashes(at)
        accords = {peer: (hashes[peer], terms_of(accord)) for peer, accord in self._accords.terms(at).items()}
        yield OpenClaims(at, self._accords.party, accords)


def _claim_of(event: ClaimsEvent, own: str) -> tuple[str, Claim] | None:
    """Return (peer, claim) for an event that our own party (`own`) brought about; None for any other."""
    match event:
        case events.ObservationShared(peer=peer, observation=observation, verdicts=verdicts):
            return peer, messages.ObservationClaim(observation, verdicts)
        case events.ObservationHeard(peer=peer, observation=observation, ours=ours):
            return peer, messages.VerdictsClaim(observation.observation_id, ours)
        case events.RequestAsked(peer=peer, request=request) if request.party == own:
            return peer, messages.RequestClaim(request)
        case events.RequestAnswered(peer=peer, answer=answer) if answer.party == own:
            return peer, messages.AnswerClaim(answer)
        case events.StatementMade(peer=peer, statement=statement) if statement.party == own:
            return peer, messages.StatementClaim(statement)
        case events.IncidentReported(peer=peer, incident=incident) if incident.party == own:
            return peer, messages.IncidentClaim(incident)
        case events.IncidentReplied(peer=peer, reply=reply) if reply.party == own:
            return peer, messages.ReplyClaim(reply)
        case events.IncidentClosed(peer=peer, closing=closing) if closing.party == own:
            return peer, messages.ClosingClaim(closing)
        case events.DeviationReported(peer=peer, deviation=deviation) if deviation.party == own:
            return peer, messages.DeviationClaim(deviation)
        case events.DeviationEnded(peer=peer, over=over) if over.party == own:
            return peer, messages.DeviationOverClaim(over)
        case events.ClaimNotTaken(peer=peer, party=party, claim=claim, claim_id=claim_id, because=why) if party == own:
            return peer, messages.NotTakenClaim(claim, claim_id, why)
        case events.ReviewSaid(peer=peer, review=review) if review.party == own:
            return peer, messages.JointReviewClaim(review)
        case _:
            return None
