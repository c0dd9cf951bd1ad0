"""What may be claimed: by whom, under which accord, while it is suspended, and how much at once (R32, R45)."""

from __future__ import annotations

from datetime import datetime, timedelta

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.claims.claims import NotTakenBecause
from detente.claims.events import ClaimNotTaken
from detente.claims.peer_messages import Claim
from detente.claims.state import DAY, ClaimKey, ClaimsState
from detente.room.message import Heard
from detente.room.tagged import tag_of

MOST_OPEN = 100
"""Requests that wait, and incidents that are not closed, from one side to the other."""
MOST_A_DAY = 2_000
"""Claims that are taken from one peer in 24 hours."""
MOST_BYTES = 64 * 1024 * 1024
"""Claims of one peer that are kept, as the journal has them: some 200 MB of memory."""
MOST_STATEMENTS = 64
"""Statements of one side on one occurrence; answers to one request and replies to one incident."""
YEAR = timedelta(days=366)


def check_own(claims: ClaimsState, party: str, peer: str) -> None:
    """Raise Refusal unless `party` is ours and we take claims with `peer`."""
    if party != claims.party:
        raise Refusal("claims.our_own_party", "party", party, party=claims.party)
    if peer not in claims.accords:
        known = ", ".join(sorted(claims.accords)) or "none"
        raise Refusal("claims.party_with_accord", "peer", peer, known=known)


def check_peer(claims: ClaimsState, sender: str, speaks_for: str | None) -> None:
    """Raise Refusal unless `sender` is a peer that speaks for itself."""
    if sender not in claims.accords:
        raise Refusal("claims.any_party_with_accord", "party", sender)
    if speaks_for not in (None, sender):
        raise Refusal("claims.who_says_it", "party", speaks_for, sender=sender)


def check_time(claimed: datetime, at: datetime, field: str) -> None:
    """Raise Refusal for a time that is a year or more from now: deadlines are counted from it."""
    if abs(claimed - at) > YEAR:
        raise Refusal("claims.time_within_days_now", field, claimed.isoformat(), days=YEAR.days, at=at.isoformat())


def check_free_text(claims: ClaimsState, peer: str, words: str | None) -> None:
    """Raise Refusal for own words where the accord has no free text (R1)."""
    if words is not None and not claims.terms_with(peer).free_text:
        raise Refusal("claims.no_words_accord", "words", words[:60])


def check_not_full(opened: set[ClaimKey], peer: str, opener: str) -> None:
    """Raise Refusal when `opener`, our own party, has as many claims open with `peer` as the peer takes."""
    if is_full(opened, peer, opener):
        raise Refusal("claims.fewer_than_open", "peer", peer, most=MOST_OPEN)


def is_full(opened: set[ClaimKey], peer: str, opener: str) -> bool:
    """Whether `opener` has as many claims open between us and `peer` as one side may have."""
    return sum(key[:2] == (peer, opener) for key in opened) >= MOST_OPEN


def not_taken(
    claims: ClaimsState,
    accords: Accords,
    command: Heard[Claim],
    *,
    accord_hash: str | None = None,
    words: str | None = None,
    too_many: bool = False,
) -> ClaimNotTaken | None:
    """Return the event that a well-formed claim of a peer is not taken, or None when it is taken.

    `too_many`: the peer has as many claims of this kind with us as it may have. A claim that is not taken counts for
    nothing, and the peer is told so.
    """
    at, peer, claim = command.at, command.party, command.message
    because = None
    if accord_hash is not None and (peer, accord_hash) not in claims.terms:
        because = NotTakenBecause.ACCORD_UNKNOWN
    elif not accords.allows(peer, claim.activity, at):
        because = NotTakenBecause.SUSPENDED
    elif words is not None and not claims.terms_with(peer).free_text:
        because = NotTakenBecause.FREE_TEXT_OFF
    elif too_many or _has_said_much(claims, peer, at):
        because = NotTakenBecause.TOO_MANY
    if because is None:
        return None
    return ClaimNotTaken(at, peer, claims.party, tag_of(claim), claim.subject, because)


def _has_said_much(claims: ClaimsState, peer: str, at: datetime) -> bool:
    in_a_day = sum(moment > at - DAY for moment in claims.heard_at.get(peer, ()))
    return in_a_day >= MOST_A_DAY or claims.heard_bytes.get(peer, 0) >= MOST_BYTES
