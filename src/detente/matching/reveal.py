"""After the match: the parts with a token in common are opened to each other, and the exact predicate decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.airspace.separation import Encounter
from detente.matching.commitment import Opening, opens
from detente.matching.messages import BreachError, Fault
from detente.matching.quantise import Integers, quantise

if TYPE_CHECKING:
    from detente.matching.side import Side

OPENINGS_MAX = 200_000
LATE_PARTS_LOG2 = 10
"""Parts of plans in the commitment of a late run, as a power of two."""


class SetOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An opening, and to which of the sender's sets it belongs: 0 for that of the run, then its late ones."""

    set: int
    opening: Opening


class RevealBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a REVEAL: `number` is 0 for the run, or that of the late run."""

    number: int
    openings: tuple[SetOpening, ...]


class Revealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run showed one side.

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


def reveal_body(side: Side, number: int) -> bytes:
    """Our parts with a token in common, opened."""
    found = side.found[number]
    openings = []
    for which, (shown, rows) in enumerate(zip(side.shown, found.rows, strict=False)):
        openings += [
            SetOpening(which, shown.commitment.open_part(part, tokens))
            for part, tokens in shown.tokens.common_tokens(rows).items()
        ]
    # By place in the tree, which is random: the order of plans and legs is not told.
    openings.sort(key=lambda one: (one.set, one.opening.leaf))
    return msgspec.json.encode(RevealBody(number, tuple(openings)))


def check_reveal(side: Side, body: bytes, number: int) -> Revealed:
    """Hold the peer's openings against its commitments and the match, and ours against them.

    Raises BreachError for an opening that was not committed to or that has nothing to do with the match, and when a
    common token is left without one.
    """
    found = side.found[number]
    try:
        revealed = msgspec.json.decode(body, type=RevealBody)
    except (msgspec.DecodeError, msgspec.ValidationError, Refusal, RecursionError) as error:
        raise BreachError(Fault.FORM, f"a reveal that cannot be read: {error}"[:300]) from None
    if revealed.number != number or len(revealed.openings) > OPENINGS_MAX:
        raise BreachError(Fault.OPENING, "a reveal of another comparison")
    covered: set[int] = set()
    matched = set(found.tokens.tolist())
    # A late part may also have tokens that earlier comparisons found, and shows no others.
    common = {token for each in side.found.values() for token in each.tokens.tolist()}
    seen: set[tuple[int, int]] = set()
    pieces = []
    for one in revealed.openings:
        opening = one.opening
        log2 = side.run.terms.parts_log2 if one.set == 0 else LATE_PARTS_LOG2
        if (
            opening.piece is None
            or not 0 <= one.set < len(side.peer_roots)
            or (one.set, opening.leaf) in seen
            or not opens(opening, side.peer_roots[one.set], log2)
        ):
            raise BreachError(Fault.OPENING, f"an opening of leaf {opening.leaf} that was not committed to")
        if not opening.tokens or not common.issuperset(opening.tokens):
            raise BreachError(Fault.OPENING, f"leaf {opening.leaf} has no token in common")
        seen.add((one.set, opening.leaf))
        covered.update(opening.tokens)
        pieces.append(opening.piece)
    _check_pieces(side, pieces, np.array(sorted(common), dtype=np.int64))
    if not covered.issuperset(matched):
        raise BreachError(Fault.WITHHELD, f"{len(matched - covered):,} common tokens without an opened part")
    side.theirs.extend(pieces)
    return _decided(side, len(matched))


def _check_pieces(side: Side, pieces: Sequence[Plan], matched: Integers) -> None:
    """Every opened part has, by our own covering of it, a token in common."""
    if not pieces:
        return
    try:
        tokens = quantise(pieces, side.role.other, side.run.epoch, side.run.terms, side.run.minima)
    except Refusal as refusal:
        raise BreachError(Fault.OPENING, f"an opened part that cannot be: {refusal}"[:300]) from None
    rows = np.flatnonzero(np.isin(tokens.tokens, matched))
    owners = {tokens.parts[part].plan for part in tokens.parts_with(rows).tolist()}
    if len(owners) != len(pieces) or len(tokens.parts) != len(pieces):
        raise BreachError(Fault.OPENING, "an opened part that has none of the common tokens")


def _decided(side: Side, matched_tokens: int) -> Revealed:
    """Everything of ours that was opened so far against everything of theirs."""
    ours = []
    for which, shown in enumerate(side.shown):
        rows = [found.rows[which] for found in side.found.values() if which < len(found.rows)]
        if rows:
            parts = shown.tokens.parts_with(np.unique(np.concatenate(rows)))
            ours += [shown.tokens.parts[part].piece for part in parts.tolist()]
    encounters = encounters_between(ours, side.theirs, side.run.minima)
    flagged = tuple(dict.fromkeys(piece.plan_id for piece in ours))
    met = {one.first_plan_id for one in encounters}
    cleared = tuple(name for name in flagged if name not in met)
    return Revealed(matched_tokens, flagged, len(ours), tuple(side.theirs), tuple(encounters), cleared)
