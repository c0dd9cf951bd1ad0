"""After the match: parts with a token of the last grid in common are opened, and the exact predicate decides.

Where something stayed on an earlier grid, its tokens count as those of the last. An opening says for which tokens it is
made, and whoever gets it covers the opened part himself: a part answers only for tokens that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detente.airspace.arrays import Integers
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.airspace.separation import Encounter
from detente.matching.commitment import PartOpening, opens
from detente.matching.messages import BreachError, ProtocolFault
from detente.matching.ordered import among
from detente.matching.quantise import covered_parts, parts_of

if TYPE_CHECKING:
    from detente.matching.side import MatchSide

OPENINGS_MAX = 200_000
PIECES_AT_A_TIME = 256
"""So many opened parts are covered at once, for the memory's sake."""


class SetOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An opening, and to which of the sender's commitments it belongs: 0 for that of the run, then the late ones.

    `tokens` are, for each grid, those of the part's tokens for which it is opened.
    """

    set: int
    tokens: tuple[tuple[int, ...], ...]
    opening: PartOpening


class RevealBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a REVEAL. `audit` is the sender's share of the auditor's coin, in that of the run."""

    openings: tuple[SetOpening, ...]
    audit: str = ""


class Revealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The result of a run for one side.

    Attributes:
        matched_tokens: how many tokens of the first grid the sides had in common.
        flagged: our plans of which a part was opened, by name, in order.
        opened: how many parts of ours were opened to the peer.
        theirs: the parts that the peer opened to us, under names without meaning.
        encounters: those of our plans with the peer's parts that are inside the minima.
        cleared: flagged plans of ours without an encounter: false positives of the grids.
    """

    matched_tokens: int
    flagged: tuple[str, ...]
    opened: int
    theirs: tuple[Plan, ...]
    encounters: tuple[Encounter, ...]
    cleared: tuple[str, ...]


def opening_tokens(side: MatchSide) -> list[Integers]:
    """For each grid the tokens whose parts are opened: all in common on the last, and those that stayed before."""
    *before, last = side.rounds
    return [*(one.stay for one in before), last.common]


def open_parts(side: MatchSide) -> dict[tuple[int, int], list[Integers]]:
    """Our parts to open now, and for which tokens of each grid; those opened before only for new ones."""
    now: dict[tuple[int, int], list[Integers]] = {}
    for grid, tokens in enumerate(opening_tokens(side)):
        done = side.tokens_opened[grid]
        for key, shared in side.rounds[grid].held.shared(tokens).items():
            new = [token for token in shared.tolist() if token not in done.get(key, ())]
            if new:
                now.setdefault(key, [np.empty(0, dtype=np.int64)] * len(side.rounds))
                now[key] = [np.array(new) if k == grid else old for k, old in enumerate(now[key])]
    return now


def reveal_body(side: MatchSide, audit: str) -> bytes:
    """Our parts that have to be opened, from their commitments."""
    openings = []
    for (chapter, part), tokens in open_parts(side).items():
        opening = side.commitments[chapter].open_part(part, np.empty(0, dtype=np.int64))
        openings.append(SetOpening(chapter, tuple(tuple(one.tolist()) for one in tokens), opening))
        side.opened[chapter, part] = side.parts[chapter, part].piece
        for grid, one in enumerate(tokens):
            side.tokens_opened[grid].setdefault((chapter, part), set()).update(one.tolist())
    # By place in the tree, which is random: the order of plans and legs is not told.
    openings.sort(key=lambda entry: (entry.set, entry.opening.leaf))
    return msgspec.json.encode(RevealBody(tuple(openings), audit))


def check_reveal(side: MatchSide, body: bytes, chapter: int) -> Revealed:
    """Check the peer's openings against its commitments and the match, then run the exact check with ours.

    Raises BreachError for an opening that was not committed to or that has nothing to do with the match, and when a
    token is left without one.
    """
    try:
        revealed = msgspec.json.decode(body, type=RevealBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, Refusal, RecursionError) as error:
        raise BreachError(ProtocolFault.FORM, f"a reveal that cannot be read: {error}"[:300]) from None
    if len(revealed.openings) > OPENINGS_MAX or (chapter and revealed.audit):
        raise BreachError(ProtocolFault.OPENING, "a reveal of another form")
    places: set[tuple[int, int]] = set()
    for entry in revealed.openings:
        place = entry.set, entry.opening.leaf
        if (
            entry.opening.piece is None
            or entry.opening.tokens
            or len(entry.tokens) != len(side.rounds)
            or not 0 <= entry.set < len(side.peer_roots)
            or place in places
            or not opens(entry.opening, side.peer_roots[entry.set], side.run.parts_log2(entry.set))
        ):
            seen = f"an opening of leaf {entry.opening.leaf} that was not committed to"
            raise BreachError(ProtocolFault.OPENING, seen)
        places.add(place)
    _check_tokens(side, revealed.openings)
    for start in range(0, len(revealed.openings), PIECES_AT_A_TIME):
        _check_pieces(side, revealed.openings[start : start + PIECES_AT_A_TIME])
    if not chapter:
        side.take_audit_share(revealed.audit)
    new = {}
    for entry in revealed.openings:
        # A part may be opened again in a late run: it is the same, because it is at the same place of the same tree.
        if (entry.set, entry.opening.leaf) not in side.seen and entry.opening.piece is not None:
            new[entry.set, entry.opening.leaf] = entry.opening.piece
    side.seen.update(new)
    side.theirs.extend(new.values())
    return _decided(side, list(new.values()))


def _check_tokens(side: MatchSide, openings: Sequence[SetOpening]) -> None:
    """Each opening has tokens, and only such as are opened for; and none of these is left without an opening."""
    wanted = opening_tokens(side)
    for entry in openings:
        if not any(entry.tokens):
            raise BreachError(ProtocolFault.OPENING, f"leaf {entry.opening.leaf} has no token in common")
    for grid, tokens in enumerate(wanted):
        claimed = {token for entry in openings for token in entry.tokens[grid]}
        if not claimed <= set(tokens.tolist()):
            raise BreachError(ProtocolFault.OPENING, "a part opened with tokens that are not in common")
        side.tokens_seen[grid] |= claimed
        missing = len(tokens) - len(side.tokens_seen[grid])
        if missing:
            raise BreachError(ProtocolFault.WITHHELD, f"{missing:,} common tokens without an opened part")


def _check_pieces(side: MatchSide, openings: Sequence[SetOpening]) -> None:
    """Every opened part has, by our own covering of it, the tokens it is opened for, but for what machines round."""
    pieces = [entry.opening.piece for entry in openings if entry.opening.piece is not None]
    parts = parts_of(pieces)
    if len(parts) != len(openings):
        raise BreachError(ProtocolFault.OPENING, "an opened part that is more than one volume or leg")
    for grid in range(len(side.rounds)):
        rows = [row for row, entry in enumerate(openings) if entry.tokens[grid]]
        if not rows:
            continue
        try:
            own, too_large = covered_parts(
                [parts[row] for row in rows], side.role.other, side.run.epoch, side.run.terms, side.run.minima, grid
            )
        except Refusal as refusal:
            raise BreachError(ProtocolFault.OPENING, f"an opened part that cannot be: {refusal}"[:300]) from None
        if len(too_large):
            raise BreachError(ProtocolFault.OPENING, "an opened part that is too large")
        for row, tokens in zip(rows, own.tokens_of_parts(), strict=True):
            claimed = np.array(openings[row].tokens[grid], dtype=np.int64)
            strange = len(claimed) - np.count_nonzero(among(claimed, tokens))
            if strange == len(claimed) or strange > 1 + len(claimed) // 100:
                raise BreachError(ProtocolFault.OPENING, "an opened part that has none of the common tokens")


def _decided(side: MatchSide, new_theirs: Sequence[Plan]) -> Revealed:
    """What was opened since the last decision, on either side, against everything of the other's."""
    due = {key: side.parts[key].piece for key in open_parts(side)}
    ours = list((side.opened | due).values())
    before, new_ours = ours[: side.decided], ours[side.decided :]
    side.decided = len(ours)
    for firsts, seconds in ((new_ours, side.theirs), (before, new_theirs)):
        if firsts and seconds:
            side.encounters += encounters_between(firsts, seconds, side.run.minima)
    flagged = tuple(dict.fromkeys(piece.plan_id for piece in ours))
    met = {encounter.first_plan_id for encounter in side.encounters}
    cleared = tuple(name for name in flagged if name not in met)
    matched = len(side.rounds[0].common)
    return Revealed(matched, flagged, len(ours), tuple(side.theirs), tuple(side.encounters), cleared)
