"""What an accord says about claims: how soon each is answered, lead times of notices, own words, what survives."""

from __future__ import annotations

import msgspec

from detente.accord.provisions import NoticeKind
from detente.accord.terms import Accord
from detente.room.activity import SafetyFunction


class ClaimsTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms between two parties, in seconds. `lead_times_s` are by meaning of the notice (R13).

    Attributes:
        request_answer_s: how soon a request for information is answered.
        incident_answer_s: how soon an incident has its first reply.
        deviation_s: how soon a party says that it left its own volume (R25).
        lead_times_s: how long before its window each kind of notice is due.
        free_text: whether own words may go beside what is coded (R1).
        keeps: what goes on while the accord is suspended (R32).
    """

    request_answer_s: float
    incident_answer_s: float
    deviation_s: float
    lead_times_s: dict[str, float] = {}
    free_text: bool = False
    keeps: tuple[SafetyFunction, ...] = ()


def terms_of(accord: Accord) -> ClaimsTerms:
    """Return what an accord says about claims."""
    provisions = accord.provisions
    return ClaimsTerms(
        provisions.reporting.request_answer_s,
        provisions.reporting.incident_answer_s,
        provisions.reporting.deviation_s,
        {kind.value: provisions.lead_times.of(kind) for kind in NoticeKind},
        provisions.free_text,
        provisions.suspension.keeps,
    )
