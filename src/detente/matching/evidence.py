"""Evidence that a party's rows were not what they should be: its own signed messages, without any secret."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from detente.airspace.refusal import Refusal
from detente.matching import ristretto
from detente.matching.checks import SHARE_BYTES
from detente.matching.masking import ListName
from detente.matching.messages import BreachError, MatchMessage, MessageKind, read_match_message
from detente.matching.run import Run
from detente.matching.side import ROOT_BYTES, session_of
from detente.matching.spot_check import (
    PROOF_HEAD_BYTES,
    ListDigests,
    checked_rows,
    context_of,
    first_spaces,
    labels_of,
    proof_bytes,
    proof_holds,
)
from detente.matching.steps import steps_of

_KINDS = (MessageKind.COMMIT, MessageKind.MASKED, MessageKind.COIN, MessageKind.PROOF)


def list_was_proven(run: Run, party: bytes, theirs: Mapping[str, bytes], readers: Mapping[str, bytes]) -> bool:
    """Whether the rows of a party's first list that the reader's coin chose are proven.

    `theirs` are the party's messages by name, `readers` those of the other party, which took them. False convicts the
    party: it signed the list, and proofs for just these messages that do not hold. Raises Refusal when a message is
    missing or is not of this run, and when the proofs are for other messages: then nothing is shown.
    """
    role = run.role_of(party)
    own = _messages(run, party, theirs, _KINDS)
    other = _messages(run, run.key_of(role.other), readers, _KINDS[:-1])
    commits = own[MessageKind.COMMIT].raw, other[MessageKind.COMMIT].raw
    first, second = (hashlib.sha256(raw).digest() for raw in (commits if run.first == party else commits[::-1]))
    session, name = session_of(first, second), ListName(role, 0, 0)
    digests = ListDigests(*(
        side[kind].digest for kind in (MessageKind.MASKED, MessageKind.COIN) for side in (own, other)
    ))  # fmt: skip
    public = own[MessageKind.COMMIT].body[ROOT_BYTES : ROOT_BYTES + ristretto.ELEMENT_BYTES]
    context = context_of(run, session, name, public, digests)
    body = own[MessageKind.PROOF].body
    if body[SHARE_BYTES:PROOF_HEAD_BYTES] != context:
        raise Refusal("matching.proof_for_these_messages", "4-proof", "proofs for other messages")
    points = ristretto.elements(own[MessageKind.MASKED].body)
    if len(points) != run.capacity(role) or len(body) != proof_bytes(run, name):
        return False
    rows = checked_rows(run, session, name, digests, other[MessageKind.COIN].body[:SHARE_BYTES])
    chosen = np.ascontiguousarray(points[rows])
    labels = labels_of(run, name, first_spaces(run))
    return proof_holds(run, session, name, labels, public, context, chosen, body[PROOF_HEAD_BYTES:])


def _messages(
    run: Run, party: bytes, given: Mapping[str, bytes], kinds: tuple[MessageKind, ...]
) -> dict[MessageKind, MatchMessage]:
    found = {}
    for step in steps_of(0, run.grids)[: len(_KINDS)]:
        if step.kind not in kinds:
            continue
        try:
            message = read_match_message(given.get(step.name, b""), party, run.identity, run.keys_of(party))
        except BreachError as breach:
            raise Refusal("matching.message_of_party", step.name, breach.seen) from None
        if (message.kind, message.chapter, message.grid) != (step.kind, 0, 0):
            raise Refusal("matching.message_of_party", step.name, message.kind.name)
        found[step.kind] = message
    return found
