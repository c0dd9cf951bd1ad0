"""What may be claimed: by whom, under which accord, while it is suspended, and how much at once (R32, R45)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from detente.accord.provisions import SafetyFunction
from detente.airspace.refusal import Refusal
from detente.claims.claims import NotTakenBecause
from detente.claims.state import ClaimsState, Key

Allows = Callable[[str, SafetyFunction | None], bool]
"""Whether something may go on with a peer: always in force, in suspension as far as the accord says.

Without a function: whether planning goes on, so that the peer knows every notice of ours that is in force.
"""

MOST_OPEN = 100
"""Requests that wait, and incidents that are not closed, from one side to the other."""
MOST_A_DAY = 2_000
"""Claims that are taken from one peer in 24 hours."""
MOST_STATEMENTS = 64
"""Statements of one side on one occurrence; answers to one request and replies to one incident."""
DAY = timedelta(days=1)
YEAR = timedelta(days=366)


def check_own(claims: ClaimsState, party: str, peer: str) -> None:
    """Raise Refusal unless `party` is ours and we take claims with `peer`."""
    if party != claims.party:
        raise Refusal("party", party, f"our own party, {claims.party}")
    if peer not in claims.accords:
        known = ", ".join(sorted(claims.accords)) or "none"
        raise Refusal("peer", peer, f"a party with an accord: {known}")


def check_peer(claims: ClaimsState, sender: str, speaks_for: str) -> None:
    """Raise Refusal unless `sender` is a peer that speaks for itself."""
    if sender not in claims.accords:
        raise Refusal("party", sender, "a party with an accord")
    if speaks_for != sender:
        raise Refusal("party", speaks_for, f"{sender}, who says it", "Nobody speaks for another party.")


def check_time(said: datetime, at: datetime, field: str) -> None:
    """Raise Refusal for a time that is a year or more from now: deadlines are counted from it."""
    if abs(said - at) > YEAR:
        raise Refusal(field, said.isoformat(), f"a time within {YEAR.days} days of now, {at.isoformat()}")


def check_going_on(allows: Allows, peer: str, function: SafetyFunction) -> None:
    """Raise Refusal when the accord with `peer` does not let this go on now."""
    if not allows(peer, function):
        raise Refusal(
            "peer", peer, f"an accord that is in force or, while it is suspended, keeps {function}",
            "See [suspension] keeps in the accord.",
        )  # fmt: skip


def check_free_text(claims: ClaimsState, peer: str, words: str | None) -> None:
    """Raise Refusal for own words where the accord has no free text (R1)."""
    if words is not None and not claims.terms_with(peer).free_text:
        raise Refusal(
            "words", words[:60], "no words: the accord with this party has free_text = false",
            "Say it by class, place, time and the hash of your evidence.",
        )  # fmt: skip


def check_room(claims: ClaimsState, opened: set[Key], peer: str) -> None:
    """Raise Refusal when too many claims of ours are open with `peer`: it would not take another."""
    if _count(opened, peer, claims.party) >= MOST_OPEN:
        raise Refusal("peer", peer, f"fewer than {MOST_OPEN} that are open", "Wait for answers, or close some.")


def not_taken(
    claims: ClaimsState,
    allows: Allows,
    peer: str,
    at: datetime,
    function: SafetyFunction,
    *,
    opened: set[Key] | None = None,
    words: str | None = None,
    accord_hash: str | None = None,
) -> NotTakenBecause | None:
    """Return why a well-formed claim of `peer` is not taken, or None when it is."""
    if accord_hash is not None and (peer, accord_hash) not in claims.terms:
        return NotTakenBecause.ACCORD_UNKNOWN
    if not allows(peer, function):
        return NotTakenBecause.SUSPENDED
    if words is not None and not claims.terms_with(peer).free_text:
        return NotTakenBecause.FREE_TEXT_OFF
    if opened is not None and _count(opened, peer, peer) >= MOST_OPEN:
        return NotTakenBecause.TOO_MANY
    heard = claims.heard_at.get(peer, ())
    if sum(moment > at - DAY for moment in heard) >= MOST_A_DAY:
        return NotTakenBecause.TOO_MANY
    return None


def _count(opened: set[Key], peer: str, opener: str) -> int:
    return sum(key[:2] == (peer, opener) for key in opened)
