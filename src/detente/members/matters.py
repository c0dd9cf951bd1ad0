"""What members have to be told: an accord and its rules, a peer's notice, a STOP (R4).

A matter is named alike on both sides, so that a peer can be told that it reached every member.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.picture.notices import Notice

LONGEST_REFERENCE = 160


class MatterKind(StrEnum):
    """What a matter is about."""

    ACCORD = "accord"
    NOTICE = "notice"
    STOP = "stop"


class Matter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """Something of or with `peer` that members have to be told."""

    kind: MatterKind
    peer: str
    reference: str

    def __post_init__(self) -> None:
        check_identifier("peer", self.peer)
        if not 1 <= len(self.reference) <= LONGEST_REFERENCE or not self.reference.isprintable():
            raise Refusal("reference", self.reference[:200], f"1 to {LONGEST_REFERENCE} printable characters")

    @property
    def name(self) -> str:
        """The matter in one word: ``notice/south/range@0123456789abcdef``."""
        return f"{self.kind}/{self.peer}/{self.reference}"


def notice_reference(notice: Notice) -> str:
    """Return how both sides name one wording of a notice."""
    digest = hashlib.sha256(msgspec.json.encode(notice, order="deterministic")).hexdigest()[:16]
    return f"{notice.notice_id}@{digest}"


def find_matter(matters: Iterator[Matter], name: str) -> Matter:
    """Return the one matter whose name begins with `name`; raises Refusal for none or several."""
    found = [matter for matter in matters if matter.name.startswith(name)]
    exact = [matter for matter in found if matter.name == name]
    if len(exact or found) != 1 or not name:
        raise Refusal("matter", name, f"the beginning of one matter, not of {len(found)}", "See: detente member list.")
    return (exact or found)[0]
