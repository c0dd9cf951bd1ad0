"""What no schema and no accord has a word for: targets, weapons, intelligence, ground forces (R1).

The words are looked for whole, in English and French, in names of fields, in tags and fixed words, and in accords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from detente.airspace.refusal import Refusal

FORBIDDEN_WORDS = frozenset({
    "ammunition", "artillery", "battalion", "bda", "bomb", "bombing", "brigade", "cible", "combatant", "enemy",
    "engage", "engagement", "ennemi", "firepower", "fires", "frappe", "garrison", "infantry", "intel", "intelligence",
    "kill", "lethal", "missile", "munition", "ordnance", "renseignement", "sigint", "strike", "target", "targeting",
    "tank", "troop", "troupe", "warhead", "weapon", "weaponry",
})  # fmt: skip
FORBIDDEN_PAIRS = frozenset({("ground", "force"), ("ground", "forces"), ("ground", "unit"), ("ground", "units"),
                             ("forces", "terrestres"), ("order", "battle")})  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zà-ÿ]+|[A-ZÀ-Ý]+")


def forbidden_in(text: str) -> list[str]:
    """Return the forbidden words of a name or a sentence, in any case and as part of snake_case or CamelCase."""
    words = [word.lower() for word in _WORD.findall(text)]
    found = [word for word in words if word in FORBIDDEN_WORDS or word.removesuffix("s") in FORBIDDEN_WORDS]
    return found + [" ".join(pair) for pair in pairwise(words) if pair in FORBIDDEN_PAIRS]


def names_in(document: Any, place: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - builtins of any shape
    """Yield (place, text) for every field name and every text of a document."""
    if isinstance(document, dict):
        for name, value in document.items():
            at = f"{place}.{name}" if place else str(name)
            yield at, str(name)
            yield from names_in(value, at)
    elif isinstance(document, list | tuple):
        for number, value in enumerate(document):
            yield from names_in(value, f"{place}[{number}]")
    elif isinstance(document, str):
        yield place, document


def check_document(document: Any, skip: Iterable[str] = ("public_key", "authority_key")) -> None:  # noqa: ANN401
    """Raise Refusal for the first forbidden word in a document; fields named in `skip` hold no words."""
    skipped = tuple(f".{name}" for name in skip)
    for place, text in names_in(document):
        if place.endswith(skipped):
            continue
        if found := forbidden_in(text):
            raise Refusal("accord.nothing_about_targets_weapons", place[:120], found[0])
