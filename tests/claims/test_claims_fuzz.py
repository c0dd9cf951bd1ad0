"""Whatever a peer signs: a refusal or a claim, never anything else (R45)."""

from __future__ import annotations

import json
import random
from typing import Any

from claims_world import ACCORD, NOON, TERMS, World
from hypothesis import given, settings
from hypothesis import strategies as st
from test_joint_review import END, START, act, claim

from detente.claims.joint_review import Exchanged, review_of
from detente.claims.peer_messages import Claim, JointReviewClaim
from detente.claims.review_claim import CutMark
from detente.room.tagged import tags_of, write_tagged
from length import quickly

NASTY: list[Any] = [
    None, "", "x" * 2_000, -1, 1e308, 2**63, [], {}, True, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "north",
    "south", "west", "../x", "o0", "r0", "\u0000", [[]] * 20, "inf",
]  # fmt: skip


def samples() -> list[tuple[str, bytes]]:
    """One of each kind that north may say to south, as it went out."""
    world = World()
    north, south = world
    for what, side, other in (
        ("observe", north, south), ("ask", north, south), ("ask", south, north), ("report", north, south),
        ("report", south, north), ("state", north, south), ("deviate", north, south),
    ):  # fmt: skip
        if what == "ask" and side is south:
            act(world, "observe", side, other, 0, 0)
        act(world, what, side, other, 0, 0)
    act(world, "answer", north, south, 0, 4)
    act(world, "reply", north, south, 0, 3)
    act(world, "close", north, south, 0, 0)
    found = [(kind, body) for _, sender, kind, body in world.carried if sender == "north"]
    return [*found, write_tagged(JointReviewClaim(claim("north", "{}")))]


SAMPLES = samples()


def changed(document: Any, chance: random.Random) -> Any:
    """The document with one value somewhere replaced."""
    if isinstance(document, dict) and document and chance.random() < 0.8:
        name = chance.choice(sorted(document))
        return {**document, name: changed(document[name], chance)}
    if isinstance(document, list) and document and chance.random() < 0.8:
        place = chance.randrange(len(document))
        return [changed(one, chance) if n == place else one for n, one in enumerate(document)]
    return chance.choice(NASTY)


@settings(max_examples=quickly(150))
@given(st.sampled_from(SAMPLES), st.integers(1, 3), st.integers(0, 2**32))
def test_a_claim_with_anything_in_it_is_refused_or_taken(said: tuple[str, bytes], times: int, seed: int) -> None:
    kind, body = said
    chance = random.Random(seed)
    document = json.loads(body)
    for _ in range(times):
        document = changed(document, chance)
    mutant = json.dumps(document).encode()
    _, south = World()
    south.hear("north", kind, mutant)
    snapshot = vars(south.claims)
    assert snapshot == vars(south.replayed())
    counted = [Exchanged("1" * 64, "north", 1, NOON, kind, mutant)]
    review_of(("north", "south"), START, END, (CutMark("1" * 64, "north", 1),), counted, {ACCORD: TERMS})


@given(st.sampled_from(sorted(tags_of(Claim))), st.binary(max_size=200))
def test_bytes_that_are_no_claim_are_refused(kind: str, body: bytes) -> None:
    _, south = World()
    south.hear("north", kind, body)
    assert len(south.refused) == 1


def test_every_claim_names_what_it_is_about() -> None:
    _, south = World()
    for kind, body in SAMPLES:
        subject = south.read(kind, body).subject
        assert kind == "claim_review" or subject in {"o0", "r0", "i0", "d0"}


def test_every_kind_is_among_the_samples() -> None:
    never_opened = {"claim_not_taken", "claim_deviation_over"}
    assert {kind for kind, _ in SAMPLES} == tags_of(Claim) - never_opened


def test_the_unchanged_samples_are_taken() -> None:
    world = World()
    north, south = world
    world.held = True
    for what, side, other in (("ask", south, north), ("report", south, north)):
        act(world, "observe", side, other, 0, 0)
        act(world, what, side, other, 0, 0)
    for kind, body in SAMPLES:
        south.hear("north", kind, body)
    assert [str(refusal) for refusal in south.refused if "verdicts" not in str(refusal)] == []
