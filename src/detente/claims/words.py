"""A party's own words and the hashes of what it holds to show for them."""

from __future__ import annotations

import re

from detente.airspace.plan import Plan, Volume4D
from detente.airspace.refusal import Refusal
from detente.airspace.search import PlanIndex
from detente.picture.observations import TOUCHING

LONGEST_WORDS = 1_000
MOST_EVIDENCE = 16
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def check_words(words: str | None, field: str = "words") -> None:
    """Raise Refusal unless words are short enough and hold nothing that does not print."""
    if words is not None and not (0 < len(words) <= LONGEST_WORDS and words.replace("\n", " ").isprintable()):
        raise Refusal("claims.printable_characters", field, words[:60], most=LONGEST_WORDS)


def check_evidence(hashes: tuple[str, ...], field: str = "evidence_sha256") -> None:
    """Raise Refusal unless each is a SHA-256 and there are not too many."""
    if len(hashes) > MOST_EVIDENCE:
        raise Refusal("claims.at_most_hashes", field, len(hashes), most=MOST_EVIDENCE)
    for one in hashes:
        if not _SHA256.match(one):
            raise Refusal("claims.sha256_digits", field, one[:80])


def check_geometry(volume: Volume4D | None) -> None:
    """Raise Refusal for an area that is none, such as one whose border crosses itself."""
    if volume is not None:
        PlanIndex().encounters(Plan("claim", (volume,)), TOUCHING)
