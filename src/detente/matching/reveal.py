"""After the match: the parts with a token in common are opened to each other, and the exact predicate decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from detente.matching.ordered import among, different, merged
from detente.matching.quantise import quantise

if TYPE_CHECKING:
    from detente.matching.side import MatchSide

OPENINGS_MAX = 200_000
LATE_PARTS_LOG2 = 10
"""Parts of plans in the commitment of a late run, as a power of two."""


class SetOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An opening, and to which of the sender's sets it belongs: 0 for that of the run, then its late ones."""

    set: int
    opening: PartOpening


class RevealBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a REVEAL: `number` is 0 for the run, or that of the late run."""

    number: int
    openings: tuple[SetOpening, ...]


class Revealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The result of a run for one side.

    Attributes:
        matched_tokens: how many tokens the sides had in common.
        flagged: our plans with such a token, by name, in order.
        opened: how many parts of ours were opened to the peer.
        theirs: the parts that the peer opened to us, under names without meaning.
        encounters: those of our plans with the peer's parts that are inside the minima.
        cleared: flagged plans of ours without an encounter: false positives of the grid.
    """

    matched_tokens: int
    flagged: tuple[str, ...]
    opened: int
    theirs: tuple[Plan, ...]
    encounters: tuple[Encounter, ...]
    cleared: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Matched tokens of one comparison: for each of our sets the rows of its tokens, and the packed tokens of all."""

    rows: list[Integers]
    tokens: Integers


def reveal_body(side: MatchSide, number: int) -> bytes:
    """Our parts with a token in common, opened."""
    common = side.found[number]
    openings = []
    for which, (shown, rows) in enumerate(zip(side.shown, common.rows, strict=False)):
        openings += [
            SetOpening(which, shown.commitment.open_part(part, tokens))
            for part, tokens in shown.tokens.common_tokens(rows).items()
        ]
    # By place in the tree, which is random: the order of plans and legs is not told.
    openings.sort(key=lambda entry: (entry.set, entry.opening.leaf))
    return msgspec.json.encode(RevealBody(number, tuple(openings)))


def check_reveal(side: MatchSide, body: bytes, number: int) -> Revealed:
    """Check the peer's openings against its commitments and the match, then run the exact check with ours.

    Raises BreachError for an opening that was not committed to or that has nothing to do with the match, and when a
    common token is left without one.
    """
    common = side.found[number]
    try:
        revealed = msgspec.json.decode(body, type=RevealBody)
    except (msgspec.DecodeError, msgspec.ValidationError, Refusal, RecursionError) as error:
        raise BreachError(ProtocolFault.FORM, f"a reveal that cannot be read: {error}"[:300]) from None
    if revealed.number != number or len(revealed.openings) > OPENINGS_MAX:
        raise BreachError(ProtocolFault.OPENING, "a reveal of another comparison")
    seen: set[tuple[int, int]] = set()
    for entry in revealed.openings:
        opening = entry.opening
        log2 = side.run.terms.parts_log2 if entry.set == 0 else LATE_PARTS_LOG2
        if (
            opening.piece is None
            or not 0 <= entry.set < len(side.peer_roots)
            or (entry.set, opening.leaf) in seen
            or not opens(opening, side.peer_roots[entry.set], log2)
        ):
            raise BreachError(ProtocolFault.OPENING, f"an opening of leaf {opening.leaf} that was not committed to")
        seen.add((entry.set, opening.leaf))
    # A late part may also have tokens that earlier comparisons found, and shows no others.
    all_common = side.common_tokens()
    covered = _covered(revealed.openings, all_common)
    pieces = {
        (entry.set, entry.opening.leaf): entry.opening.piece
        for entry in revealed.openings
        if entry.opening.piece is not None
    }
    _check_pieces(side, list(pieces.values()), all_common)
    missing = len(common.tokens) - np.count_nonzero(among(common.tokens, covered))
    if missing:
        raise BreachError(ProtocolFault.WITHHELD, f"{missing:,} common tokens without an opened part")
    # A part may be opened again in a late run: it is the same, because it is at the same place of the same tree.
    new = [piece for place, piece in pieces.items() if place not in side.seen]
    side.seen.update(pieces)
    side.theirs.extend(new)
    return _decided(side, len(common.tokens), new)


def _covered(openings: Sequence[SetOpening], common: Integers) -> Integers:
    """The tokens that openings say they have, ascending; each must have some, and only such as are in common."""
    for entry in openings:
        if not entry.opening.tokens:
            raise BreachError(ProtocolFault.OPENING, f"leaf {entry.opening.leaf} has no token in common")
    try:
        tokens = np.fromiter((token for entry in openings for token in entry.opening.tokens), dtype=np.int64)
    except OverflowError:
        raise BreachError(ProtocolFault.OPENING, "a token that is none") from None
    if not among(tokens, common).all():
        raise BreachError(ProtocolFault.OPENING, "a part opened with tokens that are not in common")
    return different(tokens)


def _check_pieces(side: MatchSide, pieces: Sequence[Plan], matched: Integers) -> None:
    """Every opened part has, by our own covering of it, a token in common."""
    if not pieces:
        return
    try:
        tokens = quantise(pieces, side.role.other, side.run.epoch, side.run.terms, side.run.minima)
    except Refusal as refusal:
        raise BreachError(ProtocolFault.OPENING, f"an opened part that cannot be: {refusal}"[:300]) from None
    rows = np.flatnonzero(among(tokens.tokens, matched))
    owners = {tokens.parts[part].plan for part in tokens.parts_with(rows).tolist()}
    if len(owners) != len(pieces) or len(tokens.parts) != len(pieces):
        raise BreachError(ProtocolFault.OPENING, "an opened part that has none of the common tokens")


def _decided(side: MatchSide, matched_tokens: int, new_theirs: Sequence[Plan]) -> Revealed:
    """What is opened since the last decision, on either side, against everything of the other's."""
    before = list(side.opened.values())
    new_ours = {}
    for which, shown in enumerate(side.shown):
        rows = [common.rows[which] for common in side.found.values() if which < len(common.rows)]
        if rows:
            for part in shown.tokens.parts_with(merged(rows)).tolist():
                if (which, part) not in side.opened:
                    new_ours[which, part] = shown.tokens.parts[part].piece
    side.opened.update(new_ours)
    for firsts, seconds in ((list(new_ours.values()), side.theirs), (before, new_theirs)):
        if firsts and seconds:
            side.encounters += encounters_between(firsts, seconds, side.run.minima)
    ours = list(side.opened.values())
    flagged = tuple(dict.fromkeys(piece.plan_id for piece in ours))
    met = {encounter.first_plan_id for encounter in side.encounters}
    cleared = tuple(name for name in flagged if name not in met)
    return Revealed(matched_tokens, flagged, len(ours), tuple(side.theirs), tuple(side.encounters), cleared)
