"""What members have to be told: an accord and its rules, a peer's notice, a STOP (R4).

A matter is named alike on both sides, so that a peer can be told that it reached every member.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.accord.accords import Accords
from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.line.state import LineState
from detente.picture.notices import Notice, NoticeState
from detente.picture.picture import Picture

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
            raise Refusal("members.printable_characters", "reference", self.reference[:200], most=LONGEST_REFERENCE)

    @property
    def name(self) -> str:
        """The matter in one word: ``notice/south/range@0123456789abcdef``."""
        return f"{self.kind}/{self.peer}/{self.reference}"


def notice_reference(notice: Notice) -> str:
    """Return how both sides name one wording of a notice."""
    digest = hashlib.sha256(msgspec.json.encode(notice, order="deterministic")).hexdigest()[:16]
    return f"{notice.notice_id}@{digest}"


def matters_of(picture: Picture, line: LineState, accords: Accords, at: datetime) -> Iterator[Matter]:
    """Yield what members have to be told now: the accords that stand, peers' notices in force, STOPs heard."""
    for peer, (accord_hash, _) in accords.standing(at).items():
        yield Matter(MatterKind.ACCORD, peer, accord_hash)
    for (party, _), record in sorted(picture.notices.items()):
        if record.state is NoticeState.IN_FORCE and party != picture.party:
            yield Matter(MatterKind.NOTICE, party, notice_reference(record.notice))
    for record_of_line in line.messages.values():
        if record_of_line.message.is_stop and not record_of_line.is_ours:
            yield Matter(MatterKind.STOP, record_of_line.peer, record_of_line.message.message_id)


def references(picture: Picture, line: LineState) -> set[str]:
    """Return how the notices in force and the STOPs that are held are referred to, whoever gave or sent them."""
    notices = {notice_reference(one.notice) for one in picture.notices.values() if one.state is NoticeState.IN_FORCE}
    return notices | {one.message.message_id for one in line.messages.values() if one.message.is_stop}


def find_matter(matters: Iterable[Matter], name: str) -> Matter:
    """Return the one matter whose name begins with `name`; raises Refusal for none or several."""
    found = [matter for matter in matters if matter.name.startswith(name)]
    exact = [matter for matter in found if matter.name == name]
    if len(exact or found) != 1 or not name:
        raise Refusal("members.beginning_one_matter", "matter", name, count=len(found))
    return (exact or found)[0]
